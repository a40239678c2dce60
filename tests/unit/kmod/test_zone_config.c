// sources: kmod/zone_config.c
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "zone_example.h"

#define ARM64_5_SIZE 3136

static union {
        uint8_t bytes[ZONE_CONFIG_SIZE_MAX];
        uint64_t aligned;
} config;

static const struct zone_layout *arm64(void) {
        const struct zone_layout *layout = zone_layout_find(5, ZONE_ARCH_ARM64, 0);

        assert_non_null(layout);
        return layout;
}

static uint64_t number(unsigned int offset, unsigned int size) {
        uint64_t value = 0;

        memcpy(&value, config.bytes + offset, size);
        return value;
}

static void put(unsigned int offset, unsigned int size, uint64_t value) {
        memcpy(config.bytes + offset, &value, size);
}

static struct zone_description example_with_device(void) {
        struct zone_description zone = zone_example();

        zone.num_regions = 3;
        zone.regions[0].guest = 0x40000000;
        zone.regions[1] = (struct hvisor_region){
                .type = HVISOR_REGION_IO, .physical = 0xa000000, .guest = 0xb000000, .size = 0x1000
        };
        zone.regions[2] =
                (struct hvisor_region){ .type = ZONE_REGION_VIRTIO, .physical = 1, .guest = 0xa003800, .size = 0x200 };
        zone.interrupts[1] = 0x80000001;
        zone.interrupts[31] = 0x800;
        return zone;
}

static void encode(const struct zone_description *zone) {
        memset(&config, 0xee, sizeof(config));
        zone_config_encode(arm64(), zone, config.bytes);
}

static void test_zone_layout_is_found_by_magic_and_architecture(void **state) {
        uint32_t magics[4];

        (void) state;
        assert_int_equal(arm64()->size, ARM64_5_SIZE);
        assert_null(zone_layout_find(5, ZONE_ARCH_ARM64, 99));
        assert_null(zone_layout_find(4, ZONE_ARCH_ARM64, 0));
        assert_null(zone_layout_find(5, (enum zone_arch) 99, 0));
        assert_int_equal(zone_layout_magics(ZONE_ARCH_ARM64, magics, 4), 1);
        assert_int_equal(magics[0], 5);
        assert_int_equal(zone_layout_magics(ZONE_ARCH_ARM64, magics, 0), 0);
}

static void test_zone_config_has_every_field_in_its_place(void **state) {
        static const struct {
                unsigned int offset, size;
                uint64_t value;
        } c[] = {
                { 0, 4, 1 },   /* zone_id */
                { 8, 8, 0xc }, /* cpus */
                { 16, 4, 3 },  /* num_memory_regions */
                { 24, 4, 0 },
                { 32, 8, 0x50000000 },
                { 40, 8, 0x40000000 },
                { 48, 8, 0x30000000 },
                { 56, 4, 1 },
                { 64, 8, 0xa000000 },
                { 72, 8, 0xb000000 },
                { 80, 8, 0x1000 },
                { 88, 4, 2 },
                { 96, 8, 0xa003800 },
                { 104, 8, 0xa003800 },
                { 112, 8, 0x200 },
                { 120, 8, 0 },
                { 144, 8, 0 }, /* no fourth region */
                { 2072, 4, 0 },
                { 2076, 4, 0x80000001 },
                { 2196, 4, 0x800 },      /* interrupts_bitmap */
                { 2200, 4, 0 },          /* num_ivc_configs */
                { 2288, 8, 0x50400000 }, /* entry_point */
                { 2296, 8, 0x50400000 },
                { 2304, 8, 0x2000000 },
                { 2312, 8, 0x50000000 },
                { 2320, 8, 0x3000 },
                { 2360, 1, 0 }, /* is_aarch32 */
                { 2368, 8, 1 }, /* GICv3 */
                { 2376, 8, 0x8000000 },
                { 2384, 8, 0x10000 },
                { 2392, 8, 0x80a0000 },
                { 2400, 8, 0xf60000 },
                { 2408, 8, 0 },
                { 2416, 8, 0 }, /* no ITS */
                { 2448, 8, 0 }, /* num_pci_bus */
                { 2872, 8, 0 }, /* num_pci_devs */
        };
        struct zone_description zone = example_with_device();

        (void) state;
        encode(&zone);
        for (size_t i = 0; i < ARRAY_SIZE(c); i++)
                assert_int_equal(number(c[i].offset, c[i].size), c[i].value);
        assert_memory_equal(config.bytes + 2328, "linux2\0\0", 8);
        assert_true(is_zeroed(config.bytes + 2448, ARM64_5_SIZE - 2448));
        assert_int_equal(config.bytes[ARM64_5_SIZE], 0xee); /* not a byte more */
}

