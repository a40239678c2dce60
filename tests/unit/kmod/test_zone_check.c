/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "zone_check.h"
#include "zone_example.h"

static const struct zone_limits board = { .root_cpus = 0x3, .gic_version = 3 };

static int check(const struct zone_description *zone) {
        struct zone_problem problem = { 0 };
        int r = zone_check(zone, &board, &problem);

        assert_true(!r == !problem.field);
        return r;
}

static void test_zone_check_accepts_the_example(void **state) {
        struct zone_description zone = zone_example();

        (void) state;
        assert_int_equal(check(&zone), 0);
        zone.dtb_address = zone.dtb_size = 0; /* bare metal has none */
        assert_int_equal(check(&zone), 0);
        zone.regions[0].guest = 0x40000000;
        zone.entry_point = 0x40400000;
        assert_int_equal(check(&zone), 0);
}

/* Each of these the hypervisor answers with a panic, or with a zone that never runs. */
static void test_zone_check_refuses_what_takes_the_board_down(void **state) {
        enum {
                ID,
                CPUS,
                ENTRY,
                KERNEL,
                KERNEL_SIZE,
                DTB,
                DTB_SIZE,
                COUNT,
                TYPE,
                PHYSICAL,
                GUEST,
                SIZE,
                GIC,
                GICD,
                GICD_SIZE,
                GICR,
                GICR_SIZE,
                ITS,
                GICC
        };
        static const struct {
                int field;
                uint64_t value;
                int error;
        } c[] = {
                { ID, 0, -EINVAL },
                { CPUS, 0, -EINVAL },
                { CPUS, 2, -EBUSY },
                { CPUS, 0xd, -EBUSY },
                { ENTRY, 0x4ffffffc, -EINVAL },
                { ENTRY, 0x80000000, -EINVAL },
                { ENTRY, 0x50400002, -EINVAL },
                { ENTRY, UINT64_MAX, -EINVAL },
                { KERNEL, 0x4fffffff, -EINVAL },
                { KERNEL, 0x7fffffff, -EINVAL },
                { KERNEL_SIZE, UINT64_MAX, -EINVAL },
                { DTB, 0x4ffff000, -EINVAL },
                { DTB, 0, -EINVAL },
                { DTB_SIZE, 0x30000001, -EINVAL },
                { DTB, 0x50400000, -EINVAL },
                { DTB, 0x503ff000, -EINVAL },
                { COUNT, 0, -EINVAL },
                { COUNT, 65, -E2BIG },
                { COUNT, UINT32_MAX, -E2BIG },
                { TYPE, 1, -EINVAL },
                { TYPE, 3, -EINVAL },
                { TYPE, UINT32_MAX, -EINVAL },
                { PHYSICAL, 0x50000800, -EINVAL },
                { GUEST, 0x50000001, -EINVAL },
                { SIZE, 0x30000010, -EINVAL },
                { SIZE, 0, -EINVAL },
                { SIZE, 0xfffffffffffff000, -EINVAL },
                { SIZE, 1ULL << 48, -EINVAL },
                { GUEST, 0xfffffffff0000000, -EINVAL },
                { PHYSICAL, 0xfffffffff0000000, -EINVAL },
                { GIC, 0, -EINVAL },
                { GIC, 2, -EINVAL },
                { GIC, 4, -EINVAL },
                { GICD, 0, -EINVAL },
                { GICD_SIZE, 0, -EINVAL },
                { GICD_SIZE, UINT64_MAX, -EINVAL },
                { GICR, 0, -EINVAL },
                { GICR_SIZE, 0, -EINVAL },
                { ITS, 0x8080000, -EINVAL },
                { GICC, 1, -EINVAL },
                { GICD, 0x50000000, -EINVAL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct zone_description z = zone_example();
                uint64_t v = c[i].value;

                switch (c[i].field) {
                case ID:
                        z.id = (uint32_t) v;
                        break;
                case CPUS:
                        z.cpus = v;
                        break;
                case ENTRY:
                        z.entry_point = v;
                        break;
                case KERNEL:
                        z.kernel_address = v;
                        break;
                case KERNEL_SIZE:
                        z.kernel_size = v;
                        break;
                case DTB:
                        z.dtb_address = v;
                        break;
                case DTB_SIZE:
                        z.dtb_size = v;
                        break;
                case COUNT:
                        z.num_regions = (uint32_t) v;
                        break;
                case TYPE:
                        z.regions[0].type = (uint32_t) v;
                        break;
                case PHYSICAL:
                        z.regions[0].physical = v;
                        break;
                case GUEST:
                        z.regions[0].guest = v;
                        break;
                case SIZE:
                        z.regions[0].size = v;
                        break;
                case GIC:
                        z.arm64.gic.version = (uint32_t) v;
                        break;
                case GICD:
                        z.arm64.gic.distributor = v;
                        break;
                case GICD_SIZE:
                        z.arm64.gic.distributor_size = v;
                        break;
                case GICR:
                        z.arm64.gic.redistributor = v;
                        break;
                case GICR_SIZE:
                        z.arm64.gic.redistributor_size = v;
                        break;
                case ITS:
                        z.arm64.gic.its = v;
                        break;
                case GICC:
                        z.arm64.gic.cpu_interface = v;
                        break;
                }
                if (check(&z) != c[i].error)
                        fail_msg("row %zu: %d", i, check(&z));
        }
}

static void test_zone_check_refuses_overlapping_regions(void **state) {
        static const struct {
                uint32_t type;
                uint64_t physical, guest, size;
                bool ok;
        } c[] = {
                { HVISOR_REGION_IO, 0x9000000, 0x9000000, 0x1000, true },
                { HVISOR_REGION_IO, 0x9000000, 0x7ffff000, 0x1000, false },
                { HVISOR_REGION_RAM, 0x7ffff000, 0x90000000, 0x1000, false },
                { HVISOR_REGION_RAM, 0x80000000, 0x80000000, 0x1000, true },
                { HVISOR_REGION_RAM, 0x4ffff000, 0x4ffff000, 0x1000, true },
                { HVISOR_REGION_RAM, 0x4ffff000, 0x4ffff000, 0x2000, false },
                { HVISOR_REGION_IO, 0x8000000, 0x8000000, 0x10000, false }, /* the distributor */
                { HVISOR_REGION_IO, 0x80a0000, 0x8fff000, 0x1000, false },  /* a redistributor */
                { ZONE_REGION_VIRTIO, 0xa003800, 0xa003800, 0x200, true },
                { ZONE_REGION_VIRTIO, 0x50000800, 0x50000800, 0x200, false },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct zone_description z = zone_example();

                z.regions[z.num_regions++] = (struct hvisor_region){
                        .type = c[i].type,
                        .physical = c[i].physical,
                        .guest = c[i].guest,
                        .size = c[i].size,
                };
                assert_int_equal(check(&z), c[i].ok ? 0 : -EINVAL);
        }
}

/* The bridge has no room for the answers to others. */
static void test_zone_check_keeps_windows_from_cpus_that_get_no_answer(void **state) {
        struct zone_description z = zone_example();

        (void) state;
        z.cpus = 1ULL << 32;
        assert_int_equal(check(&z), 0);
        z.regions[z.num_regions++] = (struct hvisor_region){ ZONE_REGION_VIRTIO, 0, 0xa003800, 0xa003800, 0x200 };
        assert_int_equal(check(&z), -EINVAL);
        z.cpus = 1ULL << 31;
        assert_int_equal(check(&z), 0);
}

static const struct hvisor_gic gicv2 = {
        .version = 2,
        .distributor = 0x8000000,
        .distributor_size = 0x1000,
        .cpu_interface = 0x8010000,
        .cpu_interface_size = 0x10000,
        .hypervisor = 0x8030000,
        .hypervisor_size = 0x10000,
        .virtual_cpu = 0x8040000,
        .virtual_cpu_size = 0x10000,
};

static void test_zone_check_knows_both_gics(void **state) {
        struct zone_description z = zone_example();
        struct zone_limits any = { .root_cpus = 3 };
        struct zone_problem problem;

        (void) state;
        z.arm64.gic.its = 0x8080000;
        z.arm64.gic.its_size = 0x20000;
        assert_int_equal(check(&z), 0);
        z.id = 4;
        assert_int_equal(check(&z), -EINVAL); /* the hypervisor has tables for four zones' ITS */

        z = zone_example();
        z.arm64.gic = gicv2;
        assert_int_equal(zone_check(&z, &any, &problem), 0);
        assert_int_equal(check(&z), -EINVAL); /* not on this board */
        z.arm64.gic.virtual_cpu = 0;
        assert_int_equal(zone_check(&z, &any, &problem), -EINVAL);
}

/* The hypervisor maps the one onto the other: it panics where they differ in size, or are no whole pages. */
static void test_zone_check_refuses_a_gicv2_that_cannot_be_mapped(void **state) {
        static const struct {
                uint64_t cpu_interface, cpu_interface_size, virtual_cpu, virtual_cpu_size;
                int r;
        } c[] = {
                { 0x8010000, 0x1000, 0x8040000, 0x1000, 0 },       { 0x8010000, 0x2000, 0x8040000, 0x2000, 0 },
                { 0x8010000, 0x1000, 0x8040000, 0x2000, -EINVAL }, { 0x8010000, 0x2000, 0x8040000, 0x1000, -EINVAL },
                { 0x8010000, 0x100, 0x8040000, 0x100, -EINVAL },   { 0x8010100, 0x1000, 0x8040000, 0x1000, -EINVAL },
                { 0x8010000, 0x1000, 0x8040100, 0x1000, -EINVAL },
        };
        struct zone_limits any = { .root_cpus = 3 };
        struct zone_problem problem;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct zone_description z = zone_example();

                z.arm64.gic = gicv2;
                z.arm64.gic.cpu_interface = c[i].cpu_interface;
                z.arm64.gic.cpu_interface_size = c[i].cpu_interface_size;
                z.arm64.gic.virtual_cpu = c[i].virtual_cpu;
                z.arm64.gic.virtual_cpu_size = c[i].virtual_cpu_size;
                assert_int_equal(zone_check(&z, &any, &problem), c[i].r);
        }
}

