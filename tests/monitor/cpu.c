/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"
#include "cpu.h"
#include "gic.h"
#include "print.h"
#include "psci.h"
#include "stage2.h"
#include "zone.h"

#define NAP_US 50
#define CPTR_NO_TRAPS 0x33ff            /* the RES1 bits of CPTR_EL2 */
#define CNTHCTL_NO_TRAPS 0x3

struct cpu cpus[BOARD_CPUS];
uint8_t cpu_stacks[BOARD_CPUS][CPU_STACK_SIZE] __attribute__((aligned(16)));

static uint32_t cpus_online;

void cpu_main(unsigned int id) __attribute__((noreturn));
void cpu_park_loop(void) __attribute__((noreturn));

static struct guest_frame *fresh_frame(void) {
        uint8_t *top = cpu_stacks[cpu_id()] + CPU_STACK_SIZE;
        struct guest_frame *f = (struct guest_frame *) (void *) (top - sizeof(*f));

        for (unsigned int i = 0; i < ELEMENTSOF(f->x); i++)
                f->x[i] = 0;
        f->spsr = SPSR_EL1H_MASKED;
        return f;
}

static void reset_timers(void) {
        write_sysreg(cntkctl_el1, 0);
        write_sysreg(cntvoff_el2, 0);
        write_sysreg(cntv_ctl_el0, 0);
        write_sysreg(cntp_ctl_el0, 0);
        write_sysreg(cnthp_ctl_el2, 0);
        write_sysreg(cnthctl_el2, CNTHCTL_NO_TRAPS);
}

static void reset_guest_registers(void) {
        write_sysreg(sctlr_el1, SCTLR_EL1_RESET);
        write_sysreg(cpacr_el1, 0);
        write_sysreg(contextidr_el1, 0);
        write_sysreg(csselr_el1, 0);
        write_sysreg(esr_el1, 0);
        write_sysreg(far_el1, 0);
        write_sysreg(mair_el1, 0);
        write_sysreg(amair_el1, 0);
        write_sysreg(mdscr_el1, 0);
        write_sysreg(par_el1, 0);
        write_sysreg(sp_el0, 0);
        write_sysreg(sp_el1, 0);
        write_sysreg(spsr_el1, 0);
        write_sysreg(tcr_el1, 0);
        write_sysreg(tpidr_el0, 0);
        write_sysreg(tpidrro_el0, 0);
        write_sysreg(tpidr_el1, 0);
        write_sysreg(ttbr0_el1, 0);
        write_sysreg(ttbr1_el1, 0);
        write_sysreg(vbar_el1, 0);
        write_sysreg(vmpidr_el2, read_sysreg(mpidr_el1));
        write_sysreg(vpidr_el2, read_sysreg(midr_el1));
        write_sysreg(hstr_el2, 0);
        write_sysreg(cptr_el2, CPTR_NO_TRAPS);
        write_sysreg(mdcr_el2, read_sysreg(pmcr_el0) >> 11 & 31);       /* HPMN = PMCR.N: every counter is EL1's */
}

void cpu_run(void) {
        struct cpu *c = cpu_this();
        struct guest_frame *f = fresh_frame();

        if (!c->zone)
                panic("CPU %u runs but belongs to no zone", (uint64_t) cpu_id());
        reset_guest_registers();
        reset_timers();
        gic_cpu_reset();
        stage2_activate(&c->zone->stage2);
        write_sysreg(hcr_el2, HCR_GUEST);
        isb();
        f->x[0] = c->argument;
        f->elr = c->entry;
        c->in_guest = true;
        c->power_on = true;
        enter_guest(f);
}

void cpu_park(void) {
        struct cpu *c = cpu_this();

        c->in_guest = false;
        write_sysreg(hcr_el2, HCR_PARKED);
        reset_timers();
        isb();
        gic_cpu_reset();
        spin_lock(&c->ctrl_lock);
        c->power_on = false;
        spin_unlock(&c->ctrl_lock);
        cpu_park_loop_on_fresh_stack();
}

void cpu_park_loop(void) {
        for (;;) {
                gic_handle_interrupts();
                wfi();
        }
}

void cpu_dead(void) {
        print("CPU %u hangs at EL2 for good", (uint64_t) cpu_id());
        gic_cpu_silence();
        for (;;)
                wfi();
}

/* The timer's PPI is never acknowledged: it ends the wfi by being pending, and goes when the timer is off. */
void cpu_nap(void) {
        write_sysreg(cnthp_tval_el2, read_sysreg(cntfrq_el0) / 1000000 * NAP_US);
        write_sysreg(cnthp_ctl_el2, 1);
        isb();
        wfi();
        write_sysreg(cnthp_ctl_el2, 0);
        isb();
        if (panicked())
                stop_forever();
}

static void start_secondaries(void) {
        for (uint64_t i = 1; i < BOARD_CPUS; i++) {
                uint64_t r = smc_call(PSCI_CPU_ON_64, i, (uint64_t) secondary_entry, i);

                if (r != PSCI_SUCCESS)
                        panic("firmware does not start CPU %u: %x", i, r);
                while (__atomic_load_n(&cpus_online, __ATOMIC_ACQUIRE) <= i)
                        cpu_relax();
        }
}

/* Called once on each CPU, from entry.S. */
void cpu_main(unsigned int id) {
        if (id == 0) {
                control_init();
                gic_dist_init();
        }
        gic_cpu_init();
        __atomic_fetch_add(&cpus_online, 1, __ATOMIC_RELEASE);
        if (id != 0)
                cpu_park();
        start_secondaries();
        zone_create_root();
        print("%u CPUs at EL2, root starts at %x", (uint64_t) BOARD_CPUS, ROOT_KERNEL);
        cpu_run();
}
