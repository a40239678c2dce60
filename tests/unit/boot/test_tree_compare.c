/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The zone and its device tree agree; each row changes one of the two. */
#include <errno.h>
#include <libfdt.h>

#include "trees.h"

#define CONF(from, to) from, to, "", ""
#define TREE(from, to) "", "", from, to

static int put_files(void **state) {
        if (enter_directory(state) < 0)
                return -1;
        put_file("kernel", "bare metal", 10, 4096);
        put_file("initrd", "", 0, 4096);
        return 0;
}

static void test_compare_names_both_sides(void **state _unused_) {
        static const struct {
                const char *conf_from, *conf_to, *tree_from, *tree_to, *want;
        } c[] = {
                { CONF("", ""), "" },
                { CONF("Size=16M", "Size=32M"), "x.conf:13:6: warning: [Memory ram]: no memory node of dtb has "
                                                "0x51000000+0x1000000: the guest leaves "
                                                "that unused\n" },
                { TREE("0 0x1000000>", "0 0x2000000>"),
                  "x.conf:13:6: warning: /memory@50000000 of dtb has RAM at 0x51000000+0x1000000 where the zone has "
                  "none: using it is an error of the zone\n" },
                { TREE("0 0x1000000>", "0 0x1000000 0 0x70000000 0 0x1000>"),
                  "x.conf:7:12: warning: /memory@50000000 of dtb has RAM at 0x70000000+0x1000 where the zone has none: "
                  "using it is an error of the zone\n" },
                { TREE("0 0x1000000>", "0 0x800000 0 0x50800000 0 0x800000>"), "" },
                { CONF("Address=0xa003c00", "Address=0xa003a00"),
                  "x.conf:16:9: warning: [Block root]: no virtio,mmio node of dtb has reg 0xa003a00: the guest does "
                  "not "
                  "find the device\n"
                  "x.conf:7:12: warning: /virtio_mmio@a003c00 of dtb is a virtio device at 0xa003c00, where the zone "
                  "has none: looking for it is an error of the zone\n" },
                { CONF("Interrupt=78", "Interrupt=79"),
                  "x.conf:17:11: warning: [Block root]: /virtio_mmio@a003c00 of dtb has interrupt 78 (<0 46 …>), not "
                  "79 (<0 47 1>): the guest waits for the device for ever\n" },
                { TREE("interrupts = <0 46 1>", "interrupts = <1 46 1>"),
                  "x.conf:17:11: warning: [Block root]: /virtio_mmio@a003c00 of dtb has no interrupt of the GIC's, "
                  "such "
                  "as <0 46 1>\n" },
                { TREE("interrupts = <0 46 1>", "interrupts = <0 46>"),
                  "x.conf:17:11: warning: [Block root]: /virtio_mmio@a003c00 of dtb has no interrupt of the GIC's, "
                  "such "
                  "as <0 46 1>\n" },
                { TREE("interrupts = <0 46 1>", "interrupts-extended = <&gic 0 46 1>"), "" },
                { TREE("interrupts = <0 46 1>", "interrupts = <0 46 1>; interrupt-parent = <77>"),
                  "x.conf:17:11: warning: [Block root]: /virtio_mmio@a003c00 of dtb has no interrupt of the GIC's, "
                  "such "
                  "as <0 46 1>\n" },
                { TREE("interrupts = <0 44 1>; dma-coherent", "interrupts = <0 44 1>"),
                  "x.conf:19:9: warning: [Console main]: /virtio_mmio@a003800 of dtb lacks dma-coherent: what guest "
                  "and "
                  "device write may stay in a cache\n" },
                { TREE("interrupts = <0 44 1>;", "interrupts = <0 44 1>; status = \"disabled\";"),
                  "x.conf:19:9: warning: [Console main]: /virtio_mmio@a003800 of dtb is disabled (status): the guest "
                  "does not find the device\n" },
                { TREE("psci {",
                       "soc { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0xb000000 0x1000>;\n"
                       "disk@200 { compatible = \"virtio,mmio\"; reg = <0x200 0x200>; };\n"
                       "off@400 { compatible = \"virtio,mmio\"; reg = <0x400 0x200>; status = \"disabled\"; };\n"
                       "};\npsci {"),
                  "x.conf:7:12: warning: /soc/disk@200 of dtb is a virtio device at 0xb000200, where the zone has "
                  "none: "
                  "looking for it is an error of the zone\n" },
                { TREE("\"arm,gic-v3\"", "\"arm,gic-400\""),
                  "x.conf:7:12: warning: /interrupt-controller@8000000 of dtb is a GICv2, the zone has a GICv3\n" },
                { TREE("0 0x80a0000", "0 0x80b0000"),
                  "x.conf:7:12: warning: /interrupt-controller@8000000 of dtb has its redistributors at "
                  "0x80b0000+0xf60000, the board at 0x80a0000+0xf60000\n" },
                { TREE("<0 0x8000000 0 0x10000>, <0 0x80a0000 0 0xf60000>", "<0 0x8000000 0 0x10000>"),
                  "x.conf:7:12: warning: /interrupt-controller@8000000 of dtb has no redistributors\n" },
                { CONF("[Console", "[GIC]\nVersion=3\nDistributorAddress=0x9000000\nDistributorSize=64K\n"
                                   "RedistributorAddress=0x80a0000\nRedistributorSize=0xf60000\n[Console"),
                  "x.conf:20:20: warning: /interrupt-controller@8000000 of dtb has its distributor at "
                  "0x8000000+0x10000, the zone at 0x9000000+0x10000\n" },
                { TREE("#size-cells = <2>; ranges;\n",
                       "#size-cells = <2>; ranges;\nmsi-controller@8080000 { compatible = \"arm,gic-v3-its\"; "
                       "reg = <0 0x8080000 0 0x20000>; };\n"),
                  "x.conf:7:12: warning: /interrupt-controller@8000000/msi-controller@8080000 of dtb is an ITS: with "
                  "one "
                  "in a zone a CPU hangs in the hypervisor when the zone is started again; delete the node\n" },
                { CONF("CPUs=2-3", "CPUs=2"),
                  "x.conf:3:6: warning: /cpus/cpu@3 of dtb has reg 0x3, and none of the zone's CPUs is called that "
                  "(MPIDR= of board.conf; else by their numbers)\n" },
                { TREE("reg = <3>", "reg = <0x300>"),
                  "x.conf:3:6: warning: /cpus/cpu@3 of dtb has reg 0x300, and none of the zone's CPUs is called that "
                  "(MPIDR= of board.conf; else by their numbers)\n"
                  "x.conf:3:6: warning: CPU 3: no CPU of dtb has reg 0x3: the guest leaves it unused\n" },
                { TREE("\"smc\"", "\"hvc\""),
                  "x.conf:7:12: warning: /psci of dtb has method \"hvc\"; the hypervisor takes PSCI calls by \"smc\" "
                  "only\n" },
                { TREE("psci {", "uart@9000000 { compatible = \"arm,pl011\"; reg = <0 0x9000000 0 0x1000>; };\npsci {"),
                  "x.conf:7:12: warning: /uart@9000000 of dtb has registers at 0x9000000+0x1000 that no [IO] gives to "
                  "the zone: using them is an error of the zone\n" },
                { "[Console", "[IO uart]\nPhysicalAddress=0x9000000\nSize=4K\n[Console", "psci {",
                  "uart@9000000 { compatible = \"arm,pl011\"; reg = <0 0x9000000 0 0x1000>; };\npsci {", "" },
                { CONF("[Console", "[IVC talk]\nId=0\nPeer=0\nControlTableAddress=0xd0000000\n"
                                   "SharedMemoryAddress=0xd0001000\nReadWriteSize=4K\nInterrupt=66\n[Console"),
                  "x.conf:24:11: warning: [IVC talk]: /hvisor_ivc_device of dtb does not have its interrupt, <0 34 1>: "
                  "the "
                  "guest has no /dev/hivc0\n" },
                { "[Console",
                  "[IVC talk]\nId=0\nPeer=0\nControlTableAddress=0xd0000000\n"
                  "SharedMemoryAddress=0xd0001000\nReadWriteSize=4K\nInterrupt=66\n[Console",
                  "psci {", "hvisor_ivc_device { compatible = \"hvisor\"; interrupts = <0 40 1>, <0 34 1>; };\npsci {",
                  "" },
                { CONF("[Console", "[PCI host]\nECAMAddress=0x4010000000\nECAMSize=16M\n[Console"),
                  "x.conf:19:13: warning: [PCI host]: no node of dtb has its configuration space, reg 0x4010000000: "
                  "the "
                  "guest does not find what is behind it\n" },
                { "[Console", "[PCI host]\nECAMAddress=0x4010000000\nECAMSize=16M\n[Console", "psci {",
                  "pcie@4010000000 { compatible = \"pci-host-ecam-generic\"; device_type = \"pci\"; #address-cells = "
                  "<3>; "
                  "#size-cells = <2>; reg = <0x40 0x10000000 0 0x1000000>; ranges = <0x2000000 0 0x10000000 0 "
                  "0x10000000 "
                  "0 0x1000>; };\npsci {",
                  "" },
                { CONF("Initrd=DIR/initrd\nInitrdAddress=0x50800000\n", ""),
                  "x.conf:7:12: warning: /chosen of dtb names an initrd at 0x50800000, and the zone has no Initrd=\n" },
                { CONF("InitrdAddress=0x50800000", "InitrdAddress=0x50900000"),
                  "x.conf:10:15: warning: /chosen of dtb has linux,initrd-start 0x50800000, but it is put at "
                  "0x50900000\n" },
                { TREE("<0x50801000>", "<0 0x50800fff>"), "x.conf:9:8: warning: /chosen of dtb has linux,initrd-end "
                                                          "0x50800fff, but it reaches to 0x50801000\n" },
                { TREE("linux,initrd-start = <0x50800000>; ", ""),
                  "x.conf:9:8: warning: /chosen of dtb has no linux,initrd-start and linux,initrd-end: the guest does "
                  "not find it\n" },
        };
        _cleanup_(board_spec_freep) struct board_spec *board = parse_good_board(good_board);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(BOOT_ZONE, c[i].conf_from, c[i].conf_to);
                _cleanup_free_ char *tree = replaced(boot_tree, c[i].tree_from, c[i].tree_to), *got = NULL;
                _cleanup_(diagnostics_clear) struct diagnostics d = {};

                put_tree("dtb", tree);
                assert_int_equal(boot_check(z, board, false, &d, NULL), 0);
                got = diagnostics_text(&d);
                assert_string_equal(got, c[i].want);
                assert_int_equal(d.errors, 0);
        }
}

