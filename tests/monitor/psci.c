/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu.h"
#include "event.h"
#include "gic.h"
#include "print.h"
#include "psci.h"
#include "zone.h"

#define SMC_OWNER_MASK 0x3f000000
#define SMC_OWNER_ARCH 0x00000000
#define SMC_OWNER_STANDARD 0x04000000
#define PSCI_1_1 0x10001
#define SMCCC_1_1 0x10001
#define TOS_NOT_PRESENT 2

#define MPIDR_AFFINITY 0xff00ffffffUL

static uint64_t features(uint64_t function) {
        switch (function) {
        case PSCI_VERSION:
        case PSCI_CPU_SUSPEND_32:
        case PSCI_CPU_SUSPEND_64:
        case PSCI_CPU_OFF:
        case PSCI_CPU_ON_32:
        case PSCI_CPU_ON_64:
        case PSCI_AFFINITY_INFO_32:
        case PSCI_AFFINITY_INFO_64:
        case PSCI_FEATURES:
        case SMCCC_VERSION:
                return PSCI_SUCCESS;
        default:
                return PSCI_NOT_SUPPORTED;
        }
}

/* hvisor does not look whose CPU it is; here a zone gets only its own. */
static uint64_t cpu_on(uint64_t mpidr, uint64_t entry) {
        uint64_t target = mpidr & MPIDR_AFFINITY;
        struct cpu *c;
        uint64_t r = PSCI_ALREADY_ON;

        if (target >= BOARD_CPUS)
                panic("PSCI CPU_ON of %x, which the board lacks", mpidr);
        c = &cpus[target];
        if (c->zone != cpu_this()->zone)
                return PSCI_INVALID_PARAMETERS;
        spin_lock(&c->ctrl_lock);
        if (!c->power_on) {
                c->entry = entry;
                c->power_on = true;
                event_send((unsigned int) target, EVENT_RUN);
                r = PSCI_SUCCESS;
        }
        spin_unlock(&c->ctrl_lock);
        return r;
}

static uint64_t affinity_info(uint64_t mpidr) {
        uint64_t target = mpidr & MPIDR_AFFINITY;

        if (target >= BOARD_CPUS)
                return PSCI_INVALID_PARAMETERS;
        return !cpus[target].power_on;
}

static void system_off(void) __attribute__((noreturn));
static void system_off(void) {
        if (zone_this_is_root())
                smc_call(PSCI_SYSTEM_OFF, 0, 0, 0);
        zone_system_off();
        cpu_park();
}

static uint64_t psci_call(const struct guest_frame *f) {
        uint64_t function = f->x[0] & 0xffffffff;

        switch (function) {
        case PSCI_VERSION:
                return PSCI_1_1;
        case PSCI_CPU_SUSPEND_32:
        case PSCI_CPU_SUSPEND_64:
                wfi();
                gic_handle_interrupts();
                return PSCI_SUCCESS;
        case PSCI_CPU_OFF:
        case PSCI_CPU_OFF_64:
                panic("PSCI CPU_OFF by CPU %u of zone %u", (uint64_t) cpu_id(), (uint64_t) zone_this_id());
        case PSCI_AFFINITY_INFO_32:
        case PSCI_AFFINITY_INFO_64:
                return affinity_info(f->x[1]);
        case PSCI_MIGRATE_INFO_TYPE:
                return TOS_NOT_PRESENT;
        case PSCI_FEATURES:
                return features(f->x[1] & 0xffffffff);
        case PSCI_CPU_ON_32:
        case PSCI_CPU_ON_64:
                return cpu_on(f->x[1], f->x[2]);
        case PSCI_SYSTEM_OFF:
                system_off();
        case PSCI_SYSTEM_RESET:
                print("zone %u: SYSTEM_RESET is ignored", (uint64_t) zone_this_id());
                return PSCI_SUCCESS;
        default:                        /* hvisor's answer to every standard call that it does not know */
                return PSCI_SUCCESS;
        }
}

static uint64_t smc(const struct guest_frame *f) {
        uint64_t function = f->x[0] & 0xffffffff;

        switch (function & SMC_OWNER_MASK) {
        case SMC_OWNER_ARCH:
                return function == SMCCC_VERSION ? SMCCC_1_1 : PSCI_NOT_SUPPORTED;
        case SMC_OWNER_STANDARD:
                return psci_call(f);
        default:
                return PSCI_NOT_SUPPORTED;
        }
}

/* A trapped SMC returns to itself: step over it first, CPU_SUSPEND may leave from inside. */
void psci_handle_smc(struct guest_frame *f) {
        f->elr += 4;
        f->x[0] = smc(f);
}