static void test_zone_check_refuses_interrupts_that_are_none(void **state) {
        static const struct {
                uint32_t interrupt;
                bool ok;
        } c[] = {
                { 27, true }, { 33, true }, { 1019, true }, { 1020, false }, { 1023, false },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct zone_description z = zone_example();

                z.interrupts[c[i].interrupt / 32] |= 1U << c[i].interrupt % 32;
                assert_int_equal(check(&z), c[i].ok ? 0 : -EINVAL);
        }
}

static void test_zone_check_keeps_zones_apart(void **state) {
        static const struct {
                uint64_t cpus, physical, size;
                uint32_t type;
                bool ok;
        } c[] = {
                { 0x10, 0x80000000, 0x1000000, HVISOR_REGION_RAM, true },
                { 0x04, 0x80000000, 0x1000000, HVISOR_REGION_RAM, false },
                { 0x10, 0x7f000000, 0x1000000, HVISOR_REGION_RAM, false },
                { 0x10, 0x4f000000, 0x1000000, HVISOR_REGION_RAM, true },
                { 0x10, 0x7f000000, 0x1000000, HVISOR_REGION_IO, false }, /* I/O over the other's RAM */
                { 0x10, 0x9000000, 0x1000, HVISOR_REGION_IO, true },      /* a shared I/O region */
        };
        struct zone_description a = zone_example();
        struct zone_problem problem;

        (void) state;
        a.regions[a.num_regions++] = (struct hvisor_region){
                .type = HVISOR_REGION_IO, .physical = 0x9000000, .guest = 0x9000000, .size = 0x1000
        };
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct zone_description b = zone_example();

                b.cpus = c[i].cpus;
                b.regions[0] =
                        (struct hvisor_region){ .type = c[i].type, .physical = c[i].physical, .size = c[i].size };
                assert_int_equal(zone_check_apart(&a, &b, &problem), c[i].ok ? 0 : -EBUSY);
                assert_int_equal(zone_check_apart(&b, &a, &problem), c[i].ok ? 0 : -EBUSY);
        }
}

