/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From hvisor-tool's JSON to the bytes that the hypervisor gets, which are those that hvisor-tool itself would give it:
 * they are written here by the offsets in hvisor's sources, out of the JSON's numbers. What virtio devices add is
 * hvisor.ko's, see test_zone_check.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "import/import.h"
#include "config/parse.h"
#include "hypervisor/hvisor_describe.h"
#include "import_bytes.h"

static uint8_t got[IMPORT_BYTES_MAX], want[IMPORT_BYTES_MAX];

/* By the board's architecture; images have the sizes 0x1000 and 0x200. @virtio: NULL, or the devices' file; @ret: what
 * became of both. */
static int bytes_with_devices(const char *json, const char *virtio, const char *board_text, uint32_t magic,
                              unsigned size, struct zone_spec **ret) {
        struct diagnostics d = {};
        struct import i = { .d = &d };
        struct boot boot = BOOT_NONE;
        struct hvisor_zone_create *c = calloc(1, sizeof(*c));
        struct zone_spec *z = NULL;
        struct board_spec *b = NULL;
        json_t *root = json_loads(json, 0, NULL), *devices = virtio ? json_loads(virtio, 0, NULL) : NULL;
        char *text = NULL;
        int r;

        assert_non_null(root);
        assert_int_equal(import_zone(&i, "zone.json", root), 0);
        if (devices)
                assert_int_equal(import_devices(&i, "virtio.json", devices), 0);
        assert_int_equal(import_text(&i, &text), 0);
        assert_int_equal(zone_spec_parse(i.zone->name, "x.conf", text, strlen(text), &d, &z), 0);
        assert_int_equal(board_spec_parse("board.conf", board_text, strlen(board_text), &d, &b), 0);
        boot.parts[BOOT_KERNEL] = (struct boot_file){ -1, 0x1000, z->kernel.address };
        if (z->device_tree.path)
                boot.parts[BOOT_DEVICE_TREE] = (struct boot_file){ -1, 0x200, z->device_tree.address };
        hvisor_describe(&(struct zone_making){ .spec = z, .board = b, .boot = &boot }, c);
        memset(got, 0, sizeof(got));
        r = zone_config_of(c, magic, size, got);
        json_decref(root);
        json_decref(devices);
        import_clear(&i);
        diagnostics_clear(&d);
        *ret = z;
        board_spec_free(b);
        free(text);
        free(c);
        return r;
}

static int bytes_of(const char *json, const char *board, uint32_t magic, unsigned size) {
        struct zone_spec *z = NULL;
        int r = bytes_with_devices(json, NULL, board, magic, size, &z);

        zone_spec_free(z);
        return r;
}

static void put(unsigned offset, unsigned size, uint64_t value) {
        memcpy(want + offset, &value, size);
}

static void put_u64s(unsigned offset, const uint64_t *values, size_t count) {
        for (size_t i = 0; i < count; i++)
                put(offset + 8 * i, 8, values[i]);
}

static void put_head(uint64_t cpus, uint64_t ram, uint64_t ram_size, uint64_t kernel, uint64_t tree, const char *name) {
        memset(want, 0, sizeof(want));
        put(0, 4, 1);
        put(8, 8, cpus);
        put(16, 4, 1);
        put_u64s(32, (uint64_t[]){ ram, ram, ram_size }, 3);
        put_u64s(2288, (uint64_t[]){ kernel, kernel, 0x1000, tree, 0x200 }, 5);
        memcpy(want + 2328, name, strlen(name));
}

