/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "common.h"

static void test_format_is_normalized(void **state _unused_) {
        static const char text[] = "; every key, unusually spelt\n"
                                   "[GIC]\n"
                                   "Version=0x3\n"
                                   "DistributorAddress=134217728\n"
                                   "DistributorSize=0x10000\n"
                                   "RedistributorAddress=0x80a0000\n"
                                   "RedistributorSize=0xf60000\n"
                                   "[Console main]\n"
                                   "Interrupt=0x4c\n"
                                   "Address=0xA003800\n"
                                   "[Net lan]\n"
                                   "MACAddress=00:16:3E:10:10:AB\n"
                                   "Interrupt=75\n"
                                   "Address=0xa003600\n"
                                   "Tap=tap0\n"
                                   "[Net other]\n"
                                   "Interrupt=74\n"
                                   "Address=0xa003400\n"
                                   "Tap=tap1\n"
                                   "[Block root]\n"
                                   "MemoryMax=32768K\n"
                                   "CPUQuota=150%\n"
                                   "ReadOnly=TRUE\n"
                                   "Address=0xa003c00\n"
                                   "Interrupt=78\n"
                                   "Image=/disk\n"
                                   "[IO uart]\n"
                                   "PhysicalAddress=0x9000000\n"
                                   "Size=4096\n"
                                   "[IVC talk]\n"
                                   "MaxPeers=3\n"
                                   "Interrupt=66\n"
                                   "OutputSize=4096\n"
                                   "SharedMemoryAddress=0xd0001000\n"
                                   "ControlTableAddress=0xd0000000\n"
                                   "Peer=1\n"
                                   "Id=7\n"
                                   "[Memory ram]\n"
                                   "Size=786432K\n"
                                   "PhysicalAddress=0x50000000\n"
                                   "[Zone]\n"
                                   "Restart=always\n"
                                   "Interrupts=45 44,40\n"
                                   "InitrdAddress=0x53000000\n"
                                   "Initrd=/i\n"
                                   "DeviceTreeAddress=0x50000000\n"
                                   "DeviceTree=/d\n"
                                   "EntryPoint=0x50400000\n"
                                   "KernelAddress=0x50400000\n"
                                   "Kernel=/k\n"
                                   "CPUs=3,2,5\n"
                                   "Id=0x1\n";
        static const char want[] = "[Zone]\n"
                                   "Id=1\n"
                                   "CPUs=2-3,5\n"
                                   "Kernel=/k\n"
                                   "KernelAddress=0x50400000\n"
                                   "EntryPoint=0x50400000\n"
                                   "DeviceTree=/d\n"
                                   "DeviceTreeAddress=0x50000000\n"
                                   "Initrd=/i\n"
                                   "InitrdAddress=0x53000000\n"
                                   "Restart=always\n"
                                   "Interrupts=40,44-45\n"
                                   "[Memory ram]\n"
                                   "PhysicalAddress=0x50000000\n"
                                   "GuestAddress=0x50000000\n"
                                   "Size=768M\n"
                                   "[IO uart]\n"
                                   "PhysicalAddress=0x9000000\n"
                                   "GuestAddress=0x9000000\n"
                                   "Size=4K\n"
                                   "[IVC talk]\n"
                                   "Id=7\n"
                                   "Peer=1\n"
                                   "ControlTableAddress=0xd0000000\n"
                                   "SharedMemoryAddress=0xd0001000\n"
                                   "OutputSize=4K\n"
                                   "Interrupt=66\n"
                                   "[Console main]\n"
                                   "Address=0xa003800\n"
                                   "Interrupt=76\n"
                                   "[Net lan]\n"
                                   "Tap=tap0\n"
                                   "MACAddress=00:16:3e:10:10:ab\n"
                                   "Address=0xa003600\n"
                                   "Interrupt=75\n"
                                   "[Net other]\n"
                                   "Tap=tap1\n"
                                   "Address=0xa003400\n"
                                   "Interrupt=74\n"
                                   "[Block root]\n"
                                   "Image=/disk\n"
                                   "ReadOnly=yes\n"
                                   "Address=0xa003c00\n"
                                   "Interrupt=78\n"
                                   "CPUQuota=150%\n"
                                   "MemoryMax=32M\n"
                                   "[GIC]\n"
                                   "Version=3\n"
                                   "DistributorAddress=0x8000000\n"
                                   "DistributorSize=64K\n"
                                   "RedistributorAddress=0x80a0000\n"
                                   "RedistributorSize=15744K\n";
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", text);
        _cleanup_free_ char *got = NULL;

        assert_int_equal(zone_spec_format(z, &got), 0);
        assert_string_equal(got, want);
}

