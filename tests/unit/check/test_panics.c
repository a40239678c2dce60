/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every known way to take the hypervisor down by a zone's configuration is
 * refused twice: by what checks files, and by hvisor.ko, whoever calls it. Ways
 * that take the board down by a call that has no file (CPU_OFF of root, FINISH_REQ and
 * virtio accesses before INIT_VIRTIO, more than seven devices) are tests/cases/module.py's
 * and tests/rig/tools/misuse.c's.
 */
#include <errno.h>

#include "config/common.h"
#include "check/check.h"
#include "panic_ways.h"

static const char zone[] = "[Zone]\nId=1\nCPUs=2-3\nKernel=/k\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"
                           "DeviceTree=/d\nDeviceTreeAddress=0x50000000\n"
                           "[Memory ram]\nPhysicalAddress=0x50000000\nSize=768M\n"
                           "[Console main]\nAddress=0xa003800\nInterrupt=76\n";

/* RAM for zones up to 0xc0000000: root's own is what the kernel says it is, here none of it. */
static const struct root_facts root = { .known = true, .cpus = 0x3, .interrupts = { [2] = 1 } };

#define GIC(version, distributor)                                                                                      \
        "[GIC]\nVersion=" version "\nDistributorAddress=" distributor "\nDistributorSize=64K\n"                        \
        "RedistributorAddress=0x80a0000\nRedistributorSize=15744K\n[Console main]"
#define MORE(physical, guest, size)                                                                                    \
        "[Memory more]\nPhysicalAddress=" physical "\nGuestAddress=" guest "\nSize=" size "\n[Console main]"
#define SIX_CONSOLES                                                                                                   \
        "[Console a]\nAddress=0xa000000\nInterrupt=90\n[Console b]\nAddress=0xa000200\nInterrupt=91\n"                 \
        "[Console c]\nAddress=0xa000400\nInterrupt=92\n[Console d]\nAddress=0xa000600\nInterrupt=93\n"                 \
        "[Console e]\nAddress=0xa000800\nInterrupt=94\n[Console f]\nAddress=0xa000a00\nInterrupt=95\n"

#define GIC_V2                                                                                                         \
        "[GIC]\nVersion=2\nDistributorAddress=0x8000000\nDistributorSize=64K\nCPUInterfaceAddress=0x8010000\n"         \
        "CPUInterfaceSize=64K\nHypervisorAddress=0x8030000\nHypervisorSize=64K\nVirtualCPUAddress=0x8040000\n"         \
        "VirtualCPUSize=64K\n[Console main]"

#define IVC(name, id, table, memory, sizes, interrupt)                                                                 \
        "[IVC " name "]\nId=" id "\nControlTableAddress=" table "\nSharedMemoryAddress=" memory "\n" sizes             \
        "\nInterrupt=" interrupt "\n"
#define SIZES            "Peer=0\nReadWriteSize=4K\nOutputSize=4K"
#define IVC_A            IVC("a", "7", "0xd0000000", "0xd0001000", SIZES, "66")
#define IVC_OF(memory)   IVC("a", "7", "0xd0000000", memory, SIZES, "66") "[Console main]"
#define IVC_SIZED(sizes) IVC("a", "7", "0xd0000000", "0xd0001000", sizes, "66") "[Console main]"

struct row {
        const char *from, *to; /* in the good zone; to: NULL: 65 regions, too long to write down */
        const char *words;     /* of the message */
};

