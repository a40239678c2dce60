/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways as hvisor.ko sees them. A file of its own: the module's headers and the daemon's do not mix. */
#include "panic_ways.h"

#include "../kmod/zone_example.h"
#include "zone_check.h"

#define WAKE_UP 64

static const struct zone_limits limits = { .root_cpus = 0x3, .gic_version = 3, .wakeup_interrupt = WAKE_UP };

/* What a zone has beside its description: one device. */
struct device {
        u64 address;
        u32 interrupt;
};

static void add_region(struct zone_description *z, u32 type, u64 physical, u64 guest, u64 size) {
        z->regions[z->num_regions++] =
                (struct hvisor_region){ .type = type, .physical = physical, .guest = guest, .size = size };
}

static struct hvisor_ivc *add_ivc(struct zone_description *z, u32 id, u32 interrupt) {
        struct hvisor_ivc *ivc = &z->ivcs[z->num_ivcs];
        u64 at = 0xd0000000 + z->num_ivcs++ * 0x5000;

        *ivc = (struct hvisor_ivc){
                .id = id,
                .control_table = at,
                .shared_memory = at + 0x1000,
                .rw_size = 0x1000,
                .out_size = 0x1000,
                .interrupt = interrupt,
                .max_peers = 3,
        };
        z->interrupts[interrupt / 32] |= 1U << interrupt % 32;
        return ivc;
}