static void test_zone_add_device_finds_every_conflict(void **state) {
        static const struct {
                uint64_t address, size;
                uint32_t interrupt;
                int error;
        } c[] = {
                { 0xa003800, 0x200, 76, 0 },
                { 0xa003800, 0x100, 76, -EINVAL },
                { 0xa003800, 0x1000, 76, -EINVAL },
                { 0xa003801, 0x200, 76, -EINVAL },
                { 0xfffffffffffffe00, 0x200, 76, -EINVAL },
                { 1ULL << 48, 0x200, 76, -EINVAL },
                { 0xa003800, 0x200, 31, -EINVAL },
                { 0xa003800, 0x200, 0, -EINVAL },
                { 0xa003800, 0x200, 1020, -EINVAL },
                { 0xa003800, 0x200, UINT32_MAX, -EINVAL },
                { 0xa003800, 0x200, 33, -EEXIST }, /* passed through */
                { 0xa003600, 0x200, 80, -EEXIST },
                { 0xa003600, 0x200, 75, 0 },
                { 0xa0034f8, 0x200, 80, -EEXIST },
                { 0xa000000, 0x200, 75, -EEXIST }, /* interrupt of the first device */
                { 0x50000000, 0x200, 76, -EEXIST },
                { 0x4ffffff8, 0x200, 76, -EEXIST },
                { 0x8000000, 0x200, 76, -EEXIST },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct zone_description z = zone_example();
                struct zone_problem problem;
                bool second = c[i].address == 0xa003600 || c[i].address == 0xa0034f8 || c[i].address == 0xa000000;
                uint32_t before;

                z.interrupts[1] = 1U << 1;
                if (second && c[i].interrupt != 75)
                        assert_int_equal(zone_add_device(&z, 0xa003600, 0x200, 75, &problem), 0);
                else if (c[i].error == -EEXIST && second)
                        assert_int_equal(zone_add_device(&z, 0xa003c00, 0x200, 75, &problem), 0);
                before = z.num_regions;
                if (zone_add_device(&z, c[i].address, c[i].size, c[i].interrupt, &problem) != c[i].error)
                        fail_msg("row %zu", i);
                assert_int_equal(z.num_regions > before, !c[i].error);
                if (!c[i].error) {
                        assert_true(zone_has_interrupt(&z, c[i].interrupt));
                        assert_int_equal(check(&z), 0);
                }
        }
}

