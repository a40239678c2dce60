/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where CPUs arrive, at EL2 with the MMU off: CPU 0 at the image's first byte (QEMU's loader or the shim jumps here),
 * the others at secondary_entry, started by CPU 0 through PSCI with their number in x0.
 */
#define STACK_SHIFT 14          /* CPU_STACK_SIZE in cpu.h */

        .section .text.entry, "ax"
        .globl  _start
_start:
        ldr     x1, =bss_start
        ldr     x2, =bss_end
1:      cmp     x1, x2
        b.hs    2f
        stp     xzr, xzr, [x1], #16
        b       1b
2:      mov     x0, #0

        .globl  secondary_entry
secondary_entry:
        msr     daifset, #0xf
        msr     tpidr_el2, x0           /* the CPU's number, for good */
        ldr     x1, =exception_vectors
        msr     vbar_el2, x1
        isb
        bl      use_fresh_stack
        b       cpu_main

/* Makes sp the top of this CPU's stack. Clobbers x1, x2. */
use_fresh_stack:
        mrs     x2, tpidr_el2
        add     x2, x2, #1
        ldr     x1, =cpu_stacks
        add     x1, x1, x2, lsl #STACK_SHIFT
        mov     sp, x1
        ret

/* cpu_park_loop_on_fresh_stack(): forgets whatever was going on and parks. */
        .globl  cpu_park_loop_on_fresh_stack
cpu_park_loop_on_fresh_stack:
        bl      use_fresh_stack
        b       cpu_park_loop

/* uint64_t smc_call(function, a1, a2, a3) */
        .globl  smc_call
smc_call:
        smc     #0
        ret
