// SPDX-License-Identifier: GPL-2.0-only
#include "zone_check_parts.h"

#define ANSWERED_CPUS	32		/* the bridge page has no room for others */
#define INTERRUPT_END	1020		/* from there on: not interrupts (GIC) */

static bool is_name_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

bool zone_name_is_valid(const char *name)
{
	size_t length = 0;

	while (length < HVISOR_NAME_SIZE && is_name_char(name[length]))
		length++;
	return length > 0 && length < HVISOR_NAME_SIZE &&
	       is_zeroed(name + length, HVISOR_NAME_SIZE - length);
}

const struct hvisor_region *zone_find_ram(const struct zone_description *zone, bool physical,
					  u64 address, u64 size)
{
	u32 i;

	for (i = 0; i < zone->num_regions; i++) {
		const struct hvisor_region *region = &zone->regions[i];
		u64 start = physical ? region->physical : region->guest;

		if (is_memory(region) && range_holds(start, region->size, address, size))
			return region;
	}
	return NULL;
}

bool zone_has_ram(const struct zone_description *zone, u64 address, u64 size)
{
	u32 i;

	for (i = 0; i < zone->num_regions; i++) {
		const struct hvisor_region *region = &zone->regions[i];

		if (is_memory(region) &&
		    ranges_overlap(region->physical, region->size, address, size))
			return true;
	}
	return false;
}

static bool is_page_aligned(const struct hvisor_region *region)
{
	return !((region->physical | region->guest | region->size) % PAGE);
}

static bool has_region_type(const struct zone_description *zone, u32 type)
{
	return type <= ZONE_REGION_VIRTIO ||
	       (type == HVISOR_REGION_RESERVED && zone->arch == HVISOR_ARCH_X86_64);
}

/* How much of the guest's space a virtio window takes up. */
static u64 window_size(const struct zone_description *zone, u64 size)
{
	return zone_arch_rules(zone->arch)->maps_windows ? (size + PAGE - 1) / PAGE * PAGE : size;
}

static u64 guest_size(const struct zone_description *zone, const struct hvisor_region *region)
{
	return region->type == ZONE_REGION_VIRTIO ? window_size(zone, region->size) : region->size;
}

static bool is_window_aligned(const struct zone_description *zone, u64 address)
{
	return !(address % (zone_arch_rules(zone->arch)->maps_windows ? PAGE : 8));
}

static int check_region(const struct zone_description *zone, u32 i, struct zone_problem *problem)
{
	const struct hvisor_region *region = &zone->regions[i];

	if (!has_region_type(zone, region->type))
		return problem_is(problem, -EINVAL, "region type", i);
	if (!is_inside_guest_space(zone, region->guest, region->size) ||
	    !is_inside_address_space(region->physical, region->size))
		return problem_is(problem, -EINVAL, "region size", i);
	if (region->type == ZONE_REGION_VIRTIO ? zone_arch_rules(zone->arch)->maps_windows &&
							 !is_window_aligned(zone, region->guest)
					       : !is_page_aligned(region))
		return problem_is(problem, -EINVAL, "region alignment", i);
	if (region->type == ZONE_REGION_VIRTIO && zone->cpus >> ANSWERED_CPUS)
		return problem_is(problem, -EINVAL, "cpus (a device cannot answer them)", 0);
	if (overlaps_controller(zone, region->guest, guest_size(zone, region)))
		return problem_is(problem, -EINVAL, "region overlap with the interrupt controller",
				  i);
	if (zone_overlaps_pci(zone, region->guest, guest_size(zone, region)))
		return problem_is(problem, -EINVAL, "region overlap with PCI", i);
	if (zone_overlaps_ivcs(zone, region->guest, guest_size(zone, region)))
		return problem_is(problem, -EINVAL, "region overlap with IVC", i);
	return 0;
}

static int check_overlap(const struct zone_description *zone, u32 i, u32 j,
			 struct zone_problem *problem)
{
	const struct hvisor_region *a = &zone->regions[i], *b = &zone->regions[j];

	if (ranges_overlap(a->guest, guest_size(zone, a), b->guest, guest_size(zone, b)))
		return problem_is(problem, -EINVAL, "region overlap in guest space", i);
	if (a->type == ZONE_REGION_VIRTIO || b->type == ZONE_REGION_VIRTIO)
		return 0;
	if (ranges_overlap(a->physical, a->size, b->physical, b->size))
		return problem_is(problem, -EINVAL, "region overlap in physical space", i);
	return 0;
}

