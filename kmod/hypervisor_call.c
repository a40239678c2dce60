// SPDX-License-Identifier: GPL-2.0-only
#include "hypervisor_call.h"

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "arch.h"
#include "bridge.h"
#include "hypervisor.h"
#include "zone_config.h"

#define SETTLE_MS	20	/* by then a CPU has looked at what was sent to it */

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

static u64 last_shutdown;	/* ktime_get_ns(); under call_lock */

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

int hypervisor_call_begin(void)
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

void hypervisor_call_end(void)
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

bool hypervisor_call_lists(u32 id)
{
	return find_in_list(before_call.zones, before_call.count, id);
}

u64 hypervisor_call_listed_cpus(void)
{
	u64 cpus = 0;
	int i;

	for (i = 0; i < before_call.count; i++)
		cpus |= before_call.zones[i].cpus;
	return cpus;
}

u64 hypervisor_call_cpus_of(u32 id)
{
	const struct hvisor_old_zone_info *zone;

	zone = find_in_list(before_call.zones, before_call.count, id);
	return zone ? zone->cpus : 0;
}

bool hypervisor_call_lists_still(u32 id)
{
	struct hvisor_old_zone_info *zones = alloc_list();
	bool is_listed = !zones || find_in_list(zones, list_zones(zones), id);

	kfree(zones);
	return is_listed;
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

int hypervisor_call_start_config(const u8 *config)
{
	struct call call = { HYPERCALL_ZONE_START, __pa(config), hypervisor_layout()->size };

	wait_for_shutdown();
	return call_elsewhere(&call);
}

int hypervisor_call_start(const struct zone_description *zone)
{
	u8 *config = kmalloc(ZONE_CONFIG_SIZE_MAX, GFP_KERNEL);
	int r;

	if (!config)
		return -ENOMEM;
	zone_config_encode(hypervisor_layout(), zone, config);
	r = hypervisor_call_start_config(config);
	kfree(config);
	return r;
}

int hypervisor_call_shutdown(u32 id, void (*before)(void *argument), void *argument)
{
	struct call call = { HYPERCALL_ZONE_SHUTDOWN, id, 0, before, argument };
	int r;

	bridge_hold();
	r = call_elsewhere(&call);
	bridge_release();
	last_shutdown = ktime_get_ns();
	return r;
}

void hypervisor_call_shutdown_was_seen(void)
{
	last_shutdown = 0;
}
