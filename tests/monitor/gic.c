/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "board.h"
#include "cpu.h"
#include "event.h"
#include "gic.h"
#include "print.h"

#define CTLR_ENABLE_GROUPS 0x3
#define CTLR_ARE BIT(4)                 /* one security state: QEMU's virt without EL3 */
#define WAKER_PROCESSOR_SLEEP BIT(1)
#define WAKER_CHILDREN_ASLEEP BIT(2)

#define ICC_SRE_ALL 0xf
#define ICC_CTLR_EOIMODE BIT(1)         /* EOIR drops the priority, DIR deactivates */
#define ICC_PMR_ALL 0xff
#define ICC_SGI1R_INTID_SHIFT 24
#define ICC_SGI1R_IRM BIT(40)           /* every CPU but this one */

#define ICH_HCR_EN BIT(0)
#define ICH_HCR_UIE BIT(1)              /* maintenance interrupt when at most one list register is valid */
#define ICH_LR_PENDING BIT(62)
#define ICH_LR_HW BIT(61)
#define ICH_LR_GROUP1 BIT(60)
#define ICH_LR_PINTID_SHIFT 32

#define LIST_REGISTERS 4                /* cortex-a72 */
#define WAITING_MAX 64

/* Interrupts for the guest that found no free list register, oldest first. Only their own CPU looks at them. */
static struct waiting {
        uint32_t count;
        struct {
                uint32_t irq;
                bool hardware;
        } list[WAITING_MAX];
} waitings[BOARD_CPUS];

static uint64_t sgi_frame(unsigned int cpu) {
        return BOARD_GICR + cpu * BOARD_GICR_STRIDE + GICR_SGI_FRAME;
}

/* Group 1 for everything: without firmware it all resets to group 0, which would arrive as FIQ. */
void gic_dist_init(void) {
        mmio_write32(BOARD_GICD + GIC_CTLR, CTLR_ARE);
        for (unsigned int irq = GIC_FIRST_SPI; irq < GIC_SPECIAL; irq += 32)
                mmio_write32(BOARD_GICD + GIC_IGROUPR + irq / 8, ~0U);
        mmio_write32(BOARD_GICD + GIC_CTLR, CTLR_ARE | CTLR_ENABLE_GROUPS);
}

static void own_interrupts_init(uint64_t frame) {
        mmio_write32(frame + GIC_IGROUPR, ~0U);
        mmio_write32(frame + GIC_ICENABLER, ~0U);
        mmio_write32(frame + GIC_ICPENDR, ~0U);
        mmio_write32(frame + GIC_ICACTIVER, ~0U);
        for (unsigned int irq = 0; irq < GIC_FIRST_SPI; irq++)
                if (GIC_OWN_PRIVATE & BIT(irq))
                        mmio_write(frame + GIC_IPRIORITYR + irq, 1, GIC_OWN_PRIORITY);
        mmio_write32(frame + GIC_ISENABLER, GIC_OWN_PRIVATE);
}

static uint64_t lr_read(unsigned int i) {
        switch (i) {
        case 0:
                return read_sysreg(ich_lr0_el2);
        case 1:
                return read_sysreg(ich_lr1_el2);
        case 2:
                return read_sysreg(ich_lr2_el2);
        default:
                return read_sysreg(ich_lr3_el2);
        }
}

static void lr_write(unsigned int i, uint64_t value) {
        switch (i) {
        case 0:
                write_sysreg(ich_lr0_el2, value);
                break;
        case 1:
                write_sysreg(ich_lr1_el2, value);
                break;
        case 2:
                write_sysreg(ich_lr2_el2, value);
                break;
        default:
                write_sysreg(ich_lr3_el2, value);
        }
}

static void list_registers_init(void) {
        for (unsigned int i = 0; i < LIST_REGISTERS; i++)
                lr_write(i, 0);
        write_sysreg(ich_ap0r0_el2, 0);
        write_sysreg(ich_ap1r0_el2, 0);
        write_sysreg(ich_vmcr_el2, 0);
        write_sysreg(ich_hcr_el2, ICH_HCR_EN);
}

void gic_cpu_init(void) {
        uint64_t frame = sgi_frame(cpu_id());
        uint64_t waker = frame - GICR_SGI_FRAME + GICR_WAKER;

        mmio_write32(waker, mmio_read32(waker) & ~WAKER_PROCESSOR_SLEEP);
        while (mmio_read32(waker) & WAKER_CHILDREN_ASLEEP)
                ;
        own_interrupts_init(frame);
        write_sysreg(icc_sre_el2, ICC_SRE_ALL);
        isb();
        write_sysreg(icc_sre_el1, ICC_SRE_ALL & 7);
        isb();
        write_sysreg(icc_pmr_el1, ICC_PMR_ALL);
        write_sysreg(icc_ctlr_el1, ICC_CTLR_EOIMODE);
        write_sysreg(icc_igrpen1_el1, 1);
        list_registers_init();
        isb();
}

void gic_cpu_reset(void) {
        uint64_t frame = sgi_frame(cpu_id());

        mmio_write32(frame + GIC_ICENABLER, ~GIC_OWN_PRIVATE);
        mmio_write32(frame + GIC_ICPENDR, ~GIC_OWN_PRIVATE);
        mmio_write32(frame + GIC_ICACTIVER, ~GIC_OWN_PRIVATE);
}