/* hvisor-tool's own notes: one pci_config and numbers of devices, which go with magic 0x4. */
static void test_import_bytes_of_the_documented_example(void **state) {
        char *json;

        (void) state;
        assert_int_equal(file_read(AT_FDCWD, "tests/unit/import/zone.json", 1 << 20, &json, NULL), 0);
        assert_int_equal(bytes_of(json, "[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n", 0x4, 2800), 0);
        free(json);
        put_head(0xc, 0x50000000, 0x30000000, 0x50400000, 0x50000000, "linux2");
        /* 75, 76 and 78 are of virtio devices, whose file is another; they are the zone's as they stand here. */
        put(2072 + 4, 4, 0x78);
        put(2072 + 8, 4, 1 << 11 | 1 << 12 | 1 << 14);
        put_u64s(2368, (uint64_t[]){ 1, 0x8000000, 0x10000, 0x80a0000, 0xf60000 }, 5);
        put_u64s(2448,
                 (uint64_t[]){ 0x4010000000, 0x10000000, 0x3eff0000, 0x10000, 0, 0x10000000, 0x2eff0000, 0x10000000,
                               0x8000000000, 0x8000000000, 0x8000000000 },
                 11);
        put_u64s(2536, (uint64_t[]){ 2, 0, 24 }, 3);
        assert_memory_equal(got, want, 2800);
}

#define NEW_ZONE                                                                                                       \
        "\"name\":\"linux2\",\"zone_id\":1,\"cpus\":[2,3],\"memory_regions\":[{\"type\":\"ram\",\"physical_start\":"   \
        "\"0x85000000\",\"virtual_start\":\"0x85000000\",\"size\":\"0x0a000000\"}],\"interrupts\":[34],"               \
        "\"kernel_filepath\":\"/k\",\"dtb_filepath\":\"/d\",\"kernel_load_paddr\":\"0x86000000\","                     \
        "\"dtb_load_paddr\":\"0x85000000\",\"entry_point\":\"0x86000000\","                                            \
        "\"pci_config\":[{\"ecam_base\":\"0x30000000\",\"ecam_size\":\"0x10000000\",\"io_base\":\"0x3000000\","        \
        "\"io_size\":\"0x10000\",\"pci_io_base\":\"0x0\",\"mem32_base\":\"0x40000000\",\"mem32_size\":\"0x40000000\"," \
        "\"pci_mem32_base\":\"0x40000000\",\"mem64_base\":\"0x400000000\",\"mem64_size\":\"0x400000000\","             \
        "\"pci_mem64_base\":\"0x400000000\",\"bus_range_begin\":\"0x0\",\"bus_range_end\":\"0x1f\",\"domain\":"        \
        "\"0x0\"}],"                                                                                                   \
        "\"num_pci_devs\":1,\"alloc_pci_devs\":[{\"domain\":\"0x0\",\"bus\":\"0x1\",\"device\":\"0x2\",\"function\":"  \
        "\"0x3\","                                                                                                     \
        "\"v_bus\":0,\"v_device\":4,\"v_function\":5,\"dev_type\":\"0\"}]"

/* @at: of num_pci_bus */
static void put_new_pci(unsigned at) {
        put(at, 8, 1);
        put_u64s(at + 8,
                 (uint64_t[]){ 0x30000000, 0x10000000, 0x3000000, 0x10000, 0, 0x40000000, 0x40000000, 0x40000000,
                               0x400000000, 0x400000000, 0x400000000 },
                 11);
        put(at + 8 + 92, 4, 0x1f);
        put(at + 424, 8, 1);
        put(at + 432, 8, 0x05040003020100);
}

static void test_import_bytes_of_riscv64(void **state) {
        static const char board[] = "[Board]\nArchitecture=riscv64\nCPUs=0-3\nMemory=0x80000000+0x20000000\n";
        static const char json[] =
                "{\"arch\":\"riscv\"," NEW_ZONE ",\"arch_config\":{\"plic_base\":\"0xc000000\","
                "\"plic_size\":\"0x4000000\",\"aplic_base\":\"0xd000000\",\"aplic_size\":\"0x8000\"}}";

        (void) state;
        assert_int_equal(bytes_of(json, board, 0x6, 3208), 0);
        put_head(0xc, 0x85000000, 0xa000000, 0x86000000, 0x85000000, "linux2");
        put(2072 + 4, 4, 4);
        put_u64s(2360, (uint64_t[]){ 0xc000000, 0x4000000, 0xd000000, 0x8000 }, 4);
        put_new_pci(2392);
        assert_memory_equal(got, want, 3208);
        /* and what has no place is not dropped */
        assert_int_equal(bytes_of(json, board, 0x5, 3080), -1);
        assert_int_equal(bytes_of(json, board, 0x4, 2744), -1);
}

