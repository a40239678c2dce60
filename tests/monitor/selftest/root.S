/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The self-test in root Linux's place: entered at 0xa0400000, EL1, x0 = 0xa0000000, where the runner puts a number. */
        .section .text.entry, "ax"
        .globl  _start
_start:
        b       start

        .org    0x10
start:
        msr     daifset, #0xf
        ldr     x1, =bss_start
        ldr     x2, =bss_end
1:      cmp     x1, x2
        b.hs    2f
        stp     xzr, xzr, [x1], #16
        b       1b
2:      ldr     x1, =stack_end
        mov     sp, x1
        ldr     x1, =vectors
        msr     vbar_el1, x1
        isb
        ldr     x0, [x0]
        bl      selftest_main
3:      wfi
        b       3b

/* Root's second CPU. */
        .globl  root_secondary_entry
root_secondary_entry:
        ldr     x1, =secondary_stack_end
        mov     sp, x1
        bl      secondary_main

/* int64_t hypercall(uint64_t code, uint64_t a1, uint64_t a2) */
        .globl  hypercall
hypercall:
        hvc     #0x4856
        ret

/* uint64_t smc(uint64_t function, uint64_t a1, uint64_t a2) */
        .globl  smc
smc:
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
        .rept   4
        vector  on_fault
        .endr
        vector  on_fault
        vector  on_interrupt
        vector  on_interrupt
        vector  on_fault

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

        .section .rodata
        .balign 16
        .globl  agent_image, agent_image_end
agent_image:
        .incbin AGENT_IMAGE
agent_image_end:

        .bss
        .balign 16
        .skip   16384
stack_end:
        .skip   16384
secondary_stack_end:
