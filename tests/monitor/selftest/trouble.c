/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends of zones, the ways to lose a CPU, and the ways to lose the board. */
#include "psci.h"
#include "selftest.h"

static volatile uint32_t shutdown_asked, shutdown_zone;
static volatile int64_t shutdown_result;

void secondary_main(void);

static uint64_t now_ms(void) {
        uint64_t count, frequency;

        __asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tmrs %1, cntfrq_el0" : "=r"(count), "=r"(frequency) :: "memory");
        return count / (frequency / 1000);
}

/* Root's second CPU does nothing but shutdowns. */
void secondary_main(void) {
        for (;;) {
                while (!shutdown_asked)
                        ;
                shutdown_result = hypercall(HYPERCALL_ZONE_SHUTDOWN, shutdown_zone, 0);
                dsb();
                shutdown_asked = 0;
        }
}

/*
 * The CPU is off only some time after the zone has left the list: a start in between finds it "already on" and loses
 * it, as on hvisor. So leave it that time.
 */
static void vanishes(uint32_t id) {
        static struct zone_info infos[4];

        for (unsigned int ms = 0; ms < 500 && list(infos, 4) != 1; ms++)
                sleep_ms(1);
        check_equal(list(infos, 4), 1, "SYSTEM_OFF: the zone is off the list");
        check_equal(hypercall(HYPERCALL_ZONE_SHUTDOWN, id, 0), -ABI_EINVAL, "a ZONE_SHUTDOWN after it");
        sleep_ms(SETTLE_MS);
}

/*
 * Two interrupts while the CPU is at EL2 make two events but one SGI. The second event outlives the zone, and the next
 * start's SGI takes that one; the start itself comes with any later SGI.
 */
static void test_stale_event(void) {
        start_and_check(&lower, 1);
        agent_tell(&lower, AGENT_READ32, lower.device, 0, 0);
        bridge_pending();
        bridge_result(1, 76);
        bridge_result(1, 78);
        hypercall(HYPERCALL_FINISH_REQ, 0, 0);
        agent_done(&lower);
        agent_tell(&lower, AGENT_SMC, PSCI_SYSTEM_OFF, 0, 0);
        vanishes(1);
        check_equal(start(&lower, 1), 0, "ZONE_START behind a stale event");
        check(!agent_alive(&lower), "... does not get as far as the guest");
        bridge_result(1, 76);
        hypercall(HYPERCALL_FINISH_REQ, 0, 0);
        check(agent_alive(&lower), "... until the next SGI");
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
}

void test_lifecycle(void) {
        for (unsigned int i = 0; i < 20; i++)
                if (start(&both, 1) != 0 || !agent_alive(&both) || hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0) != 0)
                        check(false, "start and shutdown, over and over");
        check(true, "start and shutdown, over and over");
        check_equal(start(&both, 1), 0, "ZONE_START");
        check_equal(hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0), 0, "ZONE_SHUTDOWN right behind it");
        sleep_ms(SETTLE_MS);            /* the two events made one SGI: a start now would be a stale event, too */
        start_and_check(&lower, 1);
        agent_tell(&lower, AGENT_SMC, PSCI_SYSTEM_OFF, 0, 0);
        vanishes(1);
        test_stale_event();
}

/* The zone's CPU waits for an answer: the call takes its time and gives the CPU up; an answer after all frees it. */
static void test_shutdown_of_waiting_cpu(void) {
        struct device_request r;
        uint64_t begin;

        start_and_check(&lower, 1);
        agent_tell(&lower, AGENT_READ32, lower.device, 0, 0);
        bridge_pending();
        begin = now_ms();
        check_equal(hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0), 0, "ZONE_SHUTDOWN of a CPU that waits");
        check(now_ms() - begin >= WAIT_MS, "... takes its time");
        check(bridge_answer(&r), "its request is still there");
        sleep_ms(SETTLE_MS);
        start_and_check(&lower, 1);
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
}

/* FINISH_REQ on one CPU waits for a ZONE_SHUTDOWN on another. */
static void test_finish_waits_for_shutdown(void) {
        struct device_request r;
        uint64_t begin;

        start_and_check(&lower, 1);
        agent_tell(&lower, AGENT_READ32, lower.device, 0, 0);
        bridge_pending();
        check_equal((int64_t) smc(PSCI_CPU_ON_64, 1, (uint64_t) root_secondary_entry), 0, "root's second CPU");
        shutdown_zone = 1;
        shutdown_asked = 1;
        sleep_ms(SETTLE_MS);
        begin = now_ms();
        hypercall(HYPERCALL_FINISH_REQ, 0, 0);
        check(now_ms() - begin >= SETTLE_MS, "FINISH_REQ waits for ZONE_SHUTDOWN");
        while (shutdown_asked)
                ;
        check_equal(shutdown_result, 0, "that ZONE_SHUTDOWN");
        bridge_answer(&r);
        sleep_ms(SETTLE_MS);
}

