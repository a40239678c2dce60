/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What root Linux can rely on, and what it must expect. */
#include "psci.h"
#include "selftest.h"

#define DEVICE_REGISTER(p, r) ((p)->device + (r))

void selftest_main(uint64_t number);

static int64_t agent_read(const struct place *p, enum agent_command c, uint64_t address) {
        return (int64_t) agent_do(p, c, address, 0, 0);
}

static int64_t zone_smc(uint64_t function, uint64_t argument) {
        return (int64_t) agent_do(&both, AGENT_SMC, function, argument, 0);
}

static int64_t zone_hvc(uint64_t code, uint64_t argument) {
        return (int64_t) agent_do(&both, AGENT_HVC, code, argument, 0);
}

static void on_wakeup(void) {
        wakeups++;
        while (hold_wakeup)
                ;
}

void test_calls(void) {
        static struct zone_info infos[4];
        static struct ivc_info ivc = { .len = 7 };
        static volatile uint64_t magic;

        check_equal(hypercall(HYPERCALL_KNOB, KNOB_SHUTDOWN_WAIT_MS, WAIT_MS), KNOB_ACCEPTED, "the monitor has knobs");
        check_equal(list(infos, 4), 1, "ZONE_LIST: root alone");
        check(infos[0].zone_id == 0 && infos[0].cpus == 3 && infos[0].name[0] == 'r', "ZONE_LIST: root's entry");
        check_equal(list(infos, 0), 0, "ZONE_LIST of none");
        check_equal(list(NULL, 4), -ABI_EINVAL, "ZONE_LIST to NULL");
        check_equal(hypercall(86, 0, 0), 0, "an unknown code gives 0");
        check_equal(hypercall(4711, 0, 0), 0, "another one");
        check_equal(hypercall(HYPERCALL_IVC_INFO, (uint64_t) &ivc, 0), 0, "IVC_INFO");
        check_equal((int64_t) ivc.len, 0, "IVC_INFO: none");
        check_equal(hypercall(HYPERCALL_CONFIG_CHECK, (uint64_t) &magic, 0), 0, "CONFIG_CHECK");
        check_equal((int64_t) magic, ZONE_CONFIG_MAGIC, "CONFIG_CHECK: the magic");
        check_equal(hypercall(HYPERCALL_ZONE_SHUTDOWN, 0, 0), -ABI_EINVAL, "ZONE_SHUTDOWN of root");
        check_equal(hypercall(HYPERCALL_ZONE_SHUTDOWN, 9, 0), -ABI_EINVAL, "ZONE_SHUTDOWN of nobody");
        check_equal(hypercall(HYPERCALL_INIT_VIRTIO, 0x60000000, 0), 0, "INIT_VIRTIO");
        check_equal(hypercall(HYPERCALL_INIT_VIRTIO, (uint64_t) &bridge, 0), 0, "INIT_VIRTIO moves");
}

static int64_t start_with_size(uint64_t size) {
        return hypercall(HYPERCALL_ZONE_START, (uint64_t) config_for(&lower, 1), size);
}

void test_start_errors(void) {
        static struct zone_info infos[4];

        check_equal(start_with_size(3264), -ABI_EINVAL, "a wrong size");
        start_and_check(&lower, 1);
        check_equal(start(&upper, 1), -ABI_EINVAL, "an id twice");
        check_equal(start(&both, 2), -ABI_EBUSY, "a CPU of another zone");
        check_equal(list(infos, 4), 2, "ZONE_LIST: nothing changed");
        check_equal(start(&upper, 7), 0, "its other CPU is free, and an id over 3 is fine");
        check(list(infos, 4) == 3 && infos[1].zone_id == 1 && infos[2].zone_id == 7, "ZONE_LIST: order of creation");
        check(list(infos, 2) == 2, "ZONE_LIST: no more than asked for");
        check_equal(hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0), 0, "ZONE_SHUTDOWN");
        check_equal(start(&lower, 3), 0, "ZONE_START on the same CPU");
        check(list(infos, 4) == 3 && infos[1].zone_id == 7 && infos[2].zone_id == 3, "ZONE_LIST: the new one is last");
        check(infos[2].cpus == 4 && !infos[2].is_err, "its CPUs and health");
        check(infos[2].name[0] == 'z' && infos[2].name[1] == '3' && !infos[2].name[2], "its name");
        sleep_ms(SETTLE_MS);
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 7, 0);
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 3, 0);
        check_equal(list(infos, 4), 1, "ZONE_LIST: root alone again");
}