static const struct row rows[_PANIC_WAY_MAX] = {
        [PANIC_NO_CPU] = { "CPUs=2-3", "CPUs=", "no value" },
        [PANIC_CPU_OF_ROOT] = { "CPUs=2-3", "CPUs=1-3", "root Linux itself runs on CPU 1" },
        [PANIC_CPU_WITHOUT_A_SLOT_IN_THE_BRIDGE] = { "CPUs=2-3", "CPUs=2-3,32", "cannot have CPUs above 31" },
        [PANIC_ID_OF_ROOT] = { "Id=1", "Id=0", "0 is smaller than 1" },
        [PANIC_SIZE_NOT_OF_PAGES] = { "Size=768M", "Size=0x30000010", "not a multiple of 0x1000" },
        [PANIC_PHYSICAL_NOT_OF_PAGES] = { "[Console main]", MORE("0x80000800", "0x80000000", "4K"),
                                          "not a multiple of 0x1000" },
        [PANIC_GUEST_NOT_OF_PAGES] = { "[Console main]", MORE("0x80000000", "0x80000800", "4K"),
                                       "not a multiple of 0x1000" },
        [PANIC_SIZE_0] = { "[Console main]", MORE("0x80000000", "0x80000000", "0"), "0 is smaller than 0x1000" },
        [PANIC_OVERLAP_IN_GUEST] = { "[Console main]", MORE("0x80000000", "0x50001000", "4K"),
                                     "overlaps [Memory ram] of line 9 in the guest" },
        [PANIC_OVERLAP_ON_THE_BOARD] = { "[Console main]", MORE("0x50001000", "0x80000000", "4K"),
                                         "overlaps [Memory ram] of line 9" },
        [PANIC_OVERLAP_OF_RAM_AND_IO] = { "[Console main]",
                                          "[IO uart]\nPhysicalAddress=0x9000000\nGuestAddress=0x50001000\nSize=4K\n"
                                          "[Console main]",
                                          "[IO uart] overlaps [Memory ram] of line 9 in the guest" },
        [PANIC_RAM_THAT_WRAPS] = { "[Console main]", MORE("0xfffffffff000", "0x80000000", "8K"),
                                   "reaches beyond physical address" },
        [PANIC_RAM_BEYOND_THE_TABLES] = { "[Console main]", MORE("0x80000000", "0x7ffffff000", "8K"),
                                          "reaches beyond guest address 0x7fffffffff" },
        [PANIC_REGION_TYPE_UNKNOWN] = { "[Console main]", "[Region x]\nType=7\n[Console main]",
                                        "unknown section [Region]" },
        [PANIC_REGIONS_65] = { "[Console main]", NULL, "more than 16 [Memory]" },
        [PANIC_REGIONS_NONE] = { "[Memory ram]\nPhysicalAddress=0x50000000\nSize=768M\n", "", "no [Memory NAME]" },
        [PANIC_GIC_VERSION_OF_ANOTHER_BOARD] = { "[Console main]", GIC_V2, "version 2, but the board's is 3" },
        [PANIC_GIC_WITHOUT_A_PLACE] = { "[Console main]", GIC("3", "0"), "0 is smaller than 0x1000" },
        [PANIC_GIC_IN_RAM] = { "[Console main]", GIC("3", "0x50000000"),
                               "the GIC's distributor overlaps [Memory ram]" },
        [PANIC_ENTRY_OUTSIDE] = { "EntryPoint=0x50400000", "EntryPoint=0x80000000", "is in no [Memory]" },
        [PANIC_ENTRY_UNALIGNED] = { "EntryPoint=0x50400000", "EntryPoint=0x50400002", "not a multiple of 0x4" },
        [PANIC_KERNEL_OUTSIDE] = { "KernelAddress=0x50400000", "KernelAddress=0x80000000", "is in no [Memory]" },
        [PANIC_DEVICE_TREE_OUTSIDE] = { "TreeAddress=0x50000000", "TreeAddress=0x80000000", "is in no [Memory]" },
        [PANIC_WINDOW_IN_RAM] = { "Address=0xa003800", "Address=0x50000000", "overlaps [Memory ram]" },
        [PANIC_WINDOW_IN_THE_GIC] = { "Address=0xa003800", "Address=0x8000000", "overlaps the GIC" },
        [PANIC_WINDOW_TWICE] = { "[Console main]", "[Console b]\nAddress=0xa003800\nInterrupt=90\n[Console main]",
                                 "overlaps [Console b]" },
        [PANIC_INTERRUPT_OF_A_CPU] = { "Interrupt=76", "Interrupt=31", "31 is smaller than 32" },
        [PANIC_INTERRUPT_THAT_IS_NONE] = { "[Memory", "Interrupts=1020\n[Memory", "1020 is larger than 1019" },
        [PANIC_INTERRUPT_TWICE] = { "[Memory", "Interrupts=76\n[Memory", "it belongs here only" },
        [PANIC_INTERRUPT_THAT_WAKES_ROOT] = { "[Memory", "Interrupts=64\n[Memory",
                                              "root Linux itself uses interrupt 64" },
        [PANIC_IVC_IN_RAM] = { "[Console main]", IVC_OF("0x50001000"),
                               "[IVC a]'s shared memory overlaps [Memory ram] of line 9 in the guest" },
        [PANIC_IVC_MEMORY_NOT_OF_PAGES] = { "[Console main]", IVC_OF("0xd0001800"), "not a multiple of 0x1000" },
        [PANIC_IVC_SECTION_NOT_OF_PAGES] = { "[Console main]", IVC_SIZED("Peer=0\nOutputSize=0x800"),
                                             "not a multiple of 0x1000" },
        [PANIC_IVC_SECTION_EMPTY] = { "[Console main]", IVC_SIZED("Peer=0"), "[IVC a] shares nothing" },
        [PANIC_IVC_SECTION_TOO_LARGE] = { "[Console main]", IVC_SIZED("Peer=0\nOutputSize=8M"),
                                          "[IVC a] has 0x1800000 bytes" },
        [PANIC_IVC_SECTION_THAT_WRAPS] = { "[Console main]", IVC_SIZED("Peer=0\nMaxPeers=64\nOutputSize=64M"),
                                           "64M is larger than 0x1000000" },
        [PANIC_IVC_BEYOND_THE_TABLES] = { "[Console main]", IVC_OF("0x7fffffe000"),
                                          "reaches beyond guest address 0x7fffffffff" },
        [PANIC_IVC_ON_THE_OTHER] = { "[Console main]",
                                     IVC_A IVC("b", "8", "0xd0005000", "0xd0004000", SIZES, "67") "[Console main]",
                                     "[IVC b]'s shared memory overlaps" },
        [PANIC_IVC_3] = { "[Console main]",
                          IVC_A IVC("b", "8", "0xd0005000", "0xd0006000", SIZES, "67")
                                  IVC("c", "9", "0xd000a000", "0xd000b000", SIZES, "68") "[Console main]",
                          "more than 2 [IVC]" },
        [PANIC_IVC_TABLE_IN_ITS_MEMORY] = { "[Console main]",
                                            IVC("a", "7", "0xd0002000", "0xd0001000", SIZES, "66") "[Console main]",
                                            "[IVC a]'s shared memory overlaps [IVC a]'s control table" },
        [PANIC_IVC_TABLE_IN_THE_GIC] = { "[Console main]",
                                         IVC("a", "7", "0x8000000", "0xd0001000", SIZES, "66") "[Console main]",
                                         "[IVC a] overlaps the GIC" },
        [PANIC_IVC_PEER_WITHOUT_A_SECTION] = { "[Console main]", IVC_SIZED("Peer=3\nOutputSize=4K"),
                                               "3 is none of MaxPeers=3" },
        [PANIC_IVC_INTERRUPT_OF_A_CPU] = { "[Console main]",
                                           IVC("a", "7", "0xd0000000", "0xd0001000", SIZES, "31") "[Console main]",
                                           "31 is smaller than 32" },
        [PANIC_IVC_INTERRUPT_OF_A_DEVICE] = { "[Console main]",
                                              IVC("a", "7", "0xd0000000", "0xd0001000", SIZES, "76") "[Console main]",
                                              "interrupt 76 is [Console main]'s" },
        [PANIC_IVC_ID_TWICE] = { "[Console main]",
                                 IVC_A IVC("b", "7", "0xd0005000", "0xd0006000", SIZES, "67") "[Console main]",
                                 "a zone has one part in an IVC" },
};

