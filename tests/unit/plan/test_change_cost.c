/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a change of each key costs a zone that runs, and how the plan tells it: a
 * row for every key of schema/keys.def. A key without a row fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/status_text.h"
#include "config/parse.h"
#include "config/schema.h"
#include "plan/plan.h"

static const struct row {
        enum section_id section;
        const char *key;
        const char *from, *to; /* to: NULL: the key has one value only */
        const char *plan;
} rows[] = {
#define NOTHING              "Nothing to do.\n"
#define WORKER(device, text) "worker restart one." device ": " text "\n"
#define ZONE(text)           "restart one: " text "\n"
        { SECTION_ZONE, "Id", "1", "2", ZONE("Id changed from 1 to 2") },
        { SECTION_ZONE, "CPUs", "2-3", "2", ZONE("CPUs changed from 2-3 to 2") },
        { SECTION_ZONE, "Kernel", "/a", "/b", ZONE("Kernel changed from /a to /b") },
        { SECTION_ZONE, "KernelAddress", "0x50400000", "0x50600000",
          ZONE("KernelAddress changed from 0x50400000 to 0x50600000") },
        { SECTION_ZONE, "EntryPoint", "0x50400000", "0x50400004",
          ZONE("EntryPoint changed from 0x50400000 to 0x50400004") },
        { SECTION_ZONE, "DeviceTree", "/a.dtb", "/b.dtb", ZONE("DeviceTree changed from /a.dtb to /b.dtb") },
        { SECTION_ZONE, "DeviceTreeAddress", "0x50000000", "0x50000008",
          ZONE("DeviceTreeAddress changed from 0x50000000 to 0x50000008") },
        { SECTION_ZONE, "DeviceTreeFix", "yes", "no", ZONE("DeviceTreeFix changed from yes to no") },
        { SECTION_ZONE, "CommandLine", "quiet", "console=hvc0 quiet",
          ZONE("CommandLine changed from quiet to console=hvc0 quiet") },
        { SECTION_ZONE, "Initrd", "/a.img", "/b.img", ZONE("Initrd changed from /a.img to /b.img") },
        { SECTION_ZONE, "InitrdAddress", "0x53000000", "0x54000000",
          ZONE("InitrdAddress changed from 0x53000000 to 0x54000000") },
        { SECTION_ZONE, "Restart", "no", "always", NOTHING },
        { SECTION_ZONE, "OnChange", "hold", "restart", NOTHING },
        { SECTION_ZONE, "Interrupts", "40", "40-42", ZONE("Interrupts changed from 40 to 40-42") },
        { SECTION_ZONE, "AArch32", "no", "yes", ZONE("AArch32 changed from no to yes") },
        { SECTION_MEMORY, "PhysicalAddress", "0x50000000", "0x4f000000",
          ZONE("[Memory ram] PhysicalAddress changed from 0x50000000 to 0x4f000000") },
        { SECTION_MEMORY, "GuestAddress", "0x50000000", "0x48000000",
          ZONE("[Memory ram] GuestAddress changed from 0x50000000 to 0x48000000") },
        { SECTION_MEMORY, "Size", "256M", "128M", ZONE("[Memory ram] Size changed from 256M to 128M") },
        { SECTION_MEMORY, "Reserved", "no", "yes", ZONE("[Memory ram] Reserved changed from no to yes") },
        { SECTION_IO, "PhysicalAddress", "0xc000000", "0xc001000",
          ZONE("[IO io] PhysicalAddress changed from 0xc000000 to 0xc001000") },
        { SECTION_IO, "GuestAddress", "0xb000000", "0xb001000",
          ZONE("[IO io] GuestAddress changed from 0xb000000 to 0xb001000") },
        { SECTION_IO, "Size", "4K", "8K", ZONE("[IO io] Size changed from 4K to 8K") },
        { SECTION_IVC, "Id", "7", "8", ZONE("[IVC ivc] Id changed from 7 to 8") },
        { SECTION_IVC, "Peer", "0", "1", ZONE("[IVC ivc] Peer changed from 0 to 1") },
        { SECTION_IVC, "MaxPeers", "2", "4", ZONE("[IVC ivc] MaxPeers changed from 2 to 4") },
        { SECTION_IVC, "ControlTableAddress", "0xd0000000", "0xcffff000",
          ZONE("[IVC ivc] ControlTableAddress changed from 0xd0000000 to 0xcffff000") },
        { SECTION_IVC, "SharedMemoryAddress", "0xd0001000", "0xd0002000",
          ZONE("[IVC ivc] SharedMemoryAddress changed from 0xd0001000 to 0xd0002000") },
        { SECTION_IVC, "ReadWriteSize", "4K", "8K", ZONE("[IVC ivc] ReadWriteSize changed from 4K to 8K") },
        { SECTION_IVC, "OutputSize", "4K", "64K", ZONE("[IVC ivc] OutputSize changed from 4K to 64K") },
        { SECTION_IVC, "Interrupt", "66", "67", ZONE("[IVC ivc] Interrupt changed from 66 to 67") },
        { SECTION_BLOCK, "Image", "/a.ext4", "/b.ext4", WORKER("block", "Image changed from /a.ext4 to /b.ext4") },
        { SECTION_BLOCK, "ReadOnly", "no", "yes", ZONE("[Block block] ReadOnly changed from no to yes") },
        { SECTION_BLOCK, "Cache", "writeback", "none", ZONE("[Block block] Cache changed from writeback to none") },
        { SECTION_BLOCK, "Discard", "yes", "no", ZONE("[Block block] Discard changed from yes to no") },
        { SECTION_BLOCK, "BlockSize", "0", "4096", ZONE("[Block block] BlockSize changed from 0 to 4096") },
        { SECTION_BLOCK, "Queues", "0", "1", ZONE("[Block block] Queues changed from 0 to 1") },
        { SECTION_BLOCK, "Serial", "SN1", "SN2", ZONE("[Block block] Serial changed from SN1 to SN2") },
        { SECTION_BLOCK, "Address", "0xa003c00", "0xa003a00",
          ZONE("[Block block] Address changed from 0xa003c00 to 0xa003a00") },
        { SECTION_BLOCK, "Interrupt", "78", "77", ZONE("[Block block] Interrupt changed from 78 to 77") },
        { SECTION_NET, "Tap", "tap0", "tap1", WORKER("net", "Tap changed from tap0 to tap1") },
        { SECTION_NET, "Accelerator", "vhost", "none", WORKER("net", "Accelerator changed from vhost to none") },
        { SECTION_NET, "MACAddress", "02:00:5e:10:00:01", "02:00:5e:10:00:02",
          ZONE("[Net net] MACAddress changed from 02:00:5e:10:00:01 to 02:00:5e:10:00:02") },
        { SECTION_NET, "Bridge", "br0", "br1", WORKER("net", "Bridge changed from br0 to br1") },
        { SECTION_NET, "MTU", "1400", "9000", ZONE("[Net net] MTU changed from 1400 to 9000") },
        { SECTION_NET, "Queues", "2", "4", ZONE("[Net net] Queues changed from 2 to 4") },
        { SECTION_NET, "Offload", "yes", "no", ZONE("[Net net] Offload changed from yes to no") },
        { SECTION_NET, "Address", "0xa003600", "0xa003400",
          ZONE("[Net net] Address changed from 0xa003600 to 0xa003400") },
        { SECTION_NET, "Interrupt", "75", "74", ZONE("[Net net] Interrupt changed from 75 to 74") },
        { SECTION_CONSOLE, "Log", "no", "journal", WORKER("console", "Log changed from no to journal") },
        { SECTION_CONSOLE, "Address", "0xa003800", "0xa003a00",
          ZONE("[Console console] Address changed from 0xa003800 to 0xa003a00") },
        { SECTION_CONSOLE, "Interrupt", "76", "77", ZONE("[Console console] Interrupt changed from 76 to 77") },
        { SECTION_RNG, "Address", "0xa003000", "0xa002e00",
          ZONE("[Rng rng] Address changed from 0xa003000 to 0xa002e00") },
        { SECTION_RNG, "Interrupt", "72", "71", ZONE("[Rng rng] Interrupt changed from 72 to 71") },
        { SECTION_VHOST_USER, "Socket", "/run/a", "/run/b",
          WORKER("vhostuser", "Socket changed from /run/a to /run/b") },
        { SECTION_VHOST_USER, "Type", "fs", NULL, NULL },
        { SECTION_VHOST_USER, "Queues", "1", "2", ZONE("[VhostUser vhostuser] Queues changed from 1 to 2") },
        { SECTION_VHOST_USER, "Tag", "home", "away", ZONE("[VhostUser vhostuser] Tag changed from home to away") },
        { SECTION_VHOST_USER, "Address", "0xa002c00", "0xa002a00",
          ZONE("[VhostUser vhostuser] Address changed from 0xa002c00 to 0xa002a00") },
        { SECTION_VHOST_USER, "Interrupt", "70", "69", ZONE("[VhostUser vhostuser] Interrupt changed from 70 to 69") },
#define OF_EVERY_DEVICE(section, device)                                                                               \
        { section, "Enabled", "yes", "no", "worker stop one." device ": Enabled=no\n" },                               \
                { section, "CPUQuota", "20%", "150%", WORKER(device, "CPUQuota changed from 20% to 150%") }, {         \
                section, "MemoryMax", "32M", "64M", WORKER(device, "MemoryMax changed from 32M to 64M")                \
        }
        OF_EVERY_DEVICE(SECTION_BLOCK, "block"),
        OF_EVERY_DEVICE(SECTION_NET, "net"),
        OF_EVERY_DEVICE(SECTION_CONSOLE, "console"),
        OF_EVERY_DEVICE(SECTION_RNG, "rng"),
        OF_EVERY_DEVICE(SECTION_VHOST_USER, "vhostuser"),
        { SECTION_GIC, "Version", "3", NULL, NULL }, /* the board's */
        { SECTION_GIC, "DistributorAddress", "0x8000000", "0x7000000",
          ZONE("[GIC] DistributorAddress changed from 0x8000000 to 0x7000000") },
        { SECTION_GIC, "DistributorSize", "64K", "4K", ZONE("[GIC] DistributorSize changed from 64K to 4K") },
        { SECTION_GIC, "RedistributorAddress", "0x80a0000", "0x80c0000",
          ZONE("[GIC] RedistributorAddress changed from 0x80a0000 to 0x80c0000") },
        { SECTION_GIC, "RedistributorSize", "15744K", "512K",
          ZONE("[GIC] RedistributorSize changed from 15744K to 512K") },
        { SECTION_BOARD, "Board", "qemu-gicv3", "rk3568", NOTHING },
        { SECTION_GIC, "ITSAddress", "0x8080000", "0x8070000",
          ZONE("[GIC] ITSAddress changed from 0x8080000 to 0x8070000") },
        { SECTION_GIC, "ITSSize", "128K", "64K", ZONE("[GIC] ITSSize changed from 128K to 64K") },
        { SECTION_GIC, "CPUInterfaceAddress", "0x9200000", "0x9300000",
          ZONE("[GIC] CPUInterfaceAddress changed from 0x9200000 to 0x9300000") },
        { SECTION_GIC, "CPUInterfaceSize", "64K", NULL, NULL }, /* they go together */
        { SECTION_GIC, "CPUInterfaceOffset", "0x1000", "0x2000",
          ZONE("[GIC] CPUInterfaceOffset changed from 0x1000 to 0x2000") },
        { SECTION_GIC, "HypervisorAddress", "0x9400000", "0x9500000",
          ZONE("[GIC] HypervisorAddress changed from 0x9400000 to 0x9500000") },
        { SECTION_GIC, "HypervisorSize", "64K", "8K", ZONE("[GIC] HypervisorSize changed from 64K to 8K") },
        { SECTION_GIC, "VirtualCPUAddress", "0x9600000", "0x9700000",
          ZONE("[GIC] VirtualCPUAddress changed from 0x9600000 to 0x9700000") },
        { SECTION_GIC, "VirtualCPUSize", "64K", NULL, NULL }, /* they go together */
        { SECTION_PLIC, "Address", "0x11000000", "0x11001000",
          ZONE("[PLIC] Address changed from 0x11000000 to 0x11001000") },
        { SECTION_PLIC, "Size", "1M", "2M", ZONE("[PLIC] Size changed from 1M to 2M") },
        { SECTION_APLIC, "Address", "0x13000000", "0x13001000",
          ZONE("[APLIC] Address changed from 0x13000000 to 0x13001000") },
        { SECTION_APLIC, "Size", "1M", "2M", ZONE("[APLIC] Size changed from 1M to 2M") },
        { SECTION_MODULE, "File", "/m", "/n", ZONE("[Module module] File changed from /m to /n") },
        { SECTION_MODULE, "PhysicalAddress", "0x80000000", "0x80001000",
          ZONE("[Module module] PhysicalAddress changed from 0x80000000 to 0x80001000") },
        { SECTION_PCI, "Domain", "0", "3", ZONE("[PCI pci] Domain changed from 0 to 3") },
        { SECTION_PCI, "FirstBus", "1", "2", ZONE("[PCI pci] FirstBus changed from 1 to 2") },
        { SECTION_PCI, "LastBus", "31", "30", ZONE("[PCI pci] LastBus changed from 31 to 30") },
        { SECTION_PCI, "ECAMAddress", "0x4010000000", "0x4020000000",
          ZONE("[PCI pci] ECAMAddress changed from 0x4010000000 to 0x4020000000") },
        { SECTION_PCI, "ECAMSize", "256M", "128M", ZONE("[PCI pci] ECAMSize changed from 256M to 128M") },
        { SECTION_PCI, "IOAddress", "0x3eff0000", "0x3efe0000",
          ZONE("[PCI pci] IOAddress changed from 0x3eff0000 to 0x3efe0000") },
        { SECTION_PCI, "IOSize", "64K", "4K", ZONE("[PCI pci] IOSize changed from 64K to 4K") },
        { SECTION_PCI, "IOBusAddress", "0x1000", "0x2000",
          ZONE("[PCI pci] IOBusAddress changed from 0x1000 to 0x2000") },
        { SECTION_PCI, "Memory32Address", "0x20000000", "0x21000000",
          ZONE("[PCI pci] Memory32Address changed from 0x20000000 to 0x21000000") },
        { SECTION_PCI, "Memory32Size", "16M", "8M", ZONE("[PCI pci] Memory32Size changed from 16M to 8M") },
        { SECTION_PCI, "Memory32BusAddress", "0x20000000", "0x21000000",
          ZONE("[PCI pci] Memory32BusAddress changed from 0x20000000 to 0x21000000") },
        { SECTION_PCI, "Memory64Address", "0x8000000000", "0x8100000000",
          ZONE("[PCI pci] Memory64Address changed from 0x8000000000 to 0x8100000000") },
        { SECTION_PCI, "Memory64Size", "1G", "512M", ZONE("[PCI pci] Memory64Size changed from 1G to 512M") },
        { SECTION_PCI, "Memory64BusAddress", "0x8000000000", "0x8100000000",
          ZONE("[PCI pci] Memory64BusAddress changed from 0x8000000000 to 0x8100000000") },
        { SECTION_PCI_DEVICE, "Address", "0002:01:00.0", "0002:01:00.1",
          ZONE("[PCIDevice pcidevice] Address changed from 0002:01:00.0 to 0002:01:00.1") },
        { SECTION_PCI_DEVICE, "GuestAddress", "0002:00:01.0", "0002:00:02.0",
          ZONE("[PCIDevice pcidevice] GuestAddress changed from 0002:00:01.0 to 0002:00:02.0") },
        { SECTION_PCI_DEVICE, "Type", "physical", "virtual",
          ZONE("[PCIDevice pcidevice] Type changed from physical to virtual") },
        { SECTION_UEFI, "MemoryMapAddress", "0x80010000", "0x80020000",
          ZONE("[UEFI] MemoryMapAddress changed from 0x80010000 to 0x80020000") },
        { SECTION_UEFI, "MemoryMapSize", "4K", "8K", ZONE("[UEFI] MemoryMapSize changed from 4K to 8K") },
        { SECTION_UEFI, "SystemTableAddress", "0x80030000", "0x80040000",
          ZONE("[UEFI] SystemTableAddress changed from 0x80030000 to 0x80040000") },
        { SECTION_X86, "IOAPICAddress", "0xfec00000", "0xfed00000",
          ZONE("[X86] IOAPICAddress changed from 0xfec00000 to 0xfed00000") },
        { SECTION_X86, "IOAPICSize", "4K", "8K", ZONE("[X86] IOAPICSize changed from 4K to 8K") },
        { SECTION_X86, "KernelEntry", "0x50100000", "0x50200000",
          ZONE("[X86] KernelEntry changed from 0x50100000 to 0x50200000") },
        { SECTION_X86, "Setup", "/s", "/t", ZONE("[X86] Setup changed from /s to /t") },
        { SECTION_X86, "SetupAddress", "0x80050000", "0x80060000",
          ZONE("[X86] SetupAddress changed from 0x80050000 to 0x80060000") },
        { SECTION_X86, "CommandLine", "quiet", "console=hvc0 ro",
          ZONE("[X86] CommandLine changed from quiet to console=hvc0 ro") },
        { SECTION_X86, "CommandLineAddress", "0x80070000", "0x80080000",
          ZONE("[X86] CommandLineAddress changed from 0x80070000 to 0x80080000") },
        { SECTION_X86, "ACPI", "acpi", "uefi2", ZONE("[X86] ACPI changed from acpi to uefi2") },
        { SECTION_X86, "UEFI", "uefi", "uefi2", ZONE("[X86] UEFI changed from uefi to uefi2") },
        { SECTION_X86, "ScreenAddress", "0x70000000", "0x71000000",
          ZONE("[X86] ScreenAddress changed from 0x70000000 to 0x71000000") },
        { SECTION_BOARD, "Architecture", "arm64", NULL, NULL }, /* the zone's sections are for one */
        { SECTION_X86, "RSDP", "rsdp", NULL, NULL },
        { SECTION_BOARD, "CPUs", "0-7", "0-3", NOTHING },
        { SECTION_BOARD, "Memory", "0x40000000+0x70000000", "0x48000000+0x68000000", NOTHING },
        { SECTION_BOARD, "MPIDR", "0x0,0x100", "0x0", NOTHING },
        { SECTION_BOARD, "MaxZoneId", "3", "7", NOTHING },
        { SECTION_BOARD, "WakeupInterrupt", "64", "65", NOTHING },
};

