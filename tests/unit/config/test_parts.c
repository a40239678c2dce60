/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only some zones have: PCI, modules, UEFI, the other GIC, other architectures. */
#include <errno.h>
#include <inttypes.h>

#include "common.h"

#include "check/check.h"
#include "config/value.h"

static void test_parts_pci_addresses_are_read_with_their_places(void **state _unused_) {
        static const struct {
                const char *text, *error;
                int column;
                struct pci_address want;
        } c[] = {
                { "0000:00:00.0", NULL, 0, { true, 0, 0, 0, 0 } },
                { "0000:01:00.0", NULL, 0, { true, 0, 1, 0, 0 } },
                { "00fF:aB:1f.7", NULL, 0, { true, 0xff, 0xab, 0x1f, 7 } },
                { "0100:01:00.0", "domain 0x100: 0xff is the largest", 0, {} },
                { "0000:01:20.0", "device 0x20: 0x1f is the largest", 8, {} },
                { "0000:01:00.8", "function 0x8: 0x7 is the largest", 11, {} },
                { "01:00.0", "\"01:00.0\" is not a PCI address as 0000:01:00.0", 0, {} },
                { "0000:01:00:0", "\"0000:01:00:0\" is not a PCI address as 0000:01:00.0", 0, {} },
                { "0000:01:00.00", "\"0000:01:00.00\" is not a PCI address as 0000:01:00.0", 0, {} },
                { "0000-01-00.0", "\"0000-01-00.0\" is not a PCI address as 0000:01:00.0", 0, {} },
                { "0000:0x:00.0", "\"0000:0x:00.0\" is not a PCI address as 0000:01:00.0", 0, {} },
        };
        const struct key_schema *k = schema_find_key(SECTION_PCI_DEVICE, "Address", 7);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct pci_device_spec d = {};
                struct value_error e = {};
                int r = value_parse(k, (struct slice){ c[i].text, strlen(c[i].text) }, &d, &e);

                assert_int_equal(r, c[i].error ? -EINVAL : 0);
                assert_memory_equal(&d.address, &c[i].want, sizeof(d.address));
                if (!c[i].error)
                        continue;
                assert_string_equal(e.text, c[i].error);
                assert_int_equal(e.part.text - c[i].text, c[i].column);
        }
}

/* ---- a file and a board ------------------------------------------------------------------------------ */

#define HEAD                                                                                                           \
        "[Zone]\nId=1\nCPUs=2-3\nKernel=/k\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"                         \
        "[Memory ram]\nPhysicalAddress=0x50000000\nSize=768M\n"
#define PCI                                                                                                            \
        "[PCI main]\nFirstBus=0\nLastBus=31\nECAMAddress=0x4010000000\nECAMSize=256M\nIOAddress=0x3eff0000\n"          \
        "IOSize=64K\nMemory32Address=0x10000000\nMemory32Size=0x2eff0000\nMemory64Address=0x8000000000\n"              \
        "Memory64Size=512G\n"                                                                                          \
        "[PCIDevice bridge]\nAddress=0000:00:00.0\n[PCIDevice card]\nAddress=0000:01:00.0\n"
#define GIC_V2                                                                                                         \
        "[GIC]\nVersion=2\nDistributorAddress=0x8000000\nDistributorSize=64K\nCPUInterfaceAddress=0x8010000\n"         \
        "CPUInterfaceSize=64K\nHypervisorAddress=0x8030000\nHypervisorSize=64K\nVirtualCPUAddress=0x8040000\n"         \
        "VirtualCPUSize=64K\n"
#define GIC_V3                                                                                                         \
        "[GIC]\nVersion=3\nDistributorAddress=0x8000000\nDistributorSize=64K\nRedistributorAddress=0x80a0000\n"        \
        "RedistributorSize=15744K\n"
#define X86                                                                                                            \
        "[Memory rsdp]\nPhysicalAddress=0x80000000\nGuestAddress=0xe0000\nSize=128K\n"                                 \
        "[Memory acpi]\nPhysicalAddress=0x80020000\nGuestAddress=0xa0020000\nSize=1M\n"                                \
        "[X86]\nIOAPICAddress=0xfec00000\nIOAPICSize=4K\nKernelEntry=0x50400000\nSetup=/s\nSetupAddress=0x5000d000\n"  \
        "RSDP=rsdp\nACPI=acpi\n"

static const char board_of[] = "[Board]\nArchitecture=%s\nCPUs=0-3\nMemory=0x50000000+0x70000000\n%s";

