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
        enum hvisor_arch arch;
        unsigned int size, arch_size;
        unsigned int pci_bus, pci_config, pci_devs, alloc;
        unsigned int device_size; /* 8 or 12; with no count of buses it is a number */
} layouts[] = {
        { 0x4, HVISOR_ARCH_ARM64, 2800, 88, 0, 2448, 2536, 2544, 8 },
        { 0x4, HVISOR_ARCH_RISCV64, 2744, 32, 0, 2392, 2480, 2488, 8 },
        { 0x5, HVISOR_ARCH_ARM64, 3136, 88, 2448, 2456, 2872, 2880, 8 },
        { 0x5, HVISOR_ARCH_ARM64, 3264, 88, 2448, 2456, 2872, 2880, 12 },
        { 0x6, HVISOR_ARCH_ARM64, 3296, 120, 2480, 2488, 2904, 2912, 12 },
        { 0x5, HVISOR_ARCH_RISCV64, 3080, 32, 2392, 2400, 2816, 2824, 8 },
        { 0x5, HVISOR_ARCH_RISCV64, 3208, 32, 2392, 2400, 2816, 2824, 12 },
        { 0x6, HVISOR_ARCH_RISCV64, 3208, 32, 2392, 2400, 2816, 2824, 12 },
        { 0x5, HVISOR_ARCH_LOONGARCH64, 3056, 8, 2368, 2376, 2792, 2800, 8 },
        { 0x5, HVISOR_ARCH_LOONGARCH64, 3184, 8, 2368, 2376, 2792, 2800, 12 },
        { 0x6, HVISOR_ARCH_LOONGARCH64, 3184, 8, 2368, 2376, 2792, 2800, 12 },
        { 0x5, HVISOR_ARCH_X86_64, 3128, 80, 2440, 2448, 2864, 2872, 8 },
        { 0x5, HVISOR_ARCH_X86_64, 3264, 88, 2448, 2456, 2872, 2880, 12 },
        { 0x6, HVISOR_ARCH_X86_64, 3264, 88, 2448, 2456, 2872, 2880, 12 },
};

#define EACH_LAYOUT(l) (const struct layout *l = layouts; l < layouts + ARRAY_SIZE(layouts); l++)

static union {
        uint8_t bytes[ZONE_CONFIG_SIZE_MAX];
        uint64_t aligned;
} config, golden;

/* The one under test, by magic and size. */
static const struct zone_layout *layout_of(const struct layout *l) {
        const struct zone_layout *found;

        for (unsigned int nth = 0; (found = zone_layout_find(l->magic, l->arch, nth)); nth++)
                if (found->size == l->size)
                        return found;
        fail_msg("no layout of magic %#x, architecture %d, with %u bytes", l->magic, l->arch, l->size);
        return NULL;
}

static void put(uint8_t *bytes, unsigned int offset, unsigned int size, uint64_t value) {
        memcpy(bytes + offset, &value, size);
}

static bool is_layout(const struct layout *l, enum hvisor_arch arch) {
        return l->arch == arch;
}

/* With what the layout's architecture wants to have. */
static struct zone_description example_with_device(const struct layout *l) {
        struct zone_description zone = zone_example();

        zone.arch = l->arch;
        zone.num_regions = 3;
        zone.regions[0].guest = 0x40000000;
        zone.regions[1] = (struct hvisor_region){
                .type = HVISOR_REGION_IO, .physical = 0xa000000, .guest = 0xb000000, .size = 0x1000
        };
        zone.regions[2] =
                (struct hvisor_region){ .type = ZONE_REGION_VIRTIO, .physical = 1, .guest = 0xa003800, .size = 0x200 };
        zone.interrupts[1] = 0x80000001;
        zone.interrupts[31] = 0x800;
        if (!is_layout(l, HVISOR_ARCH_ARM64))
                memset(&zone.arm64, 0, sizeof(zone.arm64));
        if (is_layout(l, HVISOR_ARCH_X86_64))
                zone.x86_64.uefi_region = l->arch_size == 80 ? HVISOR_REGION_NONE : 0;
        return zone;
}

