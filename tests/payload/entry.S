/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A payload's first bytes. The parameter block (struct parameters, payload.h) is at +0x10, where a harness may change
 * it in the file before it is loaded. Entered at EL1 with MMU and interrupts off, the device tree's address in x0.
 */
        .section .text.entry, "ax"
        .globl  _start
_start:
        b       start

        .org    0x10
        .globl  parameters
parameters:
        .ascii  "PAYL"
        .word   PAYLOAD_MODE
        .word   PAYLOAD_ZONE
        .word   PAYLOAD_CONSOLE_IRQ
        .quad   PAYLOAD_CONSOLE
        .quad   PAYLOAD_DISK
        .quad   PAYLOAD_ADDRESS

start:
        msr     daifset, #0xf
        adrp    x1, bss_start
        add     x1, x1, :lo12:bss_start
        adrp    x2, bss_end
        add     x2, x2, :lo12:bss_end
1:      cmp     x1, x2
        b.hs    2f
        stp     xzr, xzr, [x1], #16
        b       1b
2:      adrp    x1, stack_end
        add     x1, x1, :lo12:stack_end
        mov     sp, x1
        adrp    x1, vectors
        add     x1, x1, :lo12:vectors
        msr     vbar_el1, x1
        isb
        bl      payload_main
3:      wfi
        b       3b

/* uint64_t psci(uint64_t function) */
        .globl  psci
psci:
        smc     #0
        ret

        .macro  vector handler
        .balign 0x80
        stp     x0, x1, [sp, #-16]!
        adr     x1, \handler
        b       call_handler
        .endm

        .balign 0x800
vectors:
        .rept   4                       /* with SP_EL0: never */
        vector  on_fault
        .endr
        vector  on_fault                /* synchronous */
        vector  on_interrupt            /* IRQ */
        vector  on_interrupt            /* FIQ */
        vector  on_fault                /* SError */

        .balign 0x80
call_handler:
        stp     x2, x3, [sp, #-16]!
        stp     x4, x5, [sp, #-16]!
        stp     x6, x7, [sp, #-16]!
        stp     x8, x9, [sp, #-16]!
        stp     x10, x11, [sp, #-16]!
        stp     x12, x13, [sp, #-16]!
        stp     x14, x15, [sp, #-16]!
        stp     x16, x17, [sp, #-16]!
        stp     x18, x30, [sp, #-16]!
        blr     x1
        ldp     x18, x30, [sp], #16
        ldp     x16, x17, [sp], #16
        ldp     x14, x15, [sp], #16
        ldp     x12, x13, [sp], #16
        ldp     x10, x11, [sp], #16
        ldp     x8, x9, [sp], #16
        ldp     x6, x7, [sp], #16
        ldp     x4, x5, [sp], #16
        ldp     x2, x3, [sp], #16
        ldp     x0, x1, [sp], #16
        eret

        .bss
        .balign 16
        .skip   8192
stack_end:
