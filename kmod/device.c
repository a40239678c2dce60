// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "device.h"

#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "old_ioctl.h"
#include "zone.h"
#include "zone_check.h"

/* ------------------------------------------------------------------------ */
/* Accesses                                                                  */

/* Return: false if the answer must wait. */
static bool apply_effects(struct hv_device *device, u32 effects, u32 queue,
			  const struct bridge_request *request, struct device_signals *signals)
{
	if (effects & REGISTER_CHANGED) {
		device_ask(device);
		signals->is_change = true;
	}
	if (effects & REGISTER_RINGS_LOST)
		device->rings_lost = device->sequence;
	/* Whoever served it before has let go of it, or has no memory any more. */
	if (effects & REGISTER_RING_GAINED)
		memset(device->inflight + queue * HVISOR_INFLIGHT_QUEUE_SIZE, 0,
		       HVISOR_INFLIGHT_QUEUE_SIZE);
	if (effects & REGISTER_DRIVER_UP)
		signals->is_event = true;
	if (effects & REGISTER_QUIET)
		hrtimer_try_to_cancel(&device->repeat);
	if (effects & REGISTER_NOTIFIED) {
		device->kicks++;
		signals->kicks |= BIT(queue);
		device_expect_sign(device);
	}
	if (!(effects & REGISTER_MUST_WAIT) || request->is_posted || request->cpu >= BRIDGE_CPUS ||
	    !device_must_wait(device))
		return true;
	device_wait(device, request->cpu);
	return false;
}

bool device_access(struct hv_device *device, const struct bridge_request *request, u64 *value,
		   struct device_signals *signals)
{
	u64 offset = request->address - device->address;
	bool is_answer = true;
	unsigned long flags;
	u32 effects, queue = 0;

	spin_lock_irqsave(&device->lock, flags);
	if (!request->is_write) {
		*value = register_file_read(&device->registers, offset, request->size);
	} else {
		effects = register_file_write(&device->registers, offset, request->size,
					      request->value, &queue);
		is_answer = apply_effects(device, effects, queue, request, signals);
	}
	signals->worker = device->worker;
	spin_unlock_irqrestore(&device->lock, flags);
	return is_answer;
}

void device_reset(struct hv_device *device)
{
	static const struct bridge_request nobody = { .is_posted = true };
	struct device_signals signals = { };
	unsigned long flags;

	rcu_read_lock();
	spin_lock_irqsave(&device->lock, flags);
	apply_effects(device, register_file_reset(&device->registers), 0, &nobody, &signals);
	signals.worker = device->worker;
	spin_unlock_irqrestore(&device->lock, flags);
	device_signal(device, &signals);
	rcu_read_unlock();
}

int device_withdraw(struct hv_device *device)
{
	unsigned long flags;
	int r = 0;

	spin_lock_irqsave(&device->lock, flags);
	if (device->is_gone)
		r = -ESTALE;
	else if (device->worker)
		r = -EBUSY;
	else
		register_file_withdraw(&device->registers);
	spin_unlock_irqrestore(&device->lock, flags);
	if (!r)
		zone_event(device->zone);
	return r;
}

/* ------------------------------------------------------------------------ */
/* The object's life                                                         */

static void free_device(struct kref *references)
{
	struct hv_device *device = container_of(references, struct hv_device, references);

	zone_put(device->zone);
	vfree(device->inflight);
	mutex_destroy(&device->worker_lock);
	kfree(device);
}

void device_put(struct hv_device *device)
{
	kref_put(&device->references, free_device);
}

struct hv_device *device_new(struct hv_zone *zone, const struct hvisor_device_create *wanted)
{
	struct hv_device *device = kzalloc(sizeof(*device), GFP_KERNEL);

