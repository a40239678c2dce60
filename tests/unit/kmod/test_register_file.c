/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers as a driver reads and writes them. */
#include "register_driver.h"

static void test_register_file_is_a_placeholder_before_an_offer(void **state) {
        struct register_file f = { 0 };

        (void) state;
        assert_int_equal(get(&f, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
        assert_int_equal(get(&f, VIRTIO_MMIO_VERSION), 2);
        assert_int_equal(get(&f, VIRTIO_MMIO_DEVICE_ID), 0);
        assert_int_equal(get(&f, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
        accept_features(&f, FEATURE_VERSION_1);
        assert_int_equal(get(&f, VIRTIO_MMIO_STATUS), UP);
        assert_int_equal(make_ready(&f, 0, 1, 0x1000, 0x2000, 0x3000), 0);
}

static void test_register_file_identifies_the_device(void **state) {
        struct register_file f = offered();

        (void) state;
        assert_int_equal(get(&f, VIRTIO_MMIO_DEVICE_ID), BLOCK);
        assert_int_not_equal(get(&f, VIRTIO_MMIO_VENDOR_ID), 0);
        assert_int_equal(get(&f, VIRTIO_MMIO_CONFIG_GENERATION), 0);
        /* no shared memory: length and base are all ones (4.2.2) */
        for (uint64_t offset = VIRTIO_MMIO_SHM_LEN_LOW; offset <= VIRTIO_MMIO_SHM_BASE_HIGH; offset += 4)
                assert_int_equal(get(&f, offset), UINT32_MAX);
}

static void test_register_file_control_registers_are_32_bits_wide(void **state) {
        static const struct {
                uint64_t offset, size;
        } c[] = {
                { 0, 1 },
                { 0, 2 },
                { 0, 8 },
                { 0, 0 },
                { 1, 4 },
                { 2, 4 },
                { 3, 1 },
                { 0xfe, 4 },
                { 0, 3 },
                { 0, UINT64_MAX },
                { 0x200, 4 },
                { UINT64_MAX, 4 },
                { UINT64_MAX - 3, 4 },
                { 1ULL << 32, 4 },
        };
        struct register_file f = offered();
        struct register_file before = f;
        uint32_t queue;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                assert_int_equal(register_file_read(&f, c[i].offset, c[i].size), 0);
                assert_int_equal(register_file_write(&f, c[i].offset, c[i].size, UINT64_MAX, &queue), 0);
        }
        for (uint64_t offset = 0; offset < VIRTIO_MMIO_CONFIG; offset++)
                for (uint64_t size = 0; size <= 9; size++)
                        if (offset % 4 || size != 4)
                                register_file_write(&f, offset, size, UINT64_MAX, &queue);
        assert_memory_equal(&f, &before, sizeof(f));
}

static void test_register_file_features_come_in_words(void **state) {
        static const struct {
                uint32_t select, word;
        } c[] = {
                { 0, FEATURE_SOME }, { 1, 1 }, { 2, 0 }, { 3, 0 }, { 32, 0 }, { UINT32_MAX, 0 },
        };
        struct register_file f = offered();

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                set(&f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, c[i].select);
                assert_int_equal(get(&f, VIRTIO_MMIO_DEVICE_FEATURES), c[i].word);
        }
}

static void test_register_file_accepts_only_offered_features(void **state) {
        static const struct {
                uint64_t features;
                uint32_t beyond;
                bool ok;
        } c[] = {
                { FEATURE_VERSION_1, 0, true },      { FEATURE_VERSION_1 | FEATURE_SOME, 0, true },
                { FEATURE_SOME, 0, false },          { 0, 0, false },
                { FEATURE_VERSION_1 | 1, 0, false }, { FEATURE_VERSION_1 | 1ULL << 63, 0, false },
                { FEATURE_VERSION_1, 1, false },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct register_file f = offered();

                set(&f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
                set(&f, VIRTIO_MMIO_DRIVER_FEATURES, c[i].beyond);
                accept_features(&f, c[i].features);
                assert_int_equal(get(&f, VIRTIO_MMIO_STATUS), c[i].ok ? OK_UP : UP);
        }
}

static void test_register_file_features_are_settled_by_features_ok(void **state) {
        struct register_file f = offered();

        (void) state;
        accept_features(&f, FEATURE_VERSION_1);
        set(&f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
        set(&f, VIRTIO_MMIO_DRIVER_FEATURES, FEATURE_SOME);
        assert_int_equal(f.driver_features, FEATURE_VERSION_1);
}

static void test_register_file_status_bits_follow_their_order(void **state) {
        static const struct {
                uint32_t before, write, after;
        } c[] = {
                { 0, VIRTIO_CONFIG_S_ACKNOWLEDGE, VIRTIO_CONFIG_S_ACKNOWLEDGE },
                { UP, VIRTIO_CONFIG_S_DRIVER, UP },           /* nothing is cleared */
                { UP, UP | VIRTIO_CONFIG_S_DRIVER_OK, UP },   /* no features yet */
                { UP, UP | VIRTIO_CONFIG_S_NEEDS_RESET, UP }, /* the device's own */
                { UP, 0xffffff00 | UP, UP },                  /* no such bits */
                { UP, UP | VIRTIO_CONFIG_S_FAILED, UP | VIRTIO_CONFIG_S_FAILED },
                { OK_UP, ALL_UP, ALL_UP },
                { ALL_UP, 0, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct register_file f = offered();

                if (c[i].before & VIRTIO_CONFIG_S_FEATURES_OK)
                        accept_features(&f, FEATURE_VERSION_1);
                set(&f, VIRTIO_MMIO_STATUS, c[i].before);
                assert_int_equal(get(&f, VIRTIO_MMIO_STATUS), c[i].before);
                set(&f, VIRTIO_MMIO_STATUS, c[i].write);
                assert_int_equal(get(&f, VIRTIO_MMIO_STATUS), c[i].after);
        }
}

static void test_register_file_queue_becomes_ready_only_if_sound(void **state) {
        static const struct {
                uint32_t queue, size;
                uint64_t desc, avail, used;
                bool ready;
        } c[] = {
                { 0, 256, 0x1000, 0x2000, 0x3000, true }, { 0, 1, 0x10, 0x2, 0x4, true },
                { 0, 0, 0x1000, 0x2000, 0x3000, false },  { 0, 512, 0x1000, 0x2000, 0x3000, false },
                { 0, 7, 0x1000, 0x2000, 0x3000, false },  { 0, 0x80000000, 0x1000, 0x2000, 0x3000, false },
                { 1, 64, 0x1000, 0x2000, 0x3000, true },  { 1, 128, 0x1000, 0x2000, 0x3000, false },
                { 0, 8, 0x1008, 0x2000, 0x3000, false },  { 0, 8, 0x1000, 0x2001, 0x3000, false },
                { 0, 8, 0x1000, 0x2000, 0x3002, false },  { 2, 8, 0x1000, 0x2000, 0x3000, false },
                { 16, 8, 0x1000, 0x2000, 0x3000, false }, { UINT32_MAX, 8, 0x1000, 0x2000, 0x3000, false },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct register_file f = offered();

                accept_features(&f, FEATURE_VERSION_1);
                assert_int_equal(make_ready(&f, c[i].queue, c[i].size, c[i].desc, c[i].avail, c[i].used),
                                 c[i].ready ? GAINED : 0);
                assert_int_equal(get(&f, VIRTIO_MMIO_QUEUE_READY), c[i].ready);
        }
}

static void test_register_file_queue_needs_features_ok(void **state) {
        struct register_file f = offered();

        (void) state;
        set(&f, VIRTIO_MMIO_STATUS, UP);
        assert_int_equal(make_ready(&f, 0, 8, 0x1000, 0x2000, 0x3000), 0);
        assert_int_equal(get(&f, VIRTIO_MMIO_QUEUE_READY), 0);
}

static void test_register_file_keeps_64_bit_addresses(void **state) {
        struct register_file f = running();

        (void) state;
        assert_int_equal(f.queues[1].descriptors, 0x1234567890);
        assert_int_equal(f.queues[1].available, 0xfedcba9876);
        assert_int_equal(f.queues[1].used, 0x1122334454);
}

static void test_register_file_ready_queue_is_not_changed(void **state) {
        struct register_file f = running();
        struct register_queue before = f.queues[0];

        (void) state;
        make_ready(&f, 0, 16, 0x10000, 0x20000, 0x30000);
        assert_memory_equal(&f.queues[0], &before, sizeof(before));
}

static void test_register_file_queue_select_is_bounded(void **state) {
        static const struct {
                uint32_t select, max;
        } c[] = {
                { 0, 256 }, { 1, 64 }, { 2, 0 }, { 15, 0 }, { 16, 0 }, { UINT32_MAX, 0 },
        };
        struct register_file f = offered();

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                set(&f, VIRTIO_MMIO_QUEUE_SEL, c[i].select);
                assert_int_equal(get(&f, VIRTIO_MMIO_QUEUE_NUM_MAX), c[i].max);
        }
}

static void test_register_file_notifies_ready_queues_only(void **state) {
        static const struct {
                uint32_t queue;
                bool notified;
        } c[] = {
                { 0, true }, { 1, true }, { 2, false }, { 16, false }, { 0x10000, false }, { UINT32_MAX, false },
        };
        struct register_file f = running(), fresh = offered();
        uint32_t queue = 77;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                queue = 77;
                assert_int_equal(register_file_write(&f, VIRTIO_MMIO_QUEUE_NOTIFY, 4, c[i].queue, &queue),
                                 c[i].notified ? REGISTER_NOTIFIED : 0);
                assert_int_equal(queue, c[i].notified ? c[i].queue : 77);
        }
        assert_int_equal(set(&fresh, VIRTIO_MMIO_QUEUE_NOTIFY, 0), 0);
        accept_features(&fresh, FEATURE_VERSION_1);
        make_ready(&fresh, 0, 8, 0x1000, 0x2000, 0x3000);
        assert_int_equal(set(&fresh, VIRTIO_MMIO_QUEUE_NOTIFY, 0), 0); /* before DRIVER_OK */
}

static void test_register_file_reset_forgets_the_driver(void **state) {
        struct register_file f = running();

        (void) state;
        assert_true(register_file_raise(&f, VIRTIO_MMIO_INT_VRING));
        assert_int_equal(set(&f, VIRTIO_MMIO_STATUS, 0),
                         REGISTER_CHANGED | REGISTER_RINGS_LOST | REGISTER_MUST_WAIT | REGISTER_QUIET);
        assert_int_equal(get(&f, VIRTIO_MMIO_STATUS), 0);
        assert_int_equal(get(&f, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
        assert_int_equal(f.driver_features, 0);
        for (uint32_t i = 0; i < 2; i++) {
                set(&f, VIRTIO_MMIO_QUEUE_SEL, i);
                assert_int_equal(get(&f, VIRTIO_MMIO_QUEUE_READY), 0);
        }
        assert_int_equal(get(&f, VIRTIO_MMIO_DEVICE_ID), BLOCK);
        /* a second one finds nothing to take away, but must wait for the first one's end */
        assert_int_equal(set(&f, VIRTIO_MMIO_STATUS, 0), REGISTER_MUST_WAIT | REGISTER_QUIET);
}

static void test_register_file_queue_disable_must_wait(void **state) {
        struct register_file f = running();

        (void) state;
        set(&f, VIRTIO_MMIO_QUEUE_SEL, 1);
        assert_int_equal(set(&f, VIRTIO_MMIO_QUEUE_READY, 0),
                         REGISTER_CHANGED | REGISTER_RINGS_LOST | REGISTER_MUST_WAIT);
        assert_int_equal(set(&f, VIRTIO_MMIO_QUEUE_READY, 0), REGISTER_MUST_WAIT);
        set(&f, VIRTIO_MMIO_QUEUE_SEL, 2);
        assert_int_equal(set(&f, VIRTIO_MMIO_QUEUE_READY, 0), 0);
        assert_true(f.queues[0].ready);
}

static void test_register_file_tells_which_queue_is_ready(void **state) {
        struct register_file f = offered();
        uint32_t queue = UINT32_MAX;

        (void) state;
        accept_features(&f, FEATURE_VERSION_1);
        assert_int_equal(make_ready(&f, 1, 64, 0x1000, 0x2000, 0x3000), GAINED);
        assert_int_equal(register_file_write(&f, VIRTIO_MMIO_QUEUE_READY, 4, 1, &queue), 0); /* is ready */
        assert_int_equal(queue, UINT32_MAX);
        set(&f, VIRTIO_MMIO_QUEUE_READY, 0);
        assert_int_equal(register_file_write(&f, VIRTIO_MMIO_QUEUE_READY, 4, 1, &queue), GAINED);
        assert_int_equal(queue, 1);
}

static void test_register_file_queue_reset_is_not_offered(void **state) {
        struct register_file f = running();

        (void) state;
        set(&f, VIRTIO_MMIO_QUEUE_SEL, 0);
        assert_int_equal(set(&f, 0x0c0, 1), 0); /* QueueReset, 4.2.2 */
        assert_int_equal(get(&f, 0x0c0), 0);
        assert_true(f.queues[0].ready);
}

static void test_register_file_interrupts_are_acknowledged_by_bit(void **state) {
        struct register_file f = running();

        (void) state;
        assert_true(register_file_raise(&f, VIRTIO_MMIO_INT_VRING));
        assert_false(register_file_raise(&f, VIRTIO_MMIO_INT_VRING)); /* is pending already */
        assert_true(register_file_raise(&f, VIRTIO_MMIO_INT_CONFIG));
        assert_int_equal(get(&f, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
        assert_int_equal(set(&f, VIRTIO_MMIO_INTERRUPT_ACK, 1), 0);
        assert_int_equal(get(&f, VIRTIO_MMIO_INTERRUPT_STATUS), 2);
        assert_int_equal(set(&f, VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX), REGISTER_QUIET);
        assert_int_equal(get(&f, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

static void test_register_file_no_interrupt_before_driver_ok(void **state) {
        struct register_file f = offered();

        (void) state;
        accept_features(&f, FEATURE_VERSION_1);
        assert_false(register_file_raise(&f, VIRTIO_MMIO_INT_VRING));
        assert_int_equal(get(&f, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

static void test_register_file_break_asks_for_a_reset(void **state) {
        struct register_file f = running(), fresh = offered();

        (void) state;
        assert_true(register_file_break(&f));
        assert_int_equal(get(&f, VIRTIO_MMIO_STATUS), ALL_UP | VIRTIO_CONFIG_S_NEEDS_RESET);
        assert_int_equal(get(&f, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
        set(&f, VIRTIO_MMIO_STATUS, ALL_UP);
        assert_int_equal(get(&f, VIRTIO_MMIO_STATUS), ALL_UP | VIRTIO_CONFIG_S_NEEDS_RESET);
        set(&f, VIRTIO_MMIO_STATUS, 0);
        assert_int_equal(get(&f, VIRTIO_MMIO_STATUS), 0);
        assert_false(register_file_break(&fresh));
        assert_int_equal(get(&fresh, VIRTIO_MMIO_STATUS), 0);
}

static void test_register_file_config_reads_of_every_size_and_place(void **state) {
        static const struct {
                uint64_t offset, size, value;
        } c[] = {
                { 0, 1, 0x11 },       { 5, 1, 0x66 },       { 6, 1, 0 },      { 255, 1, 0 },
                { 0, 2, 0x2211 },     { 1, 2, 0x3322 },     { 5, 2, 0x0066 }, { 0, 4, 0x44332211 },
                { 3, 4, 0x00665544 }, { 252, 4, 0 },        { 255, 4, 0 },    { 0, 8, 0x665544332211 },
                { 4, 8, 0x6655 },     { 255, 8, 0 },        { 0, 0, 0 },      { 0, 3, 0 },
                { 0, 16, 0 },         { 0, 1ULL << 32, 0 },
        };
        struct register_file f = offered();

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++)
                assert_int_equal(register_file_read(&f, VIRTIO_MMIO_CONFIG + c[i].offset, c[i].size), c[i].value);
}

static void test_register_file_config_is_read_only(void **state) {
        struct register_file f = running();
        struct register_file before = f;
        uint32_t queue;

        (void) state;
        for (uint64_t offset = VIRTIO_MMIO_CONFIG; offset < 0x210; offset++)
                for (uint64_t size = 1; size <= 8; size *= 2)
                        assert_int_equal(register_file_write(&f, offset, size, UINT64_MAX, &queue), 0);
        assert_memory_equal(&f, &before, sizeof(f));
}

/* Every register, every width, hostile values, in an order that a seed gives: the sanitizers watch, and so do we. */
static void test_register_file_survives_random_accesses(void **state) {
        uint64_t seed = 0x243f6a8885a308d3;
        struct register_file f = offered();

        (void) state;
        for (unsigned int i = 0; i < 1000000; i++) {
                uint64_t value, offset;
                uint32_t queue = 0, effects;

                seed = seed * 6364136223846793005 + 1442695040888963407;
                offset = seed >> 33 & 0x3ff;
                if (seed >> 60 != 0)
                        offset &= ~3ULL;
                value = seed >> 20 & (seed >> 50 & 1 ? 0xf : UINT64_MAX);
                if (offset == VIRTIO_MMIO_QUEUE_DESC_LOW)
                        value &= ~0xfULL;
                register_file_read(&f, offset, seed >> 56 & 15);
                effects = register_file_write(&f, offset, seed >> 59 ? 4 : 8, value, &queue);
                if (effects & REGISTER_NOTIFIED)
                        assert_true(queue < 2 && f.queues[queue].ready);
                for (uint32_t q = 0; q < HVISOR_QUEUES_MAX; q++)
                        assert_true(!f.queues[q].ready || (q < 2 && f.queues[q].size <= 256 && f.queues[q].size));
                assert_true(!(f.status & VIRTIO_CONFIG_S_DRIVER_OK) || (f.driver_features & FEATURE_VERSION_1));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_register_file_is_a_placeholder_before_an_offer),
                cmocka_unit_test(test_register_file_identifies_the_device),
                cmocka_unit_test(test_register_file_control_registers_are_32_bits_wide),
                cmocka_unit_test(test_register_file_features_come_in_words),
                cmocka_unit_test(test_register_file_accepts_only_offered_features),
                cmocka_unit_test(test_register_file_features_are_settled_by_features_ok),
                cmocka_unit_test(test_register_file_status_bits_follow_their_order),
                cmocka_unit_test(test_register_file_queue_becomes_ready_only_if_sound),
                cmocka_unit_test(test_register_file_queue_needs_features_ok),
                cmocka_unit_test(test_register_file_keeps_64_bit_addresses),
                cmocka_unit_test(test_register_file_ready_queue_is_not_changed),
                cmocka_unit_test(test_register_file_queue_select_is_bounded),
                cmocka_unit_test(test_register_file_notifies_ready_queues_only),
                cmocka_unit_test(test_register_file_reset_forgets_the_driver),
                cmocka_unit_test(test_register_file_queue_disable_must_wait),
                cmocka_unit_test(test_register_file_tells_which_queue_is_ready),
                cmocka_unit_test(test_register_file_queue_reset_is_not_offered),
                cmocka_unit_test(test_register_file_interrupts_are_acknowledged_by_bit),
                cmocka_unit_test(test_register_file_no_interrupt_before_driver_ok),
                cmocka_unit_test(test_register_file_break_asks_for_a_reset),
                cmocka_unit_test(test_register_file_config_reads_of_every_size_and_place),
                cmocka_unit_test(test_register_file_config_is_read_only),
                cmocka_unit_test(test_register_file_survives_random_accesses),
        };

        return cmocka_run_group_tests_name("register file", tests, NULL, NULL);
}