static void test_posted(enum agent_command c, const char *what) {
        struct device_request r;

        agent_tell(&lower, c, DEVICE_REGISTER(&lower, VIRTIO_QUEUE_NOTIFY), 1, 0);
        check(agent_done_unanswered(&lower), what);
        check(bridge_answer(&r) && r.need_interrupt == 1, "... and says so");
}

void test_bridge(void) {
        struct device_request r = { .size = 0 };

        start_and_check(&lower, 1);
        agent_tell(&lower, AGENT_WRITE32, DEVICE_REGISTER(&lower, 0x70), 0x1234, 0);
        check(bridge_pending(), "a write to a register is a request");
        sleep_ms(20);
        check(mailbox_of(&lower)->command != AGENT_NONE, "the guest waits for the answer");
        bridge_answer(&r);
        check(r.src_cpu == 2 && r.src_zone == 1, "its source");
        check(r.address == lower.device + 0x70 && r.size == 4, "its place");
        check(r.is_write == 1 && r.value == 0x1234 && r.need_interrupt == 0, "what it is");
        check(agent_done(&lower), "the answer releases the guest");
        check_equal(agent_read(&lower, AGENT_READ32, DEVICE_REGISTER(&lower, 0x10)), ANSWER_BASE + 0x10, "a read");
        test_posted(AGENT_WRITE32, "a write to 0x50 is posted");
        test_posted(AGENT_READ32, "a read of 0x50, too");
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
}

static void notify(void) {
        agent_do(&lower, AGENT_WRITE32, DEVICE_REGISTER(&lower, VIRTIO_QUEUE_NOTIFY), 0, 0);
        sleep_ms(SETTLE_MS);
}

static void test_wakeups(void) {
        volatile struct bridge_page *b = &bridge;
        struct device_request r;

        interrupts_enable(IRQ_WAKEUP, on_wakeup);
        b->need_wakeup = 0;
        notify();
        check_equal(wakeups, 0, "need_wakeup 0: no interrupt");
        b->need_wakeup = 1;
        notify();
        check_equal(wakeups, 1, "need_wakeup 1: one interrupt");
        b->need_wakeup = 0;
        __asm__ volatile("msr daifset, #2");
        while (bridge_answer(&r))
                ;
}

static void inject(uint32_t irq) {
        bridge_result(1, irq);
        hypercall(HYPERCALL_FINISH_REQ, 0, 0);
}

void test_interrupts(void) {
        volatile struct bridge_page *b = &bridge;
        struct mailbox *m = mailbox_of(&lower);

        start_and_check(&lower, 1);
        test_wakeups();
        agent_do(&lower, AGENT_INTERRUPTS_ON, 76, 0, 0);
        inject(76);
        check(wait_for_interrupts(&lower, 1), "FINISH_REQ injects");
        check(b->res_front == b->res_rear, "FINISH_REQ empties the list");
        inject(76);
        check(wait_for_interrupts(&lower, 2), "again after the EOI");
        m->hold_eoi = 1;
        inject(76);
        check(wait_for_interrupts(&lower, 3), "the guest is inside its handler");
        inject(76);
        inject(76);
        m->hold_eoi = 0;
        check(wait_for_interrupts(&lower, 3), "what comes while it is active is dropped");
        inject(76);
        check(wait_for_interrupts(&lower, 4), "after its EOI it works again");
        inject(90);
        check(wait_for_interrupts(&lower, 5), "an interrupt that it was not given arrives, too");
        bridge_result(55, 76);
        check_equal(hypercall(HYPERCALL_FINISH_REQ, 0, 0), 0, "an interrupt for nobody is forgotten");
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
}

