/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a zone_config to a zone, checked as little, and as fatally, as hvisor does it, in its order. */
#include "board.h"
#include "control.h"
#include "cpu.h"
#include "ivc.h"
#include "print.h"
#include "zone_object.h"

#define ITS_ZONES_MAX 4                 /* hvisor's MAX_ZONE_NUM sizes its tables for the ITS only */
#define NO_ADDRESS UINT64_MAX

static struct zone objects[ZONE_OBJECTS];

static bool object_in_use(const struct zone *z) {
        for (unsigned int i = 0; i < BOARD_CPUS; i++)
                if (cpus[i].zone == z)
                        return true;
        return zone_is_listed(z) || __atomic_load_n(&z->references, __ATOMIC_ACQUIRE);
}

static struct zone *object_new(uint32_t id, const char *name) {
        struct zone *z = objects;

        while (object_in_use(z))
                if (++z == objects + ZONE_OBJECTS)
                        panic("no zone object is free");
        stage2_init(&z->stage2, (unsigned int) (z - objects) + 1);
        z->id = id;
        z->cpus = 0;
        z->is_err = false;
        z->num_virtio = 0;
        z->num_ivc_tables = 0;
        for (unsigned int i = 0; i < ZONE_NAME_SIZE; i++)
                z->name[i] = name[i];
        for (unsigned int i = 0; i < ELEMENTSOF(z->interrupts); i++)
                z->interrupts[i] = 0;
        return z;
}

static void add_mapping(struct zone *z, const struct memory_region *r) {
        if (r->virtual_start % PAGE_SIZE || r->size % PAGE_SIZE)
                panic("zone %u: region %x + %x is not page-aligned", (uint64_t) z->id, r->virtual_start, r->size);
        if (!stage2_map(&z->stage2, r->virtual_start, r->physical_start, r->size,
                        r->type == REGION_IO ? STAGE2_DEVICE : STAGE2_NORMAL))
                panic("zone %u: region %x + %x overlaps another", (uint64_t) z->id, r->virtual_start, r->size);
}

static void add_region(struct zone *z, const struct memory_region *r) {
        switch (r->type) {
        case REGION_RAM:
        case REGION_IO:
                add_mapping(z, r);
                break;
        case REGION_VIRTIO:
                z->virtio[z->num_virtio++] = (struct mmio_range) { r->physical_start, r->size };
                break;
        default:
                panic("zone %u: unknown memory region type %u", (uint64_t) z->id, (uint64_t) r->type);
        }
}

static void add_gic(struct zone *z, const struct arm64_config *arch) {
        if (arch->gic_version != GIC_V3)
                panic("zone %u: this board has no GIC of version tag %u", (uint64_t) z->id, arch->gic_version);
        if (!arch->gicd_base || !arch->gicr_base)
                panic("zone %u: GIC without a base address", (uint64_t) z->id);
        if (arch->gits_size && z->id >= ITS_ZONES_MAX)
                panic("zone id %u is too large for a zone with an ITS", (uint64_t) z->id);
        z->gicd = (struct mmio_range) { arch->gicd_base, arch->gicd_size };
}

static void check_uefi(const struct zone_config *config) {
        uint64_t tag = *(const uint64_t *) ((const char *) config + ZONE_CONFIG_UEFI_TAG);

        if (knob_get(KNOB_CONFIG_MAGIC) >= ZONE_CONFIG_MAGIC_UEFI && tag != UEFI_NONE)
                panic("zone %u: UEFI tag %u", (uint64_t) config->zone_id, tag);
}

static int64_t check_cpus(struct zone *z, uint64_t wanted) {
        for (unsigned int i = 0; i < 64; i++) {
                if (!(wanted & BIT(i)))
                        continue;
                if (i >= BOARD_CPUS)
                        panic("zone %u: the board has no CPU %u", (uint64_t) z->id, (uint64_t) i);
                if (cpus[i].zone)
                        return -ABI_EBUSY;
        }
        if (!wanted)
                panic("zone %u: no CPUs", (uint64_t) z->id);
        return 0;
}