static const char *const names[_PANIC_WAY_MAX] = {
#define WAY(name) #name,
        PANIC_WAYS(WAY)
#undef WAY
};

static char *many_regions(void) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        for (unsigned i = 0; i < 64; i++)
                fprintf(f, "[Memory m%u]\nPhysicalAddress=0x%x\nSize=4K\n", i, 0x80000000 + i * 0x2000);
        fputs("[Console main]", f);
        fclose(f);
        return text;
}

/* What the checks of files say, as one text; "" if they take it. */
static char *said_of(const char *text) {
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(good_board);
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;

        b->cpus = UINT64_MAX;
        if (zone_spec_parse("x", "x.conf", text, strlen(text), &d, &z) >= 0)
                (void) zone_check_board(z, b, &root, &d);
        return diagnostics_text(&d);
}

static void test_panics_are_refused_by_the_checks_of_files(void **state _unused_) {
        _cleanup_free_ char *good = said_of(zone), *many = many_regions();

        assert_string_equal(good, "");
        for (int way = 0; way < _PANIC_WAY_MAX; way++) {
                const struct row *r = &rows[way];
                _cleanup_free_ char *text = replaced(zone, r->from, r->to ? r->to : many), *got = said_of(text);

                if (!strstr(got, "error: ") || !strstr(got, r->words))
                        fail_msg("%s: %s", names[way], got);
        }
}

