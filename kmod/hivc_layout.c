// SPDX-License-Identifier: GPL-2.0-only
#include "hivc_layout.h"

#define PAGE		4096ULL		/* the hypervisor's */
#define ADDRESS_END	(1ULL << 48)
#define INTERRUPT_FIRST	32		/* below: private to a CPU */
#define INTERRUPT_END	1020

static_assert(HIVC_TABLE_SIZE == PAGE && HIVC_SHARED_OFFSET == HIVC_TABLE_SIZE);
static_assert(sizeof(struct hivc_table) == 24 && sizeof(struct hivc_info) == 32);

/* Of 32-bit numbers: it cannot wrap. */
u64 hivc_layout_size(const struct hivc_layout *layout)
{
	return layout->info.rw_size + (u64)layout->info.out_size * layout->info.max_peers;
}

const char *hivc_layout_problem(const struct hivc_layout *layout)
{
	const struct hivc_info *info = &layout->info;
	u64 size = hivc_layout_size(layout);

	if (info->interrupt < INTERRUPT_FIRST || info->interrupt >= INTERRUPT_END)
		return "its interrupt is none that a peer could raise";
	if (!info->max_peers || info->peer >= info->max_peers)
		return "it has no room for this peer";
	if ((info->rw_size | info->out_size) % PAGE || !size)
		return "its sections are no pages";
	if ((layout->table | layout->memory) % PAGE)
		return "it does not begin at a page";
	if (!range_holds(0, ADDRESS_END, layout->table, PAGE) ||
	    !range_holds(0, ADDRESS_END, layout->memory, size))
		return "it is beyond all addresses";
	if (ranges_overlap(layout->table, PAGE, layout->memory, size))
		return "its control table is inside its memory";
	return NULL;
}

/* The section of all and this peer's own; peer 0's lies right behind. */
static bool is_writable(const struct hivc_info *info, u64 offset, u64 size)
{
	u64 own = info->rw_size + (u64)info->out_size * info->peer;

	if (info->peer == 0)
		return range_holds(0, own + info->out_size, offset, size);
	return range_holds(0, info->rw_size, offset, size) ||
	       range_holds(own, info->out_size, offset, size);
}

bool hivc_layout_find(const struct hivc_layout *layout, u64 offset, u64 size,
		      struct hivc_range *ret)
{
	if (offset < HIVC_SHARED_OFFSET) {
		if (offset != HIVC_TABLE_OFFSET || size != HIVC_TABLE_SIZE)
			return false;
		*ret = (struct hivc_range){ layout->table, true, true };
		return true;
	}
	offset -= HIVC_SHARED_OFFSET;
	if (!size || !range_holds(0, hivc_layout_size(layout), offset, size))
		return false;
	*ret = (struct hivc_range){ layout->memory + offset, false,
				    is_writable(&layout->info, offset, size) };
	return true;
}
