// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ioport.h>
#include <linux/mm.h>

#include "bridge.h"
#include "hypervisor.h"
#include "zone.h"
#include "zone_check.h"

static bool is_in_system_ram(const struct zone_description *description)
{
	u32 i;

	for (i = 0; i < description->num_regions; i++) {
		const struct hvisor_region *region = &description->regions[i];

		if (region->type != ZONE_REGION_VIRTIO &&
		    region_intersects(region->physical, region->size, IORESOURCE_SYSTEM_RAM,
				      IORES_DESC_NONE) != REGION_DISJOINT)
			return true;
	}
	return false;
}

int zone_check_description(const struct zone_description *description)
{
	struct zone_limits limits = {
		.root_cpus = hypervisor_root_cpus(),
		.gic_version = hypervisor_gic_version(),
		.wakeup_interrupt = bridge_wakeup_interrupt(),
	};
	struct zone_problem problem;
	int r;

	r = zone_check(description, &limits, &problem);
	if (r < 0) {
		pr_debug("zone %u: %s (%u)\n", description->id, problem.field, problem.index);
		return r;
	}
	if (is_in_system_ram(description)) {
		pr_debug("zone %u: a region lies in root Linux's System RAM\n", description->id);
		return -EBUSY;
	}
	if (description->gic.its_size)
		pr_warn_ratelimited("zone %u: with a GIC ITS its second start may hang the hypervisor\n",
				    description->id);
	return 0;
}

int zone_describe(const struct hvisor_zone_create *wanted, struct zone_description *description)
{
	u32 i;

	if (wanted->num_regions > HVISOR_REGIONS_MAX)
		return -E2BIG;
	if (wanted->gic.reserved || !is_zeroed(wanted->reserved, sizeof(wanted->reserved)))
		return -EINVAL;
	if (!zone_name_is_valid(wanted->name))
		return -EINVAL;
	for (i = 0; i < HVISOR_REGIONS_MAX; i++) {
		const struct hvisor_region *region = &wanted->regions[i];

		if (i >= wanted->num_regions ? !is_zeroed(region, sizeof(*region)) :
		    region->reserved || region->type > HVISOR_REGION_IO)
			return -EINVAL;
	}

	description->id = wanted->id;
	description->num_regions = wanted->num_regions;
	description->cpus = wanted->cpus;
	memcpy(description->name, wanted->name, sizeof(description->name));
	description->entry_point = wanted->entry_point;
	description->kernel_address = wanted->kernel_address;
	description->kernel_size = wanted->kernel_size;
	description->dtb_address = wanted->dtb_address;
	description->dtb_size = wanted->dtb_size;
	memcpy(description->interrupts, wanted->interrupts, sizeof(description->interrupts));
	description->gic = wanted->gic;
	memcpy(description->regions, wanted->regions, sizeof(description->regions));
	return zone_check_description(description);
}
