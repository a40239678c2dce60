/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HVISOR_OLD_IOCTL_H
#define HVISOR_OLD_IOCTL_H

#include <linux/types.h>

struct zone_description;
struct zone_problem;

/* The calls of the older tool (type HVISOR_OLD_TYPE) on /dev/hvisor. */
long old_ioctl(unsigned int number, unsigned long argument);

/*
 * With zones_lock() held: -EBUSY if a CPU, RAM or PCI device belongs to a zone that was
 * started through these calls and still runs.
 */
int old_zones_check_apart(const struct zone_description *description,
			  struct zone_problem *problem);

/* With zones_lock() held: is it an IVC's of such a zone? */
bool old_zones_have_ivc_interrupt(u32 interrupt);

#endif