static void test_compare_knows_what_cpus_call_themselves(void **state _unused_) {
        _cleanup_free_ char *text = replaced(good_board, "CPUs=0-3", "CPUs=0-3\nMPIDR=0x200,0x201,0x0,0x100"),
                            *half = replaced(boot_tree, "reg = <2>", "reg = <0>"),
                            *tree = replaced(half, "reg = <3>", "reg = <0x100>");
        _cleanup_(board_spec_freep) struct board_spec *board = parse_good_board(text);
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(BOOT_ZONE, "", "");
        _cleanup_(diagnostics_clear) struct diagnostics d = {};

        put_tree("dtb", tree);
        assert_int_equal(boot_check(z, board, false, &d, NULL), 0);
        assert_int_equal(d.count, 0);
        put_tree("dtb", boot_tree);
        assert_int_equal(boot_check(z, board, false, &d, NULL), 0);
        assert_int_equal(d.count, 4); /* two that are none of its own, two that are missing */
        diagnostics_clear(&d);
        /* Where the board is not known they are counted. */
        assert_int_equal(boot_check(z, NULL, true, &d, NULL), 0);
        assert_int_equal(d.count, 0);
}

/* A PLIC counts otherwise, and its devices are coherent: what is compared is memory and where devices are. */
static void test_compare_of_riscv64(void **state _unused_) {
        static const char board_text[] = "[Board]\nArchitecture=riscv64\nCPUs=0-3\nMemory=0x50000000+0x70000000\n"
                                         "[PLIC]\nAddress=0xc000000\nSize=0x4000000\n";
        static const char tree[] =
                "/dts-v1/;\n/ {\n#address-cells = <2>; #size-cells = <2>; compatible = \"riscv-virtio\"; model = "
                "\"zone\";\n"
                "interrupt-parent = <&plic>;\n"
                "chosen { linux,initrd-start = <0 0x50800000>; linux,initrd-end = <0 0x50801000>; };\n"
                "cpus { #address-cells = <1>; #size-cells = <0>;\n"
                "cpu@2 { device_type = \"cpu\"; compatible = \"riscv\"; reg = <2>; };\n"
                "cpu@3 { device_type = \"cpu\"; compatible = \"riscv\"; reg = <3>; }; };\n"
                "memory@50000000 { device_type = \"memory\"; reg = <0 0x50000000 0 0x1000000>; };\n"
                "plic: interrupt-controller@c000000 { compatible = \"riscv,plic0\"; reg = <0 0xc000000 0 0x4000000>;\n"
                "interrupt-controller; #interrupt-cells = <1>; #address-cells = <0>; };\n"
                "virtio_mmio@a003c00 { compatible = \"virtio,mmio\"; reg = <0 0xa003c00 0 0x200>; interrupts = <78>; "
                "};\n"
                "};\n";
        _cleanup_(board_spec_freep) struct board_spec *board = parse_good_board(board_text);
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(BOOT_ZONE, "", "");
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_free_ char *got = NULL;

        put_tree("dtb", tree);
        assert_int_equal(boot_check(z, board, false, &d, NULL), 0);
        got = diagnostics_text(&d);
        without_directory(got);
        assert_string_equal(got, "x.conf:19:9: warning: [Console main]: no virtio,mmio node of dtb has reg 0xa003800: "
                                 "the guest does not find the device\n");
}