static void encode(const struct layout *l, const struct zone_description *zone) {
        struct zone_problem problem;

        memset(&config, 0xee, sizeof(config));
        assert_int_equal(zone_layout_check(layout_of(l), zone, &problem), 0);
        zone_config_encode(layout_of(l), zone, config.bytes);
}

static void test_zone_layout_is_found_by_magic_and_architecture(void **state) {
        static const struct {
                enum hvisor_arch arch;
                unsigned int num;
                uint32_t magics[3];
        } c[] = {
                { HVISOR_ARCH_ARM64, 3, { 4, 5, 6 } },
                { HVISOR_ARCH_RISCV64, 3, { 4, 5, 6 } },
                { HVISOR_ARCH_LOONGARCH64, 2, { 5, 6 } },
                { HVISOR_ARCH_X86_64, 2, { 5, 6 } },
        };
        uint32_t magics[4];

        (void) state;
        for
                EACH_LAYOUT(l)
        assert_non_null(layout_of(l));
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                assert_null(zone_layout_find(3, c[i].arch, 0));
                assert_null(zone_layout_find(5, c[i].arch, 2));
                assert_null(zone_layout_find(7, c[i].arch, 0));
                assert_int_equal(zone_layout_magics(c[i].arch, magics, 4), c[i].num);
                assert_memory_equal(magics, c[i].magics, c[i].num * sizeof(magics[0]));
        }
        assert_null(zone_layout_find(5, (enum hvisor_arch) 99, 0));
        assert_int_equal(zone_layout_magics(HVISOR_ARCH_ARM64, magics, 1), 1);
        assert_int_equal(zone_layout_magics(HVISOR_ARCH_ARM64, magics, 0), 0);
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

static const struct golden_field golden_aarch32_uefi[] = {
        { 2360, 1, 1 }, { 2448, 8, 0 }, { 2456, 8, 0x51000000 }, { 2464, 8, 0x2000 }, { 2472, 8, 0x52000000 },
};

static const struct golden_field golden_riscv64[] = {
        { 2360, 8, 0xc000000 },
        { 2368, 8, 0x4000000 },
        { 2376, 8, 0xd000000 },
        { 2384, 8, 0x8000 },
};

static const struct golden_field golden_x86_64[] = {
        { 2360, 8, 0xfec00000 }, { 2368, 8, 0x1000 },   { 2376, 8, 0x100000 }, { 2384, 8, 0xc000 }, { 2392, 8, 0xd000 },
        { 2400, 8, 0x15200000 }, { 2408, 8, 0x300000 }, { 2416, 8, 1 },        { 2424, 8, 3 },
};

static const struct hvisor_x86_64 x86_64 = {
        .ioapic = 0xfec00000,
        .ioapic_size = 0x1000,
        .kernel_entry = 0x100000,
        .command_line = 0xc000,
        .setup = 0xd000,
        .initrd = 0x15200000,
        .initrd_size = 0x300000,
        .rsdp_region = 1,
        .acpi_region = 3,
        .uefi_region = 4,
        .screen = 0x70000000,
};

static void put_all(const struct golden_field *fields, size_t n) {
        for (size_t i = 0; i < n; i++)
                put(golden.bytes, fields[i].offset, fields[i].size, fields[i].value);
}

/* What example_with_device() is in this layout, without its architecture's part. */
static void begin_golden(const struct layout *l) {
        memset(&golden, 0xee, sizeof(golden)); /* not a byte more is written */
        memset(&golden, 0, l->size);
        put_all(golden_head, ARRAY_SIZE(golden_head));
        if (l->arch_size == 120)
                put(golden.bytes, 2448, 8, 1); /* no UEFI */
}

static void assert_golden(const struct layout *l, const struct zone_description *zone) {
        encode(l, zone);
        assert_memory_equal(config.bytes, golden.bytes, sizeof(golden));
}