/* The value lives in the kernel across upgrades: if this row changes, every running zone would be restarted.
 */
static void test_cookie_never_changes(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", good_zone);
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(good_board);

        assert_true(zone_spec_cookie(z, b) == UINT64_C(0x8f3b5c3389e478a8));
        assert_true(zone_spec_cookie(z, NULL) == UINT64_C(0xf7816cf20304258d));
        assert_true(device_spec_cookie(&z->devices[0]) == UINT64_C(0x75e050cd7ac4219c));
        assert_true(device_spec_cookie(&z->devices[1]) == UINT64_C(0xf52e21da8e77c44b));
}

enum change { SAME, WORKER, ZONE };

static void test_cookies_tell_what_a_change_costs(void **state _unused_) {
        static const struct {
                const char *from, *to;
                enum change want;
        } c[] = {
                { "Id=1\n", "# a comment\nId = 0x1\n", SAME },
                { "EntryPoint=0x50400000\n", "EntryPoint=0x50400000\nRestart=always\n", SAME },
                { "EntryPoint=0x50400000\n", "EntryPoint=0x50400000\nRestart=on-failure\n", SAME },
                { "[Memory ram]", "[Memory another-name]", SAME },
                { "Size=768M\n", "Size=0x30000000\nGuestAddress=0x50000000\n", SAME },
                { "Image=/disk\n", "Image=/disk\nReadOnly=no\n", SAME },
                { "Image=/disk\n", "Image=/disk\nCache=writeback\nDiscard=yes\nBlockSize=0\nQueues=0\n", SAME },
                { "Image=/disk\n", "Image=/other\n", WORKER },
                { "Image=/disk\n", "Image=/disk\nSerial=SN1\n", ZONE },
                { "Image=/disk\n", "Image=/disk\nCPUQuota=20%\n", WORKER },
                { "Image=/disk\n", "Image=/disk\nMemoryMax=16M\n", WORKER },
                { "Image=/disk\n", "Image=/disk\nReadOnly=yes\n", ZONE },
                { "Id=1\n", "Id=2\n", ZONE },
                { "CPUs=2-3\n", "CPUs=2\n", ZONE },
                { "Kernel=/k\n", "Kernel=/K\n", ZONE },
                { "EntryPoint=0x50400000\n", "EntryPoint=0x50400004\n", ZONE },
                { "EntryPoint=0x50400000\n", "EntryPoint=0x50400000\nInterrupts=40\n", ZONE },
                { "EntryPoint=0x50400000\n", "EntryPoint=0x50400000\nInitrd=/i\nInitrdAddress=0x53000000\n", ZONE },
                { "EntryPoint=0x50400000\n", "EntryPoint=0x50400000\nDeviceTree=/d\n", ZONE },
                { "Size=768M\n", "Size=769M\n", ZONE },
                { "Size=768M\n", "Size=768M\n[Memory more]\nPhysicalAddress=0x90000000\nSize=1M\n", ZONE },
                { "[Block", "[IO uart]\nPhysicalAddress=0x9000000\nSize=4K\n[Block", ZONE },
                { "[Block",
                  "[IVC a]\nId=7\nPeer=0\nControlTableAddress=0xd0000000\nSharedMemoryAddress=0xd0001000\n"
                  "OutputSize=4K\nInterrupt=66\n[Block",
                  ZONE },
                { "Address=0xa003800\n", "Address=0xa003a00\n", ZONE },
                { "Interrupt=76\n", "Interrupt=77\n", ZONE },
                { "[Block root]", "[Block disk]", ZONE },
        };
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(good_board);
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", good_zone);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *text = replaced(good_zone, c[i].from, c[i].to);
                _cleanup_(zone_spec_freep) struct zone_spec *changed = parse_good("x", text);
                bool zone = zone_spec_cookie(z, b) != zone_spec_cookie(changed, b);
                bool worker = device_spec_cookie(&z->devices[0]) != device_spec_cookie(&changed->devices[0]);

                if (zone != (c[i].want == ZONE) || (c[i].want != ZONE && worker != (c[i].want == WORKER)))
                        fail_msg("\"%s\" -> \"%s\"", c[i].from, c[i].to);
        }
}