static void test_compare_ends_where_a_tree_does_not(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(BOOT_ZONE, "", "");
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_free_ char *source = NULL, *got = NULL;
        size_t size;
        FILE *f = open_memstream(&source, &size);

        fputs("/dts-v1/;\n/ {\n#address-cells = <1>; #size-cells = <1>;\n", f);
        for (unsigned i = 0; i < 3000; i++)
                fprintf(f, "v%u { compatible = \"virtio,mmio\"; reg = <0x%x 0x200>; };\n", i, 0x10000000 + i * 0x200);
        for (unsigned i = 0; i < 100; i++)
                fprintf(f, "a {\n");
        for (unsigned i = 0; i < 100; i++)
                fprintf(f, "};\n");
        fputs("};\n", f);
        fclose(f);
        put_tree("dtb", source);
        assert_int_equal(boot_check(z, NULL, false, &d, NULL), 0);
        assert_int_equal(d.count, 33);
        got = diagnostics_text(&d);
        assert_non_null(strstr(got, "dtb was not compared to its end: it differs in more than was said\n"));
}

/* Nodes of an old version may have no names: nobody has to bear that. */
static void test_compare_refuses_old_versions(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(BOOT_ZONE, "", "");
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_free_ char *blob = NULL, *got = NULL;
        size_t size;

        put_tree("dtb", boot_tree);
        assert_int_equal(file_read(AT_FDCWD, "dtb", 4096, &blob, &size), 0);
        fdt_set_version(blob, 3);
        fdt_set_last_comp_version(blob, 2);
        put_file("dtb", blob, size, (off_t) size);
        assert_int_equal(boot_check(z, NULL, false, &d, NULL), -EBADMSG);
        got = diagnostics_text(&d);
        assert_non_null(strstr(got, "dtb is of a version before 16"));
}

