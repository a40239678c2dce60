/* SPDX-License-Identifier: GPL-2.0-only */
/* What zone_check*.c have in common, for them only. */
#ifndef HVISOR_ZONE_CHECK_PARTS_H
#define HVISOR_ZONE_CHECK_PARTS_H

#include "zone_check.h"

#define PAGE 4096ULL /* the hypervisor's, whatever the kernel's is */
#define ADDRESS_END (1ULL << 48)

/* Where architectures differ. */
struct zone_arch_rules {
	u64 guest_end;	/* the reach of the hypervisor's smallest stage-2 tables */
	u64 entry_mask; /* of an entry point: the part that is a guest address */
	u32 entry_align;
	u32 interrupt_first; /* of those a virtio device may have */
	u32 interrupt_end;
	bool maps_windows; /* a virtio window takes up pages of the guest's tables */
	int (*check)(const struct zone_description *zone, const struct zone_limits *limits,
		     struct zone_problem *problem);
	/* True if [base, base+size) of the guest's space meets its interrupt controller. */
	bool (*overlaps_controller)(const struct zone_description *zone, u64 base, u64 size);
};

/* Return: borrowed, static; NULL if there is no such architecture. */
const struct zone_arch_rules *zone_arch_rules(enum hvisor_arch arch);

int zone_check_pci(const struct zone_description *zone, struct zone_problem *problem);
bool zone_overlaps_pci(const struct zone_description *zone, u64 base, u64 size);
int zone_check_pci_apart(const struct zone_description *a, const struct zone_description *b,
			 struct zone_problem *problem);

int zone_check_ivcs(const struct zone_description *zone, struct zone_problem *problem);
bool zone_overlaps_ivcs(const struct zone_description *zone, u64 base, u64 size);
int zone_check_ivcs_apart(const struct zone_description *a, const struct zone_description *b,
			  struct zone_problem *problem);

static inline int problem_is(struct zone_problem *problem, int error, const char *field, u32 index)
{
	*problem = (struct zone_problem){ .field = field, .index = index };
	return error;
}

static inline bool is_inside_address_space(u64 start, u64 size)
{
	return size && range_holds(0, ADDRESS_END, start, size);
}

static inline bool is_inside_guest_space(const struct zone_description *zone, u64 start, u64 size)
{
	return size && range_holds(0, zone_arch_rules(zone->arch)->guest_end, start, size);
}

static inline bool overlaps_controller(const struct zone_description *zone, u64 base, u64 size)
{
	return zone_arch_rules(zone->arch)->overlaps_controller(zone, base, size);
}

static inline bool is_memory(const struct hvisor_region *region)
{
	return region->type == HVISOR_REGION_RAM || region->type == HVISOR_REGION_RESERVED;
}

#endif
