// SPDX-License-Identifier: GPL-2.0-only
#include "zone_check_parts.h"

#define ITS_ZONES_MAX 4 /* the hypervisor's tables for them */

/* ------------------------------------------------------------------------ */
/* arm64                                                                     */

enum gic_need {
	GIC_UNUSED,
	GIC_OPTIONAL,
	GIC_REQUIRED,
};

struct gic_window {
	const char *name;
	u64 base, size;
	enum gic_need need;
	bool is_guest; /* shows in the zone's own address space */
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

static bool overlaps_gic(const struct zone_description *zone, u64 base, u64 size)
{
	struct gic_window windows[GIC_WINDOWS];
	u32 i;

	list_gic_windows(&zone->arm64.gic, windows);
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

/* The hypervisor shows the virtual CPU interface to the guest as its CPU interface, page by page.
 */
static bool gicv2_can_be_mapped(const struct hvisor_gic *gic)
{
	return gic->cpu_interface_size == gic->virtual_cpu_size &&
	       !((gic->cpu_interface | gic->virtual_cpu | gic->cpu_interface_size) % PAGE);
}

static int check_gic(const struct zone_description *zone, const struct zone_limits *limits,
		     struct zone_problem *problem)
{
	const struct hvisor_gic *gic = &zone->arm64.gic;
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
	return 0;
}

/* The hypervisor may take the address for the guest's or for the board's. */
static bool is_ram_in_both(const struct zone_description *zone, u64 address, u64 size)
{
	const struct hvisor_region *region = zone_find_ram(zone, true, address, size);

	return size && region && region->guest == region->physical &&
	       region->type == HVISOR_REGION_RAM;
}

static int check_uefi(const struct zone_description *zone, struct zone_problem *problem)
{
	const struct hvisor_arm64 *arm64 = &zone->arm64;

	if (!(arm64->flags & HVISOR_ARM64_UEFI)) {
		if (arm64->uefi_memory_map || arm64->uefi_memory_map_size ||
		    arm64->uefi_system_table)
			return problem_is(problem, -EINVAL, "UEFI", 0);
		return 0;
	}
	if (!is_ram_in_both(zone, arm64->uefi_memory_map, arm64->uefi_memory_map_size))
		return problem_is(problem, -EINVAL, "UEFI memory map", 0);
	if (!is_ram_in_both(zone, arm64->uefi_system_table, 8))
		return problem_is(problem, -EINVAL, "UEFI system table", 0);
	return 0;
}

static int check_arm64(const struct zone_description *zone, const struct zone_limits *limits,
		       struct zone_problem *problem)
{
	if (zone->arm64.flags & ~(HVISOR_ARM64_AARCH32 | HVISOR_ARM64_UEFI))
		return problem_is(problem, -EINVAL, "arm64 flags", 0);
	return check_gic(zone, limits, problem) ?: check_uefi(zone, problem);
}

/* ------------------------------------------------------------------------ */
/* riscv64                                                                   */

static bool overlaps_riscv64(const struct zone_description *zone, u64 base, u64 size)
{
	const struct hvisor_riscv64 *riscv64 = &zone->riscv64;

	return ranges_overlap(riscv64->plic, riscv64->plic_size, base, size) ||
	       ranges_overlap(riscv64->aplic, riscv64->aplic_size, base, size);
}

/* Which of them the hypervisor looks at is a matter of how it was built: either may be told. */
static bool controller_is_valid(const struct zone_description *zone, u64 base, u64 size)
{
	if (!base && !size)
		return true;
	return base && !((base | size) % PAGE) && is_inside_guest_space(zone, base, size);
}

static int check_riscv64(const struct zone_description *zone,
			 const struct zone_limits *limits __always_unused,
			 struct zone_problem *problem)
{
	const struct hvisor_riscv64 *riscv64 = &zone->riscv64;

	if (!controller_is_valid(zone, riscv64->plic, riscv64->plic_size))
		return problem_is(problem, -EINVAL, "PLIC", 0);
	if (!controller_is_valid(zone, riscv64->aplic, riscv64->aplic_size))
		return problem_is(problem, -EINVAL, "APLIC", 0);
	if (!riscv64->plic_size && !riscv64->aplic_size)
		return problem_is(problem, -EINVAL, "PLIC, APLIC (one of them at least)", 0);
	return 0;
}

/* ------------------------------------------------------------------------ */
/* loongarch64                                                               */

static bool overlaps_nothing(const struct zone_description *zone __always_unused,
			     u64 base __always_unused, u64 size __always_unused)
{
	return false;
}

/* The hypervisor looks the first one up in its tables, to see that they work. */
static int check_loongarch64(const struct zone_description *zone,
			     const struct zone_limits *limits __always_unused,
			     struct zone_problem *problem)
{
	if (!zone->num_regions || zone->regions[0].type == ZONE_REGION_VIRTIO)
		return problem_is(problem, -EINVAL, "region type (the first is memory)", 0);
	return 0;
}

/* ------------------------------------------------------------------------ */
/* x86_64                                                                    */

#define RSDP_GUEST 0xe0000ULL
#define RSDP_SIZE 0x20000ULL
#define SCREEN_END (1ULL << 32)

static bool overlaps_x86_64(const struct zone_description *zone, u64 base, u64 size)
{
	return ranges_overlap(zone->x86_64.ioapic, zone->x86_64.ioapic_size, base, size);
}

/* The hypervisor writes tables there, up to a page or as many as it has. */
static const struct hvisor_region *find_table(const struct zone_description *zone, u64 index)
{
	if (index >= zone->num_regions || zone->regions[index].type != HVISOR_REGION_RAM)
		return NULL;
	return &zone->regions[index];
}

static int check_tables(const struct zone_description *zone, const struct zone_limits *limits,
			struct zone_problem *problem)
{
	const struct hvisor_x86_64 *x86 = &zone->x86_64;
	const struct hvisor_region *rsdp = find_table(zone, x86->rsdp_region);
	const struct hvisor_region *acpi = find_table(zone, x86->acpi_region);

	if (!rsdp || rsdp->guest != RSDP_GUEST || rsdp->size != RSDP_SIZE)
		return problem_is(problem, -EINVAL, "RSDP region", 0);
	if (!acpi || acpi == rsdp)
		return problem_is(problem, -EINVAL, "ACPI region", 0);
	if (acpi->size < limits->acpi_size)
		return problem_is(problem, -EINVAL, "ACPI region (the board's tables do not fit)", 0);
	if (x86->uefi_region == HVISOR_REGION_NONE)
		return 0;
	if (!find_table(zone, x86->uefi_region) || x86->uefi_region == x86->rsdp_region ||
	    x86->uefi_region == x86->acpi_region)
		return problem_is(problem, -EINVAL, "UEFI region", 0);
	return 0;
}

static int check_x86_64(const struct zone_description *zone,
			const struct zone_limits *limits, struct zone_problem *problem)
{
	const struct hvisor_x86_64 *x86 = &zone->x86_64;

	if ((x86->ioapic | x86->ioapic_size) % PAGE || !x86->ioapic ||
	    !is_inside_guest_space(zone, x86->ioapic, x86->ioapic_size))
		return problem_is(problem, -EINVAL, "I/O APIC", 0);
	if (!zone_find_ram(zone, false, x86->kernel_entry, 1))
		return problem_is(problem, -EINVAL, "kernel entry", 0);
	/* The hypervisor fills it in, a page long, through its address on the board. */
	if (!x86->setup || !zone_find_ram(zone, false, x86->setup, PAGE))
		return problem_is(problem, -EINVAL, "setup", 0);
	if (x86->command_line && !zone_find_ram(zone, false, x86->command_line, 1))
		return problem_is(problem, -EINVAL, "command line", 0);
	if ((x86->initrd || x86->initrd_size) &&
	    (!x86->initrd || !x86->initrd_size ||
	     !zone_find_ram(zone, false, x86->initrd, x86->initrd_size)))
		return problem_is(problem, -EINVAL, "initrd", 0);
	if (x86->screen % PAGE || x86->screen >= SCREEN_END)
		return problem_is(problem, -EINVAL, "screen", 0);
	return check_tables(zone, limits, problem);
}

/* ------------------------------------------------------------------------ */

static const struct zone_arch_rules rules[] = {
	[HVISOR_ARCH_ARM64] = {
		.guest_end = 1ULL << 39, .entry_mask = ~0ULL, .entry_align = 4,
		.interrupt_first = 32, .interrupt_end = 1020,	/* below: private to a CPU */
		.check = check_arm64, .overlaps_controller = overlaps_gic,
	},
	[HVISOR_ARCH_RISCV64] = {
		.guest_end = 1ULL << 41, .entry_mask = ~0ULL, .entry_align = 2,
		.interrupt_first = 1, .interrupt_end = 1020,
		.check = check_riscv64, .overlaps_controller = overlaps_riscv64,
	},
	/* An entry point is in one of the CPU's direct-mapped windows; of the interrupts HWI0 to 7. */
	[HVISOR_ARCH_LOONGARCH64] = {
		.guest_end = 1ULL << 48, .entry_mask = (1ULL << 48) - 1, .entry_align = 4,
		.interrupt_first = 2, .interrupt_end = 10,
		.maps_windows = true,
		.check = check_loongarch64, .overlaps_controller = overlaps_nothing,
	},
	[HVISOR_ARCH_X86_64] = {
		.guest_end = 1ULL << 48, .entry_mask = ~0ULL, .entry_align = 1,
		.interrupt_first = 1, .interrupt_end = 24,	/* the I/O APIC's */
		.check = check_x86_64, .overlaps_controller = overlaps_x86_64,
	},
};

const struct zone_arch_rules *zone_arch_rules(enum hvisor_arch arch)
{
	return (size_t)arch < ARRAY_SIZE(rules) ? &rules[arch] : NULL;
}