/* ---- files: the first value of every row, but for the row that is changed --------------------------- */

static const char *left_out = "";

/* Another key of the section, which goes with one of the row's two values only. */
static const char *goes_without(const struct row *r) {
        return strcmp(r->key, "DeviceTreeFix") == 0 ? "CommandLine" : "";
}

/* What the rows' values refer to. */
static const char others[] = "[Memory fixed]\nPhysicalAddress=0x80000000\nSize=16M\n"
                             "[Memory rsdp]\nPhysicalAddress=0x81000000\nGuestAddress=0xe0000\nSize=128K\n"
                             "[Memory acpi]\nPhysicalAddress=0x82000000\nSize=1M\n"
                             "[Memory uefi]\nPhysicalAddress=0x83000000\nSize=4K\n"
                             "[Memory uefi2]\nPhysicalAddress=0x84000000\nSize=4K\n"
                             "[PCI other]\nDomain=2\nECAMAddress=0x5000000000\nECAMSize=1M\n";

/* The row under test: its architecture's sections, and its GIC's keys, are in the files. */
static const struct row *tested;

static bool is_key(enum section_id section, const char *start) {
        return tested->section == section && strncmp(tested->key, start, strlen(start)) == 0;
}

static const char *architecture(void) {
        if (tested->section == SECTION_X86 || is_key(SECTION_MEMORY, "Reserved"))
                return "x86_64";
        return tested->section == SECTION_PLIC || tested->section == SECTION_APLIC ? "riscv64" : "arm64";
}

