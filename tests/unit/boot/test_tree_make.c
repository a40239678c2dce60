/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DeviceTree=auto: what is made, and that the comparison finds nothing to be warned of in it. */
#include <errno.h>

#include "trees.h"

#define AUTO_ZONE                                                                                                      \
        "[Zone]\nId=1\nCPUs=2-3\nKernel=DIR/kernel\nKernelAddress=0x50400000\nEntryPoint=0x40400000\n"                 \
        "DeviceTree=auto\nInitrd=DIR/initrd\n"                                                                         \
        "[Memory ram]\nPhysicalAddress=0x50000000\nGuestAddress=0x40000000\nSize=16M\n"                                \
        "[Block root]\nImage=/disk\nAddress=0xa003c00\nInterrupt=78\n"                                                 \
        "[Console main]\nAddress=0xa003800\nInterrupt=76\n"

static const char made[] = "/dts-v1/;\n"
                           "\n"
                           "/ {\n"
                           "\t#address-cells = <0x02>;\n"
                           "\t#size-cells = <0x02>;\n"
                           "\tcompatible = \"linux,dummy-virt\";\n"
                           "\tinterrupt-parent = <0x01>;\n"
                           "\tmodel = \"x\";\n"
                           "\n"
                           "\tchosen {\n"
                           "\t\tbootargs = \"console=hvc0\";\n"
                           "\t\tlinux,initrd-end = <0x00 0x40fff388>;\n"
                           "\t\tlinux,initrd-start = <0x00 0x40ffe000>;\n"
                           "\t};\n"
                           "\n"
                           "\tcpus {\n"
                           "\t\t#address-cells = <0x01>;\n"
                           "\t\t#size-cells = <0x00>;\n"
                           "\n"
                           "\t\tcpu@2 {\n"
                           "\t\t\tcompatible = \"arm,armv8\";\n"
                           "\t\t\tdevice_type = \"cpu\";\n"
                           "\t\t\tenable-method = \"psci\";\n"
                           "\t\t\treg = <0x02>;\n"
                           "\t\t};\n"
                           "\n"
                           "\t\tcpu@3 {\n"
                           "\t\t\tcompatible = \"arm,armv8\";\n"
                           "\t\t\tdevice_type = \"cpu\";\n"
                           "\t\t\tenable-method = \"psci\";\n"
                           "\t\t\treg = <0x03>;\n"
                           "\t\t};\n"
                           "\t};\n"
                           "\n"
                           "\tinterrupt-controller@8000000 {\n"
                           "\t\t#address-cells = <0x00>;\n"
                           "\t\t#interrupt-cells = <0x03>;\n"
                           "\t\tcompatible = \"arm,gic-v3\";\n"
                           "\t\tinterrupt-controller;\n"
                           "\t\tphandle = <0x01>;\n"
                           "\t\treg = <0x00 0x8000000 0x00 0x10000 0x00 0x80a0000 0x00 0xf60000>;\n"
                           "\t};\n"
                           "\n"
                           "\tmemory@40000000 {\n"
                           "\t\tdevice_type = \"memory\";\n"
                           "\t\treg = <0x00 0x40000000 0x00 0x1000000>;\n"
                           "\t};\n"
                           "\n"
                           "\tpsci {\n"
                           "\t\tcompatible = \"arm,psci-1.0\\0arm,psci-0.2\";\n"
                           "\t\tmethod = \"smc\";\n"
                           "\t};\n"
                           "\n"
                           "\ttimer {\n"
                           "\t\talways-on;\n"
                           "\t\tcompatible = \"arm,armv8-timer\";\n"
                           "\t\tinterrupts = <0x01 0x0d 0x04 0x01 0x0e 0x04 0x01 0x0b 0x04 0x01 0x0a 0x04>;\n"
                           "\t};\n"
                           "\n"
                           "\tvirtio_mmio@a003800 {\n"
                           "\t\tcompatible = \"virtio,mmio\";\n"
                           "\t\tdma-coherent;\n"
                           "\t\tinterrupts = <0x00 0x2c 0x01>;\n"
                           "\t\treg = <0x00 0xa003800 0x00 0x200>;\n"
                           "\t};\n"
                           "\n"
                           "\tvirtio_mmio@a003c00 {\n"
                           "\t\tcompatible = \"virtio,mmio\";\n"
                           "\t\tdma-coherent;\n"
                           "\t\tinterrupts = <0x00 0x2e 0x01>;\n"
                           "\t\treg = <0x00 0xa003c00 0x00 0x200>;\n"
                           "\t};\n"
                           "};\n";

static void test_make_makes_the_whole_tree(void **state _unused_) {
        _cleanup_(board_spec_freep) struct board_spec *board = parse_good_board(good_board);
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(AUTO_ZONE, "", "");
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(boot_close) struct boot boot = BOOT_NONE;
        _cleanup_free_ char *got = NULL;

        assert_int_equal(boot_prepare(z, board, &d, &boot), 0);
        assert_int_equal(d.count, 0);
        got = tree_source(boot.parts[BOOT_DEVICE_TREE].fd); /* sorted */
        assert_string_equal(got, made);
        /* Physical, where the guest has other addresses. */
        assert_int_equal(boot.parts[BOOT_INITRD].address, 0x50ffe000);
        assert_int_equal(boot.parts[BOOT_DEVICE_TREE].address, 0x50ffd000);
}

