// SPDX-License-Identifier: GPL-2.0-only
/*
 * What passes between a zone's CPUs and the bridge: accesses, answers that may
 * be held back, and interrupts, one at a time.
 *
 * With every interrupt that is not on its list already the hypervisor queues an
 * event for the zone's first CPU and sends it an SGI, which takes one event off.
 * A CPU that is in the hypervisor, waiting for an answer, takes one SGI for all
 * that came meanwhile; the events that are left stay until the zone is shut
 * down, in a heap whose end is a panic. So the next interrupt is sent only when
 * the CPU has been in its guest since the one before, where it takes an SGI at
 * once.
 */
#include <linux/bitops.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/virtio_mmio.h>

#include "bridge.h"
#include "device.h"
#include "zone.h"

/*
 * Long against the way of an SGI, also to a CPU that somebody emulates and does
 * not run just now. A guest that takes an interrupt asks something, and need not
 * be waited for.
 */
#define TAKEN_NS (2 * NSEC_PER_MSEC)

/* ------------------------------------------------------------------------ */
/* Interrupts; with bridge_lock held, all of this part.                      */

static u32 first_cpu(const struct hv_zone *zone)
{
	return __ffs64(zone->description.cpus);
}

/* Nobody waits for an answer, nor did just now: the CPU is in its guest. */
static bool has_been_in_guest(const struct hv_zone *zone)
{
	return !zone->waits && !bridge_is_asked(first_cpu(zone)) &&
	       ktime_get_ns() - max(zone->sent_at, zone->answered_at) >= TAKEN_NS;
}

static void forget_wanted(struct hv_zone *zone, u32 interrupt)
{
	unsigned int i, kept = 0;

	for (i = 0; i < zone->num_wanted; i++)
		if (zone->wanted[i] != interrupt)
			zone->wanted[kept++] = zone->wanted[i];
	zone->num_wanted = kept;
}

static void want(struct hv_zone *zone, u32 interrupt)
{
	forget_wanted(zone, interrupt);
	if (!WARN_ON_ONCE(zone->num_wanted == HVISOR_DEVICES_MAX))
		zone->wanted[zone->num_wanted++] = interrupt;
}

/* The time of it matters to a shutdown, which must not overtake an interrupt. */
static bool send(struct hv_zone *zone, u32 interrupt)
{
	if (!READ_ONCE(zone->takes_interrupts))
		return false;
	WRITE_ONCE(zone->last_activity, ktime_get_ns());
	if (!bridge_inject(zone->description.id, interrupt))
		return false;
	forget_wanted(zone, interrupt);
	zone->sent = interrupt;
	zone->sent_at = ktime_get_ns();
	zone->has_gone_on = false;
	return true;
}

/* It got an answer and asks again: in between it was in its guest. */
static void note_request(struct hv_zone *zone, const struct bridge_request *request)
{
	if (request->cpu != first_cpu(zone))
		return;
	if (zone->has_gone_on) {
		zone->sent = 0;
		zone->has_gone_on = false;
		if (zone->num_wanted)
			send(zone, zone->wanted[0]);
	}
	zone->waits = !request->is_posted;
}

static void give_answer(struct hv_zone *zone, u32 cpu, u64 value)
{
	bridge_answer(cpu, value);
	if (cpu != first_cpu(zone))
		return;
	zone->waits = false;
	zone->has_gone_on = zone->sent;
	zone->answered_at = ktime_get_ns();
}

bool zone_interrupt(struct hv_zone *zone, u32 interrupt)
{
	unsigned long flags;
	bool is_sent = false;

	spin_lock_irqsave(&zone->bridge_lock, flags);
	/* One that is on the list still is not queued twice. */
	if (!zone->sent || zone->sent == interrupt || has_been_in_guest(zone))
		is_sent = send(zone, interrupt);
	else
		want(zone, interrupt);
	spin_unlock_irqrestore(&zone->bridge_lock, flags);
	return is_sent;
}

/* ------------------------------------------------------------------------ */
/* Answers                                                                   */