void test_lost_cpus(void) {
        static struct zone_info infos[4];

        test_shutdown_of_waiting_cpu();
        test_finish_waits_for_shutdown();

        start_and_check(&lower, 1);
        agent_tell(&lower, AGENT_JUMP, 0x10000000, 0, 0);
        sleep_ms(SETTLE_MS);
        check(list(infos, 4) == 2 && !infos[1].is_err, "a fetch outside: the list says that the zone runs");
        check_equal(hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0), 0, "its ZONE_SHUTDOWN");
        check_equal(start(&both, 1), -ABI_EBUSY, "its CPU is on for good");
        check_equal(list(infos, 4), 1, "nobody is listed");
        check_equal(start(&upper, 2), -ABI_EBUSY, "the ghost has the other CPU, too");
        check_equal(hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0), -ABI_EINVAL, "nobody shuts a ghost down");
}

/* A zone that uses its device before INIT_VIRTIO loses its CPU. */
void test_before_init(void) {
        static struct zone_info infos[4];

        hypercall(HYPERCALL_KNOB, KNOB_SHUTDOWN_WAIT_MS, WAIT_MS);
        start_and_check(&lower, 1);
        agent_tell(&lower, AGENT_READ32, lower.device, 0, 0);
        sleep_ms(SETTLE_MS);
        hypercall(HYPERCALL_INIT_VIRTIO, (uint64_t) &bridge, 0);
        sleep_ms(SETTLE_MS);
        check(mailbox_of(&lower)->command != AGENT_NONE, "virtio before INIT_VIRTIO: the guest hangs");
        check(list(infos, 4) == 2 && !infos[1].is_err, "the list says that it runs");
        check_equal(hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0), 0, "its ZONE_SHUTDOWN");
        check_equal(start(&lower, 1), -ABI_EBUSY, "its CPU is lost");
}

/* Eight interrupts for a CPU that is at EL2 and cannot take one. */
static void too_many_interrupts(void) {
        hypercall(HYPERCALL_INIT_VIRTIO, (uint64_t) &bridge, 0);
        start_and_check(&lower, 1);
        agent_tell(&lower, AGENT_READ32, lower.device, 0, 0);
        bridge_pending();
        for (uint32_t i = 0; i < BRIDGE_DEVICES_MAX; i++) {
                bridge_result(1, 70 + i);
                hypercall(HYPERCALL_FINISH_REQ, 0, 0);
                uart_print("injected\r\n");
        }
}

/* Return: false if @number is none of these. */
static bool spoil(struct zone_config *c, uint64_t number) {
        switch (number) {
        case 1:
                c->cpus = 0;
                return true;
        case 2:
                c->cpus = 0x24;
                return true;
        case 3:
                c->memory_regions[0].size += 512;
                return true;
        case 4:
                c->memory_regions[1] = c->memory_regions[0];
                return true;
        case 5:
                c->memory_regions[1].type = 3;
                return true;
        case 6:
                c->num_memory_regions = 65;
                return true;
        case 7:
                c->arch.gic_version = GIC_V2;
                return true;
        case 8:
                c->zone_id = 4;
                c->arch.gits_size = 0x20000;
                return true;
        case 14:
                hypercall(HYPERCALL_KNOB, KNOB_CONFIG_MAGIC, ZONE_CONFIG_MAGIC_UEFI);
                return true;
        default:
                return spoil_ivc(c, number);
        }
}

static void misbehave(uint64_t number) {
        switch (number) {
        case 9:
                hypercall(HYPERCALL_FINISH_REQ, 0, 0);
                break;
        case 10:
                too_many_interrupts();
                break;
        case 11:
                smc(PSCI_CPU_OFF, 0, 0);
                break;
        case 12:
                read32(0x9010000);
                break;
        case 13:
                hypercall(HYPERCALL_INIT_VIRTIO, (uint64_t) &bridge + 8, 0);
                break;
        case 22:
                root_invokes_nobody();
                break;
        default:
                break;
        }
}

/* run.py has the same numbers, with the message that it expects. */
void provoke_panic(uint64_t number) {
        struct zone_config *c = config_for(&lower, 1);

        if (spoil(c, number))
                hypercall(HYPERCALL_ZONE_START, (uint64_t) c, sizeof(*c));
        else
                misbehave(number);
        uart_print("SELFTEST survived\r\n");
}
