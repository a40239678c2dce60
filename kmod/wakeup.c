// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of the zones: taken off the ring when the wake-up interrupt comes,
 * or by looking while they keep coming.
 *
 * With need_wakeup set the hypervisor queues an event for this CPU with every
 * request, and one SGI takes one event off; SGIs merge, events do not. What a
 * merge leaves behind stays queued for good, in a heap of the hypervisor that
 * is small and whose end is a panic. So need_wakeup is set only while nobody
 * looks at the ring anyway, what may have been left behind is counted, and at a
 * limit it is never set again: from then on the ring is polled.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "arch.h"
#include "bridge_page.h"
#include "compat.h"
#include "hypervisor.h"
#include "zone.h"

#define BUDGET		64	/* requests per interrupt: notifies do not throttle themselves */
#define SILENCE_NS	(2 * NSEC_PER_MSEC)	/* then the polling ends; doubled for every STEP */
#define BUSY_NS		(100 * NSEC_PER_USEC)	/* looks without a pause so long */
#define POLL_US_MIN	50
#define POLL_US_MAX	1000
#define LOOK_AGAIN_NS	NSEC_PER_MSEC
#define LEFT_BEHIND_STEP 4096
#define LEFT_BEHIND_MAX	20000	/* events; the count errs by a fifth, the heap ends at 32768 */

static struct {
	struct bridge_page *page;
	struct workqueue_struct *queue;	/* of poll_work, which keeps nobody else waiting */
	unsigned int irq;
	unsigned int cpu;

	spinlock_t lock;	/* all below, and the ring */
	bool is_polled;		/* the ring is left to poll_work */
	bool sleeps_never;	/* the hypervisor sends no wake-ups */
	u32 left_behind;	/* stale events, about */
	u32 unsure;		/* requests that may have an event of their own on its way */
	u64 asleep_since;
	struct hrtimer look_again;
	u64 requests, wakeups;
} wakeup = {
	.lock = __SPIN_LOCK_UNLOCKED(wakeup.lock),
};

/* ------------------------------------------------------------------------ */
/* With wakeup.lock held, all of this part.                                  */

static u32 num_waiting(void)
{
	/* Pairs with the hypervisor's barrier between an entry and request_rear. */
	return (smp_load_acquire(&wakeup.page->request_rear) - wakeup.page->request_front) %
	       BRIDGE_SLOTS;
}

/* Return: how many were served; less than @budget: the ring is empty. */
static unsigned int drain(unsigned int budget)
{
	struct bridge_page *page = wakeup.page;
	struct bridge_request request;
	unsigned int n;

	for (n = 0; n < budget && num_waiting(); n++) {
		request = page->requests[page->request_front];
		wakeup.requests++;
		zone_access(&request);
		/* The slot is the hypervisor's again only now; see also bridge_is_asked(). */
		smp_store_release(&page->request_front, (page->request_front + 1) % BRIDGE_SLOTS);
	}
	return n;
}

/* An interrupt has come, which took one event off; @waiting requests have put one there each. */
static void count_events(u32 waiting)
{
	if (waiting)
		wakeup.left_behind += waiting - 1;
	else if (wakeup.unsure)
		wakeup.unsure--;
	else if (wakeup.left_behind)
		wakeup.left_behind--;
}

/*
 * The hypervisor publishes a request, then reads need_wakeup, with no barrier
 * in between. What it published just before the 1 was there is found by the
 * look at the ring that follows; what still was in its store buffer then, with
 * the 0 read already, by the timer.
 *
 * Return: false if a request is there, which is to be served first.
 */
static bool sleep_until_woken(void)
{
	u32 waiting;

	if (wakeup.sleeps_never || wakeup.left_behind >= LEFT_BEHIND_MAX)
		return false;
	WRITE_ONCE(wakeup.page->need_wakeup, 1);
	smp_mb();
	waiting = num_waiting();
	if (waiting) {
		WRITE_ONCE(wakeup.page->need_wakeup, 0);
		wakeup.unsure += waiting;
		return false;
	}
	wakeup.asleep_since = ktime_get_ns();
	if (!hrtimer_is_queued(&wakeup.look_again))
		hrtimer_start(&wakeup.look_again, ns_to_ktime(LOOK_AGAIN_NS),
			      HRTIMER_MODE_REL_PINNED_HARD);
	return true;
}

static u64 silence_wanted(void)
{
	return (u64)SILENCE_NS << wakeup.left_behind / LEFT_BEHIND_STEP;
}

/* ------------------------------------------------------------------------ */

/*
 * A flood fills the ring, where the zones' CPUs then wait for this thread: it
 * shares the CPU fairly with whatever else root Linux has to do.
 */
static void poll_requests(struct work_struct *work)
{
	u64 last = ktime_get_ns(), silence;
	unsigned long flags, us;
	unsigned int n;

	for (;;) {
		spin_lock_irqsave(&wakeup.lock, flags);
		n = drain(BUDGET);
		silence = n ? 0 : ktime_get_ns() - last;
		if (silence > silence_wanted() && sleep_until_woken())
			wakeup.is_polled = false;
		spin_unlock_irqrestore(&wakeup.lock, flags);

		if (!READ_ONCE(wakeup.is_polled))
			break;
		if (n)
			last = ktime_get_ns();
		if (silence < BUSY_NS) {
			cond_resched();
			continue;
		}
		us = clamp_t(u64, silence / 8 / NSEC_PER_USEC, POLL_US_MIN, POLL_US_MAX);
		usleep_range(us, 2 * us);
	}
}

static DECLARE_WORK(poll_work, poll_requests);

