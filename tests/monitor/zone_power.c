/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start and end of a zone: the CPUs' side of it. */
#include "control.h"
#include "cpu.h"
#include "event.h"
#include "gic.h"
#include "print.h"
#include "virtio_bridge.h"
#include "zone_object.h"

#define NO_ENTRY UINT64_MAX

static bool is_on(unsigned int cpu) {
        bool on;

        spin_lock(&cpus[cpu].ctrl_lock);
        on = cpus[cpu].power_on || knob_get(KNOB_CPUS_ALREADY_ON) & BIT(cpu);
        spin_unlock(&cpus[cpu].ctrl_lock);
        return on;
}

/* The second -EBUSY of hvisor's: by now the CPUs are the zone's, which nobody lists, and nobody gives them back. */
int64_t zone_start(const struct zone_config *config, uint64_t size) {
        struct zone *z;
        unsigned int boot;
        int64_t r;

        if (size != knob_get(KNOB_CONFIG_SIZE)) {
                print("ZONE_START: a zone_config has %u bytes here, not %u", knob_get(KNOB_CONFIG_SIZE), size);
                return -ABI_EINVAL;
        }
        r = zone_create(config, &z);
        if (r < 0)
                return r;
        boot = (unsigned int) __builtin_ctzl(z->cpus);
        if (is_on(boot)) {
                print("zone %u: CPU %u is already on, its CPUs are lost", (uint64_t) z->id, (uint64_t) boot);
                return -ABI_EBUSY;
        }
        event_send(boot, EVENT_RUN);
        zone_list_add(z);
        return 0;
}

static void tell_cpus_to_stop(const struct zone *z) {
        for (unsigned int i = 0; i < BOARD_CPUS; i++) {
                if (!(z->cpus & BIT(i)))
                        continue;
                spin_lock(&cpus[i].ctrl_lock);
                cpus[i].entry = NO_ENTRY;
                event_send(i, EVENT_SHUTDOWN);
                virtio_forget_irqs(i);
                spin_unlock(&cpus[i].ctrl_lock);
        }
}

static bool any_on(const struct zone *z) {
        for (unsigned int i = 0; i < BOARD_CPUS; i++)
                if (z->cpus & BIT(i) && __atomic_load_n(&cpus[i].power_on, __ATOMIC_ACQUIRE))
                        return true;
        return false;
}

/* A CPU that spins at EL2, waiting for an answer or for a lock that we hold, does not come: it is given up. */
static void wait_for_cpus(const struct zone *z) {
        uint64_t start = read_sysreg(cntpct_el0);
        uint64_t limit = read_sysreg(cntfrq_el0) / 1000 * knob_get(KNOB_SHUTDOWN_WAIT_MS);

        while (any_on(z)) {
                if (read_sysreg(cntpct_el0) - start > limit) {
                        print("zone %u: a CPU cannot be shut down", (uint64_t) z->id);
                        return;
                }
                cpu_relax();
        }
}

static void give_up_cpus(const struct zone *z) {
        for (unsigned int i = 0; i < BOARD_CPUS; i++) {
                if (!(z->cpus & BIT(i)))
                        continue;
                spin_lock(&cpus[i].ctrl_lock);
                cpus[i].zone = NULL;
                spin_unlock(&cpus[i].ctrl_lock);
        }
}

int64_t zone_shutdown(uint64_t id) {
        struct zone *z;

        if (id == ROOT_ZONE_ID)
                return -ABI_EINVAL;
        virtio_lock_irqs();
        z = zone_find(id);
        if (!z) {
                virtio_unlock_irqs();
                return -ABI_EINVAL;
        }
        write_lock(&z->lock);
        tell_cpus_to_stop(z);
        wait_for_cpus(z);
        give_up_cpus(z);
        gic_release_spis(z->interrupts);
        write_unlock(&z->lock);
        zone_put(z);
        zone_list_remove(z);
        virtio_unlock_irqs();
        return 0;
}

/* Interrupts listed for these CPUs, and events in their queues, stay behind for the next zone: as in hvisor. */
void zone_system_off(void) {
        struct zone *z = zone_get_this();

        read_lock(&z->lock);
        read_unlock(&z->lock);          /* a ZONE_SHUTDOWN of it comes first, and finds us still looking at it */
        for (unsigned int i = 0; i < BOARD_CPUS; i++) {
                if (!(z->cpus & BIT(i)) || i == cpu_id())
                        continue;
                spin_lock(&cpus[i].ctrl_lock);
                cpus[i].zone = NULL;
                event_send(i, EVENT_SHUTDOWN);
                spin_unlock(&cpus[i].ctrl_lock);
        }
        cpu_this()->zone = NULL;
        zone_put(z);
        zone_list_remove(z);
}
