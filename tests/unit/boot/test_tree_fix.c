/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is fixed is compared again: then there is nothing to be warned of. */
#include <errno.h>

#include "trees.h"

static const char *const bare_tree =
        "/dts-v1/;\n"
        "/ {\n"
        "#address-cells = <1>; #size-cells = <1>; interrupt-parent = <&gic>; compatible = \"acme,board\";\n"
        "cpus { #address-cells = <1>; #size-cells = <0>;\n"
        "cpu@2 { device_type = \"cpu\"; compatible = \"arm,armv8\"; reg = <2>; enable-method = \"psci\"; };\n"
        "cpu@3 { device_type = \"cpu\"; compatible = \"arm,armv8\"; reg = <3>; enable-method = \"psci\"; };\n"
        "};\n"
        "gic: interrupt-controller@8000000 { compatible = \"arm,gic-v3\"; #interrupt-cells = <3>; "
        "interrupt-controller;\n"
        "#address-cells = <0>;\n"
        "reg = <0x8000000 0x10000>, <0x80a0000 0xf60000>; };\n"
        "};\n";

static char *fix_it(const struct zone_spec *z, struct boot *boot) {
        _cleanup_(board_spec_freep) struct board_spec *board = parse_good_board(good_board);
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_free_ char *said = NULL;

        if (boot_prepare(z, board, &d, boot) == 0 && d.count == 0)
                return tree_source(boot->parts[BOOT_DEVICE_TREE].fd);
        said = diagnostics_text(&d);
        fail_msg("%s", said);
        return NULL;
}

#define FIXED "DeviceTreeFix=yes\nCommandLine=console=hvc0 root=/dev/vda rw\n"

static void test_fix_adds_what_is_missing(void **state _unused_) {
        static const char *const want[] = {
                "\tmemory@50000000 {\n\t\tdevice_type = \"memory\";\n\t\treg = <0x50000000 0x1000000>;\n\t};",
                "\tchosen {\n\t\tbootargs = \"console=hvc0 root=/dev/vda rw\";\n"
                "\t\tlinux,initrd-end = <0x00 0x50fff388>;\n\t\tlinux,initrd-start = <0x00 0x50ffe000>;\n\t};",
                "\tvirtio_mmio@a003800 {\n\t\tcompatible = \"virtio,mmio\";\n\t\tdma-coherent;\n"
                "\t\tinterrupt-parent = <0x01>;\n\t\tinterrupts = <0x00 0x2c 0x01>;\n\t\treg = <0xa003800 "
                "0x200>;\n\t};",
                "\tvirtio_mmio@a003c00 {\n\t\tcompatible = \"virtio,mmio\";\n\t\tdma-coherent;\n"
                "\t\tinterrupt-parent = <0x01>;\n\t\tinterrupts = <0x00 0x2e 0x01>;\n\t\treg = <0xa003c00 "
                "0x200>;\n\t};",
                "compatible = \"acme,board\";",
        };
        _cleanup_(zone_spec_freep) struct zone_spec *z =
                boot_zone(BOOT_ZONE, "DeviceTreeAddress=0x50000000\nInitrd=DIR/initrd\nInitrdAddress=0x50800000\n",
                          FIXED "Initrd=DIR/initrd\n");
        _cleanup_(boot_close) struct boot boot = BOOT_NONE;
        _cleanup_free_ char *got = NULL;

        put_tree("dtb", bare_tree);
        got = fix_it(z, &boot);
        for (size_t i = 0; i < ELEMENTSOF(want); i++)
                if (!strstr(got, want[i]))
                        fail_msg("%s\nlacks:\n%s", got, want[i]);
        assert_int_equal(boot.parts[BOOT_INITRD].address, 0x50ffe000);
        assert_int_equal(boot.parts[BOOT_DEVICE_TREE].address, 0x50ffd000);
        assert_in_range(boot.parts[BOOT_DEVICE_TREE].size, 500, 2048);
}

/* What is read of a tree and what is written to it agree, however odd it is. */
static void test_fix_mends_odd_trees(void **state _unused_) {
        static const struct {
                const char *from, *to;
        } c[] = {
                /* as copies of nodes have it: the console's is called by the disk's address */
                { "reg = <0x8000000 0x10000>, <0x80a0000 0xf60000>; };\n",
                  "reg = <0x8000000 0x10000>, <0x80a0000 0xf60000>; };\n"
                  "virtio_mmio@a003c00 { compatible = \"virtio,mmio\"; reg = <0xa003800 0x200>; "
                  "interrupt-parent = <&gic>; interrupts = <0 44 1>; dma-coherent; };\n" },
                { "#size-cells = <1>", "#size-cells = <1 7>" },
                /* called as memory, and a device */
                { "reg = <0x8000000 0x10000>, <0x80a0000 0xf60000>; };\n",
                  "reg = <0x8000000 0x10000>, <0x80a0000 0xf60000>; };\n"
                  "memory@50000000 { compatible = \"virtio,mmio\"; reg = <0xa003800 0x200>; status = \"disabled\"; "
                  "};\n" },
        };
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(
                BOOT_ZONE, "DeviceTreeAddress=0x50000000\nInitrd=DIR/initrd\nInitrdAddress=0x50800000\n", FIXED);
        _cleanup_(board_spec_freep) struct board_spec *board = parse_good_board(good_board);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *tree = replaced(bare_tree, c[i].from, c[i].to);
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                _cleanup_(boot_close) struct boot boot = BOOT_NONE;

                put_tree("dtb", tree);
                assert_int_equal(boot_prepare(z, board, &d, &boot), 0);
                assert_int_equal(d.count, 0); /* every device was found in it */
        }
}

