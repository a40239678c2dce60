/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "zone_example.h"

/*
 * The layouts, as hvisor's sources have them: nothing here is taken from the code under test.
 * pci_bus: 0 where there is just one, with no count.
 */
static const struct layout {
        uint32_t magic;
        unsigned int size, pci_bus, pci_devs;
        unsigned int uefi_tag; /* 0: none */
} arm64[] = {
        { 0x4, 2800, 0, 2536, 0 },
        { 0x5, 3136, 2448, 2872, 0 },
        { 0x5, 3264, 2448, 2872, 0 },
        { 0x6, 3296, 2480, 2904, 2448 },
};

static union {
        uint8_t bytes[ZONE_CONFIG_SIZE_MAX];
        uint64_t aligned;
} config, golden;

/* The one under test, by magic and size. */
static const struct zone_layout *layout_of(const struct layout *l) {
        const struct zone_layout *found;

        for (unsigned int nth = 0; (found = zone_layout_find(l->magic, ZONE_ARCH_ARM64, nth)); nth++)
                if (found->size == l->size)
                        return found;
        fail_msg("no layout of magic %#x with %u bytes", l->magic, l->size);
        return NULL;
}

static void put(uint8_t *bytes, unsigned int offset, unsigned int size, uint64_t value) {
        memcpy(bytes + offset, &value, size);
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

static void encode(const struct layout *l, const struct zone_description *zone) {
        memset(&config, 0xee, sizeof(config));
        zone_config_encode(layout_of(l), zone, config.bytes);
}

static void test_zone_layout_is_found_by_magic_and_architecture(void **state) {
        uint32_t magics[4];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(arm64); i++)
                assert_non_null(layout_of(&arm64[i]));
        assert_null(zone_layout_find(5, ZONE_ARCH_ARM64, 2));
        assert_null(zone_layout_find(3, ZONE_ARCH_ARM64, 0));
        assert_null(zone_layout_find(7, ZONE_ARCH_ARM64, 0));
        assert_null(zone_layout_find(5, (enum zone_arch) 99, 0));
        assert_int_equal(zone_layout_magics(ZONE_ARCH_ARM64, magics, 4), 3);
        assert_true(magics[0] == 4 && magics[1] == 5 && magics[2] == 6);
        assert_int_equal(zone_layout_magics(ZONE_ARCH_ARM64, magics, 1), 1);
        assert_int_equal(zone_layout_magics(ZONE_ARCH_ARM64, magics, 0), 0);
}

struct golden_field {
        unsigned int offset, size;
        uint64_t value;
};

/* What example_with_device() looks like in every layout; each byte not named is 0. */
static const struct golden_field golden_head[] = {
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
        { 2076, 4, 0x80000001 },
        { 2196, 4, 0x800 },      /* interrupts_bitmap */
        { 2288, 8, 0x50400000 }, /* entry_point */
        { 2296, 8, 0x50400000 },
        { 2304, 8, 0x2000000 },
        { 2312, 8, 0x50000000 },
        { 2320, 8, 0x3000 },
        { 2328, 8, 0x3278756e696c }, /* "linux2" */
};

static const struct golden_field golden_gicv3[] = {
        { 2368, 8, 1 }, { 2376, 8, 0x8000000 }, { 2384, 8, 0x10000 }, { 2392, 8, 0x80a0000 }, { 2400, 8, 0xf60000 },
};

static const struct golden_field golden_gicv2[] = {
        { 2368, 8, 0 }, { 2376, 8, 1 }, { 2384, 8, 2 }, { 2392, 8, 3 }, { 2400, 8, 4 },
        { 2408, 8, 5 }, { 2416, 8, 6 }, { 2424, 8, 7 }, { 2432, 8, 8 }, { 2440, 8, 9 },
};

static const struct hvisor_gic gicv2 = {
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

static void put_all(const struct golden_field *fields, size_t n) {
        for (size_t i = 0; i < n; i++)
                put(golden.bytes, fields[i].offset, fields[i].size, fields[i].value);
}

static void assert_encodes_to(const struct layout *l, const struct zone_description *zone,
                              const struct golden_field *gic, size_t num_gic) {
        memset(&golden, 0xee, sizeof(golden)); /* not a byte more is written */
        memset(&golden, 0, l->size);
        put_all(golden_head, ARRAY_SIZE(golden_head));
        put_all(gic, num_gic);
        if (l->uefi_tag)
                put(golden.bytes, l->uefi_tag, 8, 1);
        encode(l, zone);
        assert_memory_equal(config.bytes, golden.bytes, sizeof(golden));
}

static void test_zone_config_is_byte_for_byte_what_each_layout_wants(void **state) {
        struct zone_description zone = example_with_device();

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(arm64); i++)
                assert_encodes_to(&arm64[i], &zone, golden_gicv3, ARRAY_SIZE(golden_gicv3));
        zone.gic = gicv2;
        for (size_t i = 0; i < ARRAY_SIZE(arm64); i++)
                assert_encodes_to(&arm64[i], &zone, golden_gicv2, ARRAY_SIZE(golden_gicv2));
}