/* Offset 0x50 of a virtio region is the one place where the hypervisor does not wait for an answer. */
static void test_zone_add_device_leaves_no_access_unanswered(void **state) {
        struct zone_description z = zone_example();
        uint64_t next = 0xa003600;
        struct zone_problem problem;
        uint32_t before = z.num_regions;

        (void) state;
        assert_int_equal(zone_add_device(&z, 0xa003600, 0x200, 75, &problem), 0);
        for (uint32_t i = before; i < z.num_regions; i++) {
                assert_int_equal(z.regions[i].type, ZONE_REGION_VIRTIO);
                assert_int_equal(z.regions[i].guest, next);
                assert_int_equal(z.regions[i].physical, next);
                assert_true(z.regions[i].size > 0 && z.regions[i].size <= 0x50);
                assert_int_equal(z.regions[i].size % 8, 0); /* an access lies in one of them as a whole */
                next += z.regions[i].size;
        }
        assert_int_equal(next, 0xa003800);
}

static void test_zone_add_device_stops_where_it_does_not_fit(void **state) {
        uint32_t slices;

        (void) state;
        {
                struct zone_description z = zone_example();
                struct zone_problem problem;

                slices = z.num_regions;
                assert_int_equal(zone_add_device(&z, 0xa000000, 0x200, 100, &problem), 0);
                slices = z.num_regions - slices;
        }
        assert_int_equal(slices, HVISOR_WINDOW_REGIONS);
        for (uint32_t room = 0; room <= slices; room++) {
                struct zone_description z = zone_example();
                struct zone_problem problem;

                z.num_regions = HVISOR_REGIONS_MAX - room;
                assert_int_equal(zone_add_device(&z, 0xa000000, 0x200, 100, &problem), room < slices ? -E2BIG : 0);
                assert_int_equal(z.num_regions, HVISOR_REGIONS_MAX - (room < slices ? room : 0));
        }
}

static const struct zone_description two_pieces_of_ram = {
        .num_regions = 3,
        .regions = {
                { .physical = 0x50000000, .guest = 0x40000000, .size = 0x10000000 },
                { .physical = 0x70000000, .guest = 0x50000000, .size = 0x1000 },
                { .type = HVISOR_REGION_IO, .physical = 0x9000000, .guest = 0x9000000, .size = 0x1000 },
        },
};