static int check_regions(const struct zone_description *zone, struct zone_problem *problem)
{
	u32 i, j;
	int r;

	if (zone->num_regions > HVISOR_REGIONS_MAX)
		return problem_is(problem, -E2BIG, "num_regions", 0);
	for (i = 0; i < zone->num_regions; i++) {
		r = check_region(zone, i, problem);
		if (r < 0)
			return r;
		for (j = 0; j < i; j++) {
			r = check_overlap(zone, i, j, problem);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int check_images(const struct zone_description *zone, struct zone_problem *problem)
{
	const struct zone_arch_rules *rules = zone_arch_rules(zone->arch);

	if (zone->entry_point % rules->entry_align ||
	    !zone_find_ram(zone, false, zone->entry_point & rules->entry_mask, 4))
		return problem_is(problem, -EINVAL, "entry_point", 0);
	if (!zone_find_ram(zone, true, zone->kernel_address, zone->kernel_size))
		return problem_is(problem, -EINVAL, "kernel_address", 0);
	/* A zone without a device tree is fine: its first register then holds no address. */
	if (!zone->dtb_address && !zone->dtb_size)
		return 0;
	if (!zone_find_ram(zone, true, zone->dtb_address, zone->dtb_size))
		return problem_is(problem, -EINVAL, "dtb_address", 0);
	if (ranges_overlap(zone->kernel_address, zone->kernel_size, zone->dtb_address,
			   zone->dtb_size))
		return problem_is(problem, -EINVAL, "dtb_address (inside the kernel)", 0);
	return 0;
}

/* The hypervisor switches a zone's interrupts off when the zone is shut down. */
int zone_check_interrupt(const struct zone_limits *limits, u32 interrupt,
			 struct zone_problem *problem)
{
	u32 i;

	if (!interrupt)
		return 0;
	if (interrupt == limits->wakeup_interrupt)
		return problem_is(problem, -EBUSY, "interrupt (it wakes root Linux)", interrupt);
	for (i = 0; i < HVISOR_IVCS_MAX; i++)
		if (interrupt == limits->ivc_interrupts[i])
			return problem_is(problem, -EBUSY, "interrupt (of root Linux's IVC)",
					  interrupt);
	return 0;
}

static int check_interrupts(const struct zone_description *zone, const struct zone_limits *limits,
			    struct zone_problem *problem)
{
	int r = 0;
	u32 i;

	for (i = 0; i < HVISOR_INTERRUPTS_MAX && !r; i++) {
		if (!zone_has_interrupt(zone, i))
			continue;
		if (i >= INTERRUPT_END)
			return problem_is(problem, -EINVAL, "interrupt", i);
		r = zone_check_interrupt(limits, i, problem);
	}
	return r;
}

/* Each is told by what it is at fault in; the hypervisor's own order does not matter. */
int zone_check(const struct zone_description *zone, const struct zone_limits *limits,
	       struct zone_problem *problem)
{
	const struct zone_arch_rules *rules = zone_arch_rules(zone->arch);
	int r;

	if (!rules)
		return problem_is(problem, -EINVAL, "arch", 0);
	if (!zone->id)
		return problem_is(problem, -EINVAL, "id", 0);
	if (!zone->cpus)
		return problem_is(problem, -EINVAL, "cpus", 0);
	if (zone->cpus & limits->root_cpus)
		return problem_is(problem, -EBUSY, "cpus (root Linux has one of them)", 0);
	r = check_interrupts(zone, limits, problem);
	if (!r)
		r = zone_check_pci(zone, problem);
	if (!r)
		r = zone_check_ivcs(zone, problem);
	if (!r)
		r = check_regions(zone, problem);
	if (!r)
		r = rules->check(zone, limits, problem);
	return r ?: check_images(zone, problem);
}

static bool collide(const struct hvisor_region *a, const struct hvisor_region *b)
{
	if (a->type == ZONE_REGION_VIRTIO || b->type == ZONE_REGION_VIRTIO)
		return false;
	if (!is_memory(a) && !is_memory(b))
		return false;
	return ranges_overlap(a->physical, a->size, b->physical, b->size);
}

int zone_check_apart(const struct zone_description *a, const struct zone_description *b,
		     struct zone_problem *problem)
{
	u32 i, j;

	if (a->cpus & b->cpus)
		return problem_is(problem, -EBUSY, "cpus", 0);
	for (i = 0; i < a->num_regions; i++)
		for (j = 0; j < b->num_regions; j++)
			if (collide(&a->regions[i], &b->regions[j]))
				return problem_is(problem, -EBUSY, "RAM of region", i);
	return zone_check_pci_apart(a, b, problem) ?: zone_check_ivcs_apart(a, b, problem);
}

/*
 * The hypervisor posts every access at offset 0x50 of a virtio region, where a
 * device of its own would have QueueNotify: the guest goes on without an answer.
 * Such a guest cannot be held back before a shutdown, and one that asks while
 * the hypervisor shuts it down costs the CPU, or the board. So no region has
 * that offset: the window is given in slices that end before it, and a
 * notification is a write like any other, whose answer can wait.
 */
#define POSTED_OFFSET	0x50

static_assert(HVISOR_WINDOW_REGIONS * POSTED_OFFSET >= HVISOR_WINDOW_SIZE);

static void add_window(struct zone_description *zone, u64 address)
{
	/* Where the hypervisor maps each region it has to be one; its notifications are posted. */
	u64 slice = zone_arch_rules(zone->arch)->maps_windows ? HVISOR_WINDOW_SIZE : POSTED_OFFSET;
	u64 end = address + HVISOR_WINDOW_SIZE;

	for (; address < end; address += slice)
		zone->regions[zone->num_regions++] = (struct hvisor_region){
			.type = ZONE_REGION_VIRTIO,
			.physical = address,
			.guest = address,
			.size = end - address < slice ? end - address : slice,
		};
}

/* Return: 0, or -EEXIST and @problem. */
static int check_window_is_free(const struct zone_description *zone, u64 address,
				struct zone_problem *problem)
{
	u64 size = window_size(zone, HVISOR_WINDOW_SIZE);
	u32 i;

	for (i = 0; i < zone->num_regions; i++)
		if (ranges_overlap(zone->regions[i].guest, guest_size(zone, &zone->regions[i]),
				   address, size))
			return problem_is(problem, -EEXIST, "address (in region)", i);
	if (overlaps_controller(zone, address, size))
		return problem_is(problem, -EEXIST, "address (in the interrupt controller)", 0);
	if (zone_overlaps_pci(zone, address, size))
		return problem_is(problem, -EEXIST, "address (in PCI)", 0);
	if (zone_overlaps_ivcs(zone, address, size))
		return problem_is(problem, -EEXIST, "address (in IVC)", 0);
	/* The hypervisor looks for the device tree's region among the windows, too. */
	if (range_holds(address, HVISOR_WINDOW_SIZE, zone->dtb_address, 1))
		return problem_is(problem, -EEXIST, "address (the physical dtb_address)", 0);
	return 0;
}

int zone_add_device(struct zone_description *zone, u64 address, u64 size, u32 interrupt,
		    struct zone_problem *problem)
{
	const struct zone_arch_rules *rules = zone_arch_rules(zone->arch);
	int r;

	if (size != HVISOR_WINDOW_SIZE)
		return problem_is(problem, -EINVAL, "size", 0);
	if (!is_window_aligned(zone, address) || !is_inside_guest_space(zone, address, size))
		return problem_is(problem, -EINVAL, "address", 0);
	if (zone->cpus >> ANSWERED_CPUS)
		return problem_is(problem, -EINVAL, "cpus (a device cannot answer them)", 0);
	if (interrupt < rules->interrupt_first || interrupt >= rules->interrupt_end)
		return problem_is(problem, -EINVAL, "interrupt", interrupt);
	if (zone_has_interrupt(zone, interrupt))
		return problem_is(problem, -EEXIST, "interrupt", interrupt);
	if (zone->num_regions + HVISOR_WINDOW_REGIONS > HVISOR_REGIONS_MAX)
		return problem_is(problem, -E2BIG, "regions", 0);
	r = check_window_is_free(zone, address, problem);
	if (r < 0)
		return r;
	add_window(zone, address);
	zone->interrupts[interrupt / 32] |= 1U << interrupt % 32;
	return 0;
}
