/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker offers, what a later one may change, and what is left when it is withdrawn. */
#include "register_driver.h"

static void test_register_file_next_worker_must_suit(void **state) {
        struct register_file f = running();
        struct register_model m;
        const char *what = NULL;

        (void) state;
        m = model_of_two_queues();
        m.num_queues = 1;
        assert_int_equal(register_file_offer(&f, BLOCK, &m, &what), -EINVAL);
        assert_string_equal(what, "num_queues");
        m = model_of_two_queues();
        m.config_size = 5;
        assert_int_equal(register_file_offer(&f, BLOCK, &m, &what), -EINVAL);
        m = model_of_two_queues();
        m.queue_size_max[1] = 32;
        assert_int_equal(register_file_offer(&f, BLOCK, &m, &what), -EINVAL);
        m = model_of_two_queues();
        m.queue_size_max[1] = 128;
        m.features = FEATURE_VERSION_1; /* the driver took no more */
        assert_int_equal(register_file_offer(&f, BLOCK, &m, &what), 0);
        assert_true(f.queues[0].ready);
        assert_int_equal(get(&f, VIRTIO_MMIO_CONFIG_GENERATION), 0);

        f = offered();
        accept_features(&f, FEATURE_VERSION_1 | FEATURE_SOME);
        assert_int_equal(register_file_offer(&f, BLOCK, &m, &what), -EINVAL);
        assert_string_equal(what, "features");
}