/* A guest counts its disks in the order in which its tree has them. */
static void test_fix_keeps_the_order_of_the_file(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(
                BOOT_ZONE, "DeviceTreeAddress=0x50000000\nInitrd=DIR/initrd\nInitrdAddress=0x50800000\n", FIXED);
        _cleanup_(boot_close) struct boot boot = BOOT_NONE;
        _cleanup_free_ char *got = NULL;
        char blob[4096] = {};

        put_tree("dtb", bare_tree);
        got = fix_it(z, &boot);
        assert_true(pread(boot.parts[BOOT_DEVICE_TREE].fd, blob, sizeof(blob), 0) > 0);
        assert_true(memmem(blob, sizeof(blob), "virtio_mmio@a003c00", 19) <
                    memmem(blob, sizeof(blob), "virtio_mmio@a003800", 19));
}

static void test_fix_corrects_what_is_there(void **state _unused_) {
        static const struct {
                const char *from, *to, *want;
        } c[] = {
                { "", "", "interrupt-controller@8000000" },
                { "0 0x1000000>", "0 0x800000>", "reg = <0x00 0x50000000 0x00 0x1000000>;" },
                { "memory@50000000 {",
                  "memory@0 { device_type = \"memory\"; reg = <0 0 0 0x1000>; };\nmemory@50000000 {",
                  "reg = <0x00 0x50000000 0x00 0x1000000>;" },
                { "interrupts = <0 46 1>;", "interrupts = <0 40 1>;", "interrupts = <0x00 0x2e 0x01>;" },
                { "interrupts = <0 46 1>;", "interrupts-extended = <&gic 0 40 1>;", "interrupts = <0x00 0x2e 0x01>;" },
                { "interrupts = <0 46 1>;", "status = \"disabled\";", "interrupts = <0x00 0x2e 0x01>;" },
                { "interrupts = <0 44 1>; dma-coherent;", "", "interrupts = <0x00 0x2c 0x01>;" },
                { "psci {", "virtio@a000000 { compatible = \"virtio,mmio\"; reg = <0 0xa000000 0 0x200>; };\npsci {",
                  "status = \"disabled\"" },
                { "linux,initrd-start = <0x50800000>; linux,initrd-end = <0x50801000>;", "bootargs = \"old\";",
                  "linux,initrd-start = <0x00 0x50800000>;" },
                { "interrupt-parent = <&gic>; ", "", "interrupt-parent = <0x01>;" },
        };
        _cleanup_(zone_spec_freep) struct zone_spec *z =
                boot_zone(BOOT_ZONE, "DeviceTreeAddress=", FIXED "DeviceTreeAddress=");

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(boot_close) struct boot boot = BOOT_NONE;
                _cleanup_free_ char *tree = replaced(boot_tree, c[i].from, c[i].to), *got = NULL;

                put_tree("dtb", tree);
                got = fix_it(z, &boot);
                if (!strstr(got, c[i].want) || !strstr(got, "bootargs = \"console=hvc0 root=/dev/vda rw\""))
                        fail_msg("%s\nlacks:\n%s", got, c[i].want);
                assert_int_equal(boot.parts[BOOT_DEVICE_TREE].address, 0x50000000);
        }
}

static void test_fix_adds_an_ivc(void **state _unused_) {
        _cleanup_free_ char *text = replaced(BOOT_ZONE, "DeviceTreeAddress=", FIXED "DeviceTreeAddress="), *got = NULL;
        _cleanup_(zone_spec_freep) struct zone_spec *z =
                boot_zone(text, "[Console",
                          "[IVC talk]\nId=0\nPeer=0\nControlTableAddress=0xd0000000\n"
                          "SharedMemoryAddress=0xd0001000\nReadWriteSize=4K\nInterrupt=66\n[Console");
        _cleanup_(boot_close) struct boot boot = BOOT_NONE;

        put_tree("dtb", boot_tree);
        got = fix_it(z, &boot);
        assert_non_null(strstr(got, "hvisor_ivc_device {"));
        assert_non_null(strstr(got, "interrupts = <0x00 0x22 0x01>;"));
}