static void test_zone_config_is_byte_for_byte_what_arm64_wants(void **state) {
        (void) state;
        for
                EACH_LAYOUT(l) {
                        struct zone_description zone = example_with_device(l);

                        if (!is_layout(l, HVISOR_ARCH_ARM64))
                                continue;
                        begin_golden(l);
                        put_all(golden_gicv3, ARRAY_SIZE(golden_gicv3));
                        assert_golden(l, &zone);
                        zone.arm64.gic = gicv2;
                        begin_golden(l);
                        put_all(golden_gicv2, ARRAY_SIZE(golden_gicv2));
                        assert_golden(l, &zone);
                        if (l->arch_size != 120)
                                continue;
                        zone.arm64.flags = HVISOR_ARM64_AARCH32 | HVISOR_ARM64_UEFI;
                        zone.arm64.uefi_memory_map = 0x51000000;
                        zone.arm64.uefi_memory_map_size = 0x2000;
                        zone.arm64.uefi_system_table = 0x52000000;
                        put_all(golden_aarch32_uefi, ARRAY_SIZE(golden_aarch32_uefi));
                        assert_golden(l, &zone);
                }
}

static void test_zone_config_is_byte_for_byte_what_the_others_want(void **state) {
        (void) state;
        for
                EACH_LAYOUT(l) {
                        struct zone_description zone = example_with_device(l);

                        if (is_layout(l, HVISOR_ARCH_ARM64))
                                continue;
                        begin_golden(l);
                        if (is_layout(l, HVISOR_ARCH_RISCV64)) {
                                zone.riscv64 = (struct hvisor_riscv64){ 0xc000000, 0x4000000, 0xd000000, 0x8000 };
                                put_all(golden_riscv64, ARRAY_SIZE(golden_riscv64));
                        }
                        if (is_layout(l, HVISOR_ARCH_X86_64)) {
                                zone.x86_64 = x86_64;
                                put_all(golden_x86_64, ARRAY_SIZE(golden_x86_64));
                                if (l->arch_size == 88)
                                        put(golden.bytes, 2432, 8, 4);
                                else
                                        zone.x86_64.uefi_region = HVISOR_REGION_NONE;
                                put(golden.bytes, 2360 + l->arch_size - 8, 8,
                                    0x70000000); /* the last one: screen_base */
                        }
                        assert_golden(l, &zone);
                }
}

static const struct hvisor_pci_bus buses[] = {
        { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 0, 0, 0 },
        { 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 1, 31, 7, 0 },
};

static const struct hvisor_pci_device devices[] = {
        { .bus = 0, .device = 0, .function = 0 },
        { .bus = 6, .device = 3, .function = 5 },
        { .domain = 7, .bus = 30, .device = 31, .function = 7, .type = HVISOR_PCI_VIRTUAL },
        { .domain = 7,
          .bus = 30,
          .device = 30,
          .guest_bus = 2,
          .guest_device = 4,
          .guest_function = 1,
          .flags = HVISOR_PCI_GUEST_ADDRESS },
};

/* As many of them as the layout has places for. */
static void add_pci(const struct layout *l, struct zone_description *zone) {
        zone->num_pci_buses = l->pci_bus ? 2 : 1;
        zone->num_pci_devices = l->device_size == 12 ? 4 : l->pci_bus ? 3 : 2;
        memcpy(zone->pci_buses, buses, zone->num_pci_buses * sizeof(buses[0]));
        memcpy(zone->pci_devices, devices, zone->num_pci_devices * sizeof(devices[0]));
}

static void put_golden_pci(const struct layout *l) {
        uint8_t *b = golden.bytes;

        for (unsigned int i = 0; i < 11; i++) /* ecam_base … pci_mem64_base */
                put(b, l->pci_config + 8 * i, 8, i + 1);
        if (!l->pci_bus) {
                put(b, l->pci_devs, 8, 2);
                put(b, l->alloc + 8, 8, 0x61d); /* 06:03.5 */
                return;
        }
        put(b, l->pci_bus, 8, 2);
        for (unsigned int i = 0; i < 11; i++)
                put(b, l->pci_config + 104 + 8 * i, 8, 0x21 + i);
        put(b, l->pci_config + 104 + 88, 4, 1);
        put(b, l->pci_config + 104 + 92, 4, 31);
        put(b, l->pci_config + 104 + 96, 1, 7);
        put(b, l->pci_devs, 8, l->device_size == 12 ? 4 : 3);
        if (l->device_size == 8) {
                put(b, l->alloc + 8, 4, 0x05030600);
                put(b, l->alloc + 16, 4, 0x071f1e07);
                put(b, l->alloc + 20, 4, 1);
                return;
        }
        put(b, l->alloc + 12, 4, 0x05030600);
        put(b, l->alloc + 16, 4, 0x050306);
        put(b, l->alloc + 24, 4, 0x071f1e07);
        put(b, l->alloc + 28, 4, 0x071f1e);
        put(b, l->alloc + 32, 4, 1);
        put(b, l->alloc + 36, 4, 0x001e1e07);
        put(b, l->alloc + 40, 4, 0x010402);
}

