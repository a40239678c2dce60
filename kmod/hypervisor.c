// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "hypervisor.h"

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "arch.h"
#include "bridge.h"
#include "clean_guest.h"

#define SETTLE_MS	20	/* by then a CPU has looked at what was sent to it */
#define CLEAN_MS	100	/* by then a CPU has done what takes it none, unless it was not started */

static_assert(sizeof(struct hvisor_old_zone_info) == 56);
static_assert(offsetof(struct hvisor_old_zone_info, cpus) == 8);
static_assert(offsetof(struct hvisor_old_zone_info, name) == 16);
static_assert(offsetof(struct hvisor_old_zone_info, is_err) == 48);

/*
 * One start or stop at a time. The hypervisor's list would wait for it, for as
 * long as ten seconds, so meanwhile the list from right before it is told: who
 * asks often must not be kept waiting, and older than the call it never is.
 */
static DEFINE_MUTEX(call_lock);
static struct {
	struct mutex lock;	/* taken after call_lock; never held for long */
	struct hvisor_old_zone_info *zones;	/* NULL: no call is under way */
	int count;
} before_call = {
	.lock = __MUTEX_INITIALIZER(before_call.lock),
};

/* Under call_lock. */
static u64 used_cpus;		/* a zone was started there, and they were not cleaned since */
static u64 last_shutdown;	/* ktime_get_ns() */

/* With call_lock held, or before_call.lock while no call is under way. */
static int list_zones(struct hvisor_old_zone_info *zones)
{
	long n = arch_hypercall(HYPERCALL_ZONE_LIST, virt_to_phys(zones), HYPERVISOR_ZONES_MAX);

	if (n > HYPERVISOR_ZONES_MAX)
		return -EPROTO;
	return n;
}

static struct hvisor_old_zone_info *alloc_list(void)
{
	return kcalloc(HYPERVISOR_ZONES_MAX, sizeof(struct hvisor_old_zone_info), GFP_KERNEL);
}

int hypervisor_list(struct hvisor_old_zone_info **ret)
{
	struct hvisor_old_zone_info *zones = alloc_list();
	int n;

	if (!zones)
		return -ENOMEM;
	mutex_lock(&before_call.lock);
	if (before_call.zones) {
		n = before_call.count;
		memcpy(zones, before_call.zones, n * sizeof(*zones));
	} else {
		n = list_zones(zones);
	}
	mutex_unlock(&before_call.lock);
	if (n < 0) {
		kfree(zones);
		return n;
	}
	*ret = zones;
	return n;
}

/* Return: 0 with call_lock held and before_call filled in, until end_call(). */
static int begin_call(void)
{
	struct hvisor_old_zone_info *zones = alloc_list();
	int r;

	if (!zones)
		return -ENOMEM;
	r = mutex_lock_killable(&call_lock);
	if (r < 0)
		goto err_free;
	mutex_lock(&before_call.lock);
	r = list_zones(zones);
	if (r >= 0) {
		before_call.count = r;
		before_call.zones = zones;
	}
	mutex_unlock(&before_call.lock);
	if (r >= 0)
		return 0;
	mutex_unlock(&call_lock);
err_free:
	kfree(zones);
	return r;
}

static void end_call(void)
{
	mutex_lock(&before_call.lock);
	kfree(before_call.zones);
	before_call.zones = NULL;
	mutex_unlock(&before_call.lock);
	mutex_unlock(&call_lock);
}

static struct hvisor_old_zone_info *find_in_list(struct hvisor_old_zone_info *zones, int n, u32 id)
{
	while (n-- > 0)
		if (zones[n].zone_id == id)
			return &zones[n];
	return NULL;
}

int hypervisor_lists(u32 id)
{
	struct hvisor_old_zone_info *zones;
	int n, r;

	n = hypervisor_list(&zones);
	if (n < 0)
		return n;
	r = find_in_list(zones, n, id) != NULL;
	kfree(zones);
	return r;
}

int hypervisor_lists_now(u32 id)
{
	int r = mutex_lock_killable(&call_lock);

	if (r < 0)
		return r;
	r = hypervisor_lists(id);
	mutex_unlock(&call_lock);
	return r;
}

struct call {
	enum hypercall code;
	u64 arg0, arg1;
	void (*before)(void *argument);
	void *argument;
};

static long call_here(void *argument)
{
	const struct call *call = argument;

	if (call->before)
		call->before(call->argument);
	return arch_hypercall(call->code, call->arg0, call->arg1);
}

/*
 * Starting and stopping keep the calling CPU in the hypervisor, interrupts
 * masked, until the zone's CPUs react. One of them may be waiting for an answer
 * from us, so the CPU that gives the answers must not be the one that waits.
 */
static long call_elsewhere(struct call *call)
{
	unsigned int cpu = cpumask_any_but(cpu_online_mask, bridge_cpu());

	if (cpu >= nr_cpu_ids)
		return call_here(call);
	return work_on_cpu(cpu, call_here, call);
}

