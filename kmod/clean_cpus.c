// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "clean_cpus.h"

#include <linux/bits.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "arch.h"
#include "clean_guest.h"
#include "hypervisor_call.h"
#include "zone_config.h"

#define CLEAN_MS	100	/* by then a CPU has done what takes it none, unless it was not started */

static u64 used_cpus;		/* a zone was started there, and they were not cleaned since */
static u64 ended_cpus;		/* of these: their zone has ended, and none was started since */

void clean_cpus_note_use(u64 cpus)
{
	if (ARCH_CLEANS_CPUS)
		used_cpus |= cpus;
	ended_cpus &= ~cpus;
}

/* Return: 1 if the CPU is clean, 0 if it did not get to it, or a negative errno. */
static int run_clean_guest(const struct zone_description *zone, unsigned int cpu,
			   unsigned int limit_ms)
{
	struct zone_description *guest;
	bool is_done = false;
	int r;

	r = clean_guest_make(zone, cpu, &guest);
	if (r < 0)
		return r;
	r = hypervisor_call_start(guest);
	if (!r) {
		is_done = clean_guest_wait(limit_ms);
		r = hypervisor_call_shutdown(guest->id, NULL, NULL);
		if (!r && is_done)
			hypervisor_call_shutdown_was_seen();
	}
	kfree(guest);
	return r < 0 ? r : is_done;
}

/*
 * A CPU keeps what was on its way to the zone before: the interrupts in its list
 * registers, and, where the guest ended by itself, events (the oldest of them,
 * not the start, is what the start's signal would take) and pending interrupts,
 * more than 7 of which are a panic. A shutdown forgets the events and those,
 * hence the second try; the first is for the list registers.
 */
static int clean(const struct zone_description *zone, u64 cpus)
{
	unsigned int cpu;
	int r;

	for (; cpus; cpus &= cpus - 1) {
		cpu = __ffs64(cpus);
		r = run_clean_guest(zone, cpu, CLEAN_MS);
		if (!r)
			r = run_clean_guest(zone, cpu, CLEAN_MS * 10);
		if (r < 0)
			return r;
		if (r) {
			used_cpus &= ~BIT_ULL(cpu);
			pr_debug("CPU %u is clean\n", cpu);
		} else {
			pr_warn("CPU %u may keep interrupts of the zone before\n", cpu);
		}
	}
	return 0;
}

int clean_cpus_of(const struct zone_description *zone)
{
	return clean(zone, zone->cpus & used_cpus);
}

/* ------------------------------------------------------------------------ */

struct cleaning {
	struct work_struct work;
	struct zone_description zone;
};

/* Whatever fails here does so again, and is told, when the CPU is wanted. */
static void clean_one(const struct zone_description *zone, u64 cpu)
{
	if (hypervisor_call_begin() < 0)
		return;
	if (ended_cpus & ~hypervisor_call_listed_cpus() & cpu && !hypervisor_call_lists(zone->id)) {
		ended_cpus &= ~cpu;
		clean(zone, cpu);
	}
	hypervisor_call_end();
}

/* A start that comes meanwhile waits for one CPU at most, and sees to its others itself. */
static void clean_in_background(struct work_struct *work)
{
	struct cleaning *cleaning = container_of(work, struct cleaning, work);
	u64 left;

	for (left = cleaning->zone.cpus; left; left &= left - 1)
		clean_one(&cleaning->zone, left & -left);
	kfree(cleaning);
}

void clean_cpus_later(const struct zone_description *zone)
{
	struct cleaning *cleaning = kmalloc(sizeof(*cleaning), GFP_KERNEL);

	if (!cleaning)
		return;
	INIT_WORK(&cleaning->work, clean_in_background);
	cleaning->zone = *zone;
	ended_cpus |= zone->cpus & used_cpus;
	queue_work(system_unbound_wq, &cleaning->work);
}