static bool has_section(enum section_id section) {
        static const struct {
                enum section_id section;
                const char *architecture;
                bool only; /* there; else: not there */
        } c[] = {
                { SECTION_GIC, "arm64", true },     { SECTION_IVC, "arm64", true },
                { SECTION_UEFI, "arm64", true },    { SECTION_PLIC, "riscv64", true },
                { SECTION_APLIC, "riscv64", true }, { SECTION_X86, "x86_64", true },
                { SECTION_BLOCK, "x86_64", false }, /* it has few interrupts */
                { SECTION_NET, "x86_64", false },   { SECTION_CONSOLE, "x86_64", false },
                { SECTION_RNG, "x86_64", false },   { SECTION_VHOST_USER, "x86_64", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++)
                if (c[i].section == section && (strcmp(c[i].architecture, architecture()) == 0) != c[i].only)
                        return false;
        return true;
}

static bool starts(const char *key, const char *const *starts, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (strncmp(key, starts[i], strlen(starts[i])) == 0)
                        return true;
        return false;
}

static bool is_gicv2_key(const struct row *r) {
        static const char *const v2[] = { "CPUInterface", "Hypervisor", "VirtualCPU" };

        return r->section == SECTION_GIC && starts(r->key, v2, ELEMENTSOF(v2));
}

static bool is_gicv3_key(const struct row *r) {
        static const char *const v3[] = { "Redistributor", "ITS" };

        return r->section == SECTION_GIC && starts(r->key, v3, ELEMENTSOF(v3));
}

static bool has_key(const struct row *r) {
        return strcmp(r->key, left_out) != 0 && !(is_gicv2_key(tested) ? is_gicv3_key(r) : is_gicv2_key(r));
}

static const char *value_of(const struct row *r) {
        if (r->section == SECTION_BOARD && strcmp(r->key, "Architecture") == 0)
                return architecture();
        return is_gicv2_key(tested) && r->section == SECTION_GIC && strcmp(r->key, "Version") == 0 ? "2" : r->from;
}

static void write_section(FILE *f, enum section_id section, const struct row *changed) {
        const struct section_schema *s = &schema_sections[section];

        fprintf(f, "[%s", s->name);
        if (s->named) {
                fputc(' ', f);
                if (section == SECTION_MEMORY)
                        fputs("ram", f);
                else
                        for (const char *c = s->name; *c; c++)
                                fputc(*c | ' ', f);
        }
        fputs("]\n", f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].section == section && has_key(&rows[i]))
                        fprintf(f, "%s=%s\n", rows[i].key, &rows[i] == changed ? rows[i].to : value_of(&rows[i]));
}

