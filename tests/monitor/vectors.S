/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exceptions from guests: the guest's registers go to the top of the CPU's stack (struct guest_frame, cpu.h), C looks
 * at them and comes back, or leaves for another frame. Exceptions from EL2 itself end the machine.
 */
#define FRAME_SIZE 272
#define FRAME_X30_ELR 240
#define FRAME_SPSR 256

        .macro  from_guest handler
        .balign 0x80
        sub     sp, sp, #FRAME_SIZE
        stp     x0, x1, [sp]
        stp     x2, x3, [sp, #16]
        adr     x1, \handler
        b       save_and_handle
        .endm

        .macro  from_monitor
        .balign 0x80
        mrs     x0, esr_el2
        mrs     x1, elr_el2
        mrs     x2, far_el2
        b       trap_from_monitor
        .endm

        .text
        .balign 0x800
        .globl  exception_vectors
exception_vectors:
        .rept   8                       /* current EL, with SP_EL0 and with SP_EL2 */
        from_monitor
        .endr
        from_guest trap_synchronous     /* lower EL, AArch64: synchronous, IRQ, FIQ, SError */
        from_guest trap_interrupt
        from_guest trap_interrupt
        from_monitor
        .rept   4                       /* lower EL, AArch32: HCR_EL2.RW keeps guests out of it */
        from_monitor
        .endr

        .balign 0x80
save_and_handle:
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #128]
        stp     x18, x19, [sp, #144]
        stp     x20, x21, [sp, #160]
        stp     x22, x23, [sp, #176]
        stp     x24, x25, [sp, #192]
        stp     x26, x27, [sp, #208]
        stp     x28, x29, [sp, #224]
        mrs     x2, elr_el2
        stp     x30, x2, [sp, #FRAME_X30_ELR]
        mrs     x2, spsr_el2
        str     x2, [sp, #FRAME_SPSR]
        mov     x0, sp
        blr     x1
        mov     x0, sp

/* enter_guest(frame): the stack is empty afterwards. */
        .globl  enter_guest
enter_guest:
        mov     sp, x0
        ldr     x2, [sp, #FRAME_SPSR]
        msr     spsr_el2, x2
        ldp     x30, x2, [sp, #FRAME_X30_ELR]
        msr     elr_el2, x2
        ldp     x4, x5, [sp, #32]
        ldp     x6, x7, [sp, #48]
        ldp     x8, x9, [sp, #64]
        ldp     x10, x11, [sp, #80]
        ldp     x12, x13, [sp, #96]
        ldp     x14, x15, [sp, #112]
        ldp     x16, x17, [sp, #128]
        ldp     x18, x19, [sp, #144]
        ldp     x20, x21, [sp, #160]
        ldp     x22, x23, [sp, #176]
        ldp     x24, x25, [sp, #192]
        ldp     x26, x27, [sp, #208]
        ldp     x28, x29, [sp, #224]
        ldp     x2, x3, [sp, #16]
        ldp     x0, x1, [sp]
        add     sp, sp, #FRAME_SIZE
        eret
