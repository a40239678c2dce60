// SPDX-License-Identifier: GPL-2.0-only

#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/smp.h>

#include "bridge.h"
#include "compat.h"
#include "device.h"
#include "hypervisor.h"
#include "zone.h"

/* Long against the way of a request or an interrupt, also where the CPUs are emulated ones. */
#define QUIET_MS	30
#define HANDLER_LIMIT_MS 200	/* a guest that still asks then does so without an interrupt */
/*
 * By then the hypervisor has sent for the zone's CPUs; it may print to a slow
 * console before. It gives up on a CPU after more than a second.
 */
#define RELEASE_MS	300

/* Interrupts that workers asked for while the zone took none are still pending. */
static void take_interrupts(struct hv_zone *zone)
{
	unsigned long flags;
	unsigned int i;

	WRITE_ONCE(zone->takes_interrupts, true);
	for (i = 0; i < zone->num_devices; i++) {
		struct hv_device *device = zone->devices[i];

		spin_lock_irqsave(&device->lock, flags);
		if (device->registers.interrupt_status)
			device_inject(device);
		spin_unlock_irqrestore(&device->lock, flags);
	}
}

/*
 * The guest runs before the call returns: its accesses are answered at once, an
 * interrupt would be skipped until the hypervisor lists the zone.
 */
int zone_start(struct hv_zone *zone)
{
	int r;

	mutex_lock(&zone->lock);
	if (zone->is_destroyed)
		r = -ESTALE;
	else if (zone->state != HVISOR_ZONE_CREATED)
		r = -EPERM;
	else
		r = hypervisor_start(&zone->started_as, NULL);
	if (!r) {
		WRITE_ONCE(zone->state, HVISOR_ZONE_STARTED);
		take_interrupts(zone);
	}
	mutex_unlock(&zone->lock);
	return r;
}

/* Return: true if the zone is quiet; false after @limit_ms. */
static bool wait_until_quiet(const struct hv_zone *zone, u64 limit_ms)
{
	u64 end = ktime_get_ns() + limit_ms * NSEC_PER_MSEC;
	u64 now, last;

	for (;;) {
		last = READ_ONCE(zone->last_activity);
		now = ktime_get_ns();
		if (now > last && now - last >= QUIET_MS * NSEC_PER_MSEC)
			return true;
		if (now >= end)
			return false;
		usleep_range(1000, 2000);
	}
}

/*
 * A CPU that traps while the hypervisor holds the zone's lock for the shutdown
 * cannot be stopped: it is lost, or takes the hypervisor with it. So a CPU that
 * asks for something is kept waiting, at a place in the hypervisor that is past
 * the lock, until the shutdown has sent for it; and a guest that gets no
 * interrupts soon has nothing more to ask. Nor must an interrupt be on its way:
 * the zone's CPU takes it under a lock that the shutdown holds.
 */
static void quiesce(struct hv_zone *zone)
{
	WRITE_ONCE(zone->takes_interrupts, false);
	WRITE_ONCE(zone->is_ending, true);
	zone_withhold(zone, WITHHOLD_REQUESTS);
	if (wait_until_quiet(zone, HANDLER_LIMIT_MS)) {
		zone_withhold(zone, WITHHOLD_ALL);
		return;
	}
	zone_withhold(zone, WITHHOLD_ALL);
	/* Now every CPU can ask once more at most; none is posted, see zone_add_device(). */
	wait_until_quiet(zone, HANDLER_LIMIT_MS);
}

/* Also those who wait for a worker, who are at the same place. */
static void release_all(struct hv_zone *zone)
{
	unsigned long flags;
	unsigned int i;

	zone_release(zone);
	for (i = 0; i < zone->num_devices; i++) {
		struct hv_device *device = zone->devices[i];

		spin_lock_irqsave(&device->lock, flags);
		device_answer_all(device);
		spin_unlock_irqrestore(&device->lock, flags);
	}
}

struct shutdown {
	struct hv_zone *zone;
	struct hrtimer release;
};

static enum hrtimer_restart release(struct hrtimer *timer)
{
	release_all(container_of(timer, struct shutdown, release)->zone);
	return HRTIMER_NORESTART;
}

static void start_release(void *argument)
{
	struct shutdown *shutdown = argument;

	hrtimer_start(&shutdown->release, ms_to_ktime(RELEASE_MS), HRTIMER_MODE_REL_PINNED_HARD);
}

/*
 * Released by the CPU that gives the answers: this one is about to be away for
 * a while. From an interrupt, for nothing else may run there: whoever waits there
 * for this CPU (an IPI's acknowledgement is enough) waits until the shutdown is
 * over, and keeps the CPU for it.
 */
static void on_shutdown(void *argument)
{
	smp_call_function_single(bridge_cpu(), start_release, argument, true);
}

static int shut_down(struct hv_zone *zone)
{
	struct shutdown shutdown = { .zone = zone };
	int r;

	hrtimer_setup_on_stack(&shutdown.release, release, CLOCK_MONOTONIC,
			       HRTIMER_MODE_REL_PINNED_HARD);
	r = hypervisor_shutdown(&zone->description, on_shutdown, &shutdown);
	hrtimer_cancel(&shutdown.release);
	destroy_hrtimer_on_stack(&shutdown.release);
	release_all(zone);
	return r;
}

static void go_on(struct hv_zone *zone)
{
	WRITE_ONCE(zone->is_ending, false);
	take_interrupts(zone);
}

static int stop(struct hv_zone *zone)
{
	unsigned int i;
	int r;

	quiesce(zone);
	r = shut_down(zone);
	if (r < 0) {
		go_on(zone);
		return r;
	}
	WRITE_ONCE(zone->state, HVISOR_ZONE_STOPPED);
	for (i = 0; i < zone->num_devices; i++)
		device_reset(zone->devices[i]);
	zone_event(zone);
	return 0;
}

int zone_stop(struct hv_zone *zone)
{
	int r = 0;

	mutex_lock(&zone->lock);
	if (zone->is_destroyed)
		r = -ESTALE;
	else if (zone->state == HVISOR_ZONE_CREATED)
		r = -EPERM;
	else if (zone->state == HVISOR_ZONE_STARTED)
		r = stop(zone);
	mutex_unlock(&zone->lock);
	return r;
}
