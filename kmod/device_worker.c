// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/virtio_config.h>
#include <linux/vmalloc.h>

#include "device.h"
#include "zone.h"

/* A guest's CPU stands still meanwhile. An emulated machine may need more. */
#define TIMEOUT_MS_MAX 2000
static unsigned int timeout_ms = 20;
module_param_named(worker_timeout_ms, timeout_ms, uint, 0644);
MODULE_PARM_DESC(worker_timeout_ms,
		 "how long a reset waits for a worker before the worker is taken away (20)");

unsigned int worker_timeout_ms(void)
{
	return clamp(READ_ONCE(timeout_ms), 1U, (unsigned int)TIMEOUT_MS_MAX);
}

/* Long against all that keeps a busy machine from running a process that could run. */
static unsigned int hang_ms = 10000;
module_param_named(worker_hang_ms, hang_ms, uint, 0644);
MODULE_PARM_DESC(worker_hang_ms,
		 "how long a worker may show no sign of life before it is taken away (10000; 0: for ever)");

unsigned int worker_hang_ms(void)
{
	return READ_ONCE(hang_ms);
}

int worker_check(const struct hv_worker *worker)
{
	if (READ_ONCE(worker->is_revoked) || READ_ONCE(worker->device->is_gone))
		return -ESTALE;
	return smp_load_acquire(&worker->is_attached) ? 0 : -EPERM;
}

int worker_acknowledge(struct hv_worker *worker, u64 sequence)
{
	struct hv_device *device = worker->device;
	unsigned long flags;
	int r;

	spin_lock_irqsave(&device->lock, flags);
	r = worker_check(worker);
	if (!r && sequence > device->sequence)
		r = -EINVAL;
	if (!r && sequence > device->acknowledged) {
		device->acknowledged = sequence;
		device_answer_acknowledged(device);
		device_sign_of_life(device);
	}
	spin_unlock_irqrestore(&device->lock, flags);
	return r;
}

void worker_take_away(struct hv_worker *worker, u32 hung)
{
	struct hv_device *device = worker->device;
	unsigned long flags;

	lockdep_assert_held(&device->worker_lock);
	spin_lock_irqsave(&device->lock, flags);
	worker->hung = hung;
	WRITE_ONCE(worker->is_revoked, true);
	spin_unlock_irqrestore(&device->lock, flags);

	/* Until here resets go on waiting, and nobody else can attach. */
	worker_revoke_memory(worker);

	spin_lock_irqsave(&device->lock, flags);
	device->worker = NULL;
	device_answer_all(device);
	spin_unlock_irqrestore(&device->lock, flags);
	wake_up_interruptible(&device->wait);
	zone_event(device->zone);
}

/* The acknowledgement may have come while this work was on its way. Return: HVISOR_DEVICE_*, 0. */
static u32 find_overdue(struct hv_device *device)
{
	unsigned long flags;
	u32 hung = 0;

	spin_lock_irqsave(&device->lock, flags);
	if (device->worker && device_deadline(device) <= ktime_get())
		hung = HVISOR_DEVICE_HUNG |
		       (device_is_waited_for(device) ? 0 : HVISOR_DEVICE_SILENT);
	spin_unlock_irqrestore(&device->lock, flags);
	return hung;
}

void device_revoke_hung(struct work_struct *work)
{
	struct hv_device *device = container_of(work, struct hv_device, revocation);
	u32 hung;

	mutex_lock(&device->worker_lock);
	hung = find_overdue(device);
	if (hung) {
		pr_warn_ratelimited("zone %u: device %s: its worker %s in time\n",
				    device->zone->description.id, device->name,
				    hung & HVISOR_DEVICE_SILENT ? "showed no sign of life" :
								  "did not let go of its queues");
		worker_take_away(device->worker, hung);
	}
	mutex_unlock(&device->worker_lock);
}

/* ------------------------------------------------------------------------ */
/* Attaching                                                                 */

static int read_model(const struct hvisor_device_attach *attach, struct register_model *model)
{
	const char *what;
	u32 i;
	int r;

	if (attach->reserved0 || attach->generation ||
	    !is_zeroed(attach->reserved, sizeof(attach->reserved)))
		return -EINVAL;
	model->features = attach->features;
	model->num_queues = attach->num_queues;
	model->config_size = attach->config_size;
	memcpy(model->queue_size_max, attach->queue_size_max, sizeof(model->queue_size_max));
	memcpy(model->config, attach->config, sizeof(model->config));
	r = register_model_check(model, &what);
	if (r < 0) {
		pr_debug("attach: %s\n", what);
		return r;
	}
	for (i = model->num_queues; i < HVISOR_QUEUES_MAX; i++)
		if (attach->kick_fd[i] != -1)
			return -EINVAL;
	return 0;
}

static void put_eventfds(struct hv_worker *worker)
{
	u32 i;

	for (i = 0; i < HVISOR_QUEUES_MAX; i++) {
		if (worker->kicks[i])
			eventfd_ctx_put(worker->kicks[i]);
		worker->kicks[i] = NULL;
	}
	if (worker->call)
		eventfd_ctx_put(worker->call);
	worker->call = NULL;
}

static bool has_kick(const struct hv_worker *worker, const struct eventfd_ctx *eventfd, u32 end)
{
	while (end--)
		if (worker->kicks[end] == eventfd)
			return true;
	return false;
}

/* A kick that is a call as well would have the bridge interrupt its own guest for ever. */
static int get_eventfds(struct hv_worker *worker, const struct hvisor_device_attach *attach,
			struct file *call)
{
	struct eventfd_ctx *eventfd;
	u32 i;