static char *write_file(enum file_kind kind, const struct row *changed) {
        char *text;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        for (enum section_id s = 0; s < _SECTION_MAX; s++)
                if ((schema_sections[s].files & kind) && has_section(s))
                        write_section(f, s, changed);
        if (kind == ZONE_FILE)
                fputs(others, f);
        fclose(f);
        return text;
}

static void fail_parse(const struct diagnostics *d, const char *text) {
        char first[400];

        diagnostics_first_error(d, first, sizeof(first));
        fail_msg("%s\n%s", first, text);
}

static struct zone_spec *make_zone(const struct row *changed) {
        _cleanup_free_ char *text = write_file(ZONE_FILE, changed);
        struct diagnostics d = {};
        struct zone_spec *z = NULL;

        if (zone_spec_parse("one", "one.conf", text, strlen(text), &d, &z) < 0)
                fail_parse(&d, text);
        diagnostics_clear(&d);
        return z;
}

static struct board_spec *make_board(const struct row *changed) {
        _cleanup_free_ char *text = write_file(BOARD_FILE, changed);
        struct diagnostics d = {};
        struct board_spec *b = NULL;

        if (board_spec_parse("board.conf", text, strlen(text), &d, &b) < 0)
                fail_parse(&d, text);
        diagnostics_clear(&d);
        return b;
}