/* Where the guest sees the device tree: the region that holds it, the last one if several do. */
static uint64_t dtb_address(const struct zone_config *c) {
        uint64_t address = NO_ADDRESS;

        for (uint32_t i = 0; i < c->num_memory_regions; i++) {
                const struct memory_region *r = &c->memory_regions[i];

                if (c->dtb_load_paddr >= r->physical_start && c->dtb_load_paddr - r->physical_start < r->size)
                        address = r->virtual_start + (c->dtb_load_paddr - r->physical_start);
        }
        return address;
}

static void take_cpus(struct zone *z, uint64_t wanted, uint64_t entry, uint64_t argument) {
        z->cpus = wanted;
        for (unsigned int i = 0; i < BOARD_CPUS; i++)
                if (wanted & BIT(i)) {
                        cpus[i].zone = z;
                        cpus[i].entry = entry;
                        cpus[i].argument = argument;
                }
}

int64_t zone_create(const struct zone_config *config, struct zone **ret) {
        struct zone *z = zone_find(config->zone_id);
        int64_t r;

        if (z) {
                zone_put(z);
                return -ABI_EINVAL;
        }
        if (config->num_memory_regions > ZONE_CONFIG_REGIONS)
                panic("zone %u: %u memory regions", (uint64_t) config->zone_id, (uint64_t) config->num_memory_regions);
        z = object_new(config->zone_id, config->name);
        for (uint32_t i = 0; i < config->num_memory_regions; i++)
                add_region(z, &config->memory_regions[i]);
        add_gic(z, &config->arch);
        check_uefi(config);
        r = check_cpus(z, config->cpus);
        if (r < 0)
                return r;
        ivc_join(z, config->ivc_configs, config->num_ivc_configs);
        for (unsigned int i = 0; i < ELEMENTSOF(z->interrupts); i++)
                z->interrupts[i] = config->interrupts_bitmap[i];
        take_cpus(z, config->cpus, config->entry_point, dtb_address(config));
        *ret = z;
        return 0;
}

void zone_create_root(void) {
        static const char name[ZONE_NAME_SIZE] = "root-linux";
        static const uint8_t irqs[] = { 33, 35, 36, 37, 38, 64, 65, 77, 79 };
        static const struct memory_region regions[] = {
                { REGION_RAM, 0, ROOT_RAM, ROOT_RAM, ROOT_RAM_SIZE },
                { REGION_IO, 0, BOARD_UART, BOARD_UART, BOARD_UART_SIZE },
                { REGION_IO, 0, BOARD_VIRTIO_SLOTS, BOARD_VIRTIO_SLOTS, BOARD_VIRTIO_SLOTS_SIZE },
                { REGION_IO, 0, BOARD_GITS, BOARD_GITS, BOARD_GITS_SIZE },
        };
        struct zone *z = object_new(ROOT_ZONE_ID, name);

        for (unsigned int i = 0; i < ELEMENTSOF(regions); i++)
                add_region(z, &regions[i]);
        z->gicd = (struct mmio_range) { BOARD_GICD, BOARD_GICD_SIZE };
        for (unsigned int i = 0; i < ELEMENTSOF(irqs); i++)
                z->interrupts[irqs[i] / 32] |= 1U << irqs[i] % 32;
        take_cpus(z, ROOT_CPUS, ROOT_KERNEL, ROOT_DTB);
        zone_list_add(z);
        ivc_join(z, NULL, 0);
}

void zone_root_join_ivc(void) {
        static const struct ivc_config config = ROOT_IVC;
        struct zone *z = zone_find(ROOT_ZONE_ID);

        if (knob_get(KNOB_ROOT_IVC) && !z->num_ivc_tables)
                ivc_join(z, &config, 1);
        zone_put(z);
}