static void put_golden_arch(const struct layout *l) {
        if (is_layout(l, HVISOR_ARCH_ARM64))
                put_all(golden_gicv3, ARRAY_SIZE(golden_gicv3));
}

static void test_zone_config_has_pci_as_each_layout_tells_it(void **state) {
        (void) state;
        for
                EACH_LAYOUT(l) {
                        struct zone_description zone = example_with_device(l);

                        add_pci(l, &zone);
                        begin_golden(l);
                        put_golden_arch(l);
                        put_golden_pci(l);
                        assert_golden(l, &zone);
                }
}

static const struct hvisor_ivc ivcs[] = {
        { 0x10, 0x11, 0x70000000, 0x70001000, 0x12, 0x13, 66, 2 },
        { 0x20, 0x21, 0x71000000, 0x71001000, 0x22, 0x23, 67, 3 },
};

static void test_zone_config_has_ivc_at_the_same_place_in_each_layout(void **state) {
        static const struct golden_field f[] = {
                { 2200, 4, 2 },          { 2208, 4, 0x10 }, { 2212, 4, 0x11 }, { 2216, 8, 0x70000000 },
                { 2224, 8, 0x70001000 }, { 2232, 4, 0x12 }, { 2236, 4, 0x13 }, { 2240, 4, 66 },
                { 2244, 4, 2 },          { 2248, 4, 0x20 }, { 2252, 4, 0x21 }, { 2256, 8, 0x71000000 },
                { 2264, 8, 0x71001000 }, { 2272, 4, 0x22 }, { 2276, 4, 0x23 }, { 2280, 4, 67 },
                { 2284, 4, 3 },
        };

        (void) state;
        for
                EACH_LAYOUT(l) {
                        struct zone_description zone = example_with_device(l);

                        zone.num_ivcs = 2;
                        memcpy(zone.ivcs, ivcs, sizeof(ivcs));
                        begin_golden(l);
                        put_golden_arch(l);
                        put_all(f, ARRAY_SIZE(f));
                        assert_golden(l, &zone);
                }
}

/* What has no place is refused by name, and is not dropped. */
static void test_zone_layout_check_names_what_has_no_place(void **state) {
        enum { BUS, DOMAIN, RANGE, TYPE, GUEST, UEFI, X86_UEFI };
        static const struct {
                int what;
                const char *field;
        } c[] = {
                { BUS, "a second PCI bus" },
                { DOMAIN, "PCI domain of bus" },
                { RANGE, "PCI bus range of bus" },
                { TYPE, "type of PCI device" },
                { GUEST, "guest address of PCI device" },
                { UEFI, "UEFI" },
                { X86_UEFI, NULL },
        };

        (void) state;
        for
                EACH_LAYOUT(l)
        for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
                struct zone_description zone = example_with_device(l);
                struct zone_problem problem = { NULL, 0 };
                const char *field = c[i].field;
                int r;

                zone.num_pci_buses = zone.num_pci_devices = 1;
                switch (c[i].what) {
                case BUS:
                        zone.num_pci_buses = 2;
                        break;
                case DOMAIN:
                        zone.pci_buses[0].domain = 1;
                        break;
                case RANGE:
                        zone.pci_buses[0].bus_end = 31;
                        break;
                case TYPE:
                        zone.pci_devices[0].type = HVISOR_PCI_VIRTUAL;
                        break;
                case GUEST:
                        zone.pci_devices[0].flags = HVISOR_PCI_GUEST_ADDRESS;
                        break;
                case UEFI:
                        if (!is_layout(l, HVISOR_ARCH_ARM64))
                                continue;
                        zone.arm64.flags = HVISOR_ARM64_UEFI;
                        break;
                case X86_UEFI:
                        if (!is_layout(l, HVISOR_ARCH_X86_64))
                                continue;
                        zone.x86_64.uefi_region = l->arch_size == 80 ? 1 : HVISOR_REGION_NONE;
                        field = l->arch_size == 80 ? "UEFI region" : "a zone without a UEFI region";
                        break;
                default:
                        break;
                }
                r = zone_layout_check(layout_of(l), &zone, &problem);
                if (c[i].what == X86_UEFI || (c[i].what == UEFI && l->arch_size != 120) ||
                    (c[i].what == GUEST && l->device_size != 12) || (c[i].what < GUEST && !l->pci_bus)) {
                        assert_int_equal(r, -EOPNOTSUPP);
                        assert_string_equal(problem.field, field);
                } else {
                        assert_int_equal(r, 0);
                }
        }
}

