// SPDX-License-Identifier: GPL-2.0-only
#include "zone_check.h"

#define PAGE		4096ULL		/* the hypervisor's, whatever the kernel's is */
#define ADDRESS_END	(1ULL << 48)
#define GUEST_END	(1ULL << 39)	/* the reach of its smallest stage-2 tables: 3 levels */
#define INTERRUPT_FIRST	32		/* below: private to a CPU */
#define INTERRUPT_END	1020		/* from there on: not interrupts (GIC) */
#define ANSWERED_CPUS	32		/* the bridge page has no room for others */
#define ITS_ZONES_MAX	4		/* the hypervisor's tables for them */

static int problem_is(struct zone_problem *problem, int error, const char *field, u32 index)
{
	*problem = (struct zone_problem){ .field = field, .index = index };
	return error;
}

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

		if (region->type == HVISOR_REGION_RAM &&
		    range_contains(start, region->size, address, size))
			return region;
	}
	return NULL;
}

bool zone_has_ram(const struct zone_description *zone, u64 address, u64 size)
{
	u32 i;

	for (i = 0; i < zone->num_regions; i++) {
		const struct hvisor_region *region = &zone->regions[i];

		if (region->type == HVISOR_REGION_RAM &&
		    ranges_overlap(region->physical, region->size, address, size))
			return true;
	}
	return false;
}

static bool is_inside_guest_space(u64 start, u64 size)
{
	return size && range_contains(0, GUEST_END, start, size);
}

static bool is_inside_address_space(u64 start, u64 size)
{
	return size && range_contains(0, ADDRESS_END, start, size);
}

static bool is_page_aligned(const struct hvisor_region *region)
{
	return !((region->physical | region->guest | region->size) % PAGE);
}

static int check_region(const struct hvisor_region *region, u32 index,
			struct zone_problem *problem)
{
	if (region->type > ZONE_REGION_VIRTIO)
		return problem_is(problem, -EINVAL, "region type", index);
	if (!is_inside_guest_space(region->guest, region->size) ||
	    !is_inside_address_space(region->physical, region->size))
		return problem_is(problem, -EINVAL, "region size", index);
	if (region->type != ZONE_REGION_VIRTIO && !is_page_aligned(region))
		return problem_is(problem, -EINVAL, "region alignment", index);
	return 0;
}

static int check_overlap(const struct hvisor_region *a, const struct hvisor_region *b, u32 index,
			 struct zone_problem *problem)
{
	if (ranges_overlap(a->guest, a->size, b->guest, b->size))
		return problem_is(problem, -EINVAL, "region overlap in guest space", index);
	if (a->type == ZONE_REGION_VIRTIO || b->type == ZONE_REGION_VIRTIO)
		return 0;
	if (ranges_overlap(a->physical, a->size, b->physical, b->size))
		return problem_is(problem, -EINVAL, "region overlap in physical space", index);
	return 0;
}