static void test_panics_are_refused_by_the_module(void **state _unused_) {
        assert_false(module_refuses(-1));
        for (int way = 0; way < _PANIC_WAY_MAX; way++)
                if (!module_refuses(way))
                        fail_msg("%s", names[way]);
}

/* What only the board tells: board.conf is for that. The module cannot know, but for an ITS. */
static void test_panics_that_board_conf_tells(void **state _unused_) {
        static const struct row c[] = {
                { "CPUs=2-3", "CPUs=2-4", "the board has no CPU 4" },
                { "Id=1", "Id=4", "4 is larger than 3" },
                { "PhysicalAddress=0x50000000", "PhysicalAddress=0x4fe00000", "is not all RAM of the board" },
                { "[Console main]", MORE("0xc0000000", "0xc0000000", "4K"), "is not all RAM of the board" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(good_board);
                _cleanup_free_ char *text = replaced(zone, c[i].from, c[i].to), *got = NULL;
                _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", text);
                _cleanup_(diagnostics_clear) struct diagnostics d = {};

                assert_int_equal(zone_check_board(z, b, &root, &d), -EBADMSG);
                got = diagnostics_text(&d);
                assert_non_null(strstr(got, c[i].words));
        }
}

static void test_panics_by_eight_devices(void **state _unused_) {
        _cleanup_free_ char *seven = replaced(zone, "[Console main]", SIX_CONSOLES "[Console main]");
        _cleanup_free_ char *eight =
                replaced(seven, "[Console main]", "[Console g]\nAddress=0xa000c00\nInterrupt=96\n[Console main]");
        _cleanup_free_ char *good = said_of(seven), *bad = said_of(eight);

        assert_string_equal(good, "");
        assert_non_null(strstr(bad, "more than 7 [Console]"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_panics_are_refused_by_the_checks_of_files),
                cmocka_unit_test(test_panics_are_refused_by_the_module),
                cmocka_unit_test(test_panics_that_board_conf_tells),
                cmocka_unit_test(test_panics_by_eight_devices),
        };

        return cmocka_run_group_tests_name("panics", tests, NULL, NULL);
}