static void assert_comes_back(const struct layout *l, const struct zone_description *zone) {
        struct zone_description back;
        const char *what;

        encode(l, zone);
        assert_int_equal(zone_config_decode(layout_of(l), config.bytes, &back, &what), 0);
        assert_memory_equal(&back, zone, sizeof(*zone));
}

/* A device's address in the guest is always there in 12 bytes, whether it was told or not. */
static void tell_addresses(struct zone_description *zone) {
        for (unsigned int i = 0; i < zone->num_pci_devices; i++) {
                struct hvisor_pci_device *d = &zone->pci_devices[i];

                if (d->flags)
                        continue;
                d->flags = HVISOR_PCI_GUEST_ADDRESS;
                d->guest_bus = d->bus;
                d->guest_device = d->device;
                d->guest_function = d->function;
        }
}

static void test_zone_config_decodes_what_it_encodes(void **state) {
        (void) state;
        for
                EACH_LAYOUT(l) {
                        struct zone_description zone = example_with_device(l);

                        zone.regions[2].physical = zone.regions[2].guest;
                        add_pci(l, &zone);
                        if (l->device_size == 12)
                                tell_addresses(&zone);
                        zone.num_ivcs = 2;
                        memcpy(zone.ivcs, ivcs, sizeof(ivcs));
                        assert_comes_back(l, &zone);
                        if (is_layout(l, HVISOR_ARCH_RISCV64))
                                zone.riscv64 = (struct hvisor_riscv64){ 1, 2, 3, 4 };
                        if (is_layout(l, HVISOR_ARCH_X86_64)) {
                                zone.x86_64 = x86_64;
                                if (l->arch_size == 80)
                                        zone.x86_64.uefi_region = HVISOR_REGION_NONE;
                        }
                        if (is_layout(l, HVISOR_ARCH_ARM64)) {
                                zone.arm64.gic.its = 0x8080000;
                                zone.arm64.gic.its_size = 0x20000;
                                assert_comes_back(l, &zone);
                                zone.arm64.gic = gicv2;
                                zone.arm64.flags = HVISOR_ARM64_AARCH32;
                        }
                        assert_comes_back(l, &zone);
                        if (l->arch_size == 120) {
                                zone.arm64.flags |= HVISOR_ARM64_UEFI;
                                zone.arm64.uefi_memory_map = 1;
                                zone.arm64.uefi_memory_map_size = 2;
                                zone.arm64.uefi_system_table = 3;
                                assert_comes_back(l, &zone);
                        }
                }
}

/* One field spoilt: @what is at fault, or nothing is (NULL). */
static void assert_decode(const struct layout *l, unsigned int offset, unsigned int size, uint64_t value,
                          const char *what) {
        struct zone_description zone = example_with_device(l), back;
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
                bool is_arm64;
        } c[] = {
                { 16, 4, 64, NULL, false },
                { 16, 4, 65, "num_memory_regions", false },
                { 16, 4, UINT32_MAX, "num_memory_regions", false },
                { 2200, 4, 2, NULL, false },
                { 2200, 4, 3, "num_ivc_configs", false },
                { 2200, 4, UINT32_MAX, "num_ivc_configs", false },
                { 2360, 1, 1, NULL, true },
                { 2360, 1, 2, "arch_config", true },
                { 2368, 8, 0, NULL, true },
                { 2368, 8, 2, "arch_config", true },
                { 2368, 8, UINT64_MAX, "arch_config", true },
        };

        (void) state;
        for
                EACH_LAYOUT(l)
        for (size_t i = 0; i < ARRAY_SIZE(c); i++)
                if (!c[i].is_arm64 || is_layout(l, HVISOR_ARCH_ARM64))
                        assert_decode(l, c[i].offset, c[i].size, c[i].value, c[i].what);
}

