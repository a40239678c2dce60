// SPDX-License-Identifier: GPL-2.0-only
#include "device.h"

#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>

#include "compat.h"
#include "zone.h"

/*
 * A worker that hangs is taken away. It shows by a CPU of the zone that waits
 * too long for an answer, or by no sign of life when it was asked for one.
 */

/* ------------------------------------------------------------------------ */
/* Answers that wait for the worker                                          */

/* With device->lock held, as all of this part. */
static void answer(struct hv_device *device, u32 cpu)
{
	device->waiting &= ~BIT(cpu);
	zone_answer(device->zone, cpu, 0);
}

void device_answer_all(struct hv_device *device)
{
	u32 cpu;

	for (cpu = 0; cpu < BRIDGE_CPUS; cpu++)
		if (device->waiting & BIT(cpu))
			answer(device, cpu);
}

void device_answer_acknowledged(struct hv_device *device)
{
	u32 cpu;

	for (cpu = 0; cpu < BRIDGE_CPUS; cpu++)
		if ((device->waiting & BIT(cpu)) &&
		    device->waiting_for[cpu] <= device->acknowledged)
			answer(device, cpu);
}

static ktime_t answer_deadline(const struct hv_device *device)
{
	ktime_t first = KTIME_MAX;
	u32 cpu;

	for (cpu = 0; cpu < BRIDGE_CPUS; cpu++)
		if ((device->waiting & BIT(cpu)) && device->waiting_until[cpu] < first)
			first = device->waiting_until[cpu];
	return first;
}

ktime_t device_deadline(const struct hv_device *device)
{
	ktime_t answer = answer_deadline(device);

	if (!device->worker || device->acknowledged == device->sequence)
		return answer;
	return min(answer, device->owed_until);
}

bool device_is_waited_for(const struct hv_device *device)
{
	return answer_deadline(device) <= ktime_get();
}

/* The driver frees its rings after the answer: the worker must be off them before. */
bool device_must_wait(const struct hv_device *device)
{
	return device->worker && device->acknowledged < device->rings_lost &&
	       !READ_ONCE(device->zone->is_ending);
}

static void start_deadline(struct hv_device *device)
{
	ktime_t first = device_deadline(device);

	if (first != KTIME_MAX)
		hrtimer_start(&device->deadline, first, HRTIMER_MODE_ABS);
}

void device_wait(struct hv_device *device, u32 cpu)
{
	device->waiting |= BIT(cpu);
	device->waiting_for[cpu] = device->rings_lost;
	device->waiting_until[cpu] = ktime_add_ms(ktime_get(), worker_timeout_ms());
	start_deadline(device);
}

/* ------------------------------------------------------------------------ */
/* Signs of life                                                             */

/*
 * A worker that hangs is not seen by the guest's waiting alone: with its kicks
 * suppressed, or with requests under way, the guest may have nothing to say any
 * more. So a worker is asked once in a while to acknowledge the state anew: a
 * second after its last sign while the device is in use, ever more seldom while
 * it is not.
 */
#define PROBE_FIRST	NSEC_PER_SEC
#define PROBE_LONGEST	(64 * NSEC_PER_SEC)
#define OWED_LOOKS	4	/* after a pause of the whole machine the worker needs a part of the time, too */

static void look_again(struct hv_device *device)
{
	unsigned int ms = worker_hang_ms();

	device->owed_until = ms ? ktime_add_ms(ktime_get(), ms / OWED_LOOKS + 1) : KTIME_MAX;
}

static void set_owed_until(struct hv_device *device)
{
	device->owed_looks = OWED_LOOKS;
	look_again(device);
}

void device_ask(struct hv_device *device)
{
	bool is_owed = device->acknowledged != device->sequence++;

	if (!device->worker || is_owed)
		return;
	set_owed_until(device);
	start_deadline(device);
}

void device_sign_of_life(struct hv_device *device)
{
	u64 active = device->kicks + device->calls;

	set_owed_until(device);
	if (device->acknowledged != device->sequence)
		return;
	device->probe_after = active != device->active_before ? PROBE_FIRST :
			      min_t(u64, 2 * device->probe_after, PROBE_LONGEST);
	device->active_before = active;
	hrtimer_start(&device->probe, ns_to_ktime(device->probe_after), HRTIMER_MODE_REL);
}

/* The device is in use again: the next sign is due a second after the last one. */
void device_expect_sign(struct hv_device *device)
{
	if (device->probe_after == PROBE_FIRST || !device->worker)
		return;
	device->probe_after = PROBE_FIRST;
	if (hrtimer_is_queued(&device->probe))
		hrtimer_start(&device->probe, ns_to_ktime(PROBE_FIRST), HRTIMER_MODE_REL);
}

static enum hrtimer_restart probe(struct hrtimer *timer)
{
	struct hv_device *device = container_of(timer, struct hv_device, probe);
	unsigned long flags;
	bool is_asked;

	spin_lock_irqsave(&device->lock, flags);
	is_asked = device->worker && device->acknowledged == device->sequence;
	if (is_asked)
		device_ask(device);
	spin_unlock_irqrestore(&device->lock, flags);
	if (is_asked)
		wake_up_interruptible(&device->wait);
	return HRTIMER_NORESTART;
}

/*
 * In a sleep that nothing interrupts: its storage does not answer, or its file system is frozen. Another worker would have
 * to wait for the same, and for this one's end before.
 */
static bool worker_waits_for_storage(const struct hv_device *device)
{
	struct task_struct *task;
	bool waits;

	if (!device->worker)
		return false;
	rcu_read_lock();
	task = pid_task(device->worker->pid, PIDTYPE_PID);
	waits = task && task_state_of(task) & TASK_UNINTERRUPTIBLE;
	rcu_read_unlock();
	return waits;
}

/* While a CPU of root Linux is in the hypervisor the worker may be stuck behind it. */
static enum hrtimer_restart deadline_passed(struct hrtimer *timer)
{
	struct hv_device *device = container_of(timer, struct hv_device, deadline);
	ktime_t now = ktime_get(), first;
	unsigned long flags;

	spin_lock_irqsave(&device->lock, flags);
	if (device->owed_until <= now && worker_waits_for_storage(device))
		look_again(device);
	else if (device->owed_until <= now && device->owed_looks > 1) {
		device->owed_looks--;
		look_again(device);
	}
	first = device_deadline(device);
	if (bridge_is_held() && first <= now)
		first = ktime_add_ms(now, worker_timeout_ms());
	if (first <= now)
		queue_work(system_highpri_wq, &device->revocation);
	else if (first != KTIME_MAX)
		hrtimer_start(timer, first, HRTIMER_MODE_ABS);
	spin_unlock_irqrestore(&device->lock, flags);
	return HRTIMER_NORESTART;
}

void device_watch_init(struct hv_device *device)
{
	hrtimer_setup(&device->deadline, deadline_passed, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	INIT_WORK(&device->revocation, device_revoke_hung);
	hrtimer_setup(&device->probe, probe, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
}

void device_watch_end(struct hv_device *device)
{
	hrtimer_cancel(&device->probe);
	hrtimer_cancel(&device->deadline);
	cancel_work_sync(&device->revocation);
}
