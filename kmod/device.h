/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio device object. It answers its zone's driver by itself and outlives
 * its workers: one attaches, is told what the driver set up, gets kicks and
 * gives calls, and may go at any moment.
 *
 * Locks: device->lock (interrupts off) holds all that an access, a call or a
 * timer changes. Nothing is signalled under it: a kick may be somebody's call.
 * device->worker_lock serializes taking a worker away; it is taken first.
 */
#ifndef HVISOR_DEVICE_H
#define HVISOR_DEVICE_H

#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "bridge.h"
#include "register_file.h"

/* A worker that does not let go of its queues for so long is taken away; a module parameter. */
unsigned int worker_timeout_ms(void);

/* One that owes an acknowledgement for so long, too, though nobody waits; a module parameter. 0: none is. */
unsigned int worker_hang_ms(void);

struct hv_zone;

/* An open device fd: a worker from its attachment to its release. */
struct hv_worker {
	struct kref references;		/* its descriptor's, and its memory descriptors' */
	struct hv_device *device;
	struct mutex lock;		/* serializes attaching */
	bool is_attached;		/* set once, under device->lock */
	bool is_revoked;		/* set once, under device->lock */
	u32 hung;			/* HVISOR_DEVICE_*: why it was revoked; 0: it was not for that */
	struct pid *pid;
	u64 cookie;

	struct eventfd_ctx *kicks[HVISOR_QUEUES_MAX];
	struct eventfd_ctx *call;
	wait_queue_entry_t call_hook;

	/* Its mappings of the zone's RAM, and nobody else's. */
	struct address_space mapping;
	struct rw_semaphore memory_lock;	/* held by faults */
	struct page *nothing;		/* what its memory descriptors show when it is gone */
};

struct hv_device {
	struct kref references;
	struct hv_zone *zone;		/* a reference */
	char name[HVISOR_NAME_SIZE];
	u32 virtio_id;
	u32 interrupt;
	u64 address;
	wait_queue_head_t wait;		/* of all its descriptors' poll() */
	struct mutex worker_lock;

	spinlock_t lock;
	bool is_gone;			/* its zone was destroyed */
	struct register_file registers;
	u64 kicks, calls;

	struct hv_worker *worker;	/* attached and not revoked in full */
	struct hv_worker *last_worker;	/* the latest one, until its release */
	u64 generation;
	u64 cookie;

	void *inflight;			/* vmalloc_user(); from the first attachment on */

	/*
	 * What a worker has seen: sequence counts the changes of the driver's set-up, and how
	 * often the worker was asked for a sign of life.
	 */
	u64 sequence;
	u64 acknowledged;
	ktime_t owed_until;		/* while it has not acknowledged the latest; then */
	unsigned int owed_looks;	/* so often more is it looked for */
	u64 rings_lost;			/* sequence of the last change that took rings away */

	struct hrtimer probe;		/* asks for the next sign of life */
	u64 probe_after;		/* ns */
	u64 active_before;		/* kicks and calls at the one before */

	/* CPUs of the zone whose answer waits for the worker. */
	u32 waiting;
	u64 waiting_for[BRIDGE_CPUS];	/* sequence */
	ktime_t waiting_until[BRIDGE_CPUS];
	struct hrtimer deadline;
	struct work_struct revocation;

	struct hrtimer repeat;		/* of an interrupt that may have been dropped */
	u64 repeat_after;		/* ns */
};

/* What remains to be done once device->lock is free: signals. */
struct device_signals {
	struct hv_worker *worker;
	unsigned long kicks;		/* bitmap of queues */
	bool is_change;
	bool is_event;
};

/* device.c */

/* Return: an object with one reference, not in its zone yet; NULL: no memory. */
struct hv_device *device_new(struct hv_zone *zone, const struct hvisor_device_create *wanted);
void device_put(struct hv_device *device);

/*
 * An access to its window, by the bridge; device_signal() is for the caller to
 * do. Return: true if @value is the answer; false if it waits for the worker,
 * and is given by itself.
 */
bool device_access(struct hv_device *device, const struct bridge_request *request, u64 *value,
		   struct device_signals *signals);

void device_fill_info(struct hv_device *device, struct hvisor_device_info *info);
void device_fill_state(struct hv_device *device, struct hvisor_device_state *state);

/* Forgets the driver, as a reset by it would: its zone was stopped. */
void device_reset(struct hv_device *device);

/* The guest is to see no device in the window: register_file_withdraw(). Return: 0, -EBUSY (it has a worker), -ESTALE. */
int device_withdraw(struct hv_device *device);

/* Its zone is destroyed: takes the worker away, for good. When it returns nothing of it runs. */
void device_end(struct hv_device *device);