/* ---- a zone that runs ------------------------------------------------------------------------------- */

static void make_live(struct live *l, const struct zone_spec *z, const struct board_spec *b) {
        struct zone_live *live = live_add(l);

        *live = (struct zone_live){
                .id = z->id,
                .cpus = z->cpus,
                .listed = true,
                .object = ZONE_OBJECT_STARTED,
                .owner_cookie = zone_owner_cookie(z->name),
                .spec_cookie = zone_spec_cookie(z, b),
                .num_devices = z->num_devices,
        };
        strcpy(live->name, z->name);
        for (size_t i = 0; i < z->num_devices; i++) {
                live->devices[i].attached = true;
                live->devices[i].worker_pid = 100 + i;
                live->devices[i].cookie = device_spec_cookie(&z->devices[i]);
                strcpy(live->devices[i].name, z->devices[i].name);
        }
}

static char *plan_text(const struct desired *desired, const struct live *live) {
        struct plan plan = {};
        char *text;
        size_t size;
        json_t *j;
        FILE *f = open_memstream(&text, &size);

        assert_int_equal(plan_make(desired, live, &plan), 0);
        j = plan_to_json(&plan);
        plan_text_print(j, f);
        json_decref(j);
        fclose(f);
        plan_clear(&plan);
        return text;
}