/* What is said of a zone on a board; "" if it is taken. */
static char *said_of(const char *text, const char *architecture, const char *controllers) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;
        char board[1024];

        snprintf(board, sizeof(board), board_of, architecture, controllers);
        b = parse_good_board(board);
        if (zone_spec_parse("x", "x.conf", text, strlen(text), &d, &z) >= 0)
                (void) zone_check_board(z, b, NULL, &d);
        return diagnostics_text(&d);
}

#define PLIC "[PLIC]\nAddress=0xc000000\nSize=64M\n"

static void test_parts_are_for_their_architecture(void **state _unused_) {
        static const struct {
                const char *text, *architecture, *controllers, *error; /* NULL: it is right */
        } c[] = {
                { HEAD, "arm64", GIC_V3, NULL },
                { HEAD, "arm64", GIC_V2, NULL },
                { HEAD GIC_V2, "arm64", GIC_V2, NULL },
                { HEAD PCI, "arm64", GIC_V3, NULL },
                { HEAD "[Module m]\nFile=/m\nPhysicalAddress=0x60000000\n", "arm64", GIC_V3, NULL },
                { HEAD "[UEFI]\nMemoryMapAddress=0x60000000\nMemoryMapSize=4K\nSystemTableAddress=0x60001000\n",
                  "arm64", GIC_V3, NULL },
                { HEAD, "riscv64", PLIC, NULL },
                { HEAD "[APLIC]\nAddress=0xd000000\nSize=32K\n", "riscv64", "", NULL },
                { HEAD "[Console c]\nAddress=0x10007000\nInterrupt=7\n", "riscv64", PLIC, NULL },
                { HEAD "[IO far]\nPhysicalAddress=0xc000000000\nSize=2G\n", "riscv64", PLIC, NULL },
                { HEAD "[Console c]\nAddress=0x30001000\nInterrupt=4\n", "loongarch64", "", NULL },
                { HEAD "[IO far]\nPhysicalAddress=0xffffffff0000\nSize=4K\n", "loongarch64", "", NULL },
                { HEAD X86, "x86_64", "", NULL },
                { HEAD X86 "[Console c]\nAddress=0x90000000\nInterrupt=10\n", "x86_64", "", NULL },

                { HEAD, "arm64", "", "no [GIC], neither here nor in" },
                { HEAD GIC_V2, "arm64", GIC_V3, "[GIC]: version 2, but the board's is 3" },
                { HEAD GIC_V3, "arm64", GIC_V2, "[GIC]: version 3, but the board's is 2" },
                { HEAD GIC_V3 "CPUInterfaceAddress=0x8010000\n", "arm64", GIC_V3,
                  "CPUInterfaceAddress= is of version 2" },
                { HEAD, "riscv64", "", "no [PLIC] or [APLIC], neither here nor in" },
                { HEAD GIC_V3, "riscv64", PLIC, "[GIC] is for arm64, and the board is riscv64" },
                { HEAD PLIC, "arm64", GIC_V3, "[PLIC] is for riscv64, and the board is arm64" },
                { HEAD X86, "arm64", GIC_V3, "[X86] is for x86_64, and the board is arm64" },
                { HEAD, "x86_64", "", "no [X86]" },
                { HEAD "[IO far]\nPhysicalAddress=0x8000000000\nSize=4K\n", "arm64", GIC_V3,
                  "[IO far] reaches beyond guest address 0x7fffffffff" },
                { HEAD "[IO far]\nPhysicalAddress=0x20000000000\nSize=4K\n", "riscv64", PLIC,
                  "[IO far] reaches beyond guest address 0x1ffffffffff" },
                { HEAD "[Console c]\nAddress=0xa003800\nInterrupt=7\n", "arm64", GIC_V3, "7 is smaller than 32" },
                { HEAD X86 "[Console c]\nAddress=0x90000000\nInterrupt=24\n", "x86_64", "", "24 is larger than 23" },
                { HEAD "[Console c]\nAddress=0x30001200\nInterrupt=4\n", "loongarch64", "", "a device begins a page" },
                { HEAD "[Console c]\nAddress=0xc000000\nInterrupt=7\n", "riscv64", PLIC, "overlaps the interrupt" },
                { HEAD "[PLIC]\nAddress=0x800000000000\nSize=4M\n", "riscv64", "",
                  "[PLIC] reaches beyond guest address 0x1ffffffffff" },
                { HEAD, "riscv64", "[APLIC]\nAddress=0x800000000000\nSize=4M\n",
                  "[APLIC] reaches beyond guest address 0x1ffffffffff" },
                { HEAD "[PCI p]\nECAMAddress=0x4010000000\nECAMSize=1M\nMemory32Address=0x8000000\nMemory32Size=64K\n",
                  "arm64", GIC_V3, "[PCI p]: 0x8000000+0x10000 overlaps the GIC" },
                { HEAD "[PCI p]\nECAMAddress=0xc000000\nECAMSize=1M\n", "riscv64", PLIC,
                  "[PCI p]: 0xc000000+0x100000 overlaps the interrupt controller" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *got = said_of(c[i].text, c[i].architecture, c[i].controllers);

                if (c[i].error ? !strstr(got, c[i].error) : got[0] != '\0')
                        fail_msg("row %zu: %s", i, got);
        }
}

static void test_parts_are_checked_by_themselves(void **state _unused_) {
        static const struct {
                const char *text, *from, *to, *error;
        } c[] = {
                { HEAD PCI, "0000:01:00.0", "0000:00:00.0", "it is [PCIDevice bridge] of line" },
                { HEAD PCI, "0000:01:00.0", "0001:01:00.0", "no [PCI] of the zone has Domain=1" },
                { HEAD PCI, "0000:01:00.0", "0000:20:00.0", "bus 32 is none of [PCI main]'s, 0 to 31" },
                { HEAD PCI, "0000:01:00.0\n", "0000:01:00.0\nGuestAddress=0001:01:00.0\n", "in its own domain, 0000" },
                { HEAD PCI, "0000:01:00.0\n", "0000:01:00.0\nGuestAddress=0000:40:00.0\n", "bus 64 is none of" },
                { HEAD PCI, "0000:01:00.0\n",
                  "0000:01:00.0\n[PCIDevice two]\nAddress=0000:02:00.0\nGuestAddress=0000:01:00.0\n",
                  "has the same address in the guest" },
                { HEAD PCI, "FirstBus=0", "FirstBus=32", "is behind LastBus=" },
                { HEAD PCI, "IOSize=64K\n", "", "IOAddress= needs IOSize=, too" },
                { HEAD PCI, "IOAddress=0x3eff0000\n", "", "IOSize= needs IOAddress=, too" },
                { HEAD PCI, "0x10000000", "0x4ff00000", "overlaps [Memory ram]" },
                { HEAD PCI, "0x4010000000", "0x80000000", "0x80000000+0x10000000 is RAM of the board" },
                { HEAD PCI, "[PCIDevice bridge]",
                  "[PCI two]\nECAMAddress=0x5000000000\nECAMSize=1M\n[PCIDevice bridge]", "has the same domain" },
                { HEAD "[Module m]\nFile=/m\nPhysicalAddress=0x50400000\n", "x", "x",
                  "PhysicalAddress= is the same as KernelAddress=" },
                { HEAD "[Module m]\nFile=/m\nPhysicalAddress=0x90000000\n", "x", "x", "is in no [Memory]" },
                { HEAD "[UEFI]\nMemoryMapAddress=0x90000000\nMemoryMapSize=4K\nSystemTableAddress=0x60001000\n", "x",
                  "x", "is in no [Memory] whose guest and physical addresses are the same" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *text =
                        strstr(c[i].text, c[i].from) ? replaced(c[i].text, c[i].from, c[i].to) : NULL;
                _cleanup_free_ char *got = said_of(text ?: c[i].text, "arm64", GIC_V3);

                if (!strstr(got, c[i].error))
                        fail_msg("row %zu: %s", i, got);
        }
}

#define LOWEST "[Memory lowest]\nPhysicalAddress=0x90000000\nGuestAddress=0\nSize=64K\n"

static void test_parts_of_x86_are_checked_by_themselves(void **state _unused_) {
        static const struct {
                const char *from, *to, *error;
        } c[] = {
                { "RSDP=rsdp", "RSDP=other", "RSDP=: the zone has no [Memory other]" },
                { "RSDP=rsdp", "RSDP=ram", "has to be 128K at guest address 0xe0000" },
                { "Size=128K", "Size=64K", "has to be 128K at guest address 0xe0000" },
                { "ACPI=acpi", "ACPI=rsdp", "ACPI= is the same as RSDP=" },
                { "ACPI=acpi", "ACPI=acpi\nUEFI=acpi", "UEFI= is the same as ACPI=" },
                { "Size=1M", "Size=1M\nReserved=yes", "[Memory acpi] is Reserved=" },
                { "ACPI=acpi", "ACPI=acpi\nCommandLine=quiet", "CommandLine= needs CommandLineAddress=, too" },
                { "ACPI=acpi", "ACPI=acpi\nCommandLineAddress=0x5000c000",
                  "CommandLineAddress= needs CommandLine=, too" },
                { "0x5000d000", "0x90000000", "SetupAddress=: 0x90000000 is in no [Memory]" },
                { "0xfec00000", "0x50000000", "the I/O APIC overlaps [Memory ram]" },
                { "KernelEntry=0x50400000", "KernelEntry=0x90000000",
                  "KernelEntry=: 0x90000000 is in no [Memory] of the zone (guest addresses)" },
                { "EntryPoint=0x50400000", "EntryPoint=0x7fffffff", "EntryPoint=: 0x7fffffff is in no [Memory]" },
                { "SetupAddress=0x5000d000\nRSDP=rsdp\nACPI=acpi\n",
                  "SetupAddress=0x90000000\nRSDP=rsdp\nACPI=acpi\n" LOWEST,
                  "SetupAddress=: 0x90000000 is guest address 0, which means on x86_64 that there is none" },
                { "ACPI=acpi\n", "ACPI=acpi\nCommandLine=quiet\nCommandLineAddress=0x90000000\n" LOWEST,
                  "CommandLineAddress=: 0x90000000 is guest address 0" },
                { "EntryPoint=0x50400000\n", "EntryPoint=0x50400000\nInitrd=/i\nInitrdAddress=0x90000000\n" LOWEST,
                  "InitrdAddress=: 0x90000000 is guest address 0" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *text = replaced(HEAD X86, c[i].from, c[i].to), *got = said_of(text, "x86_64", "");

                if (!strstr(got, c[i].error))
                        fail_msg("row %zu: %s", i, got);
        }
}

#define SECOND                                                                                                         \
        "[Zone]\nId=2\nCPUs=1\nKernel=/k\nKernelAddress=0x80400000\nEntryPoint=0x80400000\n"                           \
        "[Memory ram]\nPhysicalAddress=0x80000000\nSize=256M\n"

/* The host bridge is everybody's; a device is not, and neither is RAM in a window. */
static void test_parts_of_two_zones_can_conflict(void **state _unused_) {
        static const struct {
                const char *more, *error;
        } c[] = {
                { PCI, "[PCIDevice card]: PCI device 0000:01:00.0 of zone one" },
                { "[PCI main]\nECAMAddress=0x4010000000\nECAMSize=256M\n[PCIDevice bridge]\nAddress=0000:00:00.0\n"
                  "[PCIDevice other]\nAddress=0000:01:00.1\n",
                  NULL },
                { "[PCI main]\nECAMAddress=0x4010000000\nECAMSize=256M\n[PCIDevice made-up]\nAddress=0000:01:00.0\n"
                  "Type=virtual\n",
                  NULL },
                { "[PCI main]\nECAMAddress=0x50000000\nECAMSize=1M\n", "[PCI main]: RAM of zone one" },
                { "[Memory more]\nPhysicalAddress=0x3e000000\nSize=1M\n", "[Memory more]: [PCI main] of zone one" },
        };
        _cleanup_(zone_spec_freep) struct zone_spec *one = parse_good("one", HEAD PCI);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *two = NULL;
                char text[2048], got[512] = "";

                snprintf(text, sizeof(text), "%s%s", SECOND, c[i].more);
                two = parse_good("two", text);
                assert_int_equal(zone_conflict(two, one, got, sizeof(got)), c[i].error != NULL);
                if (c[i].error)
                        assert_string_equal(got, c[i].error);
        }
}

/* What has the first bus' number in one of the zones only is a device of the other's. */
static void test_parts_host_bridge_is_one_for_both(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *one =
                parse_good("one", HEAD "[PCI main]\nFirstBus=1\nLastBus=31\nECAMAddress=0x4010000000\nECAMSize=256M\n"
                                       "[PCIDevice bridge]\nAddress=0000:01:00.0\n");
        _cleanup_(zone_spec_freep) struct zone_spec *two =
                parse_good("two", SECOND "[PCI main]\nLastBus=31\nECAMAddress=0x4010000000\nECAMSize=256M\n"
                                         "[PCIDevice card]\nAddress=0000:01:00.0\n");
        char got[512];

        assert_true(zone_conflict(one, two, got, sizeof(got)));
        assert_true(zone_conflict(two, one, got, sizeof(got)));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parts_pci_addresses_are_read_with_their_places),
                cmocka_unit_test(test_parts_are_for_their_architecture),
                cmocka_unit_test(test_parts_are_checked_by_themselves),
                cmocka_unit_test(test_parts_of_x86_are_checked_by_themselves),
                cmocka_unit_test(test_parts_of_two_zones_can_conflict),
                cmocka_unit_test(test_parts_host_bridge_is_one_for_both),
        };

        return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