static void test_zone_find_ram_wants_one_region(void **state) {
        static const struct {
                bool physical;
                uint64_t address, size;
                int region;
        } c[] = {
                { true, 0x50000000, 0x1000, 0 },      { true, 0x60000000, 1, -1 },
                { true, 0x50000fff, 2, 0 },           { true, 0x50000fff, 0xfffffff, -1 },
                { false, 0x40000000, 0x10000000, 0 }, { false, 0x50000000, 4, 1 },
                { false, 0x4fffffff, 2, -1 },         { false, 0x40000000, UINT64_MAX, -1 },
                { false, UINT64_MAX, 2, -1 },         { true, 0x9000000, 4, -1 },
        };
        const struct zone_description z = two_pieces_of_ram;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++)
                assert_ptr_equal(zone_find_ram(&z, c[i].physical, c[i].address, c[i].size),
                                 c[i].region < 0 ? NULL : &z.regions[c[i].region]);
}

static void test_zone_has_ram_sees_a_single_byte(void **state) {
        static const struct {
                uint64_t address, size;
                bool has;
        } c[] = {
                { 0x50000000, 1, true },        { 0x4fffffff, 1, false },          { 0x4fffffff, 2, true },
                { 0x5fffffff, 1, true },        { 0x60000000, 0x10000000, false }, { 0x60000000, 0x10000001, true },
                { 0x70000000, 0x1000, true },   { 0x40000000, 0x1000, false }, /* of the guest alone */
                { 0x9000000, 0x1000, false },                                  /* no RAM */
                { 0, UINT64_C(1) << 48, true }, { 0x50000000, 0, false },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++)
                assert_int_equal(zone_has_ram(&two_pieces_of_ram, c[i].address, c[i].size), c[i].has);
}

static void test_zone_name_is_short_and_plain(void **state) {
        static const struct {
                char name[HVISOR_NAME_SIZE + 1];
                bool ok;
        } c[] = {
                { "linux2", true },
                { "A-b_c.9", true },
                { "0123456789012345678901234567890", true },
                { "", false },
                { "01234567890123456789012345678901", false },
                { "a b", false },
                { "a/b", false },
                { "a\nb", false },
                { "\xc3\xa4", false },
                { "a\0b", false },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++)
                assert_int_equal(zone_name_is_valid(c[i].name), c[i].ok);
}

static void test_ranges_do_not_wrap(void **state) {
        static const struct {
                uint64_t a, a_size, b, b_size;
                bool overlap;
        } c[] = {
                { 0, 1, 0, 1, true },
                { 0, 1, 1, 1, false },
                { 1, 1, 0, 1, false },
                { 0, 0, 0, 1, false },
                { 0, UINT64_MAX, UINT64_MAX - 1, 1, true },
                { UINT64_MAX, 1, UINT64_MAX, 1, true },
                { 0x1000, 0x1000, 0x1fff, 1, true },
                { 0x1000, 0x1000, 0xfff, 2, true },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                assert_int_equal(ranges_overlap(c[i].a, c[i].a_size, c[i].b, c[i].b_size), c[i].overlap);
                assert_int_equal(ranges_overlap(c[i].b, c[i].b_size, c[i].a, c[i].a_size), c[i].overlap);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zone_check_accepts_the_example),
                cmocka_unit_test(test_zone_check_refuses_what_takes_the_board_down),
                cmocka_unit_test(test_zone_check_refuses_overlapping_regions),
                cmocka_unit_test(test_zone_check_keeps_windows_from_cpus_that_get_no_answer),
                cmocka_unit_test(test_zone_check_knows_both_gics),
                cmocka_unit_test(test_zone_check_refuses_a_gicv2_that_cannot_be_mapped),
                cmocka_unit_test(test_zone_check_refuses_interrupts_that_are_none),
                cmocka_unit_test(test_zone_check_keeps_zones_apart),
                cmocka_unit_test(test_zone_add_device_finds_every_conflict),
                cmocka_unit_test(test_zone_add_device_leaves_no_access_unanswered),
                cmocka_unit_test(test_zone_add_device_stops_where_it_does_not_fit),
                cmocka_unit_test(test_zone_find_ram_wants_one_region),
                cmocka_unit_test(test_zone_has_ram_sees_a_single_byte),
                cmocka_unit_test(test_zone_name_is_short_and_plain),
                cmocka_unit_test(test_ranges_do_not_wrap),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
