/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only some zones have: IVC, PCI, a UEFI, other architectures. Each spoilt field could cost the board, or another's RAM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "zone_check.h"
#include "zone_example.h"

static const struct zone_limits board = { .root_cpus = 0x3, .gic_version = 3 };

static struct zone_description zone;

static int check(void) {
        struct zone_problem problem = { 0 };
        int r = zone_check(&zone, &board, &problem);

        assert_true(!r == !problem.field);
        return r;
}

/* What the example is with the parts under test; it is right. */
static void begin(const struct zone_description *from) {
        zone = *from;
        assert_int_equal(check(), 0);
}

#define REFUSE(from, ...)                                                                                              \
        do {                                                                                                           \
                begin(from);                                                                                           \
                __VA_ARGS__;                                                                                           \
                if (check() >= 0)                                                                                      \
                        fail_msg("taken: " #__VA_ARGS__);                                                              \
        } while (0)

#define TAKE(from, ...)                                                                                                \
        do {                                                                                                           \
                begin(from);                                                                                           \
                __VA_ARGS__;                                                                                           \
                if (check() < 0)                                                                                       \
                        fail_msg("refused: " #__VA_ARGS__);                                                            \
        } while (0)

/* ---- IVC -------------------------------------------------------------------------------------------- */

static struct zone_description with_ivc(void) {
        struct zone_description z = zone_example();

        z.num_ivcs = 1;
        z.ivcs[0] = (struct hvisor_ivc){ 7, 1, 0x90000000, 0x90001000, 0x1000, 0x2000, 66, 2 };
        z.interrupts[66 / 32] |= 1U << 66 % 32;
        return z;
}

static void test_zone_check_of_ivc(void **state) {
        const struct zone_description z = with_ivc();

        (void) state;
        TAKE(&z, zone.ivcs[0].rw_size = 0);
        TAKE(&z, zone.ivcs[0].out_size = 0);
        TAKE(&z, zone.num_ivcs = 2;
             zone.ivcs[1] = (struct hvisor_ivc){ 8, 0, 0xa0000000, 0xa0001000, 0, 0x1000, 67, 2 };
             zone.interrupts[2] |= 1U << 3);
        REFUSE(&z, zone.num_ivcs = 3);
        REFUSE(&z, zone.num_ivcs = 2); /* a second one of zeroes */
        REFUSE(&z, zone.num_ivcs = 2; zone.ivcs[1] = zone.ivcs[0]);
        REFUSE(&z, zone.ivcs[0].peer = 2);
        REFUSE(&z, zone.ivcs[0].max_peers = 0);
        REFUSE(&z, zone.ivcs[0].max_peers = UINT32_MAX);
        REFUSE(&z, zone.ivcs[0].rw_size = 0; zone.ivcs[0].out_size = 0);
        REFUSE(&z, zone.ivcs[0].rw_size = 0x800);
        REFUSE(&z, zone.ivcs[0].out_size = 0xfffff000);
        REFUSE(&z, zone.ivcs[0].rw_size = 0xfffff000; zone.ivcs[0].out_size = 0x1000); /* 32 bits would wrap */
        REFUSE(&z, zone.ivcs[0].control_table += 0x800);
        REFUSE(&z, zone.ivcs[0].control_table = 0x50000000); /* RAM */
        REFUSE(&z, zone.ivcs[0].control_table = 0x8000000);  /* the GIC */
        REFUSE(&z, zone.ivcs[0].control_table = 1ULL << 39);
        REFUSE(&z, zone.ivcs[0].control_table = 0x90002000); /* in the section */
        REFUSE(&z, zone.ivcs[0].shared_memory += 8);
        REFUSE(&z, zone.ivcs[0].shared_memory = 0x7ffff000); /* reaches out of RAM's end */
        REFUSE(&z, zone.ivcs[0].shared_memory = UINT64_MAX - 0xfff);
        REFUSE(&z, zone.ivcs[0].interrupt = 31);
        REFUSE(&z, zone.ivcs[0].interrupt = 67); /* not the zone's */
        REFUSE(&z, zone.ivcs[0].interrupt = UINT32_MAX);
}

static void test_zone_check_apart_of_ivc(void **state) {
        struct zone_description a = with_ivc(), b = with_ivc();
        struct zone_problem problem;

        (void) state;
        b.cpus = 0x10;
        b.regions[0].physical = 0xa0000000;
        assert_int_equal(zone_check_apart(&a, &b, &problem), -EBUSY); /* the same interrupt */
        b.ivcs[0].interrupt = 68;
        b.interrupts[2] = 1U << 4;
        assert_int_equal(zone_check_apart(&a, &b, &problem), -EBUSY); /* the same peer */
        b.ivcs[0].peer = 0;
        assert_int_equal(zone_check_apart(&a, &b, &problem), 0);
        b.interrupts[2] |= 1U << 2; /* 66, passed through */
        assert_int_equal(zone_check_apart(&a, &b, &problem), -EBUSY);
        assert_int_equal(zone_check_apart(&b, &a, &problem), -EBUSY);
        b.interrupts[2] &= ~(1U << 2);
        a.interrupts[2] |= 1U << 5, b.interrupts[2] |= 1U << 5; /* no IVC's: their manager's call */
        assert_int_equal(zone_check_apart(&a, &b, &problem), 0);
        b.ivcs[0].out_size = 0x1000;
        assert_int_equal(zone_check_apart(&a, &b, &problem), -EBUSY);
        b.ivcs[0].id = 8;
        assert_int_equal(zone_check_apart(&a, &b, &problem), 0);
}

static void test_zone_check_keeps_root_linuxs_interrupts(void **state) {
        struct zone_limits limits = { .root_cpus = 0x3, .wakeup_interrupt = 64, .ivc_interrupts = { 0, 65 } };
        const struct zone_description z = with_ivc();
        struct zone_problem problem;

        (void) state;
        assert_int_equal(zone_check(&z, &limits, &problem), 0);
        for (uint32_t interrupt = 64; interrupt < 66; interrupt++) {
                zone = z;
                zone.interrupts[2] |= 1U << interrupt % 32;
                assert_int_equal(zone_check(&zone, &limits, &problem), -EBUSY);
                assert_int_equal(problem.index, interrupt);
                zone.ivcs[0].interrupt = interrupt;
                assert_int_equal(zone_check(&zone, &limits, &problem), -EBUSY);
                assert_int_equal(zone_check_interrupt(&limits, interrupt, &problem), -EBUSY);
        }
        assert_int_equal(zone_check_interrupt(&limits, 66, &problem), 0);
        assert_int_equal(zone_check_interrupt(&limits, 0, &problem), 0); /* none is not one */
        limits.ivc_interrupts[0] = 66;
        assert_int_equal(zone_check(&z, &limits, &problem), -EBUSY);
        assert_true(zone_has_ivc_interrupt(&z, 66));
        assert_false(zone_has_ivc_interrupt(&z, 0) || zone_has_ivc_interrupt(&z, 67));
}

/* ---- PCI -------------------------------------------------------------------------------------------- */

static struct zone_description with_pci(void) {
        struct zone_description z = zone_example();

        z.num_pci_buses = 2;
        z.pci_buses[0] = (struct hvisor_pci_bus){
                .ecam = 0x4010000000,
                .ecam_size = 0x10000000,
                .io = 0x3eff0000,
                .io_size = 0x10000,
                .mem32 = 0x10000000,
                .mem32_size = 0x2eff0000,
                .pci_mem32 = 0x10000000,
                .mem64 = 0x8000000000,
                .mem64_size = 0x8000000000,
                .pci_mem64 = 0x8000000000,
                .bus_end = 0x1f,
        };
        z.pci_buses[1] = (struct hvisor_pci_bus){ .ecam = 0x6000000000, .ecam_size = 0x100000, .domain = 3 };
        z.num_pci_devices = 2;
        z.pci_devices[0] = (struct hvisor_pci_device){ .bus = 0 };
        z.pci_devices[1] = (struct hvisor_pci_device){
                .domain = 3, .bus = 6, .device = 1, .function = 2, .guest_bus = 1, .flags = HVISOR_PCI_GUEST_ADDRESS
        };
        return z;
}

static void test_zone_check_of_pci(void **state) {
        const struct zone_description z = with_pci();

        (void) state;
        TAKE(&z, zone.pci_buses[0].mem32 = zone.pci_buses[0].mem32_size = 0);
        TAKE(&z, zone.pci_devices[0].type = HVISOR_PCI_VIRTUAL);
        REFUSE(&z, zone.num_pci_buses = 5);
        REFUSE(&z, zone.num_pci_devices = 33);
        REFUSE(&z, zone.num_pci_devices = UINT32_MAX);
        REFUSE(&z, zone.num_pci_buses = 1); /* the second device has no bus then */
        REFUSE(&z, zone.pci_buses[0].ecam = 0);
        REFUSE(&z, zone.pci_buses[0].ecam_size = 0);
        REFUSE(&z, zone.pci_buses[0].ecam += 0x800);
        REFUSE(&z, zone.pci_buses[0].ecam_size = UINT64_MAX - 0xfff);
        REFUSE(&z, zone.pci_buses[0].ecam = 0x50000000);
        REFUSE(&z, zone.pci_buses[0].mem32 = 0x7f000000; zone.pci_buses[0].mem32_size = 0x2000000);
        REFUSE(&z, zone.pci_buses[0].io = 0x4010000000);
        REFUSE(&z, zone.pci_buses[0].mem64_size = 0x8000000800);
        REFUSE(&z, zone.pci_buses[0].bus_begin = 0x20);
        REFUSE(&z, zone.pci_buses[0].bus_end = 256);
        REFUSE(&z, zone.pci_buses[0].domain = 3);
        REFUSE(&z, zone.pci_buses[1].domain = 256);
        REFUSE(&z, zone.pci_buses[1].ecam = 0x4011000000);
        REFUSE(&z, zone.pci_devices[0].bus = 0x20);
        REFUSE(&z, zone.pci_devices[0].device = 32);
        REFUSE(&z, zone.pci_devices[0].function = 8);
        REFUSE(&z, zone.pci_devices[0].type = 2);
        REFUSE(&z, zone.pci_devices[0].domain = 1);
        REFUSE(&z, zone.pci_devices[1].guest_device = 32);
        REFUSE(&z, zone.pci_devices[0] = zone.pci_devices[1]);
        REFUSE(&z, zone.pci_devices[0] = zone.pci_devices[1]; zone.pci_devices[0].function = 0); /* in the guest */
        REFUSE(&z,
               zone.pci_devices[0] = (struct hvisor_pci_device){ .domain = 3, .bus = 1 }); /* where the other is seen */
        TAKE(&z, zone.pci_devices[0] = (struct hvisor_pci_device){ .domain = 3, .bus = 1, .function = 1 });
        REFUSE(&z, zone.pci_devices[0].flags = 2);
        REFUSE(&z, zone.pci_devices[1].flags |= 0x80);
        /* RAM that the guest sees in a window, wherever it is on the board */
        REFUSE(&z, zone.num_regions = 2;
               zone.regions[1] = (struct hvisor_region){ .physical = 0x90000000, .guest = 0x10000000, .size = 0x1000 });
}

static void test_zone_check_apart_of_pci(void **state) {
        struct zone_description a = with_pci(), b = with_pci();
        struct zone_problem problem;

        (void) state;
        b.cpus = 0x10;
        b.regions[0].physical = 0xa0000000;
        assert_int_equal(zone_check_apart(&a, &b, &problem), -EBUSY);
        b.num_pci_devices = 1; /* the host bridge, which is shared */
        assert_int_equal(zone_check_apart(&a, &b, &problem), 0);
        b.num_pci_devices = 2;
        b.pci_devices[1].type = HVISOR_PCI_VIRTUAL;
        assert_int_equal(zone_check_apart(&a, &b, &problem), 0);
        b.num_pci_devices = b.num_pci_buses = 0;
        b.regions[0].physical = 0x4010000000; /* RAM in the other's configuration space */
        assert_int_equal(zone_check_apart(&a, &b, &problem), -EBUSY);
        assert_int_equal(zone_check_apart(&b, &a, &problem), -EBUSY);
}

static void test_zone_add_device_keeps_out_of_pci_and_ivc(void **state) {
        struct zone_problem problem;

        (void) state;
        zone = with_pci();
        assert_int_equal(zone_add_device(&zone, 0x4010000000, HVISOR_WINDOW_SIZE, 70, &problem), -EEXIST);
        assert_int_equal(zone_add_device(&zone, 0x10000000, HVISOR_WINDOW_SIZE, 70, &problem), -EEXIST);
        zone = with_ivc();
        assert_int_equal(zone_add_device(&zone, 0x90000000, HVISOR_WINDOW_SIZE, 70, &problem), -EEXIST);
        assert_int_equal(zone_add_device(&zone, 0x90005e00, HVISOR_WINDOW_SIZE, 70, &problem), -EEXIST);
        assert_int_equal(zone_add_device(&zone, 0x90006000, HVISOR_WINDOW_SIZE, 66, &problem), -EEXIST);
        assert_int_equal(zone_add_device(&zone, 0x90006000, HVISOR_WINDOW_SIZE, 70, &problem), 0);
}

/* ---- arm64 ------------------------------------------------------------------------------------------ */

static void test_zone_check_of_uefi(void **state) {
        struct zone_description z = zone_example();

        (void) state;
        z.arm64.flags = HVISOR_ARM64_UEFI | HVISOR_ARM64_AARCH32;
        z.arm64.uefi_memory_map = 0x51000000;
        z.arm64.uefi_memory_map_size = 0x1000;
        z.arm64.uefi_system_table = 0x51001000;
        begin(&z);
        REFUSE(&z, zone.arm64.flags |= 4);
        REFUSE(&z, zone.arm64.flags = 0);
        REFUSE(&z, zone.arm64.uefi_memory_map = 0x40000000);
        REFUSE(&z, zone.arm64.uefi_memory_map_size = 0);
        REFUSE(&z, zone.arm64.uefi_memory_map_size = UINT64_MAX);
        REFUSE(&z, zone.arm64.uefi_system_table = 0x7ffffffc);
        REFUSE(&z, zone.regions[0].guest = 0x40000000; zone.entry_point = 0x40400000);
        REFUSE(&z, zone.regions[0].type = HVISOR_REGION_RESERVED);
}

/* ---- the others ------------------------------------------------------------------------------------- */

static struct zone_description of_arch(enum hvisor_arch arch) {
        struct zone_description z = zone_example();

        z.arch = arch;
        memset(&z.arm64, 0, sizeof(z.arm64));
        return z;
}

static void test_zone_check_of_riscv64(void **state) {
        struct zone_description z = of_arch(HVISOR_ARCH_RISCV64);
        struct zone_problem problem;

        (void) state;
        z.riscv64 = (struct hvisor_riscv64){ 0xc000000, 0x4000000, 0xd000000, 0x8000 }; /* as upstream's own overlap */
        TAKE(&z, zone.riscv64.aplic = zone.riscv64.aplic_size = 0);
        TAKE(&z, zone.riscv64.plic = zone.riscv64.plic_size = 0);
        TAKE(&z, zone.num_regions = 2;
             zone.regions[1] = (struct hvisor_region){
                     .type = HVISOR_REGION_IO, .physical = 0xc000000000, .guest = 0xc000000000, .size = 0x80000000 });
        REFUSE(&z, memset(&zone.riscv64, 0, sizeof(zone.riscv64)));
        REFUSE(&z, zone.riscv64.plic_size = 0);
        REFUSE(&z, zone.riscv64.plic = 0x50000000);
        REFUSE(&z, zone.riscv64.aplic += 8);
        REFUSE(&z, zone.riscv64.plic_size = UINT64_MAX - 0xfff);
        REFUSE(&z, zone.num_ivcs = 1);
        begin(&z);
        assert_int_equal(zone_add_device(&zone, 0xc000000, HVISOR_WINDOW_SIZE, 7, &problem), -EEXIST);
        assert_int_equal(zone_add_device(&zone, 0x10007000, HVISOR_WINDOW_SIZE, 0, &problem), -EINVAL);
        assert_int_equal(zone_add_device(&zone, 0x10007000, HVISOR_WINDOW_SIZE, 7, &problem), 0);
}

/* The hypervisor maps a whole page for each virtio region, and panics where it is no page, or taken. */
static void test_zone_check_of_loongarch64(void **state) {
        struct zone_description z = of_arch(HVISOR_ARCH_LOONGARCH64);
        struct zone_problem problem;

        (void) state;
        z.entry_point |= 0x9000000000000000;
        TAKE(&z, zone.num_regions = 2;
             zone.regions[1] = (struct hvisor_region){
                     .type = HVISOR_REGION_IO, .physical = 0xffffffff0000, .guest = 0xffffffff0000, .size = 0x1000 });
        REFUSE(&z, zone.entry_point = 0x9000000090000000);
        REFUSE(&z, zone.num_regions = 2; zone.regions[1] = zone.regions[0];
               zone.regions[0] = (struct hvisor_region){
                       .type = ZONE_REGION_VIRTIO, .physical = 0x30001000, .guest = 0x30001000, .size = 0x200 });
        REFUSE(&z, zone.num_regions = 2;
               zone.regions[1] = (struct hvisor_region){
                       .type = ZONE_REGION_VIRTIO, .physical = 0x30001200, .guest = 0x30001200, .size = 0x200 });
        begin(&z);
        assert_int_equal(zone_add_device(&zone, 0x30001200, HVISOR_WINDOW_SIZE, 4, &problem), -EINVAL);
        assert_int_equal(zone_add_device(&zone, 0x30001000, HVISOR_WINDOW_SIZE, 10, &problem), -EINVAL);
        assert_int_equal(zone_add_device(&zone, 0x30001000, HVISOR_WINDOW_SIZE, 4, &problem), 0);
        assert_int_equal(zone.num_regions, 2); /* one region: it could not be mapped in slices */
        assert_int_equal(check(), 0);
        assert_int_equal(zone_add_device(&zone, 0x30001000, HVISOR_WINDOW_SIZE, 5, &problem), -EEXIST);
        assert_int_equal(zone_add_device(&zone, 0x30002000, HVISOR_WINDOW_SIZE, 5, &problem), 0);
}

static struct zone_description with_x86_64(void) {
        struct zone_description z = of_arch(HVISOR_ARCH_X86_64);

        z.num_regions = 5;
        z.regions[0] = (struct hvisor_region){ .physical = 0x50000000, .guest = 0, .size = 0xe0000 };
        z.regions[1] = (struct hvisor_region){ .physical = 0x500e0000, .guest = 0xe0000, .size = 0x20000 };
        z.regions[2] = (struct hvisor_region){ .physical = 0x50100000, .guest = 0x100000, .size = 0x14f00000 };
        z.regions[3] = (struct hvisor_region){ .physical = 0x65000000, .guest = 0x15000000, .size = 0x100000 };
        z.regions[4] = (struct hvisor_region){ .physical = 0x65100000, .guest = 0x15100000, .size = 0x1000 };
        z.entry_point = 0x8001; /* any byte may be an instruction */
        z.kernel_address = 0x50100000;
        z.dtb_address = z.dtb_size = 0;
        z.x86_64 = (struct hvisor_x86_64){ 0xfec00000, 0x1000, 0x100000, 0xc000, 0xd000, 0, 0, 1, 3, 4, 0x70000000 };
        return z;
}

static void test_zone_check_of_x86_64(void **state) {
        const struct zone_description z = with_x86_64();
        struct zone_problem problem;

        (void) state;
        TAKE(&z, zone.x86_64.uefi_region = HVISOR_REGION_NONE);
        TAKE(&z, zone.x86_64.screen = 0);
        TAKE(&z, zone.x86_64.command_line = 0);
        TAKE(&z, zone.regions[4].type = HVISOR_REGION_RESERVED; zone.x86_64.uefi_region = HVISOR_REGION_NONE;
             zone.x86_64.initrd = 0x15100000; zone.x86_64.initrd_size = 0x1000);
        REFUSE(&z, zone.x86_64.ioapic = 0);
        REFUSE(&z, zone.x86_64.ioapic = 0x100000);
        REFUSE(&z, zone.x86_64.kernel_entry = 0x20000000);
        REFUSE(&z, zone.x86_64.setup = 0);
        REFUSE(&z, zone.x86_64.setup = 0xdf800); /* a page of it would reach into the next region */
        REFUSE(&z, zone.x86_64.setup = 0x20000000);
        REFUSE(&z, zone.x86_64.command_line = 0x20000000);
        REFUSE(&z, zone.x86_64.initrd_size = 1);
        REFUSE(&z, zone.x86_64.initrd = 0x100000; zone.x86_64.initrd_size = UINT64_MAX);
        REFUSE(&z, zone.x86_64.rsdp_region = 5);
        REFUSE(&z, zone.x86_64.rsdp_region = HVISOR_REGION_NONE);
        REFUSE(&z, zone.x86_64.rsdp_region = 3);
        REFUSE(&z, zone.regions[1].size = 0x10000);
        REFUSE(&z, zone.x86_64.acpi_region = 1);
        REFUSE(&z, zone.x86_64.acpi_region = 64);
        REFUSE(&z, zone.x86_64.uefi_region = 3);
        REFUSE(&z, zone.x86_64.uefi_region = 1ULL << 32);
        REFUSE(&z, zone.regions[4].type = HVISOR_REGION_IO);
        for (uint64_t size = 0x100000; size <= 0x100001; size++) {
                struct zone_limits limits = { .root_cpus = 0x3, .acpi_size = size };

                assert_int_equal(zone_check(&z, &limits, &problem), size > z.regions[3].size ? -EINVAL : 0);
        }
        REFUSE(&z, zone.x86_64.screen = 0x70000800);
        REFUSE(&z, zone.x86_64.screen = 1ULL << 32);
        begin(&z);
        assert_int_equal(zone_add_device(&zone, 0xfec00000, HVISOR_WINDOW_SIZE, 10, &problem), -EEXIST);
        assert_int_equal(zone_add_device(&zone, 0x90000000, HVISOR_WINDOW_SIZE, 24, &problem), -EINVAL);
        assert_int_equal(zone_add_device(&zone, 0x90000000, HVISOR_WINDOW_SIZE, 10, &problem), 0);
}

/* A reserved region is RAM for everybody else. */
static void test_zone_check_apart_of_reserved_ram(void **state) {
        struct zone_description a = with_x86_64(), b = with_x86_64();
        struct zone_problem problem;

        (void) state;
        b.cpus = 0x10;
        for (unsigned int i = 0; i < b.num_regions; i++)
                b.regions[i].physical += 0x100000000;
        assert_int_equal(zone_check_apart(&a, &b, &problem), 0);
        a.regions[4].type = HVISOR_REGION_RESERVED;
        b.regions[4] = (struct hvisor_region){ .type = HVISOR_REGION_IO, .physical = 0x65100000, .size = 0x1000 };
        assert_int_equal(zone_check_apart(&a, &b, &problem), -EBUSY);
        assert_true(zone_has_ram(&a, 0x65100fff, 1));
}

static void test_zone_check_of_no_architecture(void **state) {
        struct zone_description z = of_arch((enum hvisor_arch) 99);

        (void) state;
        zone = z;
        assert_int_equal(check(), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zone_check_of_ivc),
                cmocka_unit_test(test_zone_check_apart_of_ivc),
                cmocka_unit_test(test_zone_check_keeps_root_linuxs_interrupts),
                cmocka_unit_test(test_zone_check_of_pci),
                cmocka_unit_test(test_zone_check_apart_of_pci),
                cmocka_unit_test(test_zone_add_device_keeps_out_of_pci_and_ivc),
                cmocka_unit_test(test_zone_check_of_uefi),
                cmocka_unit_test(test_zone_check_of_riscv64),
                cmocka_unit_test(test_zone_check_of_loongarch64),
                cmocka_unit_test(test_zone_check_of_x86_64),
                cmocka_unit_test(test_zone_check_apart_of_reserved_ram),
                cmocka_unit_test(test_zone_check_of_no_architecture),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