static void spoil(enum panic_way way, struct zone_description *z, struct device *d) {
        struct hvisor_ivc *ivc;

        switch (way) {
        case PANIC_NO_CPU:
                z->cpus = 0;
                break;
        case PANIC_CPU_OF_ROOT:
                z->cpus |= 2;
                break;
        case PANIC_CPU_WITHOUT_A_SLOT_IN_THE_BRIDGE:
                z->cpus |= 1ULL << 32;
                break;
        case PANIC_ID_OF_ROOT:
                z->id = 0;
                break;
        case PANIC_SIZE_NOT_OF_PAGES:
                z->regions[0].size += 0x10;
                break;
        case PANIC_PHYSICAL_NOT_OF_PAGES:
                add_region(z, HVISOR_REGION_RAM, 0x80000800, 0x80000000, 0x1000);
                break;
        case PANIC_GUEST_NOT_OF_PAGES:
                add_region(z, HVISOR_REGION_RAM, 0x80000000, 0x80000800, 0x1000);
                break;
        case PANIC_SIZE_0:
                add_region(z, HVISOR_REGION_RAM, 0x80000000, 0x80000000, 0);
                break;
        case PANIC_OVERLAP_IN_GUEST:
                add_region(z, HVISOR_REGION_RAM, 0x80000000, 0x50001000, 0x1000);
                break;
        case PANIC_OVERLAP_ON_THE_BOARD:
                add_region(z, HVISOR_REGION_RAM, 0x50001000, 0x80000000, 0x1000);
                break;
        case PANIC_OVERLAP_OF_RAM_AND_IO:
                add_region(z, HVISOR_REGION_IO, 0x9000000, 0x50001000, 0x1000);
                break;
        case PANIC_RAM_THAT_WRAPS:
                add_region(z, HVISOR_REGION_RAM, 0xfffffffffffff000, 0x80000000, 0x2000);
                break;
        case PANIC_RAM_BEYOND_THE_TABLES:
                add_region(z, HVISOR_REGION_RAM, 0x80000000, 0x7ffffff000, 0x2000);
                break;
        case PANIC_REGION_TYPE_UNKNOWN:
                add_region(z, 7, 0x80000000, 0x80000000, 0x1000);
                break;
        case PANIC_REGIONS_65:
                z->num_regions = 65;
                break;
        case PANIC_REGIONS_NONE:
                z->num_regions = 0;
                break;
        case PANIC_GIC_VERSION_OF_ANOTHER_BOARD:
                z->arm64.gic.version = 2;
                break;
        case PANIC_GIC_WITHOUT_A_PLACE:
                z->arm64.gic.distributor = 0;
                break;
        case PANIC_GIC_IN_RAM:
                z->arm64.gic.distributor = 0x50000000;
                break;
        case PANIC_ENTRY_OUTSIDE:
                z->entry_point = 0x80000000;
                break;
        case PANIC_ENTRY_UNALIGNED:
                z->entry_point += 2;
                break;
        case PANIC_KERNEL_OUTSIDE:
                z->kernel_address = 0x80000000;
                break;
        case PANIC_DEVICE_TREE_OUTSIDE:
                z->dtb_address = 0x80000000;
                break;
        case PANIC_WINDOW_IN_RAM:
                d->address = 0x50000000;
                break;
        case PANIC_WINDOW_IN_THE_GIC:
                d->address = 0x8000000;
                break;
        case PANIC_WINDOW_TWICE:
                add_region(z, ZONE_REGION_VIRTIO, d->address, d->address, HVISOR_WINDOW_SIZE);
                break;
        case PANIC_INTERRUPT_OF_A_CPU:
                d->interrupt = 31;
                break;
        case PANIC_INTERRUPT_THAT_IS_NONE:
                z->interrupts[31] |= 1U << 28;
                break;
        case PANIC_INTERRUPT_TWICE:
                z->interrupts[d->interrupt / 32] |= 1U << d->interrupt % 32;
                break;
        case PANIC_INTERRUPT_THAT_WAKES_ROOT:
                z->interrupts[WAKE_UP / 32] |= 1U << WAKE_UP % 32;
                break;
        case PANIC_IVC_IN_RAM:
                add_ivc(z, 7, 66)->shared_memory = 0x50001000;
                break;
        case PANIC_IVC_MEMORY_NOT_OF_PAGES:
                add_ivc(z, 7, 66)->shared_memory += 0x800;
                break;
        case PANIC_IVC_SECTION_NOT_OF_PAGES:
                add_ivc(z, 7, 66)->out_size = 0x800;
                break;
        case PANIC_IVC_SECTION_EMPTY:
                ivc = add_ivc(z, 7, 66);
                ivc->rw_size = ivc->out_size = 0;
                break;
        case PANIC_IVC_SECTION_TOO_LARGE:
                add_ivc(z, 7, 66)->out_size = 0x800000;
                break;
        case PANIC_IVC_SECTION_THAT_WRAPS:
                ivc = add_ivc(z, 7, 66);
                ivc->max_peers = 64;
                ivc->out_size = 0x4000000; /* 64 of them are 2^32 */
                break;
        case PANIC_IVC_BEYOND_THE_TABLES:
                add_ivc(z, 7, 66)->shared_memory = 0x7fffffe000;
                break;
        case PANIC_IVC_ON_THE_OTHER:
                add_ivc(z, 7, 66);
                add_ivc(z, 8, 67)->shared_memory -= 0x1000;
                break;
        case PANIC_IVC_3:
                add_ivc(z, 7, 66);
                add_ivc(z, 8, 67);
                z->num_ivcs = 3;
                break;
        case PANIC_IVC_TABLE_IN_ITS_MEMORY:
                ivc = add_ivc(z, 7, 66);
                ivc->control_table = ivc->shared_memory + 0x1000;
                break;
        case PANIC_IVC_TABLE_IN_THE_GIC:
                add_ivc(z, 7, 66)->control_table = 0x8000000;
                break;
        case PANIC_IVC_PEER_WITHOUT_A_SECTION:
                add_ivc(z, 7, 66)->peer = 3;
                break;
        case PANIC_IVC_INTERRUPT_OF_A_CPU:
                add_ivc(z, 7, 31);
                break;
        case PANIC_IVC_INTERRUPT_OF_A_DEVICE:
                add_ivc(z, 7, d->interrupt);
                break;
        case PANIC_IVC_ID_TWICE:
                add_ivc(z, 7, 66);
                add_ivc(z, 7, 67);
                break;
        case _PANIC_WAY_MAX:
                break;
        }
}

/* As it goes: the zone is made, then devices are added. */
bool module_refuses(int way) {
        struct zone_description z = zone_example();
        struct device d = { 0xa003800, 76 };
        struct zone_problem problem;

        if (way >= 0)
                spoil((enum panic_way) way, &z, &d);
        return zone_check(&z, &limits, &problem) < 0 ||
               zone_add_device(&z, d.address, HVISOR_WINDOW_SIZE, d.interrupt, &problem) < 0;
}