static void test_import_bytes_of_gicv2_and_aarch32(void **state) {
        static const char json[] =
                "{" NEW_ZONE ",\"arch_config\":{\"gic_version\":\"v2\",\"is_aarch32\":true,\"gicd_base\":\"0x8000000\","
                "\"gicd_size\":\"0x10000\",\"gicc_base\":\"0x8010000\",\"gicc_size\":\"0x10000\",\"gicc_offset\":"
                "\"0x1000\","
                "\"gich_base\":\"0x8030000\",\"gich_size\":\"0x10000\",\"gicv_base\":\"0x8040000\",\"gicv_size\":"
                "\"0x10000\"}}";

        (void) state;
        assert_int_equal(bytes_of(json, "[Board]\nCPUs=0-3\nMemory=0x80000000+0x20000000\n", 0x5, 3264), 0);
        put_head(0xc, 0x85000000, 0xa000000, 0x86000000, 0x85000000, "linux2");
        put(2072 + 4, 4, 4);
        put(2360, 1, 1);
        put_u64s(2368,
                 (uint64_t[]){ 0, 0x8000000, 0x10000, 0x8010000, 0x10000, 0x1000, 0x8030000, 0x10000, 0x8040000,
                               0x10000 },
                 10);
        put_new_pci(2448);
        assert_memory_equal(got, want, 3264);
}

/* ---- hvisor's own qemu-gicv3 board: one zone with Linux, one with a unikernel -------------------------------- */

#define GICV3_BOARD "[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n"
#define GICV3                                                                                                          \
        "\"arch_config\":{\"gic_version\":\"v3\",\"gicd_base\":\"0x8000000\",\"gicd_size\":\"0x10000\","               \
        "\"gicr_base\":\"0x80a0000\",\"gicr_size\":\"0xf60000\",\"gits_base\":\"0x8080000\",\"gits_size\":\"0x20000\""
#define WINDOW(type, at, size)                                                                                         \
        "{\"type\":\"" type "\",\"physical_start\":\"" at "\",\"virtual_start\":\"" at "\",\"size\":\"" size "\"}"

static const char gicv3_devices[] =
        "{\"zones\":[{\"id\":1,\"memory_region\":[{\"zone0_ipa\":\"0x50000000\",\"zonex_ipa\":\"0x50000000\","
        "\"size\":\"0x30000000\"}],\"devices\":["
        "{\"type\":\"net\",\"addr\":\"0xa003600\",\"len\":\"0x200\",\"irq\":75,\"tap\":\"tap0\","
        "\"mac\":[\"0x02\",\"0x00\",\"0x00\",\"0x00\",\"0x01\",\"0x01\"],\"status\":\"enable\"},"
        "{\"type\":\"console\",\"addr\":\"0xa003800\",\"len\":\"0x200\",\"irq\":76,\"status\":\"enable\"},"
        "{\"type\":\"blk\",\"addr\":\"0xa003c00\",\"len\":\"0x200\",\"irq\":78,\"img\":\"rootfs2.ext4\","
        "\"status\":\"enable\"}]}]}";

/* The old file has windows, ours has devices: the same set of both, and of their interrupts. */
static void assert_gicv3_devices(const struct zone_spec *z) {
        static const struct {
                enum device_type type;
                uint64_t window;
                uint32_t interrupt;
        } of[] = { { DEVICE_NET, 0xa003600, 75 }, { DEVICE_CONSOLE, 0xa003800, 76 }, { DEVICE_BLOCK, 0xa003c00, 78 } };

        assert_int_equal(z->num_devices, ELEMENTSOF(of));
        for (size_t i = 0; i < ELEMENTSOF(of); i++) {
                size_t found = 0;

                for (size_t j = 0; j < z->num_devices; j++)
                        found += z->devices[j].type == of[i].type && z->devices[j].address == of[i].window &&
                                 z->devices[j].interrupt == of[i].interrupt && z->devices[j].enabled;
                assert_int_equal(found, 1);
        }
}