static void assert_comes_back(const struct layout *l, const struct zone_description *zone) {
        struct zone_description back;
        const char *what;

        encode(l, zone);
        assert_int_equal(zone_config_decode(layout_of(l), config.bytes, &back, &what), 0);
        assert_memory_equal(&back, zone, sizeof(*zone));
}

static void test_zone_config_decodes_what_it_encodes(void **state) {
        struct zone_description zone = example_with_device();

        (void) state;
        zone.regions[2].physical = zone.regions[2].guest;
        zone.gic.its = 0x8080000;
        zone.gic.its_size = 0x20000;
        for (size_t i = 0; i < ARRAY_SIZE(arm64); i++)
                assert_comes_back(&arm64[i], &zone);
        zone.gic = gicv2;
        for (size_t i = 0; i < ARRAY_SIZE(arm64); i++)
                assert_comes_back(&arm64[i], &zone);
}

/* One field spoilt: @what is at fault, or nothing is (NULL). */
static void assert_decode(const struct layout *l, unsigned int offset, unsigned int size, uint64_t value,
                          const char *what) {
        struct zone_description zone = zone_example(), back;
        const char *found = NULL;

        encode(l, &zone);
        put(config.bytes, offset, size, value);
        assert_int_equal(zone_config_decode(layout_of(l), config.bytes, &back, &found), what ? -EINVAL : 0);
        if (what)
                assert_string_equal(found, what);
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
        };

        (void) state;
        for (size_t n = 0; n < ARRAY_SIZE(arm64); n++)
                for (size_t i = 0; i < ARRAY_SIZE(c); i++)
                        assert_decode(&arm64[n], c[i].offset, c[i].size, c[i].value, c[i].what);
}

static void test_zone_config_decode_counts_pci_where_the_layout_has_it(void **state) {
        (void) state;
        for (const struct layout *l = arm64; l < arm64 + ARRAY_SIZE(arm64); l++) {
                if (l->pci_bus) {
                        assert_decode(l, l->pci_bus, 8, 4, NULL);
                        assert_decode(l, l->pci_bus, 8, 5, "num_pci_bus");
                        assert_decode(l, l->pci_bus, 8, 1ULL << 32, "num_pci_bus");
                }
                assert_decode(l, l->pci_devs, 8, 32, NULL);
                assert_decode(l, l->pci_devs, 8, 33, "num_pci_devs");
                assert_decode(l, l->pci_devs, 8, 1ULL << 32, "num_pci_devs");
        }
}

static void test_zone_config_decode_refuses_uefi(void **state) {
        (void) state;
        for (const struct layout *l = arm64; l < arm64 + ARRAY_SIZE(arm64); l++)
                if (l->uefi_tag) {
                        assert_decode(l, l->uefi_tag, 8, 1, NULL);
                        assert_decode(l, l->uefi_tag, 8, 0, "arch_config");
                        assert_decode(l, l->uefi_tag, 8, 2, "arch_config");
                        assert_decode(l, l->uefi_tag, 8, UINT64_MAX, "arch_config");
                }
}

static void test_zone_config_decode_takes_any_bytes(void **state) {
        struct zone_description zone;
        uint64_t seed = 1;
        const char *what;

        (void) state;
        for (unsigned int i = 0; i < 20000; i++) {
                const struct layout *l = &arm64[i % ARRAY_SIZE(arm64)];

                for (unsigned int offset = 0; offset < l->size; offset += 8) {
                        seed = seed * 6364136223846793005 + 1442695040888963407;
                        put(config.bytes, offset, 8, seed >> 62 ? 0 : seed >> 3);
                }
                if (!zone_config_decode(layout_of(l), config.bytes, &zone, &what))
                        assert_true(zone.num_regions <= HVISOR_REGIONS_MAX);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zone_layout_is_found_by_magic_and_architecture),
                cmocka_unit_test(test_zone_config_is_byte_for_byte_what_each_layout_wants),
                cmocka_unit_test(test_zone_config_decodes_what_it_encodes),
                cmocka_unit_test(test_zone_config_decode_refuses_what_runs_over),
                cmocka_unit_test(test_zone_config_decode_counts_pci_where_the_layout_has_it),
                cmocka_unit_test(test_zone_config_decode_refuses_uefi),
                cmocka_unit_test(test_zone_config_decode_takes_any_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