/* With wakeup.lock held. On this very CPU: any other may sit in the hypervisor for seconds. */
static void start_polling(void)
{
	wakeup.is_polled = true;
	if (wakeup.left_behind >= LEFT_BEHIND_MAX)
		pr_warn_once("the hypervisor has lost track of too many wake-ups: polling from now on\n");
	queue_work_on(READ_ONCE(wakeup.cpu), wakeup.queue, &poll_work);
}

/*
 * The hypervisor drops a wake-up while the previous one is still active, that
 * is until its end of interrupt, which comes after the handler. So the ring is
 * looked at once more here.
 */
static void drain_after_interrupt(struct tasklet_struct *tasklet)
{
	unsigned int n = 0;
	unsigned long flags;

	spin_lock_irqsave(&wakeup.lock, flags);
	if (!wakeup.is_polled) {
		do
			n += drain(BUDGET - n);
		while (n < BUDGET && !sleep_until_woken() && num_waiting());
		if (!READ_ONCE(wakeup.page->need_wakeup))
			start_polling();
	}
	spin_unlock_irqrestore(&wakeup.lock, flags);
}

static DECLARE_TASKLET(after_interrupt, drain_after_interrupt);

/* With wakeup.lock held. */
static void serve_woken(void)
{
	u32 waiting;

	WRITE_ONCE(wakeup.page->need_wakeup, 0);
	smp_mb();
	waiting = num_waiting();
	count_events(waiting);
	drain(BUDGET);
	/* More than one: they come faster than interrupts can tell. */
	if (waiting > 1)
		start_polling();
	else
		tasklet_hi_schedule(&after_interrupt);
}

static irqreturn_t on_wakeup(int irq, void *unused)
{
	unsigned long flags;

	arch_wakeup_taken();
	spin_lock_irqsave(&wakeup.lock, flags);
	WRITE_ONCE(wakeup.cpu, smp_processor_id());
	wakeup.wakeups++;
	if (wakeup.is_polled)
		count_events(0);
	else
		serve_woken();
	spin_unlock_irqrestore(&wakeup.lock, flags);
	return IRQ_HANDLED;
}

/* At least once so long after the last time that nobody looked at the ring any more. */
static enum hrtimer_restart look_again(struct hrtimer *timer)
{
	unsigned long flags;

	spin_lock_irqsave(&wakeup.lock, flags);
	wakeup.unsure = 0;
	if (!wakeup.is_polled) {
		if (num_waiting()) {
			WRITE_ONCE(wakeup.page->need_wakeup, 0);
			drain(BUDGET);
			tasklet_hi_schedule(&after_interrupt);
		} else if (ktime_get_ns() - wakeup.asleep_since < LOOK_AGAIN_NS / 2) {
			hrtimer_start(timer, ns_to_ktime(LOOK_AGAIN_NS),
				      HRTIMER_MODE_REL_PINNED_HARD);
		}
	}
	spin_unlock_irqrestore(&wakeup.lock, flags);
	return HRTIMER_NORESTART;
}

/* A request leaves the ring after it was handled: at no time is it in neither place. */
bool bridge_is_asked(u64 cpu)
{
	const struct bridge_page *page = wakeup.page;
	u32 rear = smp_load_acquire(&page->request_rear) % BRIDGE_SLOTS;
	u32 i = READ_ONCE(page->request_front);

	for (; i != rear; i = (i + 1) % BRIDGE_SLOTS)
		if (READ_ONCE(page->requests[i].cpu) == cpu)
			return true;
	return false;
}

unsigned int bridge_cpu(void)
{
	return READ_ONCE(wakeup.cpu);
}

u64 bridge_requests(void)
{
	return READ_ONCE(wakeup.requests);
}

u64 bridge_wakeups(void)
{
	return READ_ONCE(wakeup.wakeups);
}

u32 bridge_wakeup_interrupt(void)
{
	return irqd_to_hwirq(irq_get_irq_data(wakeup.irq));
}

static void poll_from_now_on(void)
{
	unsigned long flags;

	pr_info("this hypervisor sends no wake-ups: its requests are polled for\n");
	spin_lock_irqsave(&wakeup.lock, flags);
	start_polling();
	spin_unlock_irqrestore(&wakeup.lock, flags);
}

int wakeup_open(struct bridge_page *page, unsigned int irq)
{
	int r;

	wakeup.page = page;
	wakeup.irq = irq;
	wakeup.cpu = cpumask_first(cpu_online_mask);
	/* People's scripts say `pkill hvisor`: no thread is called that. */
	wakeup.queue = alloc_workqueue("zone_requests", WQ_CPU_INTENSIVE, 1);
	if (!wakeup.queue)
		return -ENOMEM;
	hrtimer_setup(&wakeup.look_again, look_again, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	wakeup.sleeps_never = hypervisor_layout()->magic < ARCH_WAKES_FROM_MAGIC;
	page->need_wakeup = !wakeup.sleeps_never;
	r = request_irq(irq, on_wakeup, IRQF_NO_THREAD | IRQF_NOBALANCING, KBUILD_MODNAME, &wakeup);
	if (r < 0)
		destroy_workqueue(wakeup.queue);
	else if (wakeup.sleeps_never)
		poll_from_now_on();
	return r;
}

void wakeup_close(void)
{
	free_irq(wakeup.irq, &wakeup);
	WRITE_ONCE(wakeup.is_polled, false);
	tasklet_kill(&after_interrupt);
	hrtimer_cancel(&wakeup.look_again);
	destroy_workqueue(wakeup.queue);
}