void test_psci(void) {
        start_and_check(&both, 1);
        check_equal(zone_smc(PSCI_VERSION, 0), 0x10001, "PSCI_VERSION");
        check_equal(zone_smc(PSCI_FEATURES, PSCI_CPU_ON_64), 0, "PSCI_FEATURES: CPU_ON");
        check_equal(zone_smc(PSCI_FEATURES, PSCI_SYSTEM_RESET), -1, "PSCI_FEATURES: SYSTEM_RESET");
        check_equal(zone_smc(PSCI_AFFINITY_INFO_64, 2), 0, "AFFINITY_INFO: on");
        check_equal(zone_smc(PSCI_AFFINITY_INFO_64, 3), 1, "AFFINITY_INFO: off");
        check_equal((int64_t) agent_do(&both, AGENT_SECONDARY, 3, 0, 0), 0, "CPU_ON");
        sleep_ms(SETTLE_MS);
        check(mailbox_of(&both)->secondary == 1, "the second CPU runs");
        check_equal((int64_t) agent_do(&both, AGENT_SECONDARY, 3, 0, 0), -4, "CPU_ON twice");
        check_equal(zone_smc(PSCI_SYSTEM_RESET, 0), 0, "SYSTEM_RESET is ignored");
        check_equal(zone_smc(SMCCC_VERSION, 0), 0x10001, "SMCCC_VERSION");
        check_equal(zone_hvc(HYPERCALL_INIT_VIRTIO, 0x50000000), -ABI_EPERM, "a zone's INIT_VIRTIO");
        check_equal(zone_hvc(HYPERCALL_FINISH_REQ, 0), -ABI_EPERM, "a zone's FINISH_REQ");
        check_equal(zone_hvc(HYPERCALL_ZONE_START, 0x50000000), -ABI_EPERM, "a zone's ZONE_START");
        check_equal(zone_hvc(HYPERCALL_ZONE_SHUTDOWN, 1), -ABI_EPERM, "a zone's ZONE_SHUTDOWN");
        check_equal(zone_hvc(HYPERCALL_KNOB, 0), 0, "a zone has no knobs");
        check_equal(hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0), 0, "ZONE_SHUTDOWN of two CPUs");
}

void test_isolation(void) {
        static volatile uint64_t secret = 0x736563726574;
        static struct zone_info infos[4];

        start_and_check(&lower, 1);
        start_and_check(&upper, 2);
        check_equal(agent_read(&lower, AGENT_READ64, (uint64_t) mailbox_of(&lower)), AGENT_READ64 | 1UL << 32,
                    "its own RAM");
        check(list(infos, 4) == 3 && !infos[1].is_err && !infos[2].is_err, "no zone is in error");
        check_equal(agent_read(&lower, AGENT_READ64, (uint64_t) mailbox_of(&upper)), AGENT_MARKER,
                    "the other zone's RAM");
        check_equal(agent_read(&upper, AGENT_READ64, (uint64_t) &secret), AGENT_MARKER, "root's RAM");
        agent_do(&upper, AGENT_WRITE32, (uint64_t) &secret, 0, 0);
        check_equal((int64_t) secret, 0x736563726574, "a write to root's RAM");
        check(list(infos, 4) == 3 && infos[1].is_err && infos[2].is_err, "the zones are in error and go on");
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 2, 0);
}

/* The runner has set KNOB_CONFIG_SIZE to 3296 and KNOB_CONFIG_MAGIC to 0x6. */
void test_knobs(void) {
        static volatile uint64_t magic;
        struct zone_config *c;

        hypercall(HYPERCALL_CONFIG_CHECK, (uint64_t) &magic, 0);
        check_equal((int64_t) magic, 6, "another magic");
        check_equal(start(&lower, 1), -ABI_EINVAL, "the usual size is wrong now");
        c = config_for(&lower, 1);
        c->num_pci_buses = UEFI_NONE;   /* what is at ZONE_CONFIG_UEFI_TAG in this struct */
        check_equal(hypercall(HYPERCALL_ZONE_START, (uint64_t) c, 3296), 0, "another size");
        sleep_ms(SETTLE_MS);
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
        hypercall(HYPERCALL_KNOB, KNOB_CONFIG_SIZE, 0);
        hypercall(HYPERCALL_KNOB, KNOB_CONFIG_MAGIC, 0);
        hypercall(HYPERCALL_KNOB, KNOB_CPUS_ALREADY_ON, upper.cpus);
        check_equal(start(&upper, 2), -ABI_EBUSY, "a CPU that is already on");
        hypercall(HYPERCALL_KNOB, KNOB_CPUS_ALREADY_ON, 0);
        check_equal(start(&upper, 2), -ABI_EBUSY, "... is the ghost's");
        start_and_check(&lower, 3);
}

/* The numbers that run.py gives. */
enum { RUN_TESTS = 0, RUN_BEFORE_INIT = 20, RUN_KNOBS = 21 };

void selftest_main(uint64_t number) {
        switch (number) {
        case RUN_TESTS:
                break;
        case RUN_BEFORE_INIT:
                test_before_init();
                finish();
        case RUN_KNOBS:
                test_knobs();
                finish();
        default:
                provoke_panic(number);
        }
        test_calls();
        test_start_errors();
        test_bridge();
        test_interrupts();
        test_psci();
        test_isolation();
        test_ivc();
        test_lifecycle();
        test_lost_cpus();
        finish();
}