static void test_register_file_changed_config_is_told(void **state) {
        struct register_file f = running(), fresh = offered();
        struct register_model m = model_of_two_queues();
        const char *what;

        (void) state;
        m.config[0]++;
        assert_int_equal(register_file_offer(&f, BLOCK, &m, &what), 1);
        assert_int_equal(get(&f, VIRTIO_MMIO_CONFIG_GENERATION), 1);
        assert_int_equal(get(&f, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
        assert_int_equal(register_file_read(&f, VIRTIO_MMIO_CONFIG, 1), 0x12);
        /* nobody to tell yet, but the generation counts */
        assert_int_equal(register_file_offer(&fresh, BLOCK, &m, &what), 0);
        assert_int_equal(get(&fresh, VIRTIO_MMIO_CONFIG_GENERATION), 1);
}

static void test_register_file_config_may_change_while_it_is_served(void **state) {
        struct register_file f = running(), fresh = offered();
        struct register_model m = model_of_two_queues();

        (void) state;
        assert_false(register_file_configure(&f, m.config)); /* as it was */
        assert_int_equal(get(&f, VIRTIO_MMIO_CONFIG_GENERATION), 0);
        m.config[5]++;
        assert_true(register_file_configure(&f, m.config));
        assert_int_equal(get(&f, VIRTIO_MMIO_CONFIG_GENERATION), 1);
        assert_int_equal(get(&f, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
        assert_int_equal(register_file_read(&f, VIRTIO_MMIO_CONFIG + 5, 1), 0x67);
        m.config[5]++;
        assert_false(register_file_configure(&f, m.config)); /* is pending already */
        assert_int_equal(get(&f, VIRTIO_MMIO_CONFIG_GENERATION), 2);
        assert_int_equal(register_file_read(&f, VIRTIO_MMIO_CONFIG + 5, 1), 0x68);
        assert_false(register_file_configure(&fresh, m.config)); /* nobody to tell yet */
        assert_int_equal(get(&fresh, VIRTIO_MMIO_CONFIG_GENERATION), 1);

        assert_true(register_config_fits(&m, m.config));
        m.config[6] = 1;
        assert_false(register_config_fits(&m, m.config));
}

static void test_register_model_check_names_the_field(void **state) {
        static const struct {
                const char *what;
                uint64_t features;
                uint32_t queues, config_size;
                uint16_t size0, size2;
                uint8_t tail;
        } c[] = {
                { NULL, FEATURE_VERSION_1, 2, 6, 256, 0, 0 },
                { NULL, FEATURE_VERSION_1 | 1ULL << 28 | 1ULL << 29 | 1ULL << 50, 2, 256, 1024, 0, 1 },
                { "features", 0, 2, 6, 256, 0, 0 },
                { "features", FEATURE_VERSION_1 | 1ULL << 34, 2, 6, 256, 0, 0 }, /* packed rings */
                { "features", FEATURE_VERSION_1 | 1ULL << 38, 2, 6, 256, 0, 0 }, /* notification data */
                { "features", FEATURE_VERSION_1 | 1ULL << 40, 2, 6, 256, 0, 0 }, /* queue reset */
                { "num_queues", FEATURE_VERSION_1, 0, 6, 0, 0, 0 },
                { "num_queues", FEATURE_VERSION_1, 17, 6, 256, 0, 0 },
                { "queue_size_max", FEATURE_VERSION_1, 2, 6, 0, 0, 0 },
                { "queue_size_max", FEATURE_VERSION_1, 2, 6, 100, 0, 0 },
                { "queue_size_max", FEATURE_VERSION_1, 2, 6, 2048, 0, 0 },
                { "queue_size_max", FEATURE_VERSION_1, 2, 6, 256, 8, 0 },
                { "config_size", FEATURE_VERSION_1, 2, 257, 256, 0, 0 },
                { "config_size", FEATURE_VERSION_1, 2, UINT32_MAX, 256, 0, 0 },
                { "config", FEATURE_VERSION_1, 2, 6, 256, 0, 1 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct register_model m = {
                        .features = c[i].features,
                        .num_queues = c[i].queues,
                        .config_size = c[i].config_size,
                        .queue_size_max = { c[i].size0, 64, c[i].size2 },
                };
                const char *what = NULL;

                m.config[255] = c[i].tail;
                assert_int_equal(register_model_check(&m, &what), c[i].what ? -EINVAL : 0);
                if (c[i].what)
                        assert_string_equal(what, c[i].what);
        }
}

/* A driver that is up keeps the device until its reset; then, as where none is, the window is empty until the next offer. */
static void test_register_file_withdrawn_is_a_placeholder(void **state) {
        struct register_file idle = offered(), used = running();
        const struct register_model model = used.model;
        const char *what;

        (void) state;
        register_file_withdraw(&idle);
        assert_int_equal(get(&idle, VIRTIO_MMIO_DEVICE_ID), 0);
        assert_int_equal(get(&idle, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);

        register_file_withdraw(&used);
        assert_int_equal(get(&used, VIRTIO_MMIO_DEVICE_ID), BLOCK);
        assert_int_equal(get(&used, VIRTIO_MMIO_STATUS), ALL_UP);
        set(&used, VIRTIO_MMIO_STATUS, 0);
        assert_int_equal(get(&used, VIRTIO_MMIO_DEVICE_ID), 0);
        accept_features(&used, FEATURE_VERSION_1);
        assert_int_equal(get(&used, VIRTIO_MMIO_STATUS), UP);

        assert_int_equal(register_file_offer(&used, BLOCK, &model, &what), 0);
        assert_int_equal(get(&used, VIRTIO_MMIO_DEVICE_ID), BLOCK);
        set(&used, VIRTIO_MMIO_STATUS, 0);
        assert_int_equal(get(&used, VIRTIO_MMIO_DEVICE_ID), BLOCK);

        /* back before the reset: nothing has happened */
        used = running();
        register_file_withdraw(&used);
        assert_int_equal(register_file_offer(&used, BLOCK, &model, &what), 0);
        set(&used, VIRTIO_MMIO_STATUS, 0);
        assert_int_equal(get(&used, VIRTIO_MMIO_DEVICE_ID), BLOCK);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_register_file_withdrawn_is_a_placeholder),
                cmocka_unit_test(test_register_file_next_worker_must_suit),
                cmocka_unit_test(test_register_file_changed_config_is_told),
                cmocka_unit_test(test_register_file_config_may_change_while_it_is_served),
                cmocka_unit_test(test_register_model_check_names_the_field),
        };

        return cmocka_run_group_tests_name("register model", tests, NULL, NULL);
}