void gic_cpu_silence(void) {
        write_sysreg(icc_igrpen1_el1, 0);
        isb();
}

static void send_sgi(uint64_t value) {
        dsb();
        write_sysreg(icc_sgi1r_el1, value);
        isb();
}

void gic_send_guest_sgi(unsigned int sgi, uint64_t targets) {
        send_sgi((uint64_t) sgi << ICC_SGI1R_INTID_SHIFT | targets);
}

void gic_send_event_sgi(unsigned int cpu) {
        gic_send_guest_sgi(SGI_EVENT, BIT(cpu));
}

void gic_kick_others(void) {
        send_sgi((uint64_t) SGI_EVENT << ICC_SGI1R_INTID_SHIFT | ICC_SGI1R_IRM);
}

static void wait_for_list_register(uint32_t irq, bool hardware) {
        struct waiting *w = &waitings[cpu_id()];

        write_sysreg(ich_hcr_el2, ICH_HCR_EN | ICH_HCR_UIE);
        for (unsigned int i = 0; i < w->count; i++)
                if (w->list[i].irq == irq && w->list[i].hardware == hardware)
                        return;
        if (w->count == WAITING_MAX)
                panic("CPU %u: too many interrupts wait for a list register", (uint64_t) cpu_id());
        w->list[w->count].irq = irq;
        w->list[w->count].hardware = hardware;
        w->count++;
}

bool gic_inject(uint32_t irq, bool hardware) {
        uint64_t empty = read_sysreg(ich_elrsr_el2);
        uint64_t value = irq | ICH_LR_GROUP1 | ICH_LR_PENDING;
        unsigned int free = LIST_REGISTERS;

        for (unsigned int i = 0; i < LIST_REGISTERS; i++) {
                if (!(empty & BIT(i))) {
                        if ((uint32_t) lr_read(i) == irq)
                                return true;
                } else if (free == LIST_REGISTERS) {
                        free = i;
                }
        }
        if (free == LIST_REGISTERS) {
                wait_for_list_register(irq, hardware);
                return false;
        }
        if (hardware)
                value |= ICH_LR_HW | (uint64_t) irq << ICH_LR_PINTID_SHIFT;
        lr_write(free, value);
        return true;
}

/* What does not fit is queued again, at or before the place that it is taken from. */
static void refill_list_registers(void) {
        struct waiting *w = &waitings[cpu_id()];
        uint32_t count = w->count;

        w->count = 0;
        write_sysreg(ich_hcr_el2, ICH_HCR_EN);
        for (uint32_t i = 0; i < count; i++)
                gic_inject(w->list[i].irq, w->list[i].hardware);
}

static void drop_priority(uint32_t irq) {
        write_sysreg(icc_eoir1_el1, irq);
}

static void deactivate(uint32_t irq) {
        write_sysreg(icc_dir_el1, irq);
}

/*
 * hvisor drops an SGI that comes while its guest is still busy with the one before. Linux' CPUs call each other by SGIs and
 * wait: root Linux hangs when one is lost, and nothing in root Linux can help it. So here, and only here, none is dropped.
 */
static void inject_sgi(uint32_t sgi) {
        uint64_t empty = read_sysreg(ich_elrsr_el2);

        for (unsigned int i = 0; i < LIST_REGISTERS; i++)
                if (!(empty & BIT(i)) && (uint32_t) lr_read(i) == sgi) {
                        lr_write(i, lr_read(i) | ICH_LR_PENDING);
                        return;
                }
        gic_inject(sgi, false);
}

/* As in hvisor: an SGI that means no event goes to the guest, and guests have SGIs 0 to 7 only. */
static void handle_sgi(uint32_t sgi) {
        drop_priority(sgi);
        deactivate(sgi);
        if (sgi > SGI_EVENT)
                return;
        if (sgi == SGI_EVENT && event_handle_one())
                return;
        inject_sgi(sgi);
}

static void handle_interrupt(uint32_t irq) {
        if (irq < GIC_FIRST_PPI) {
                handle_sgi(irq);
                return;
        }
        if (irq == IRQ_MAINTENANCE)
                refill_list_registers();
        else if (cpu_this()->in_guest)
                gic_inject(irq, true);
        drop_priority(irq);
        if (irq == IRQ_MAINTENANCE || irq == IRQ_HYP_TIMER || !cpu_this()->in_guest)
                deactivate(irq);
}

void gic_handle_interrupts(void) {
        if (panicked())
                stop_forever();
        for (;;) {
                uint32_t irq = (uint32_t) read_sysreg(icc_iar1_el1) & 0xffffff;

                if (irq >= GIC_SPECIAL)
                        return;
                handle_interrupt(irq);
        }
}

void gic_set_pending(uint32_t irq) {
        mmio_write32(BOARD_GICD + GIC_ISPENDR + irq / 32 * 4, 1U << irq % 32);
}

void gic_release_spis(const uint32_t *bitmap) {
        for (unsigned int word = 1; word < 32; word++) {
                mmio_write32(BOARD_GICD + GIC_ICENABLER + word * 4, bitmap[word]);
                mmio_write32(BOARD_GICD + GIC_ICACTIVER + word * 4, bitmap[word]);
        }
}
