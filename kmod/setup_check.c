// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "setup_check.h"

#include <linux/io.h>

#include "zone_check.h"

/* Linux, Documentation/arch/x86/boot.rst: "version". */
#define VERSION_OFFSET	0x206
#define VERSION_NEEDED	0x204

int setup_check(const struct zone_description *zone)
{
	u64 guest = zone->x86_64.setup + VERSION_OFFSET;
	const struct hvisor_region *region;
	const __le16 *version;
	u16 found;

	if (zone->arch != HVISOR_ARCH_X86_64)
		return 0;
	/* zone_check() has seen to it that a page of it is there. */
	region = zone_find_ram(zone, false, guest, sizeof(*version));
	if (!region)
		return -ENOEXEC;
	version = memremap(region->physical + (guest - region->guest), sizeof(*version), MEMREMAP_WB);
	if (!version)
		return -ENOMEM;
	found = le16_to_cpu(READ_ONCE(*version));
	memunmap((void *)version);
	if (found >= VERSION_NEEDED)
		return 0;
	pr_warn_ratelimited("zone %u: at 0x%llx there is no setup code of a kernel with boot protocol 2.04 or later\n",
			    zone->id, zone->x86_64.setup);
	return -ENOEXEC;
}
