// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ioport.h>
#include <linux/mm.h>

#include <hivc.h>

#include "arch.h"
#include "bridge.h"
#include "hypervisor.h"
#include "ivc_peers.h"
#include "zone.h"
#include "zone_check.h"

/* Two builds agree on it, whatever their architectures are. */
static_assert(sizeof(struct hvisor_region) == 32);
static_assert(sizeof(struct hvisor_gic) == 112);
static_assert(sizeof(struct hvisor_arm64) == 144);
static_assert(sizeof(struct hvisor_riscv64) == 32);
static_assert(sizeof(struct hvisor_x86_64) == 88);
static_assert(sizeof(struct hvisor_ivc) == 40);
static_assert(sizeof(struct hvisor_pci_bus) == 104);
static_assert(sizeof(struct hvisor_pci_device) == 12);
static_assert(offsetof(struct hvisor_zone_create, arch) == 232);
static_assert(offsetof(struct hvisor_zone_create, ivcs) == 504);
static_assert(offsetof(struct hvisor_zone_create, regions) == 1384);
static_assert(sizeof(struct hvisor_zone_create) == 3512);

static_assert(HIVC_ZONE_MAX == HVISOR_IVCS_MAX);

static bool is_system_ram(u64 start, u64 size)
{
	return size && region_intersects(start, size, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
			       REGION_DISJOINT;
}

static int check_system_ram(const struct zone_description *zone, struct zone_problem *problem)
{
	u32 i;

	for (i = 0; i < zone->num_regions; i++) {
		const struct hvisor_region *region = &zone->regions[i];

		*problem = (struct zone_problem){ "region (System RAM of root Linux)", i };
		if (region->type != ZONE_REGION_VIRTIO &&
		    is_system_ram(region->physical, region->size))
			return -EBUSY;
	}
	for (i = 0; i < zone->num_pci_buses; i++) {
		const struct hvisor_pci_bus *bus = &zone->pci_buses[i];

		*problem = (struct zone_problem){ "PCI bus (System RAM of root Linux)", i };
		if (is_system_ram(bus->ecam, bus->ecam_size) ||
		    is_system_ram(bus->io, bus->io_size) ||
		    is_system_ram(bus->mem32, bus->mem32_size) ||
		    is_system_ram(bus->mem64, bus->mem64_size))
			return -EBUSY;
	}
	return 0;
}

void zone_limits_get(struct zone_limits *limits)
{
	*limits = (struct zone_limits){
		.root_cpus = hypervisor_root_cpus(),
		.gic_version = hypervisor_gic_version(),
		.wakeup_interrupt = bridge_wakeup_interrupt(),
		.acpi_size = arch_acpi_size(),
	};
	memcpy(limits->ivc_interrupts, ivc_root_interrupts(), sizeof(limits->ivc_interrupts));
}

int zone_check_description(const struct zone_description *description,
			   struct zone_problem *problem)
{
	struct zone_limits limits;
	int r;

	zone_limits_get(&limits);
	r = zone_check(description, &limits, problem);
	if (!r)
		r = check_system_ram(description, problem);
	if (!r)
		r = zone_layout_check(hypervisor_layout(), description, problem);
	if (r < 0) {
		pr_debug("zone %u: %s (%u)\n", description->id, problem->field, problem->index);
		return r;
	}
	if (description->arch == HVISOR_ARCH_ARM64 && description->arm64.gic.its_size)
		pr_warn_ratelimited("zone %u: with a GIC ITS its second start may hang the hypervisor\n",
				    description->id);
	return 0;
}

/* How much of the union is the architecture's. */
static size_t arch_size(enum hvisor_arch arch)
{
	switch (arch) {
	case HVISOR_ARCH_ARM64:
		return sizeof(struct hvisor_arm64);
	case HVISOR_ARCH_RISCV64:
		return sizeof(struct hvisor_riscv64);
	case HVISOR_ARCH_LOONGARCH64:
		return 0;
	case HVISOR_ARCH_X86_64:
		return sizeof(struct hvisor_x86_64);
	}
	return 0;
}

static int describe_arch(const struct hvisor_zone_create *wanted, struct zone_description *zone,
			 struct zone_problem *problem)
{
	size_t size = arch_size(ARCH_ZONE);

	*problem = (struct zone_problem){ "arch (this machine is " ARCH_NAME ")", wanted->arch };
	if (wanted->arch != ARCH_ZONE)
		return -EINVAL;
	*problem = (struct zone_problem){ "reserved field of " ARCH_NAME };
	if (!is_zeroed((const u8 *)wanted->arch_room + size, sizeof(wanted->arch_room) - size))
		return -EINVAL;
	if (ARCH_ZONE == HVISOR_ARCH_ARM64 &&
	    (wanted->arm64.reserved || wanted->arm64.gic.reserved))
		return -EINVAL;
	zone->arch = wanted->arch;
	memcpy((u8 *)zone + offsetof(struct zone_description, arm64), wanted->arch_room, size);
	return 0;
}

static int describe_regions(const struct hvisor_zone_create *wanted, struct zone_description *zone,
			    struct zone_problem *problem)
{
	u32 i;

	*problem = (struct zone_problem){ "num_regions", wanted->num_regions };
	if (wanted->num_regions > HVISOR_REGIONS_MAX)
		return -E2BIG;
	for (i = 0; i < HVISOR_REGIONS_MAX; i++) {
		const struct hvisor_region *region = &wanted->regions[i];

		*problem = (struct zone_problem){ "region", i };
		if (i >= wanted->num_regions ? !is_zeroed(region, sizeof(*region)) :
		    region->reserved || region->type == ZONE_REGION_VIRTIO)
			return -EINVAL;
	}
	zone->num_regions = wanted->num_regions;
	memcpy(zone->regions, wanted->regions, sizeof(zone->regions));
	return 0;
}

/* True if elements from @num on are zero: @num may be anything. */
static bool rest_is_zeroed(const void *array, size_t array_size, u32 num, size_t element_size)
{
	size_t used = min_t(u64, (u64)num * element_size, array_size);

	return is_zeroed((const u8 *)array + used, array_size - used);
}

static int describe_ivcs_and_pci(const struct hvisor_zone_create *wanted,
				 struct zone_description *zone, struct zone_problem *problem)
{
	u32 i;

	*problem = (struct zone_problem){ "IVC or PCI (more than their number)" };
	if (!rest_is_zeroed(wanted->ivcs, sizeof(wanted->ivcs), wanted->num_ivcs,
			    sizeof(wanted->ivcs[0])) ||
	    !rest_is_zeroed(wanted->pci_buses, sizeof(wanted->pci_buses), wanted->num_pci_buses,
			    sizeof(wanted->pci_buses[0])) ||
	    !rest_is_zeroed(wanted->pci_devices, sizeof(wanted->pci_devices),
			    wanted->num_pci_devices, sizeof(wanted->pci_devices[0])))
		return -EINVAL;
	for (i = 0; i < HVISOR_PCI_BUSES_MAX; i++) {
		*problem = (struct zone_problem){ "PCI bus (reserved field)", i };
		if (wanted->pci_buses[i].reserved)
			return -EINVAL;
	}
	zone->num_ivcs = wanted->num_ivcs;
	zone->num_pci_buses = wanted->num_pci_buses;
	zone->num_pci_devices = wanted->num_pci_devices;
	memcpy(zone->ivcs, wanted->ivcs, sizeof(zone->ivcs));
	memcpy(zone->pci_buses, wanted->pci_buses, sizeof(zone->pci_buses));
	memcpy(zone->pci_devices, wanted->pci_devices, sizeof(zone->pci_devices));
	return 0;
}

int zone_describe(const struct hvisor_zone_create *wanted, struct zone_description *description,
		  struct zone_problem *problem)
{
	int r;

	*problem = (struct zone_problem){ "reserved field" };
	if (wanted->reserved0 || !is_zeroed(wanted->reserved, sizeof(wanted->reserved)))
		return -EINVAL;
	*problem = (struct zone_problem){ "name" };
	if (!zone_name_is_valid(wanted->name))
		return -EINVAL;
	r = describe_arch(wanted, description, problem);
	if (!r)
		r = describe_regions(wanted, description, problem);
	if (!r)
		r = describe_ivcs_and_pci(wanted, description, problem);
	if (r < 0)
		return r;

	description->id = wanted->id;
	description->cpus = wanted->cpus;
	memcpy(description->name, wanted->name, sizeof(description->name));
	description->entry_point = wanted->entry_point;
	description->kernel_address = wanted->kernel_address;
	description->kernel_size = wanted->kernel_size;
	description->dtb_address = wanted->dtb_address;
	description->dtb_size = wanted->dtb_size;
	memcpy(description->interrupts, wanted->interrupts, sizeof(description->interrupts));
	return zone_check_description(description, problem);
}
