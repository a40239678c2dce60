/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Started instead of the hypervisor, on CPU 0 at EL2 with the MMU off: puts every interrupt into group 1, as firmware
 * at EL3 would have, then jumps to the hypervisor's image. hvisor expects that: without it the interrupts stay in
 * group 0, where they reset to, and it hangs when it brings up the other CPUs.
 */
#define GICD 0x08000000
#define GICD_CTLR_ARE 0x10              /* first: redistributors take part only with affinity routing */
#define GICD_IGROUPR0 0x80
#define GICD_IGROUPRS 32
#define GICR_IGROUPR0 0x080b0080        /* SGI frame of the first redistributor */
#define GICR_STRIDE 0x20000
#define CPUS 4
#define HYPERVISOR 0x40400000

        .text
        .globl  _start
_start:
        ldr     x1, =GICD
        mov     w2, #GICD_CTLR_ARE
        str     w2, [x1]
        mov     w2, #-1
        add     x1, x1, #GICD_IGROUPR0
        mov     w3, #GICD_IGROUPRS
1:      str     w2, [x1], #4
        subs    w3, w3, #1
        b.ne    1b

        ldr     x1, =GICR_IGROUPR0
        mov     w3, #CPUS
2:      str     w2, [x1]
        add     x1, x1, #GICR_STRIDE
        subs    w3, w3, #1
        b.ne    2b
        dsb     sy

        ldr     x1, =HYPERVISOR         /* x0 is as it was */
        br      x1
