/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one end of an IVC may touch: what of its hypervisor's numbers makes
 * sense, and which bytes a mapping may reach.
 *
 * Freestanding.
 */
#ifndef HVISOR_HIVC_LAYOUT_H
#define HVISOR_HIVC_LAYOUT_H

#include "pure.h"

#include <hivc.h>

/* As the hypervisor tells it: IVC_INFO and the control table. */
struct hivc_layout {
	u64 table;		/* of this zone's physical addresses, as is memory */
	u64 memory;
	struct hivc_info info;
};

/**
 * hivc_layout_problem() - can it be used?
 *
 * Return: NULL, or what is wrong with it, for a message.
 */
const char *hivc_layout_problem(const struct hivc_layout *layout);

/* All sections together, of a layout that has no problem. */
u64 hivc_layout_size(const struct hivc_layout *layout);

struct hivc_range {
	u64 address;		/* this zone's physical */
	bool is_table;
	bool is_writable;	/* every byte of it, by this peer */
};

/**
 * hivc_layout_find() - what a mapping of [offset, offset+size) is about
 * @offset: as in mmap(), both multiples of 4096
 *
 * Return: false if it is not all of the table or inside the memory; @ret is then untouched.
 */
bool hivc_layout_find(const struct hivc_layout *layout, u64 offset, u64 size,
		      struct hivc_range *ret);

#endif
