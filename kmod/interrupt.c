// SPDX-License-Identifier: GPL-2.0-only
#include <linux/poll.h>
#include <linux/virtio_mmio.h>

#include "compat.h"
#include "device.h"
#include "zone.h"

#define REPEAT_FIRST	(200 * NSEC_PER_USEC)
#define REPEAT_LONGEST	NSEC_PER_SEC

/* With device->lock held. */
static bool inject(struct hv_device *device)
{
	return zone_interrupt(device->zone, device->interrupt);
}

/*
 * The hypervisor drops an interrupt that the zone's CPU has not ended yet. The
 * driver may by then have looked for the last time, so whatever it has not
 * acknowledged is injected again, ever more seldom.
 */
void device_inject(struct hv_device *device)
{
	/* Else what is pending goes in once the zone takes interrupts. */
	if (!READ_ONCE(device->zone->takes_interrupts))
		return;
	device->repeat_after = REPEAT_FIRST;
	inject(device);
	hrtimer_start(&device->repeat, ns_to_ktime(device->repeat_after), HRTIMER_MODE_REL);
}

enum hrtimer_restart device_repeat_interrupt(struct hrtimer *timer)
{
	struct hv_device *device = container_of(timer, struct hv_device, repeat);
	unsigned long flags;

	spin_lock_irqsave(&device->lock, flags);
	if (device->registers.interrupt_status && READ_ONCE(device->zone->takes_interrupts)) {
		if (inject(device))
			device->repeat_after = min_t(u64, 2 * device->repeat_after, REPEAT_LONGEST);
		hrtimer_start(timer, ns_to_ktime(device->repeat_after), HRTIMER_MODE_REL);
	}
	spin_unlock_irqrestore(&device->lock, flags);
	return HRTIMER_NORESTART;
}

void worker_call(struct hv_worker *worker)
{
	struct hv_device *device = worker->device;
	unsigned long flags;

	spin_lock_irqsave(&device->lock, flags);
	if (device->worker == worker && !worker->is_revoked) {
		device->calls++;
		if (register_file_raise(&device->registers, VIRTIO_MMIO_INT_VRING))
			device_inject(device);
	}
	spin_unlock_irqrestore(&device->lock, flags);
}

/* Called by the eventfd with its lock held and interrupts off. */
static int on_call(wait_queue_entry_t *hook, unsigned int mode, int flags, void *key)
{
	if (key_to_poll(key) & EPOLLIN)
		worker_call(container_of(hook, struct hv_worker, call_hook));
	return 0;
}

struct hook_table {
	poll_table table;
	struct hv_worker *worker;
};

static void add_hook(struct file *eventfd, wait_queue_head_t *queue, poll_table *table)
{
	struct hv_worker *worker = container_of(table, struct hook_table, table)->worker;

	add_wait_queue(queue, &worker->call_hook);
}

void worker_hook_call(struct hv_worker *worker, struct file *eventfd)
{
	struct hook_table hook = { .worker = worker };

	init_waitqueue_func_entry(&worker->call_hook, on_call);
	init_poll_funcptr(&hook.table, add_hook);
	/* It may have been signalled before it was hooked. */
	if (vfs_poll(eventfd, &hook.table) & EPOLLIN)
		worker_call(worker);
}

void worker_unhook_call(struct hv_worker *worker)
{
	u64 count;

	eventfd_ctx_remove_wait_queue(worker->call, &worker->call_hook, &count);
}

void device_signal(struct hv_device *device, const struct device_signals *signals)
{
	unsigned long kicks = signals->kicks;
	unsigned int queue;

	if (signals->worker)
		for_each_set_bit(queue, &kicks, HVISOR_QUEUES_MAX)
			eventfd_signal(signals->worker->kicks[queue]);
	if (signals->is_change)
		wake_up_interruptible(&device->wait);
	if (signals->is_event)
		zone_event(device->zone);
}