static void put_gicv3(void) {
        put_u64s(2368, (uint64_t[]){ 1, 0x8000000, 0x10000, 0x80a0000, 0xf60000 }, 5);
}

static void test_import_bytes_of_qemu_gicv3_linux(void **state) {
        static const char json[] = "{\"name\":\"linux2\",\"zone_id\":1,\"cpus\":[2,3],\"memory_regions\":[" WINDOW(
                "ram", "0x50000000",
                "0x30000000") "," WINDOW("virtio", "0xa003600",
                                         "0x200") "," WINDOW("virtio", "0xa003800",
                                                             "0x200") "," WINDOW("virtio", "0xa003c00",
                                                                                 "0x200") "],"
                                                                                          "\"interrupts\":[75,76,78],"
                                                                                          "\"ivc_configs\":[],\"kernel_"
                                                                                          "filepath\":\"./Image\","
                                                                                          "\"dtb_filepath\":\"./"
                                                                                          "zone1-linux.dtb\",\"kernel_"
                                                                                          "load_paddr\":\"0x50400000\","
                                                                                          "\"dtb_load_paddr\":"
                                                                                          "\"0x50000000\",\"entry_"
                                                                                          "point\":"
                                                                                          "\"0x50400000\"," GICV3
                                                                                          ",\"is_aarch32\":false},"
                                                                                          "\"pci_config\":[{\"ecam_"
                                                                                          "base\":\"0x4010000000\","
                                                                                          "\"ecam_size\":"
                                                                                          "\"0x10000000\",\"io_base\":"
                                                                                          "\"0x3eff0000\","
                                                                                          "\"io_size\":\"0x10000\","
                                                                                          "\"pci_io_base\":\"0x0\","
                                                                                          "\"mem32_base\":"
                                                                                          "\"0x10000000\",\"mem32_"
                                                                                          "size\":\"0x2eff0000\","
                                                                                          "\"pci_mem32_base\":"
                                                                                          "\"0x10000000\",\"mem64_"
                                                                                          "base\":\"0x8000000000\","
                                                                                          "\"mem64_size\":"
                                                                                          "\"0x8000000000\","
                                                                                          "\"pci_mem64_base\":"
                                                                                          "\"0x8000000000\",\"bus_"
                                                                                          "range_begin\":\"0x0\",\"bus_"
                                                                                          "range_end\":\"0x1f\","
                                                                                          "\"domain\":\"0x0\"}],"
                                                                                          "\"num_pci_devs\":2,\"alloc_"
                                                                                          "pci_devs\":["
                                                                                          "{\"domain\":\"0x0\",\"bus\":"
                                                                                          "\"0x0\",\"device\":\"0x0\","
                                                                                          "\"function\":\"0x0\",\"dev_"
                                                                                          "type\":\"0\"},"
                                                                                          "{\"domain\":\"0x0\",\"bus\":"
                                                                                          "\"0x0\",\"device\":\"0x1\","
                                                                                          "\"function\":\"0x0\",\"dev_"
                                                                                          "type\":\"0\"}]}";
        struct zone_spec *z = NULL;

        (void) state;
        assert_int_equal(bytes_with_devices(json, gicv3_devices, GICV3_BOARD, 0x5, 3136, &z), 0);
        assert_gicv3_devices(z);
        zone_spec_free(z);
        put_head(0xc, 0x50000000, 0x30000000, 0x50400000, 0x50000000, "linux2");
        put_gicv3();
        put(2448, 8, 1);
        put_u64s(2456,
                 (uint64_t[]){ 0x4010000000, 0x10000000, 0x3eff0000, 0x10000, 0, 0x10000000, 0x2eff0000, 0x10000000,
                               0x8000000000, 0x8000000000, 0x8000000000 },
                 11);
        put(2456 + 92, 4, 0x1f);
        put(2872, 8, 2);
        put(2880 + 8 + 2, 1, 1);
        assert_memory_equal(got, want, 3136);
}