/* Whatever the bytes are: an answer, and no byte beyond them is looked at (the tests run under ASan). */
static void test_compare_bears_any_bytes(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(BOOT_ZONE, "", "");
        _cleanup_(board_spec_freep) struct board_spec *board = parse_good_board(good_board);
        _cleanup_free_ char *good = NULL;
        unsigned taken = 0, refused = 0;
        size_t size;

        put_tree("dtb", boot_tree);
        assert_int_equal(file_read(AT_FDCWD, "dtb", 4096, &good, &size), 0);
        srand(1);
        for (unsigned i = 0; i < 4000; i++) {
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                char bad[4096];
                int r;

                memcpy(bad, good, sizeof(bad));
                for (unsigned j = 0; j <= i % 4; j++)
                        bad[(size_t) rand() % (i % 2 ? 64 : 2048)] ^= (char) (1 << rand() % 8);
                put_file("dtb", bad, sizeof(bad), i % 8 == 7 ? rand() % 4096 + 1 : 4096);
                r = boot_check(z, board, false, &d, NULL);
                assert_true(r == 0 || r == -EBADMSG);
                taken += r == 0;
                refused += r < 0;
        }
        assert_true(taken > 100 && refused > 100);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_compare_names_both_sides),
                cmocka_unit_test(test_compare_knows_what_cpus_call_themselves),
                cmocka_unit_test(test_compare_of_riscv64),
                cmocka_unit_test(test_compare_ends_where_a_tree_does_not),
                cmocka_unit_test(test_compare_refuses_old_versions),
                cmocka_unit_test(test_compare_bears_any_bytes),
        };

        return cmocka_run_group_tests_name("tree_compare", tests, put_files, remove_directory);
}
