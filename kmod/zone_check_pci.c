// SPDX-License-Identifier: GPL-2.0-only
#include "zone_check_parts.h"

#define BUSES 256
#define DOMAINS 256
#define DEVICES 32
#define FUNCTIONS 8

struct window {
	const char *name;
	u64 base, size;
};

#define WINDOWS 4 /* the ECAM is the first */

static void list_windows(const struct hvisor_pci_bus *bus, struct window *windows)
{
	windows[0] = (struct window){ "PCI ECAM of bus", bus->ecam, bus->ecam_size };
	windows[1] = (struct window){ "PCI I/O window of bus", bus->io, bus->io_size };
	windows[2] = (struct window){ "PCI 32-bit window of bus", bus->mem32, bus->mem32_size };
	windows[3] = (struct window){ "PCI 64-bit window of bus", bus->mem64, bus->mem64_size };
}

static bool bus_overlaps(const struct hvisor_pci_bus *bus, u64 base, u64 size)
{
	struct window windows[WINDOWS];
	u32 i;

	list_windows(bus, windows);
	for (i = 0; i < WINDOWS; i++)
		if (ranges_overlap(windows[i].base, windows[i].size, base, size))
			return true;
	return false;
}

bool zone_overlaps_pci(const struct zone_description *zone, u64 base, u64 size)
{
	u32 i;

	for (i = 0; i < zone->num_pci_buses; i++)
		if (bus_overlaps(&zone->pci_buses[i], base, size))
			return true;
	return false;
}

/*
 * What a bus has is at the same address in the guest and on the board: it must be
 * nobody's RAM, this zone's included. (root Linux's: zone_describe.c.)
 */
static int check_window(const struct zone_description *zone, const struct window *window, u32 i,
			struct zone_problem *problem)
{
	if (!window->size)
		return 0;
	if ((window->base | window->size) % PAGE ||
	    !is_inside_address_space(window->base, window->size))
		return problem_is(problem, -EINVAL, window->name, i);
	if (zone_has_ram(zone, window->base, window->size) ||
	    overlaps_controller(zone, window->base, window->size))
		return problem_is(problem, -EINVAL, window->name, i);
	return 0;
}

static int check_bus(const struct zone_description *zone, u32 i, struct zone_problem *problem)
{
	const struct hvisor_pci_bus *bus = &zone->pci_buses[i];
	struct window windows[WINDOWS];
	u32 j, k;
	int r;

	if (!bus->ecam || !bus->ecam_size)
		return problem_is(problem, -EINVAL, "PCI ECAM of bus", i);
	if (bus->domain >= DOMAINS)
		return problem_is(problem, -EINVAL, "PCI domain of bus", i);
	if (bus->bus_end >= BUSES || bus->bus_begin > bus->bus_end)
		return problem_is(problem, -EINVAL, "PCI bus range of bus", i);
	list_windows(bus, windows);
	for (j = 0; j < WINDOWS; j++) {
		r = check_window(zone, &windows[j], i, problem);
		if (r < 0)
			return r;
		for (k = 0; k < j; k++)
			if (ranges_overlap(windows[j].base, windows[j].size, windows[k].base,
					   windows[k].size))
				return problem_is(problem, -EINVAL, windows[j].name, i);
	}
	return 0;
}

/* Devices find their bus by its domain, so it is one bus's only. */
static int check_buses_apart(const struct hvisor_pci_bus *a, const struct hvisor_pci_bus *b, u32 i,
			     struct zone_problem *problem)
{
	struct window windows[WINDOWS];
	u32 j;

	if (a->domain == b->domain)
		return problem_is(problem, -EINVAL, "PCI domain of bus", i);
	list_windows(b, windows);
	for (j = 0; j < WINDOWS; j++)
		if (bus_overlaps(a, windows[j].base, windows[j].size))
			return problem_is(problem, -EINVAL, windows[j].name, i);
	return 0;
}

static const struct hvisor_pci_bus *find_bus(const struct zone_description *zone, u32 domain)
{
	u32 i;

	for (i = 0; i < zone->num_pci_buses; i++)
		if (zone->pci_buses[i].domain == domain)
			return &zone->pci_buses[i];
	return NULL;
}

static bool has_range(const struct hvisor_pci_bus *bus)
{
	return bus->bus_begin || bus->bus_end;
}

static bool is_on(const struct hvisor_pci_bus *bus, u32 number)
{
	return !has_range(bus) || (number >= bus->bus_begin && number <= bus->bus_end);
}