/* What is planned once @r's value has changed. */
static char *plan_of(const struct row *r) {
        struct desired desired = {};
        struct desired_zone *w = desired_add(&desired, "one");
        struct board_spec *before;
        struct live live = {};
        char *text;

        tested = r;
        left_out = goes_without(r);
        before = make_board(NULL);
        desired.board = make_board(r);
        w->file_state = FILE_GOOD;
        w->path = strdup("one.conf");
        w->applied = make_zone(NULL);
        w->spec = make_zone(r);
        make_live(&live, w->applied, before);
        /* The other rows are of zones whose changes take effect. */
        if (w->applied->on_change == w->spec->on_change)
                w->spec->on_change = CHANGE_RESTART;
        text = plan_text(&desired, &live);
        live_clear(&live);
        desired_clear(&desired);
        board_spec_free(before);
        return text;
}

/* ---- the tests -------------------------------------------------------------------------------------- */

static const struct row *find_row(const struct key_schema *k) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].section == k->section && strcmp(rows[i].key, k->name) == 0)
                        return &rows[i];
        return NULL;
}

static void test_cost_of_each_key(void **state _unused_) {
        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct key_schema *k = &schema_keys[i];
                const struct row *r = find_row(k);
                _cleanup_free_ char *text = NULL;

                if (schema_sections[k->section].files == SETTINGS_FILE)
                        continue; /* concerns no zone */
                if (!r)
                        fail_msg("%s= of [%s] has no row here", k->name, schema_sections[k->section].name);
                if (!r->to) { /* one that can have no other */
                        assert_true(k->min == k->max || k->section == SECTION_GIC || k->section == SECTION_BOARD);
                        continue;
                }
                text = plan_of(r);
                if (strcmp(text, r->plan) != 0)
                        fail_msg("%s=: the plan is\n%sbut should be\n%s", k->name, text, r->plan);
        }
}

static void test_cost_is_what_the_schema_says(void **state _unused_) {
        static const char *const words[_CHANGE_COST_MAX] = {
                [COST_NOTHING] = "Nothing", [COST_WORKER] = "worker restart ", [COST_ZONE] = "restart one:"
        };

        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct row *r = find_row(&schema_keys[i]);
                const char *word = words[schema_keys[i].cost];

                if (r && r->to && schema_keys[i].cost == COST_WORKER && strncmp(r->plan, "worker stop ", 12) == 0)
                        continue; /* a change to having none */
                if (r && r->to && strncmp(r->plan, word, strlen(word)) != 0)
                        fail_msg("%s=: \"%s…\" is not what a change costs", r->key, word);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cost_of_each_key),
                cmocka_unit_test(test_cost_is_what_the_schema_says),
        };

        setenv("HVISOR_BOARDS", "zones.d/boards", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