static void test_zone_config_decode_counts_pci_where_the_layout_has_it(void **state) {
        (void) state;
        for
                EACH_LAYOUT(l) {
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

/* The hypervisor looks at all four, whatever their number is. */
static void test_zone_config_decode_sees_buses_beyond_their_number(void **state) {
        struct zone_description back;
        const char *what;

        (void) state;
        for
                EACH_LAYOUT(l) {
                        struct zone_description zone = example_with_device(l);
                        unsigned int last = l->pci_bus ? 3 : 0;

                        encode(l, &zone);
                        put(config.bytes, l->pci_config + 104 * last, 8, 0x40000000);
                        assert_int_equal(zone_config_decode(layout_of(l), config.bytes, &back, &what), 0);
                        assert_int_equal(back.num_pci_buses, 1);
                        assert_int_equal(back.pci_buses[0].ecam, 0x40000000);
                }
}

static void test_zone_config_decode_refuses_a_number_that_is_no_pci_device(void **state) {
        (void) state;
        for
                EACH_LAYOUT(l)
        if (!l->pci_bus) {
                struct zone_description zone = example_with_device(l), back;
                const char *what;

                encode(l, &zone);
                put(config.bytes, l->pci_devs, 8, 1);
                put(config.bytes, l->alloc, 8, 0x10000);
                assert_int_equal(zone_config_decode(layout_of(l), config.bytes, &back, &what), -EINVAL);
                assert_string_equal(what, "alloc_pci_devs");
        }
}

static void test_zone_config_decode_knows_whether_there_is_uefi(void **state) {
        (void) state;
        for
                EACH_LAYOUT(l)
        if (l->arch_size == 120) {
                assert_decode(l, 2448, 8, 1, NULL);
                assert_decode(l, 2448, 8, 0, NULL);
                assert_decode(l, 2448, 8, 2, "arch_config");
                assert_decode(l, 2448, 8, UINT64_MAX, "arch_config");
        }
}

static void test_zone_config_decode_takes_any_bytes(void **state) {
        struct zone_description zone;
        uint64_t seed = 1;
        const char *what;

        (void) state;
        for (unsigned int i = 0; i < 20000; i++) {
                const struct layout *l = &layouts[i % ARRAY_SIZE(layouts)];

                for (unsigned int offset = 0; offset < l->size; offset += 8) {
                        seed = seed * 6364136223846793005 + 1442695040888963407;
                        put(config.bytes, offset, 8, seed >> 62 ? 0 : seed >> 3);
                }
                if (!zone_config_decode(layout_of(l), config.bytes, &zone, &what))
                        assert_true(zone.num_regions <= HVISOR_REGIONS_MAX && zone.num_ivcs <= HVISOR_IVCS_MAX &&
                                    zone.num_pci_buses <= HVISOR_PCI_BUSES_MAX &&
                                    zone.num_pci_devices <= HVISOR_PCI_DEVICES_MAX);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zone_layout_is_found_by_magic_and_architecture),
                cmocka_unit_test(test_zone_config_is_byte_for_byte_what_arm64_wants),
                cmocka_unit_test(test_zone_config_is_byte_for_byte_what_the_others_want),
                cmocka_unit_test(test_zone_config_has_pci_as_each_layout_tells_it),
                cmocka_unit_test(test_zone_config_has_ivc_at_the_same_place_in_each_layout),
                cmocka_unit_test(test_zone_layout_check_names_what_has_no_place),
                cmocka_unit_test(test_zone_config_decodes_what_it_encodes),
                cmocka_unit_test(test_zone_config_decode_refuses_what_runs_over),
                cmocka_unit_test(test_zone_config_decode_counts_pci_where_the_layout_has_it),
                cmocka_unit_test(test_zone_config_decode_sees_buses_beyond_their_number),
                cmocka_unit_test(test_zone_config_decode_refuses_a_number_that_is_no_pci_device),
                cmocka_unit_test(test_zone_config_decode_knows_whether_there_is_uefi),
                cmocka_unit_test(test_zone_config_decode_takes_any_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