/* The guest's RAM is not where the board has it, and the UART is passed through. */
static void test_import_bytes_of_qemu_gicv3_unikernel(void **state) {
        static const char json[] =
                "{\"arch\":\"arm64\",\"name\":\"ruxos1\",\"zone_id\":1,\"cpus\":[2,3],\"memory_regions\":["
                "{\"type\":\"ram\",\"physical_start\":\"0x50000000\",\"virtual_start\":\"0x40000000\",\"size\":"
                "\"0x30000000\"}," WINDOW("io", "0x9000000", "0x1000") "," WINDOW(
                        "virtio", "0xa000000",
                        "0x4000") "],"
                                  "\"interrupts\":[75,76,78],\"ivc_configs\":[],\"kernel_args\":\"\","
                                  "\"kernel_filepath\":\"./helloworld_aarch64-qemu-virt.bin\",\"dtb_filepath\":\"./"
                                  "zone1-ruxos.dtb\","
                                  "\"kernel_load_paddr\":\"0x50080000\",\"dtb_load_paddr\":\"0x50000000\",\"entry_"
                                  "point\":\"0x40080000\"," GICV3 "}}";
        struct zone_spec *z = NULL;

        (void) state;
        assert_int_equal(bytes_with_devices(json, gicv3_devices, GICV3_BOARD, 0x5, 3136, &z), 0);
        assert_gicv3_devices(z);
        zone_spec_free(z);
        put_head(0xc, 0x50000000, 0x30000000, 0x50080000, 0x50000000, "ruxos1");
        put(16, 4, 2);
        put_u64s(40, (uint64_t[]){ 0x40000000 }, 1);
        put(56, 4, 1);
        put_u64s(64, (uint64_t[]){ 0x9000000, 0x9000000, 0x1000 }, 3);
        put_u64s(2288, (uint64_t[]){ 0x40080000 }, 1);
        put_gicv3();
        assert_memory_equal(got, want, 3136);
}

/* Its entry point is in one of the CPU's direct-mapped windows; of its interrupts the hypervisor has HWI0 to 7. */
static void test_import_bytes_of_loongarch64(void **state) {
        static const char board[] = "[Board]\nArchitecture=loongarch64\nCPUs=0-3\nMemory=0x90000000+0x60000000\n";
        static const char json[] =
                "{\"arch\":\"loongarch64\",\"name\":\"linux2\",\"zone_id\":1,\"cpus\":[1],\"memory_regions\":[" WINDOW(
                        "ram", "0xc0000000",
                        "0x10000000") "],\"interrupts\":[],\"ivc_configs\":[],"
                                      "\"kernel_filepath\":\"/"
                                      "k\",\"kernel_load_paddr\":\"0xc0200000\",\"entry_point\":\"0x90000000c0200000\","
                                      "\"dtb_filepath\":\"\",\"dtb_load_paddr\":\"0x0\",\"arch_config\":{\"dummy\":0}}";

        (void) state;
        assert_int_equal(bytes_of(json, board, 0x5, 3056), 0);
        put_head(2, 0xc0000000, 0x10000000, 0xc0200000, 0, "linux2");
        put_u64s(2288, (uint64_t[]){ 0x90000000c0200000, 0xc0200000, 0x1000, 0, 0 }, 5);
        assert_memory_equal(got, want, 3056);
}

#define REGION(physical, guest, size)                                                                                  \
        "{\"type\":\"ram\",\"physical_start\":\"" physical "\",\"virtual_start\":\"" guest "\",\"size\":\"" size "\"}"