static void test_fix_says_what_it_cannot(void **state _unused_) {
        static const struct {
                const char *conf_from, *conf_to, *tree_from, *tree_to, *want;
        } c[] = {
                { "", "", "\"arm,gic-v3\"", "\"acme,controller\"",
                  "x.conf:8:15: error: DeviceTreeFix=: dtb cannot be fixed: it has no GIC that is known here\n" },
                { "Address=0xa003c00", "Address=0x100000000", "#address-cells = <2>; #size-cells = <2>;",
                  "#address-cells = <1>; #size-cells = <1>;",
                  "x.conf:8:15: error: DeviceTreeFix=: dtb cannot be fixed: FDT_ERR_BADNCELLS\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *text = replaced(BOOT_ZONE, "DeviceTreeAddress=", FIXED "DeviceTreeAddress="),
                                    *tree = replaced(boot_tree, c[i].tree_from, c[i].tree_to), *got = NULL;
                _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(text, c[i].conf_from, c[i].conf_to);
                _cleanup_(diagnostics_clear) struct diagnostics d = {};

                put_tree("dtb", tree);
                assert_int_equal(boot_check(z, NULL, false, &d, NULL), -EBADMSG);
                got = diagnostics_text(&d);
                assert_string_equal(got, c[i].want);
        }
}

/* Whatever the bytes are: fixed or refused, and what is fixed is a tree. */
static void test_fix_bears_any_bytes(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *z =
                boot_zone(BOOT_ZONE, "DeviceTreeAddress=", FIXED "DeviceTreeAddress=");
        _cleanup_free_ char *good = NULL;
        unsigned fixed = 0, refused = 0;
        size_t size;

        put_tree("dtb", boot_tree);
        assert_int_equal(file_read(AT_FDCWD, "dtb", 4096, &good, &size), 0);
        srand(2);
        for (unsigned i = 0; i < 4000; i++) {
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                _cleanup_(boot_close) struct boot boot = BOOT_NONE;
                char bad[4096];
                int r;

                memcpy(bad, good, sizeof(bad));
                for (unsigned j = 0; j <= i % 4; j++)
                        bad[(size_t) rand() % (i % 2 ? 64 : 2048)] ^= (char) (1 << rand() % 8);
                put_file("dtb", bad, sizeof(bad), 4096);
                r = boot_prepare(z, NULL, &d, &boot);
                assert_true(r == 0 || r == -EBADMSG);
                fixed += r == 0;
                refused += r < 0;
        }
        assert_true(fixed > 100 && refused > 100);
}

static void test_places_are_found(void **state _unused_) {
        static const struct {
                const char *from, *to;
                uint64_t initrd, tree; /* 0: no room */
        } c[] = {
                { "", "", 0x50ffe000, 0x50ffd000 },
                { "DeviceTree=", "DeviceTreeAddress=0x50fff000\nDeviceTree=", 0x50ffd000, 0x50fff000 },
                { "DeviceTree=", "DeviceTreeAddress=0x50ffdff8\nDeviceTree=", 0x50ffc000, 0x50ffdff8 },
                { "Initrd=", "InitrdAddress=0x50fff000\nInitrd=", 0, 0 }, /* does not fit there */
                { "KernelAddress=0x50400000", "KernelAddress=0x50fff000", 0x50ffd000, 0x50ffc000 },
                /* The kernel's memory is full: another one. */
                { "Size=16M", "Size=4100K\n[Memory more]\nPhysicalAddress=0x60000000\nGuestAddress=0x90000000\nSize=1M",
                  0x503fe000, 0x503fd000 },
                { "PhysicalAddress=0x50000000\nSize=16M",
                  "PhysicalAddress=0x50400000\nSize=8K\n[Memory more]\nPhysicalAddress=0x60000000\n"
                  "GuestAddress=0x90000000\nSize=1M",
                  0x600fe000, 0x50401000 },
                { "PhysicalAddress=0x50000000\nSize=16M", "PhysicalAddress=0x50400000\nSize=12K", 0x50401000, 0 },
        };
        _cleanup_free_ char *text =
                replaced(BOOT_ZONE, "DeviceTreeAddress=0x50000000\nInitrd=DIR/initrd\nInitrdAddress=0x50800000\n",
                         FIXED "Initrd=DIR/initrd\n");

        put_tree("dtb", bare_tree);
        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(text, c[i].from, c[i].to);
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                _cleanup_(boot_close) struct boot boot = BOOT_NONE;
                int r = boot_prepare(z, NULL, &d, &boot);

                assert_int_equal(r, c[i].initrd && c[i].tree ? 0 : -EBADMSG);
                assert_int_equal(boot.parts[BOOT_INITRD].address, r == 0 ? c[i].initrd : 0);
                assert_int_equal(boot.parts[BOOT_DEVICE_TREE].address, r == 0 ? c[i].tree : 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fix_adds_what_is_missing),
                cmocka_unit_test(test_fix_mends_odd_trees),
                cmocka_unit_test(test_fix_keeps_the_order_of_the_file),
                cmocka_unit_test(test_fix_corrects_what_is_there),
                cmocka_unit_test(test_fix_says_what_it_cannot),
                cmocka_unit_test(test_fix_adds_an_ivc),
                cmocka_unit_test(test_fix_bears_any_bytes),
                cmocka_unit_test(test_places_are_found),
        };

        return cmocka_run_group_tests_name("tree_fix", tests, enter_with_images, remove_directory);
}
