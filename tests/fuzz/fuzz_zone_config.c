/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The zone_config that somebody hands to hvisor.ko with hvisor-tool's old call, of any architecture and version: the
 * first two bytes say which, what follows is laid over that of a good zone, in pieces of place, length and
 * bytes. What the module lets pass it can give to the hypervisor, which gets what was checked: read again
 * it is the same zone; and no byte of RAM, of a region or of PCI is two things at once.
 */
#include "fuzz/fuzz.h"
#include "zone_check.h"

#define RAM        0x50000000
#define MAGIC      0x4
#define MAGICS     3
#define PIECES_MAX 64

static const struct zone_limits limits = { .root_cpus = 0x1, .gic_version = 0, .wakeup_interrupt = 64 };

/* ---- good zones --------------------------------------------------------------------------------------- */

static void make_arch(struct zone_description *z) {
        switch (z->arch) {
        case HVISOR_ARCH_ARM64:
                z->arm64.gic = (struct hvisor_gic){
                        .version = 3,
                        .distributor = 0x8000000,
                        .distributor_size = 0x10000,
                        .redistributor = 0x80a0000,
                        .redistributor_size = 0xf60000,
                };
                z->ivcs[z->num_ivcs++] = (struct hvisor_ivc){
                        .id = 7,
                        .control_table = 0x70000000,
                        .shared_memory = 0x70001000,
                        .rw_size = 0x1000,
                        .out_size = 0x1000,
                        .interrupt = 66,
                        .max_peers = 3,
                };
                z->interrupts[66 / 32] |= 1U << 66 % 32;
                break;
        case HVISOR_ARCH_RISCV64:
                z->riscv64 = (struct hvisor_riscv64){ .plic = 0xc000000, .plic_size = 0x400000 };
                break;
        case HVISOR_ARCH_LOONGARCH64:
                break;
        case HVISOR_ARCH_X86_64:
                z->regions[1] = (struct hvisor_region){ .physical = 0x600e0000, .guest = 0xe0000, .size = 0x20000 };
                z->regions[2] = (struct hvisor_region){ .physical = 0x60100000, .guest = 0x100000, .size = 0x10000 };
                z->num_regions = 3;
                z->x86_64 = (struct hvisor_x86_64){
                        .ioapic = 0xfec00000,
                        .ioapic_size = 0x1000,
                        .kernel_entry = RAM,
                        .setup = RAM + 0x2000,
                        .rsdp_region = 1,
                        .acpi_region = 2,
                        .uefi_region = HVISOR_REGION_NONE,
                };
                break;
        }
}

static void make_zone(enum hvisor_arch arch, struct zone_description *ret) {
        *ret = (struct zone_description){
                .id = 1,
                .arch = arch,
                .cpus = 0xc,
                .name = "linux2",
                .entry_point = RAM + 0x400000,
                .kernel_address = RAM + 0x400000,
                .kernel_size = 0x2000000,
                .dtb_address = RAM,
                .dtb_size = 0x3000,
                .num_regions = 1,
                .regions = { { .physical = RAM, .guest = RAM, .size = 0x10000000 } },
                .num_pci_buses = 1,
                .pci_buses = { { .ecam = 0x4010000000, .ecam_size = 0x1000000, .io = 0x3eff0000, .io_size = 0x10000 } },
                .num_pci_devices = 2,
                .pci_devices = { { .bus = 0 }, { .bus = 1, .device = 2, .function = 3 } },
        };
        make_arch(ret);
}

/* ---- what must hold ----------------------------------------------------------------------------------- */

static void claim_apart(const struct zone_description *z) {
        struct zone_problem problem;

        for (uint32_t i = 0; i < z->num_regions; i++)
                for (uint32_t j = 0; j < i; j++)
                        CLAIM(!ranges_overlap(z->regions[i].guest, z->regions[i].size, z->regions[j].guest,
                                              z->regions[j].size));
        for (uint32_t i = 0; i < z->num_pci_buses; i++)
                CLAIM(!zone_has_ram(z, z->pci_buses[i].ecam, z->pci_buses[i].ecam_size));
        CLAIM(zone_find_ram(z, true, z->kernel_address, z->kernel_size));
        CLAIM(zone_check_apart(z, z, &problem) == -EBUSY);
}

/* A device more is in nobody's way. */
static void claim_device(const struct zone_description *z, struct input *in) {
        struct zone_description more = *z;
        uint64_t address = input_u64(in);
        struct zone_problem problem;
        uint32_t interrupt = input_u32(in);
        int r = zone_add_device(&more, address, HVISOR_WINDOW_SIZE, interrupt, &problem);

        if (r < 0) {
                CLAIM(memcmp(&more, z, sizeof(more)) == 0);
                return;
        }
        CLAIM(!zone_has_interrupt(z, interrupt) && zone_has_interrupt(&more, interrupt));
        CLAIM(interrupt == limits.wakeup_interrupt || zone_check(&more, &limits, &problem) == 0);
        claim_apart(&more);
}

static void claim_same(const struct zone_layout *layout, const struct zone_description *z) {
        static uint8_t bytes[ZONE_CONFIG_SIZE_MAX], again[ZONE_CONFIG_SIZE_MAX];
        struct zone_description decoded;
        struct zone_problem problem;
        const char *what;

        zone_config_encode(layout, z, bytes);
        CLAIM(zone_config_decode(layout, bytes, &decoded, &what) == 0);
        CLAIM(zone_check(&decoded, &limits, &problem) == 0);
        zone_config_encode(layout, &decoded, again);
        CLAIM(memcmp(bytes, again, layout->size) == 0);
}

/* ---- one input ---------------------------------------------------------------------------------------- */

static const struct zone_layout *choose_layout(struct input *in) {
        uint8_t byte = input_u8(in), nth = input_u8(in);
        enum hvisor_arch arch = (enum hvisor_arch)(byte % 4);
        const struct zone_layout *layout = zone_layout_find(MAGIC + byte / 4 % MAGICS, arch, nth % 2);

        return layout ?: zone_layout_find(MAGIC + 1, arch, 0);
}

static void lay_over(struct input *in, uint8_t *bytes, size_t size) {
        for (unsigned n = input_u8(in) % PIECES_MAX; n > 0; n--) {
                size_t at = input_u16(in) % size, length = 1 + input_u8(in) % 16;

                input_take(in, bytes + at, length < size - at ? length : size - at);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static uint8_t bytes[ZONE_CONFIG_SIZE_MAX];
        struct input in = { data, data + size };
        const struct zone_layout *layout = choose_layout(&in);
        struct zone_description z;
        struct zone_problem problem = { .field = NULL };
        const char *what = NULL;

        make_zone(layout->arch, &z);
        memset(bytes, 0, sizeof(bytes));
        zone_config_encode(layout, &z, bytes);
        lay_over(&in, bytes, layout->size);
        if (zone_config_decode(layout, bytes, &z, &what) < 0) {
                CLAIM(what);
                return 0;
        }
        if (zone_check(&z, &limits, &problem) < 0 || zone_layout_check(layout, &z, &problem) < 0) {
                CLAIM(problem.field);
                return 0;
        }
        claim_apart(&z);
        claim_same(layout, &z);
        claim_device(&z, &in);
        return 0;
}