static int check_device(const struct zone_description *zone, u32 i, struct zone_problem *problem)
{
	const struct hvisor_pci_device *device = &zone->pci_devices[i];
	const struct hvisor_pci_bus *bus = find_bus(zone, device->domain);

	if (!bus)
		return problem_is(problem, -EINVAL, "PCI device (no bus of its domain)", i);
	if (device->device >= DEVICES || device->function >= FUNCTIONS || !is_on(bus, device->bus))
		return problem_is(problem, -EINVAL, "PCI device", i);
	if (device->type > HVISOR_PCI_VIRTUAL)
		return problem_is(problem, -EINVAL, "type of PCI device", i);
	if (device->flags & ~HVISOR_PCI_GUEST_ADDRESS)
		return problem_is(problem, -EINVAL, "flags of PCI device", i);
	if (device->guest_device >= DEVICES || device->guest_function >= FUNCTIONS)
		return problem_is(problem, -EINVAL, "guest address of PCI device", i);
	if (device->flags & HVISOR_PCI_GUEST_ADDRESS && !is_on(bus, device->guest_bus))
		return problem_is(problem, -EINVAL, "guest address of PCI device", i);
	return 0;
}

static bool is_same(const struct hvisor_pci_device *a, const struct hvisor_pci_device *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->device == b->device &&
	       a->function == b->function;
}

/* Where nothing else is told a zone_config that has room for it gets the board's address, see encode_device(). */
static struct hvisor_pci_device in_guest(const struct hvisor_pci_device *device)
{
	struct hvisor_pci_device seen = *device;

	if (device->flags & HVISOR_PCI_GUEST_ADDRESS) {
		seen.bus = device->guest_bus;
		seen.device = device->guest_device;
		seen.function = device->guest_function;
	}
	return seen;
}

static bool is_same_in_guest(const struct hvisor_pci_device *a, const struct hvisor_pci_device *b)
{
	const struct hvisor_pci_device seen_a = in_guest(a), seen_b = in_guest(b);

	return is_same(&seen_a, &seen_b);
}

static int check_devices(const struct zone_description *zone, struct zone_problem *problem)
{
	u32 i, j;
	int r;

	for (i = 0; i < zone->num_pci_devices; i++) {
		const struct hvisor_pci_device *device = &zone->pci_devices[i];

		r = check_device(zone, i, problem);
		if (r < 0)
			return r;
		for (j = 0; j < i; j++) {
			if (is_same(device, &zone->pci_devices[j]))
				return problem_is(problem, -EINVAL, "PCI device (twice)", i);
			if (is_same_in_guest(device, &zone->pci_devices[j]))
				return problem_is(problem, -EINVAL,
						  "guest address of PCI device (twice)", i);
		}
	}
	return 0;
}

int zone_check_pci(const struct zone_description *zone, struct zone_problem *problem)
{
	u32 i, j;
	int r = 0;

	if (zone->num_pci_buses > HVISOR_PCI_BUSES_MAX)
		return problem_is(problem, -E2BIG, "num_pci_buses", 0);
	if (zone->num_pci_devices > HVISOR_PCI_DEVICES_MAX)
		return problem_is(problem, -E2BIG, "num_pci_devices", 0);
	for (i = 0; i < zone->num_pci_buses && !r; i++) {
		r = check_bus(zone, i, problem);
		for (j = 0; j < i && !r; j++)
			r = check_buses_apart(&zone->pci_buses[j], &zone->pci_buses[i], i, problem);
	}
	return r ?: check_devices(zone, problem);
}

/* ------------------------------------------------------------------------ */

static bool windows_have_ram(const struct zone_description *zone,
			     const struct zone_description *other)
{
	struct window windows[WINDOWS];
	u32 i, j;

	for (i = 0; i < zone->num_pci_buses; i++) {
		list_windows(&zone->pci_buses[i], windows);
		for (j = 0; j < WINDOWS; j++)
			if (zone_has_ram(other, windows[j].base, windows[j].size))
				return true;
	}
	return false;
}

/* Every zone of a bus has its host bridge, which the hypervisor shows to each; what is one for both. */
static bool is_host_bridge(const struct zone_description *zone,
			   const struct hvisor_pci_device *device)
{
	return device->bus == find_bus(zone, device->domain)->bus_begin && !device->device &&
	       !device->function;
}

int zone_check_pci_apart(const struct zone_description *a, const struct zone_description *b,
			 struct zone_problem *problem)
{
	u32 i, j;

	if (windows_have_ram(a, b) || windows_have_ram(b, a))
		return problem_is(problem, -EBUSY, "PCI window (RAM of the other)", 0);
	for (i = 0; i < a->num_pci_devices; i++)
		for (j = 0; j < b->num_pci_devices; j++) {
			const struct hvisor_pci_device *device = &a->pci_devices[i];

			if (device->type == HVISOR_PCI_PHYSICAL &&
			    b->pci_devices[j].type == HVISOR_PCI_PHYSICAL &&
			    is_same(device, &b->pci_devices[j]) &&
			    !(is_host_bridge(a, device) && is_host_bridge(b, device)))
				return problem_is(problem, -EBUSY, "PCI device", i);
		}
	return 0;
}