static int check_regions(const struct zone_description *zone, struct zone_problem *problem)
{
	u32 i, j;
	int r;

	if (zone->num_regions > HVISOR_REGIONS_MAX)
		return problem_is(problem, -E2BIG, "num_regions", 0);
	for (i = 0; i < zone->num_regions; i++) {
		r = check_region(&zone->regions[i], i, problem);
		if (r < 0)
			return r;
		for (j = 0; j < i; j++) {
			r = check_overlap(&zone->regions[i], &zone->regions[j], i, problem);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

enum gic_need {
	GIC_UNUSED,
	GIC_OPTIONAL,
	GIC_REQUIRED,
};

struct gic_window {
	const char *name;
	u64 base, size;
	enum gic_need need;
	bool is_guest;		/* shows in the zone's own address space */
};

#define GIC_WINDOWS 6

static void list_gic_windows(const struct hvisor_gic *gic, struct gic_window *windows)
{
	bool is_v3 = gic->version == 3;
	enum gic_need v2 = is_v3 ? GIC_UNUSED : GIC_REQUIRED;
	enum gic_need v3 = is_v3 ? GIC_REQUIRED : GIC_UNUSED;
	enum gic_need its = is_v3 ? GIC_OPTIONAL : GIC_UNUSED;

	windows[0] = (struct gic_window){ "GIC distributor", gic->distributor,
					  gic->distributor_size, GIC_REQUIRED, true };
	windows[1] = (struct gic_window){ "GIC redistributor", gic->redistributor,
					  gic->redistributor_size, v3, true };
	windows[2] = (struct gic_window){ "GIC ITS", gic->its, gic->its_size, its, true };
	windows[3] = (struct gic_window){ "GIC CPU interface", gic->cpu_interface,
					  gic->cpu_interface_size, v2, true };
	windows[4] = (struct gic_window){ "GIC hypervisor interface", gic->hypervisor,
					  gic->hypervisor_size, v2, false };
	windows[5] = (struct gic_window){ "GIC virtual CPU interface", gic->virtual_cpu,
					  gic->virtual_cpu_size, v2, false };
}

/* True if [base, base+size) of the guest's space meets the interrupt controller. */
static bool overlaps_gic(const struct hvisor_gic *gic, u64 base, u64 size)
{
	struct gic_window windows[GIC_WINDOWS];
	u32 i;

	list_gic_windows(gic, windows);
	for (i = 0; i < GIC_WINDOWS; i++)
		if (windows[i].is_guest &&
		    ranges_overlap(windows[i].base, windows[i].size, base, size))
			return true;
	return false;
}

static bool gic_window_is_valid(const struct gic_window *window)
{
	bool is_absent = !window->base && !window->size;

	switch (window->need) {
	case GIC_UNUSED:
		return is_absent;
	case GIC_OPTIONAL:
		if (is_absent)
			return true;
		break;
	case GIC_REQUIRED:
		break;
	}
	return window->base && is_inside_address_space(window->base, window->size);
}

/* The hypervisor shows the virtual CPU interface to the guest as its CPU interface, page by page. */
static bool gicv2_can_be_mapped(const struct hvisor_gic *gic)
{
	return gic->cpu_interface_size == gic->virtual_cpu_size &&
	       !((gic->cpu_interface | gic->virtual_cpu | gic->cpu_interface_size) % PAGE);
}

static int check_gic(const struct zone_description *zone, const struct zone_limits *limits,
		     struct zone_problem *problem)
{
	const struct hvisor_gic *gic = &zone->gic;
	struct gic_window windows[GIC_WINDOWS];
	u32 i;

	if (gic->version != 2 && gic->version != 3)
		return problem_is(problem, -EINVAL, "GIC version", 0);
	if (limits->gic_version && gic->version != limits->gic_version)
		return problem_is(problem, -EINVAL, "GIC version (the board has another)", 0);

	list_gic_windows(gic, windows);
	for (i = 0; i < GIC_WINDOWS; i++)
		if (!gic_window_is_valid(&windows[i]))
			return problem_is(problem, -EINVAL, windows[i].name, 0);
	if (gic->version == 3 && gic->cpu_interface_offset)
		return problem_is(problem, -EINVAL, "GIC CPU interface offset", 0);
	if (gic->version == 2 && !gicv2_can_be_mapped(gic))
		return problem_is(problem, -EINVAL, "GIC virtual CPU interface", 0);
	if (gic->its_size && zone->id >= ITS_ZONES_MAX)
		return problem_is(problem, -EINVAL, "GIC ITS (zone ids below 4 only)", 0);
	for (i = 0; i < zone->num_regions; i++)
		if (overlaps_gic(gic, zone->regions[i].guest, zone->regions[i].size))
			return problem_is(problem, -EINVAL, "region overlap with the GIC", i);
	return 0;
}

static int check_images(const struct zone_description *zone, struct zone_problem *problem)
{
	if (zone->entry_point % 4 || !zone_find_ram(zone, false, zone->entry_point, 4))
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

int zone_check(const struct zone_description *zone, const struct zone_limits *limits,
	       struct zone_problem *problem)
{
	u32 i;
	int r;

	if (!zone->id)
		return problem_is(problem, -EINVAL, "id", 0);
	if (!zone->cpus)
		return problem_is(problem, -EINVAL, "cpus", 0);
	if (zone->cpus & limits->root_cpus)
		return problem_is(problem, -EBUSY, "cpus (root Linux has one of them)", 0);
	for (i = INTERRUPT_END; i < HVISOR_INTERRUPTS_MAX; i++)
		if (zone_has_interrupt(zone, i))
			return problem_is(problem, -EINVAL, "interrupt", i);
	/* The hypervisor switches a zone's interrupts off when the zone is shut down. */
	if (limits->wakeup_interrupt && zone_has_interrupt(zone, limits->wakeup_interrupt))
		return problem_is(problem, -EBUSY, "interrupt (it wakes root Linux)",
				  limits->wakeup_interrupt);
	r = check_regions(zone, problem);
	if (r < 0)
		return r;
	r = check_gic(zone, limits, problem);
	if (r < 0)
		return r;
	return check_images(zone, problem);
}

static bool collide(const struct hvisor_region *a, const struct hvisor_region *b)
{
	if (a->type == ZONE_REGION_VIRTIO || b->type == ZONE_REGION_VIRTIO)
		return false;
	if (a->type != HVISOR_REGION_RAM && b->type != HVISOR_REGION_RAM)
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
				return problem_is(problem, -EBUSY, "region", i);
	return 0;
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
	u64 end = address + HVISOR_WINDOW_SIZE;

	for (; address < end; address += POSTED_OFFSET) {
		u64 size = end - address < POSTED_OFFSET ? end - address : POSTED_OFFSET;

		zone->regions[zone->num_regions++] = (struct hvisor_region){
			.type = ZONE_REGION_VIRTIO,
			.physical = address,
			.guest = address,
			.size = size,
		};
	}
}

int zone_add_device(struct zone_description *zone, u64 address, u64 size, u32 interrupt,
		    struct zone_problem *problem)
{
	u32 i;

	if (size != HVISOR_WINDOW_SIZE)
		return problem_is(problem, -EINVAL, "size", 0);
	if (address % 8 || !is_inside_guest_space(address, size))
		return problem_is(problem, -EINVAL, "address", 0);
	if (zone->cpus >> ANSWERED_CPUS)
		return problem_is(problem, -EINVAL, "cpus (a device cannot answer them)", 0);
	if (interrupt < INTERRUPT_FIRST || interrupt >= INTERRUPT_END)
		return problem_is(problem, -EINVAL, "interrupt", interrupt);
	if (zone_has_interrupt(zone, interrupt))
		return problem_is(problem, -EEXIST, "interrupt", interrupt);
	if (zone->num_regions + HVISOR_WINDOW_REGIONS > HVISOR_REGIONS_MAX)
		return problem_is(problem, -E2BIG, "regions", 0);
	for (i = 0; i < zone->num_regions; i++)
		if (ranges_overlap(zone->regions[i].guest, zone->regions[i].size, address, size))
			return problem_is(problem, -EEXIST, "address (in region)", i);
	if (overlaps_gic(&zone->gic, address, size))
		return problem_is(problem, -EEXIST, "address (in the GIC)", 0);
	/* The hypervisor looks for the device tree's region among the windows, too. */
	if (range_contains(address, size, zone->dtb_address, 1))
		return problem_is(problem, -EEXIST, "address (the physical dtb_address)", 0);

	add_window(zone, address);
	zone->interrupts[interrupt / 32] |= 1U << interrupt % 32;
	return 0;
}