static void test_make_follows_the_zone(void **state _unused_) {
        static const struct {
                const char *from, *to, *want, *said;
        } c[] = {
                { "DeviceTree=auto\n", "DeviceTree=auto\nCommandLine=root=/dev/vda\n", "bootargs = \"root=/dev/vda\";",
                  "" },
                { "[Console main]\n", "[Rng entropy]\n", "bootargs = [00];", "" },
                { "DeviceTree=auto\n", "DeviceTree=auto\nDeviceTreeAddress=0x50000000\n", "psci", "" },
                { "Size=16M\n", "Size=16M\n[Memory more]\nPhysicalAddress=0x200000000\nSize=4G\n",
                  "memory@200000000 {\n\t\tdevice_type = \"memory\";\n\t\treg = <0x02 0x00 0x01 0x00>;", "" },
                { "[Console",
                  "[GIC]\nVersion=3\nDistributorAddress=0x9000000\nDistributorSize=64K\n"
                  "RedistributorAddress=0x9080000\nRedistributorSize=128K\n[Console",
                  "reg = <0x00 0x9000000 0x00 0x10000 0x00 0x9080000 0x00 0x20000>;", "" },
                { "[Console",
                  "[GIC]\nVersion=2\nDistributorAddress=0x9000000\nDistributorSize=64K\nCPUInterfaceAddress=0x9010000\n"
                  "CPUInterfaceSize=8K\nHypervisorAddress=0x9030000\nHypervisorSize=64K\nVirtualCPUAddress=0x9040000\n"
                  "VirtualCPUSize=8K\n[Console",
                  "compatible = \"arm,gic-400\";\n\t\tinterrupt-controller;\n\t\tphandle = <0x01>;\n\t\treg = <0x00 "
                  "0x9000000 0x00 0x10000 0x00 0x9010000 0x00 0x2000>;",
                  "" },
                { "[Console",
                  "[IVC talk]\nId=0\nPeer=0\nControlTableAddress=0xd0000000\nSharedMemoryAddress=0xd0001000\n"
                  "ReadWriteSize=4K\nInterrupt=66\n[IVC more]\nId=1\nPeer=0\nControlTableAddress=0xd1000000\n"
                  "SharedMemoryAddress=0xd1001000\nOutputSize=4K\nInterrupt=68\n[Console",
                  "hvisor_ivc_device {\n\t\tcompatible = \"hvisor\";\n\t\tinterrupts = <0x00 0x22 0x01 0x00 0x24 "
                  "0x01>;",
                  "" },
                { "[Console", "[IO uart]\nPhysicalAddress=0x9000000\nSize=4K\n[Console", "psci",
                  "x.conf:18:17: warning: [IO uart]: DeviceTree=auto has no node of a real device: the guest does not "
                  "find it\n" },
        };
        _cleanup_(board_spec_freep) struct board_spec *board = parse_good_board(good_board);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(AUTO_ZONE, c[i].from, c[i].to);
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                _cleanup_(boot_close) struct boot boot = BOOT_NONE;
                _cleanup_free_ char *got = NULL, *said = NULL;

                assert_int_equal(boot_prepare(z, board, &d, &boot), 0);
                said = diagnostics_text(&d);
                assert_string_equal(said, c[i].said);
                got = tree_source(boot.parts[BOOT_DEVICE_TREE].fd);
                if (!strstr(got, c[i].want))
                        fail_msg("%s\nlacks:\n%s", got, c[i].want);
                if (z->device_tree.address)
                        assert_int_equal(boot.parts[BOOT_DEVICE_TREE].address, z->device_tree.address);
        }
}

static void test_make_calls_cpus_as_they_call_themselves(void **state _unused_) {
        _cleanup_free_ char *text = replaced(good_board, "CPUs=0-3", "CPUs=0-3\nMPIDR=0x0,0x100,0x200"), *got = NULL;
        _cleanup_(board_spec_freep) struct board_spec *board = parse_good_board(text);
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(AUTO_ZONE, "", "");
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(boot_close) struct boot boot = BOOT_NONE;

        assert_int_equal(boot_prepare(z, board, &d, &boot), 0);
        assert_int_equal(d.count, 0);
        got = tree_source(boot.parts[BOOT_DEVICE_TREE].fd);
        assert_non_null(strstr(got, "cpu@200 {"));
        assert_non_null(strstr(got, "reg = <0x200>;"));
        assert_non_null(strstr(got, "cpu@3 {")); /* beyond the list: its number */
}

static void test_make_wants_a_gic(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(AUTO_ZONE, "", "");
        _cleanup_(board_spec_freep) struct board_spec *board =
                parse_good_board("[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n");
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_free_ char *got = NULL;

        /* Where nothing is known of the board, that is said elsewhere. */
        assert_int_equal(boot_check(z, NULL, true, &d, NULL), 0);
        assert_int_equal(boot_check(z, board, true, &d, NULL), -EBADMSG);
        got = diagnostics_text(&d);
        assert_string_equal(got, "x.conf:7:12: error: DeviceTree=auto: neither this file nor board.conf has a [GIC], "
                                 "which goes into it\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_make_makes_the_whole_tree),
                cmocka_unit_test(test_make_follows_the_zone),
                cmocka_unit_test(test_make_calls_cpus_as_they_call_themselves),
                cmocka_unit_test(test_make_wants_a_gic),
        };

        return cmocka_run_group_tests_name("tree_make", tests, enter_with_images, remove_directory);
}