static void test_import_bytes_of_x86_64(void **state) {
        static const char board[] = "[Board]\nArchitecture=x86_64\nCPUs=0-3\nMemory=0x40000000+0x20000000\n";
        static const char json[] =
                "{\"arch\":\"x86_64\",\"name\":\"linux2\",\"zone_id\":1,\"cpus\":[2],\"memory_regions\":[" REGION(
                        "0x40300000", "0x0",
                        "0xe0000") "," REGION("0x403e0000", "0xe0000",
                                              "0x20000") ","
                                                         "{\"type\":\"virtio\",\"physical_start\":\"0x50000000\","
                                                         "\"virtual_start\":\"0x10000000\",\"size\":\"0x4000\"}"
                                                         "," REGION("0x40400000", "0x100000", "0x1000000") "," REGION(
                                                                 "0x41400000", "0x1100000",
                                                                 "0xf000") "," REGION("0x4140f000", "0x110f000",
                                                                                      "0x1000") "],"
                                                                                                "\"interrupts\":[],"
                                                                                                "\"ivc_configs\":[],"
                                                                                                "\"kernel_filepath\":"
                                                                                                "\"./"
                                                                                                "vmlinux.bin\",\"dtb_"
                                                                                                "filepath\":\"\","
                                                                                                "\"kernel_load_paddr\":"
                                                                                                "\"0x40400000\",\"dtb_"
                                                                                                "load_paddr\":\"0x0\","
                                                                                                "\"entry_point\":"
                                                                                                "\"0x8000\","
                                                                                                "\"arch_config\":{"
                                                                                                "\"ioapic_base\":"
                                                                                                "\"0xfec00000\","
                                                                                                "\"ioapic_size\":"
                                                                                                "\"0x1000\","
                                                                                                "\"boot_filepath\":\"./"
                                                                                                "boot.bin\",\"boot_"
                                                                                                "load_paddr\":"
                                                                                                "\"0x40308000\","
                                                                                                "\"cmdline\":\"console="
                                                                                                "hvc0 "
                                                                                                "root=/dev/"
                                                                                                "vda\",\"cmdline_load_"
                                                                                                "hpa\":\"0x4030c000\","
                                                                                                "\"cmdline_load_gpa\":"
                                                                                                "\"0xc000\","
                                                                                                "\"kernel_entry_gpa\":"
                                                                                                "\"0x100000\",\"setup_"
                                                                                                "filepath\":\"./"
                                                                                                "setup.bin\",\"setup_"
                                                                                                "load_hpa\":"
                                                                                                "\"0x4030d000\","
                                                                                                "\"setup_load_gpa\":"
                                                                                                "\"0xd000\",\"rsdp_"
                                                                                                "memory_region_id\":"
                                                                                                "\"0x1\",\"acpi_memory_"
                                                                                                "region_id\":\"0x4\","
                                                                                                "\"uefi_memory_region_"
                                                                                                "id\":\"0x5\",\"screen_"
                                                                                                "base\":\"0x70000000\"}"
                                                                                                "}";

        (void) state;
        assert_int_equal(bytes_of(json, board, 0x6, 3264), 0);
        memset(want, 0, sizeof(want));
        put(0, 4, 1);
        put(8, 8, 4);
        put(16, 4, 5);
        put_u64s(32, (uint64_t[]){ 0x40300000, 0, 0xe0000 }, 3);
        put_u64s(64, (uint64_t[]){ 0x403e0000, 0xe0000, 0x20000 }, 3);
        put_u64s(96, (uint64_t[]){ 0x40400000, 0x100000, 0x1000000 }, 3);
        put_u64s(128, (uint64_t[]){ 0x41400000, 0x1100000, 0xf000 }, 3);
        put_u64s(160, (uint64_t[]){ 0x4140f000, 0x110f000, 0x1000 }, 3);
        put_u64s(2288, (uint64_t[]){ 0x8000, 0x40400000, 0x1000 }, 3);
        memcpy(want + 2328, "linux2", 6);
        /* the virtio window is a device's: the numbers of regions behind it are one less */
        put_u64s(2360, (uint64_t[]){ 0xfec00000, 0x1000, 0x100000, 0xc000, 0xd000, 0, 0, 1, 3, 4, 0x70000000 }, 11);
        assert_memory_equal(got, want, 3264);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_import_bytes_of_the_documented_example),
                cmocka_unit_test(test_import_bytes_of_riscv64),
                cmocka_unit_test(test_import_bytes_of_loongarch64),
                cmocka_unit_test(test_import_bytes_of_x86_64),
                cmocka_unit_test(test_import_bytes_of_qemu_gicv3_linux),
                cmocka_unit_test(test_import_bytes_of_qemu_gicv3_unikernel),
                cmocka_unit_test(test_import_bytes_of_gicv2_and_aarch32),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