/* device_watchdog.c: with device->lock held, but for the last two */

/* Something new that the worker has to acknowledge. The caller wakes device->wait. */
void device_ask(struct hv_device *device);

/* The worker has acknowledged something. */
void device_sign_of_life(struct hv_device *device);

/* The device is in use again: the worker's next sign is due a second after its last one. */
void device_expect_sign(struct hv_device *device);

/* Has an answer to the driver to wait until the worker has let go of rings that were lost? */
bool device_must_wait(const struct hv_device *device);

/* The answer to that CPU of the zone waits. */
void device_wait(struct hv_device *device, u32 cpu);

/* Gives answers that wait: all, or those for which the worker has acknowledged enough. */
void device_answer_all(struct hv_device *device);
void device_answer_acknowledged(struct hv_device *device);

/* When the worker is overdue, for an answer or a sign of life; KTIME_MAX: nothing is waited for. */
ktime_t device_deadline(const struct hv_device *device);

/* Is there a CPU of the zone that has waited too long? */
bool device_is_waited_for(const struct hv_device *device);

void device_watch_init(struct hv_device *device);

/* Nothing may start the timers again. Process context, no lock held. */
void device_watch_end(struct hv_device *device);

/* device_worker.c: all in process context */

/* Return: 0, or what HVISOR_DEVICE_ATTACH says. */
int worker_attach(struct hv_worker *worker, struct hvisor_device_attach *attach);
int worker_acknowledge(struct hv_worker *worker, u64 sequence);
int worker_break(struct hv_worker *worker);
int worker_configure(struct hv_worker *worker, const struct hvisor_device_config *config);

/* Ends what worker_attach() began; the descriptor is released. */
void worker_release(struct hv_worker *worker);

/* With device->worker_lock held: no signal, no memory from now on; then answers who waits. */
void worker_take_away(struct hv_worker *worker, u32 hung);

/* The device's revocation work: the worker missed its deadline. */
void device_revoke_hung(struct work_struct *work);

/* Return: 0, -EPERM (not attached), -ESTALE (revoked). Any context, no lock needed. */
int worker_check(const struct hv_worker *worker);

/* interrupt.c */

/* With device->lock held: injects now, and again until the driver reacts. */
void device_inject(struct hv_device *device);
enum hrtimer_restart device_repeat_interrupt(struct hrtimer *timer);

/* The worker asks for an interrupt. Any context. */
void worker_call(struct hv_worker *worker);

/*
 * Has worker_call() called whenever worker->call, the context of @eventfd, is
 * signalled. The context's reference keeps the hook safe until it is taken off,
 * also after the last descriptor of the eventfd was closed.
 */
void worker_hook_call(struct hv_worker *worker, struct file *eventfd);
void worker_unhook_call(struct hv_worker *worker);

/* Delivers what was collected under device->lock. No lock held; worker: kept by RCU or the caller. */
void device_signal(struct hv_device *device, const struct device_signals *signals);

/* device_memory.c */

/* Bytes for a device of so many queues, in whole pages. */
size_t inflight_size(u32 num_queues);

/*
 * What every mapping of a zone's memory has to be: shared, not executable. It
 * becomes one that no child inherits. Return: 0, -EINVAL.
 */
int memory_vma_check(struct vm_area_struct *vma);

#define MEMORY_NO_PFN (~0UL)

/*
 * Handles a fault of such a mapping: maps what was touched, and its neighbours
 * with it. @find: the page at an offset of the file, or MEMORY_NO_PFN; called with
 * worker->memory_lock held for reading, so that nothing is revoked meanwhile.
 */
vm_fault_t memory_insert(struct vm_fault *vmf,
			 unsigned long (*find)(const struct file *file, u64 offset));

/* vm_operations_struct.mremap: what was checked when it was mapped is there, and nowhere else. */
int memory_vma_refuse_move(struct vm_area_struct *vma);

void worker_init_memory(struct hv_worker *worker, struct file *file);
int worker_map_memory(struct hv_worker *worker, struct vm_area_struct *vma);
void worker_revoke_memory(struct hv_worker *worker);
void device_list_memory(const struct hv_device *device, struct hvisor_memory *memory);

/*
 * memory_file.c: a new memory fd of an attached worker, installed.
 * Return: a descriptor, or what HVISOR_DEVICE_MEMORY_FD says.
 */
int memory_file_open(struct hv_worker *worker, const struct hvisor_memory_region *part);

/* device_file.c */

void worker_put(struct hv_worker *worker);

/* A new device fd, as zone_file_open() makes a zone fd. */
int device_file_open(struct hv_device *device, struct file **ret);

#endif
