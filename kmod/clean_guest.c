// SPDX-License-Identifier: GPL-2.0-only

#include "clean_guest.h"

#include <linux/bits.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "arch.h"
#include "zone_config.h"

#define SETTLE_MS 20	/* by then a CPU has begun */

/* clean_guest_code.S; its last word is not 0 when it is done. */
extern const u8 clean_guest[], clean_guest_end[];

static u8 *page;	/* stays: a CPU that could not be stopped may still be there */

static u32 *done_word(void)
{
	return (u32 *)(page + (clean_guest_end - clean_guest) - sizeof(u32));
}

static int load(void)
{
	if (!page)
		page = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	memcpy(page, clean_guest, clean_guest_end - clean_guest);
	arch_clean_to_memory(page, PAGE_SIZE);
	return 0;
}

int clean_guest_make(const struct zone_description *zone, unsigned int cpu,
		     struct zone_description **ret)
{
	struct zone_description *guest;
	int r = load();

	if (r < 0)
		return r;
	guest = kmemdup(zone, sizeof(*zone), GFP_KERNEL);
	if (!guest)
		return -ENOMEM;
	guest->cpus = BIT_ULL(cpu);
	guest->entry_point = zone->entry_point & PAGE_MASK;
	guest->kernel_address = virt_to_phys(page);
	guest->kernel_size = PAGE_SIZE;
	guest->dtb_address = 0;
	guest->dtb_size = 0;
	memset(guest->interrupts, 0, sizeof(guest->interrupts));
	guest->num_ivcs = 0;
	guest->num_pci_buses = 0;
	guest->num_pci_devices = 0;
	guest->num_regions = 1;
	guest->regions[0] = (struct hvisor_region){
		.type = HVISOR_REGION_RAM,
		.physical = virt_to_phys(page),
		.guest = guest->entry_point,
		.size = PAGE_SIZE,
	};
	*ret = guest;
	return 0;
}

bool clean_guest_wait(unsigned int limit_ms)
{
	ktime_t end = ktime_add_ms(ktime_get(), limit_ms);

	if (!ARCH_CLEAN_GUEST_TELLS) {
		msleep(SETTLE_MS);
		return true;
	}
	for (;;) {
		bool late = ktime_after(ktime_get(), end);

		/* It writes past the caches. */
		arch_clean_to_memory(done_word(), sizeof(u32));
		if (READ_ONCE(*done_word()))
			return true;
		if (late)
			return false;
		usleep_range(50, 200);
	}
}
