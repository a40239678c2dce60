/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions, time and the GICv3, as far as one CPU with one interrupt needs them. */
#include "payload.h"

#define GICD 0x8000000UL
#define GICD_CTLR 0x0
#define GICD_CTLR_ARE_GROUP1 0x12
#define GICD_IGROUPR 0x80
#define GICD_ISENABLER 0x100
#define GICD_IPRIORITYR 0x400
#define GICD_ICFGR 0xc00
#define GICD_IROUTER 0x6000
#define SPURIOUS 1020

#define read_sysreg(reg) ({ uint64_t v_; __asm__ volatile("mrs %0, " #reg : "=r"(v_) :: "memory"); v_; })
#define write_sysreg(reg, v) __asm__ volatile("msr " #reg ", %0" :: "r"((uint64_t)(v)) : "memory")

volatile uint32_t faults;
static void (*volatile interrupt_handler)(void);

void on_fault(void);
void on_interrupt(void);

void on_fault(void) {
        faults++;
        write_sysreg(elr_el1, read_sysreg(elr_el1) + 4);
}

void on_interrupt(void) {
        uint64_t irq = read_sysreg(icc_iar1_el1);

        if (irq >= SPURIOUS)
                return;
        if (interrupt_handler)
                interrupt_handler();
        write_sysreg(icc_eoir1_el1, irq);
}

void sleep_ms(uint64_t ms) {
        uint64_t start = read_sysreg(cntvct_el0);
        uint64_t ticks = read_sysreg(cntfrq_el0) / 1000 * ms;

        while (read_sysreg(cntvct_el0) - start < ticks)
                __asm__ volatile("yield");
}

uint64_t microseconds(void) {
        return read_sysreg(cntvct_el0) / (read_sysreg(cntfrq_el0) / 1000000);
}

void interrupts_enable(uint32_t irq, void (*handler)(void)) {
        uint32_t bit = 1U << irq % 32;
        uint64_t config = GICD + GICD_ICFGR + irq / 16 * 4;

        interrupt_handler = handler;
        write32(GICD + GICD_CTLR, GICD_CTLR_ARE_GROUP1);
        write32(GICD + GICD_IGROUPR + irq / 32 * 4, read32(GICD + GICD_IGROUPR + irq / 32 * 4) | bit);
        write32(config, read32(config) | 2U << irq % 16 * 2);
        *(volatile uint8_t *) (GICD + GICD_IPRIORITYR + irq) = 0x80;
        *(volatile uint64_t *) (GICD + GICD_IROUTER + irq * 8) = read_sysreg(mpidr_el1) & 0xff00ffffff;
        write32(GICD + GICD_ISENABLER + irq / 32 * 4, bit);
        write_sysreg(icc_sre_el1, 7);
        __asm__ volatile("isb");
        write_sysreg(icc_pmr_el1, 0xff);
        write_sysreg(icc_igrpen1_el1, 1);
        __asm__ volatile("isb\n\tmsr daifclr, #2");
}

/* Masked from the look to the wfi, which a pending interrupt ends all the same: none can be missed in between. */
void interrupts_wait(volatile uint32_t *flag) {
        for (;;) {
                __asm__ volatile("msr daifset, #2" ::: "memory");
                if (*flag)
                        break;
                __asm__ volatile("wfi\n\tmsr daifclr, #2" ::: "memory");
        }
        *flag = 0;
        __asm__ volatile("msr daifclr, #2" ::: "memory");
}