	if (!device)
		return NULL;
	kref_init(&device->references);
	kref_get(&zone->references);
	device->zone = zone;
	memcpy(device->name, wanted->name, sizeof(device->name));
	device->virtio_id = wanted->virtio_id;
	device->interrupt = wanted->interrupt;
	device->address = wanted->address;
	init_waitqueue_head(&device->wait);
	mutex_init(&device->worker_lock);
	spin_lock_init(&device->lock);
	device_watch_init(device);
	hrtimer_setup(&device->repeat, device_repeat_interrupt, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	return device;
}

/* As zone_check() has it for interrupts that are passed through, and zones_check_apart(). With zones_lock() held. */
static int check_interrupt(const struct hv_zone *zone, u32 interrupt, struct zone_problem *problem)
{
	struct zone_limits limits;
	int r;

	zone_limits_get(&limits);
	r = zone_check_interrupt(&limits, interrupt, problem);
	if (r < 0 || zone_has_ivc_interrupt(&zone->description, interrupt))
		return r;
	*problem = (struct zone_problem){ "interrupt (of another zone's IVC)", interrupt };
	return zones_have_ivc_interrupt(interrupt) || old_zones_have_ivc_interrupt(interrupt) ?
	       -EBUSY : 0;
}

/* With zone->lock and zones_lock() held. */
static int check_device(struct hv_zone *zone, const struct hvisor_device_create *wanted)
{
	struct zone_problem problem;
	int r;

	if (zone->is_destroyed)
		return -ESTALE;
	if (zone->state != HVISOR_ZONE_CREATED)
		return -EPERM;
	if (!is_zeroed(wanted->reserved, sizeof(wanted->reserved)) || !wanted->virtio_id ||
	    !zone_name_is_valid(wanted->name))
		return -EINVAL;
	if (zone->num_devices >= HVISOR_DEVICES_MAX)
		return -E2BIG;
	if (zone_find_device(zone, wanted->name))
		return -EEXIST;
	r = check_interrupt(zone, wanted->interrupt, &problem);
	if (!r)
		r = zone_add_device(&zone->started_as, wanted->address, wanted->size,
				    wanted->interrupt, &problem);
	if (r < 0)
		pr_debug("zone %u: device: %s (%u)\n", zone->description.id, problem.field,
			 problem.index);
	return r;
}

int zone_add(struct hv_zone *zone, const struct hvisor_device_create *wanted,
	     struct hv_device *device)
{
	int r;

	mutex_lock(&zone->lock);
	/* Whoever creates a zone with an IVC sees this device, or is seen by it. */
	zones_lock();
	r = check_device(zone, wanted);
	if (!r) {
		kref_get(&device->references);
		zone->devices[zone->num_devices] = device;
		/* Pairs with zone_num_devices(). */
		smp_store_release(&zone->num_devices, zone->num_devices + 1);
	}
	zones_unlock();
	mutex_unlock(&zone->lock);
	return r;
}

void device_end(struct hv_device *device)
{
	unsigned long flags;

	mutex_lock(&device->worker_lock);
	spin_lock_irqsave(&device->lock, flags);
	WRITE_ONCE(device->is_gone, true);
	register_file_reset(&device->registers);
	if (!device->worker)
		device_answer_all(device);
	spin_unlock_irqrestore(&device->lock, flags);
	if (device->worker)
		worker_take_away(device->worker, 0);
	mutex_unlock(&device->worker_lock);

	/* Nothing starts them again: the registers are quiet, nobody waits or serves. */
	hrtimer_cancel(&device->repeat);
	device_watch_end(device);
	wake_up_interruptible(&device->wait);
}

/* ------------------------------------------------------------------------ */
/* What others see                                                           */

void device_fill_info(struct hv_device *device, struct hvisor_device_info *info)
{
	const struct hv_worker *last;
	unsigned long flags;

	memset(info, 0, sizeof(*info));
	memcpy(info->name, device->name, sizeof(info->name));
	info->virtio_id = device->virtio_id;
	info->interrupt = device->interrupt;
	info->address = device->address;

	spin_lock_irqsave(&device->lock, flags);
	last = device->last_worker;
	info->generation = device->generation;
	info->cookie = device->cookie;
	info->worker_pid = last ? pid_vnr(last->pid) : 0;
	if (device->worker && !device->worker->is_revoked)
		info->flags |= HVISOR_DEVICE_ATTACHED;
	if (last)
		info->flags |= last->hung;
	if (device->registers.status & VIRTIO_CONFIG_S_NEEDS_RESET)
		info->flags |= HVISOR_DEVICE_BROKEN;
	if (device->registers.is_withdrawn)
		info->flags |= HVISOR_DEVICE_WITHDRAWN;
	info->status = device->registers.status;
	info->kicks = device->kicks;
	info->calls = device->calls;
	spin_unlock_irqrestore(&device->lock, flags);
}

void device_fill_state(struct hv_device *device, struct hvisor_device_state *state)
{
	const struct register_file *registers = &device->registers;
	unsigned long flags;
	u32 i;

	memset(state, 0, sizeof(*state));
	spin_lock_irqsave(&device->lock, flags);
	state->sequence = device->sequence;
	state->status = registers->status;
	state->num_queues = registers->model.num_queues;
	if (registers->status & VIRTIO_CONFIG_S_FEATURES_OK)
		state->features = registers->driver_features;
	for (i = 0; i < registers->model.num_queues; i++) {
		const struct register_queue *queue = &registers->queues[i];

		if (!queue->ready)
			continue;
		state->queues[i].descriptors = queue->descriptors;
		state->queues[i].available = queue->available;
		state->queues[i].used = queue->used;
		state->queues[i].size = queue->size;
		state->queues[i].ready = 1;
	}
	spin_unlock_irqrestore(&device->lock, flags);
}