static void test_zone_config_has_gicv2_in_its_place(void **state) {
        struct zone_description zone = zone_example();

        (void) state;
        zone.gic = (struct hvisor_gic){
                .version = 2,
                .distributor = 1,
                .distributor_size = 2,
                .cpu_interface = 3,
                .cpu_interface_size = 4,
                .cpu_interface_offset = 5,
                .hypervisor = 6,
                .hypervisor_size = 7,
                .virtual_cpu = 8,
                .virtual_cpu_size = 9,
        };
        encode(&zone);
        assert_int_equal(number(2368, 8), 0);
        for (unsigned int i = 0; i < 9; i++)
                assert_int_equal(number(2376 + 8 * i, 8), i + 1);
}

static void test_zone_config_decodes_what_it_encodes(void **state) {
        struct zone_description zone = example_with_device(), back;
        const char *what;

        (void) state;
        zone.regions[2].physical = zone.regions[2].guest;
        zone.gic.its = 0x8080000;
        zone.gic.its_size = 0x20000;
        encode(&zone);
        assert_int_equal(zone_config_decode(arm64(), config.bytes, &back, &what), 0);
        assert_memory_equal(&back, &zone, sizeof(zone));

        zone.gic = (struct hvisor_gic){ .version = 2, .distributor = 1, .virtual_cpu_size = 9 };
        encode(&zone);
        assert_int_equal(zone_config_decode(arm64(), config.bytes, &back, &what), 0);
        assert_memory_equal(&back, &zone, sizeof(zone));
}

static void test_zone_config_decode_refuses_what_runs_over(void **state) {
        static const struct {
                unsigned int offset, size;
                uint64_t value;
                const char *what;
        } c[] = {
                { 16, 4, 64, NULL },
                { 16, 4, 65, "num_memory_regions" },
                { 16, 4, UINT32_MAX, "num_memory_regions" },
                { 2200, 4, 1, "num_ivc_configs" },
                { 2200, 4, UINT32_MAX, "num_ivc_configs" },
                { 2360, 1, 1, NULL },
                { 2360, 1, 2, "arch_config" },
                { 2368, 8, 0, NULL },
                { 2368, 8, 2, "arch_config" },
                { 2368, 8, UINT64_MAX, "arch_config" },
                { 2448, 8, 4, NULL },
                { 2448, 8, 5, "num_pci_bus" },
                { 2448, 8, 1ULL << 32, "num_pci_bus" },
                { 2872, 8, 32, NULL },
                { 2872, 8, 33, "num_pci_devs" },
                { 2872, 8, 1ULL << 32, "num_pci_devs" },
        };
        struct zone_description zone = zone_example(), back;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                const char *what = NULL;

                encode(&zone);
                put(c[i].offset, c[i].size, c[i].value);
                assert_int_equal(zone_config_decode(arm64(), config.bytes, &back, &what), c[i].what ? -EINVAL : 0);
                if (c[i].what)
                        assert_string_equal(what, c[i].what);
        }
}

static void test_zone_config_decode_takes_any_bytes(void **state) {
        struct zone_description zone;
        uint64_t seed = 1;
        const char *what;

        (void) state;
        for (unsigned int i = 0; i < 20000; i++) {
                for (unsigned int offset = 0; offset < ARM64_5_SIZE; offset += 8) {
                        seed = seed * 6364136223846793005 + 1442695040888963407;
                        put(offset, 8, seed >> 62 ? 0 : seed >> 3);
                }
                if (!zone_config_decode(arm64(), config.bytes, &zone, &what))
                        assert_true(zone.num_regions <= HVISOR_REGIONS_MAX);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zone_layout_is_found_by_magic_and_architecture),
                cmocka_unit_test(test_zone_config_has_every_field_in_its_place),
                cmocka_unit_test(test_zone_config_has_gicv2_in_its_place),
                cmocka_unit_test(test_zone_config_decodes_what_it_encodes),
                cmocka_unit_test(test_zone_config_decode_refuses_what_runs_over),
                cmocka_unit_test(test_zone_config_decode_takes_any_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
