/* SPDX-License-Identifier: GPL-2.0-only */
/* What the hypervisor tells a zone of its IVCs, for hvisor.ko and hivc.ko. Process context. */
#ifndef HVISOR_IVC_INFO_H
#define HVISOR_IVC_INFO_H

#include <linux/build_bug.h>
#include <linux/slab.h>

#include <hivc.h>

#include "arch.h"
#include "hypervisor.h"

/* What its IVC_INFO writes; addresses are the zone's. */
struct ivc_info {
	u64 len;
	u64 tables[HIVC_ZONE_MAX];
	u64 memories[HIVC_ZONE_MAX];
	u32 ids[HIVC_ZONE_MAX];
	u32 interrupts[HIVC_ZONE_MAX];
};
static_assert(sizeof(struct ivc_info) == 56);

/**
 * ivc_info_get() - asks the hypervisor, which has to be there
 *
 * One that does not know the call writes nothing and says 0.
 *
 * Return: 0, -ENODEV (none), -EPROTONOSUPPORT (more than this version can have), -ENOMEM.
 */
static inline int ivc_info_get(struct ivc_info *ret)
{
	struct ivc_info *info = kzalloc(sizeof(*info), GFP_KERNEL);
	long r;

	if (!info)
		return -ENOMEM;
	r = arch_hypercall(HYPERCALL_IVC_INFO, virt_to_phys(info), sizeof(*info));
	*ret = *info;
	kfree(info);
	if (r < 0 || !ret->len)
		return -ENODEV;
	return ret->len > HIVC_ZONE_MAX ? -EPROTONOSUPPORT : 0;
}

#endif