/* With call_lock held, right after begin_call(). */
static int check_free(const struct zone_description *zone)
{
	int i;

	if (find_in_list(before_call.zones, before_call.count, zone->id))
		return -EEXIST;
	for (i = 0; i < before_call.count; i++)
		if (before_call.zones[i].cpus & zone->cpus)
			return -EBUSY;
	return 0;
}

/*
 * A shutdown does not wait for a CPU that was not running yet. Were the start's
 * event queued behind the shutdown's, one signal would stand for both, and the
 * CPU would take the first only.
 */
static void wait_for_shutdown(void)
{
	u64 elapsed = (ktime_get_ns() - last_shutdown) / NSEC_PER_MSEC;

	if (last_shutdown && elapsed < SETTLE_MS)
		msleep(SETTLE_MS - elapsed);
}

/* With call_lock held. */
static int start(const struct zone_description *zone, const u8 *config, u32 size)
{
	struct call call = { HYPERCALL_ZONE_START, __pa(config), size };
	int r;

	wait_for_shutdown();
	r = call_elsewhere(&call);
	if (!r)
		used_cpus |= zone->cpus;
	return r;
}

/* With call_lock held. */
static int start_described(const struct zone_description *zone)
{
	const struct zone_layout *layout = hypervisor_layout();
	u8 *config = kmalloc(ZONE_CONFIG_SIZE_MAX, GFP_KERNEL);
	int r;

	if (!config)
		return -ENOMEM;
	zone_config_encode(layout, zone, config);
	r = start(zone, config, layout->size);
	kfree(config);
	return r;
}

/* With call_lock held. */
static int shut_down(u32 id, void (*before)(void *argument), void *argument)
{
	struct call call = { HYPERCALL_ZONE_SHUTDOWN, id, 0, before, argument };
	int r;

	bridge_hold();
	r = call_elsewhere(&call);
	bridge_release();
	last_shutdown = ktime_get_ns();
	return r;
}

/* With call_lock held. Return: 1 if the CPU is clean, 0 if it did not get to it, or a negative errno. */
static int run_clean_guest(const struct zone_description *zone, unsigned int cpu, unsigned int limit_ms)
{
	struct zone_description *guest;
	bool is_done = false;
	int r;

	r = clean_guest_make(zone, cpu, &guest);
	if (r < 0)
		return r;
	r = start_described(guest);
	if (!r) {
		is_done = clean_guest_wait(limit_ms);
		r = shut_down(guest->id, NULL, NULL);
		if (!r && is_done)
			last_shutdown = 0;	/* it did wait for a CPU that was seen running */
	}
	kfree(guest);
	return r < 0 ? r : is_done;
}

/*
 * With call_lock held. A CPU keeps what was on its way to the zone before: the
 * interrupts in its list registers, and, where the guest ended by itself, events
 * (the oldest of them, not the start, is what the start's signal would take) and
 * pending interrupts, more than 7 of which are a panic. A shutdown forgets the
 * events and those, hence the second try; the first is for the list registers.
 */
static int clean_cpus(const struct zone_description *zone)
{
	u64 left = zone->cpus & used_cpus;
	unsigned int cpu;
	int r;

	for (; left; left &= left - 1) {
		cpu = __ffs64(left);
		r = run_clean_guest(zone, cpu, CLEAN_MS);
		if (!r)
			r = run_clean_guest(zone, cpu, CLEAN_MS * 10);
		if (r < 0)
			return r;
		if (r)
			used_cpus &= ~BIT_ULL(cpu);
		else
			pr_warn("CPU %u may keep interrupts of the zone before\n", cpu);
	}
	return 0;
}

/* As begin_call(). */
static int begin_start(const struct zone_description *zone)
{
	int r = begin_call();

	if (r < 0)
		return r;
	r = check_free(zone);
	if (!r)
		r = clean_cpus(zone);
	if (r < 0)
		end_call();
	return r;
}

int hypervisor_start(const struct zone_description *zone)
{
	int r = begin_start(zone);

	if (r < 0)
		return r;
	r = start_described(zone);
	end_call();
	return r;
}

int hypervisor_start_config(const struct zone_description *zone, const u8 *config)
{
	int r = begin_start(zone);

	if (r < 0)
		return r;
	r = start(zone, config, hypervisor_layout()->size);
	end_call();
	return r;
}

/* With call_lock held. Return: whether the zone is gone by itself. */
static bool has_powered_off(u32 id)
{
	struct hvisor_old_zone_info *zones = alloc_list();
	bool is_gone = zones && !find_in_list(zones, list_zones(zones), id);

	kfree(zones);
	return is_gone;
}

int hypervisor_shutdown(u32 id, void (*before)(void *argument), void *argument)
{
	const struct hvisor_old_zone_info *zone;
	int r = begin_call();

	if (r < 0)
		return r;
	zone = find_in_list(before_call.zones, before_call.count, id);
	if (zone)
		r = shut_down(id, before, argument);
	/* Its guest may have powered off just now. */
	if (r == -EINVAL && has_powered_off(id))
		r = 0;
	end_call();
	return r;
}