	for (i = 0; i < attach->num_queues; i++) {
		eventfd = eventfd_ctx_fdget(attach->kick_fd[i]);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
		worker->kicks[i] = eventfd;
		if (has_kick(worker, eventfd, i))
			return -EINVAL;
	}
	eventfd = eventfd_ctx_fileget(call);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	worker->call = eventfd;
	return has_kick(worker, eventfd, attach->num_queues) ? -EINVAL : 0;
}

/* With device->lock held: from here on this is the device's worker. */
static void install(struct hv_worker *worker, struct hvisor_device_attach *attach, void **inflight)
{
	struct hv_device *device = worker->device;

	if (!device->inflight)
		swap(device->inflight, *inflight);
	worker->pid = get_task_pid(current, PIDTYPE_TGID);
	/* Pairs with worker_check(): whoever sees it finds all that a worker has. */
	smp_store_release(&worker->is_attached, true);
	device->worker = worker;
	device->last_worker = worker;
	device->cookie = attach->cookie;
	attach->generation = ++device->generation;
	device->probe_after = NSEC_PER_SEC;
	device->active_before = device->kicks + device->calls;
	/* The state as it is now is news to it, rings it has none yet. */
	device->acknowledged = device->sequence;
	device_ask(device);
}

static int begin(struct hv_worker *worker, struct hvisor_device_attach *attach,
		 const struct register_model *model, struct device_signals *signals)
{
	/* The first worker's; the next ones give it back. */
	void *inflight = vmalloc_user(inflight_size(model->num_queues));
	struct hv_device *device = worker->device;
	const char *what = NULL;
	unsigned long flags;
	int r;
	u32 i;

	if (!inflight)
		return -ENOMEM;
	spin_lock_irqsave(&device->lock, flags);
	if (device->is_gone)
		r = -ESTALE;
	else if (device->worker)
		r = -EBUSY;
	else
		r = register_file_offer(&device->registers, device->virtio_id, model, &what);
	if (r >= 0) {
		install(worker, attach, &inflight);
		if (r > 0)
			device_inject(device);
		for (i = 0; i < model->num_queues; i++)
			if (device->registers.queues[i].ready)
				signals->kicks |= BIT(i);
	}
	spin_unlock_irqrestore(&device->lock, flags);
	vfree(inflight);
	if (r < 0)
		pr_debug("attach to %s: %d %s\n", device->name, r, what ?: "");
	return r < 0 ? r : 0;
}

static int attach_with_call(struct hv_worker *worker, struct hvisor_device_attach *attach,
			    const struct register_model *model, struct file *call)
{
	struct device_signals signals = { .worker = worker, .is_change = true, .is_event = true };
	struct hv_device *device = worker->device;
	int r;

	r = get_eventfds(worker, attach, call);
	if (!r)
		r = begin(worker, attach, model, &signals);
	if (r < 0) {
		put_eventfds(worker);
		return r;
	}
	worker_hook_call(worker, call);
	device_signal(device, &signals);
	return 0;
}

int worker_attach(struct hv_worker *worker, struct hvisor_device_attach *attach)
{
	struct register_model model;
	struct file *call;
	int r;

	r = read_model(attach, &model);
	if (r < 0)
		return r;
	call = eventfd_fget(attach->call_fd);
	if (IS_ERR(call))
		return PTR_ERR(call);

	mutex_lock(&worker->lock);
	r = worker_check(worker);
	if (!r)
		r = -EBUSY;
	else if (r == -EPERM)
		r = attach_with_call(worker, attach, &model, call);
	mutex_unlock(&worker->lock);
	fput(call);
	return r;
}

void worker_release(struct hv_worker *worker)
{
	struct hv_device *device = worker->device;
	unsigned long flags;

	if (!worker->is_attached)
		return;
	mutex_lock(&device->worker_lock);
	if (device->worker == worker)
		worker_take_away(worker, 0);
	spin_lock_irqsave(&device->lock, flags);
	if (device->last_worker == worker)
		device->last_worker = NULL;
	spin_unlock_irqrestore(&device->lock, flags);
	mutex_unlock(&device->worker_lock);

	worker_unhook_call(worker);
	/* The bridge may be kicking it. In a hurry: the device has no worker, and this one's process has to be gone first. */
	synchronize_rcu_expedited();
	put_eventfds(worker);
	put_pid(worker->pid);
	zone_event(device->zone);
}

int worker_break(struct hv_worker *worker)
{
	struct hv_device *device = worker->device;
	unsigned long flags;
	bool was_broken;
	int r;

	spin_lock_irqsave(&device->lock, flags);
	r = worker_check(worker);
	was_broken = device->registers.status & VIRTIO_CONFIG_S_NEEDS_RESET;
	if (!r && !was_broken && register_file_break(&device->registers))
		device_inject(device);
	spin_unlock_irqrestore(&device->lock, flags);
	if (!r && !was_broken)
		zone_event(device->zone);
	return r;
}

int worker_configure(struct hv_worker *worker, const struct hvisor_device_config *config)
{
	struct hv_device *device = worker->device;
	struct register_file *registers = &device->registers;
	unsigned long flags;
	int r;

	if (!is_zeroed(config->reserved, sizeof(config->reserved)))
		return -EINVAL;
	spin_lock_irqsave(&device->lock, flags);
	r = worker_check(worker);
	if (!r && !register_config_fits(&registers->model, config->config))
		r = -EINVAL;
	if (!r && register_file_configure(registers, config->config))
		device_inject(device);
	spin_unlock_irqrestore(&device->lock, flags);
	return r;
}