static void test_cookies_of_a_network_card_tell_what_a_change_costs(void **state _unused_) {
        static const char net[] = "[Net lan]\nTap=tap0\nAddress=0xa003600\nInterrupt=75\n[Console main]";
        static const struct {
                const char *from, *to;
                enum change want;
        } c[] = {
                { "Tap=tap0", "Tap=tap0\n# the LAN", SAME },
                { "Tap=tap0", "Tap=tap1", WORKER },
                { "Tap=tap0", "Tap=tap0\nAccelerator=auto", SAME },
                { "Tap=tap0", "Tap=tap0\nAccelerator=none", WORKER },
                { "Tap=tap0", "Tap=auto", WORKER },
                { "Tap=tap0", "Tap=tap0\nBridge=br0", WORKER },
                { "Tap=tap0", "Tap=tap0\nMTU=0\nQueues=0", SAME },
                { "Tap=tap0", "Tap=tap0\nMTU=1500", ZONE },
                { "Tap=tap0", "Tap=tap0\nMACAddress=02:00:5e:10:00:01", ZONE },
                { "0xa003600", "0xa003400", ZONE },
                { "Interrupt=75", "Interrupt=74", ZONE },
        };
        _cleanup_free_ char *base = replaced(good_zone, "[Console main]", net);
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", base);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *text = replaced(base, c[i].from, c[i].to);
                _cleanup_(zone_spec_freep) struct zone_spec *changed = NULL;
                bool zone, worker;

                changed = parse_good("x", text);
                zone = zone_spec_cookie(z, NULL) != zone_spec_cookie(changed, NULL);
                worker = device_spec_cookie(&z->devices[1]) != device_spec_cookie(&changed->devices[1]);
                assert_int_equal(zone, c[i].want == ZONE);
                assert_int_equal(worker, c[i].want == WORKER);
        }
}

static void test_cookie_ignores_the_order_of_sections(void **state _unused_) {
        static const char zone[] = "[Zone]\nId=1\nCPUs=2\nKernel=/k\nKernelAddress=0x1000\nEntryPoint=0x1000\n";
        static const char a[] = "[Memory a]\nPhysicalAddress=0\nSize=1M\n";
        static const char b[] = "[Memory b]\nPhysicalAddress=0x200000\nSize=1M\n";
        static const char c[] = "[Block c]\nImage=/c\nAddress=0x1000000\nInterrupt=40\n";
        static const char d[] = "[Console d]\nAddress=0x1000200\nInterrupt=41\n";
        const char *orders[][5] = { { zone, a, b, c, d }, { d, c, b, a, zone }, { b, zone, d, a, c } };
        uint64_t cookies[3];

        for (size_t i = 0; i < 3; i++) {
                const char *const *o = orders[i];
                _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
                char text[1024];

                snprintf(text, sizeof(text), "%s%s%s%s%s", o[0], o[1], o[2], o[3], o[4]);
                z = parse_good("x", text);
                cookies[i] = zone_spec_cookie(z, NULL);
        }
        assert_true(cookies[0] == cookies[1] && cookies[1] == cookies[2]);
}

static void test_cookie_counts_the_gic_in_effect(void **state _unused_) {
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(good_board);
        _cleanup_free_ char *own = NULL, *other_gic = replaced(good_board, "0x8000000\n", "0x8010000\n");
        _cleanup_free_ char *other_memory = replaced(good_board, "CPUs=0-3", "CPUs=0-7");
        _cleanup_(board_spec_freep) struct board_spec *moved = parse_good_board(other_gic);
        _cleanup_(board_spec_freep) struct board_spec *larger = parse_good_board(other_memory);
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", good_zone), *with_own = NULL;

        assert_true(asprintf(&own, "%s%s", good_zone, strstr(good_board, "[GIC]")) > 0);
        with_own = parse_good("x", own);
        assert_true(zone_spec_cookie(z, b) == zone_spec_cookie(with_own, b));
        assert_true(zone_spec_cookie(z, b) == zone_spec_cookie(z, larger));
        assert_true(zone_spec_cookie(z, b) != zone_spec_cookie(z, moved));
        assert_true(zone_spec_cookie(with_own, b) == zone_spec_cookie(with_own, moved));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_format_is_normalized),
                cmocka_unit_test(test_cookie_never_changes),
                cmocka_unit_test(test_cookies_tell_what_a_change_costs),
                cmocka_unit_test(test_cookies_of_a_network_card_tell_what_a_change_costs),
                cmocka_unit_test(test_cookie_ignores_the_order_of_sections),
                cmocka_unit_test(test_cookie_counts_the_gic_in_effect),
        };

        return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