void zone_withhold(struct hv_zone *zone, enum zone_withholding what)
{
	unsigned long flags;

	spin_lock_irqsave(&zone->bridge_lock, flags);
	zone->withholds = what;
	spin_unlock_irqrestore(&zone->bridge_lock, flags);
}

void zone_release(struct hv_zone *zone)
{
	unsigned long flags;
	u32 cpu;

	spin_lock_irqsave(&zone->bridge_lock, flags);
	zone->withholds = WITHHOLD_NOTHING;
	for (cpu = 0; cpu < BRIDGE_CPUS; cpu++)
		if (zone->withheld & BIT(cpu))
			give_answer(zone, cpu, zone->withheld_values[cpu]);
	zone->withheld = 0;
	spin_unlock_irqrestore(&zone->bridge_lock, flags);
}

/* Gives an answer, or keeps it if such answers are held back now. */
static void answer(struct hv_zone *zone, u32 cpu, u64 value, enum zone_withholding held_from)
{
	unsigned long flags;

	if (WARN_ON_ONCE(cpu >= BRIDGE_CPUS))
		return;
	spin_lock_irqsave(&zone->bridge_lock, flags);
	if (zone->withholds >= held_from) {
		zone->withheld |= BIT(cpu);
		zone->withheld_values[cpu] = value;
	} else {
		give_answer(zone, cpu, value);
	}
	spin_unlock_irqrestore(&zone->bridge_lock, flags);
}

void zone_answer(struct hv_zone *zone, u32 cpu, u64 value)
{
	answer(zone, cpu, value, WITHHOLD_REQUESTS);
}

/* ------------------------------------------------------------------------ */
/* Accesses                                                                  */

static struct hv_device *find_window(const struct hv_zone *zone, u64 address)
{
	unsigned int n = zone_num_devices(zone);

	while (n--)
		if (range_holds(zone->devices[n]->address, HVISOR_WINDOW_SIZE, address, 1))
			return zone->devices[n];
	return NULL;
}

/*
 * A handler that is kept from its end leaves its interrupt active in the CPU's
 * list registers, which the hypervisor does not clear: the next zone there would
 * never get that interrupt.
 */
static bool ends_interrupt(const struct hv_device *device, const struct bridge_request *request)
{
	u64 offset;

	if (!device)
		return false;
	offset = request->address - device->address;
	return offset == VIRTIO_MMIO_INTERRUPT_STATUS || offset == VIRTIO_MMIO_INTERRUPT_ACK;
}

static bool is_acknowledgement(const struct hv_device *device, const struct bridge_request *request)
{
	return request->is_write && request->address - device->address == VIRTIO_MMIO_INTERRUPT_ACK;
}

static void access_zone(struct hv_zone *zone, const struct bridge_request *request)
{
	struct hv_device *device = find_window(zone, request->address);
	struct device_signals signals = { };
	bool is_answer = true;
	unsigned long flags;
	u64 value = 0;

	WRITE_ONCE(zone->last_activity, ktime_get_ns());
	spin_lock_irqsave(&zone->bridge_lock, flags);
	note_request(zone, request);
	spin_unlock_irqrestore(&zone->bridge_lock, flags);
	if (device)
		is_answer = device_access(device, request, &value, &signals);
	if (device && is_acknowledgement(device, request) &&
	    !READ_ONCE(device->registers.interrupt_status))
		bridge_interrupt_ended(zone->description.id, device->interrupt);
	/* First of all: the zone's CPU stands still, and to wake a worker takes its time. */
	if (is_answer && !request->is_posted)
		answer(zone, request->cpu, value,
		       ends_interrupt(device, request) ? WITHHOLD_ALL : WITHHOLD_REQUESTS);
	if (device)
		device_signal(device, &signals);
}

/*
 * Every access but a posted one gets its answer, also where no device is, and
 * in a zone that is not ours. After a posted one the count of answers must not
 * change: it would release that CPU's next access with a stale value.
 */
void zone_access(const struct bridge_request *request)
{
	struct hv_zone *zone;

	rcu_read_lock();
	zone = zone_find(request->zone);
	if (zone)
		access_zone(zone, request);
	else if (!request->is_posted)
		bridge_answer(request->cpu, 0);
	rcu_read_unlock();
}
