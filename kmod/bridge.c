// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "bridge.h"

#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "arch.h"
#include "hypervisor.h"
#include "zone.h"

#define SLOTS	32
#define BUDGET	64	/* requests per interrupt: notifies do not throttle themselves */

struct bridge_result {
	u32 zone;
	u32 interrupt;
};

struct bridge_page {
	u32 request_front;	/* ours */
	u32 request_rear;	/* the hypervisor's */
	u32 result_front;	/* the hypervisor's */
	u32 result_rear;	/* ours */
	struct bridge_request requests[SLOTS];
	struct bridge_result results[SLOTS];
	u64 answered[BRIDGE_CPUS];	/* ours: counts up when values[] is there */
	u64 values[BRIDGE_CPUS];
	u64 unused[8];
	u8 unused_too;
	u8 need_wakeup;
};

static_assert(sizeof(struct bridge_request) == 40);
static_assert(offsetof(struct bridge_page, requests) == 16);
static_assert(offsetof(struct bridge_page, results) == 1296);
static_assert(offsetof(struct bridge_page, answered) == 1552);
static_assert(offsetof(struct bridge_page, values) == 1808);
static_assert(offsetof(struct bridge_page, need_wakeup) == 2129);
static_assert(sizeof(struct bridge_page) <= 4096);

static struct {
	struct bridge_page *page;
	unsigned int irq;
	unsigned int cpu;

	spinlock_t requests_lock;
	bool is_polled;		/* the ring is left to poll_work */
	u64 requests, wakeups;

	spinlock_t results_lock;
	bool is_held;
} bridge = {
	.requests_lock = __SPIN_LOCK_UNLOCKED(bridge.requests_lock),
	.results_lock = __SPIN_LOCK_UNLOCKED(bridge.results_lock),
};

void bridge_answer(u64 cpu, u64 value)
{
	struct bridge_page *page = bridge.page;

	if (WARN_ON_ONCE(cpu >= BRIDGE_CPUS))
		return;
	WRITE_ONCE(page->values[cpu], value);
	/* The waiting CPU sees the count change, then takes the value. */
	smp_store_release(&page->answered[cpu], page->answered[cpu] + 1);
}

static void serve(const struct bridge_request *request)
{
	u64 value = 0;
	bool is_answer;

	bridge.requests++;
	is_answer = zone_access(request, &value);
	/*
	 * Every access but a posted one gets its answer, also where no device
	 * is. After a posted one the count must not change: it would release
	 * that CPU's next access with a stale value.
	 */
	if (is_answer && !request->is_posted)
		bridge_answer(request->cpu, value);
}

/* With requests_lock held. Return: true if the ring is empty now. */
static bool drain(unsigned int budget)
{
	struct bridge_page *page = bridge.page;
	u32 front = page->request_front;
	struct bridge_request request;

	for (; budget; budget--) {
		/* Pairs with the hypervisor's barrier between the entry and request_rear. */
		if (front == smp_load_acquire(&page->request_rear) % SLOTS)
			return true;
		request = page->requests[front];
		front = (front + 1) % SLOTS;
		/* The slot is the hypervisor's again only once it was read. */
		smp_store_release(&page->request_front, front);
		serve(&request);
	}
	return front == smp_load_acquire(&page->request_rear) % SLOTS;
}

/*
 * A flood fills the ring, where the zones' CPUs then wait for this thread: it
 * shares the CPU fairly with whatever else root Linux has to do.
 */
static void poll_requests(struct work_struct *work)
{
	unsigned long flags;
	bool is_empty;

	do {
		spin_lock_irqsave(&bridge.requests_lock, flags);
		is_empty = drain(BUDGET);
		bridge.is_polled = !is_empty;
		spin_unlock_irqrestore(&bridge.requests_lock, flags);
		cond_resched();
	} while (!is_empty);
}

static DECLARE_WORK(poll_work, poll_requests);

static void drain_within_budget(void)
{
	unsigned long flags;

	spin_lock_irqsave(&bridge.requests_lock, flags);
	if (!bridge.is_polled && !drain(BUDGET)) {
		bridge.is_polled = true;
		/* On this very CPU: any other one may sit in the hypervisor for seconds. */
		queue_work_on(smp_processor_id(), system_highpri_wq, &poll_work);
	}
	spin_unlock_irqrestore(&bridge.requests_lock, flags);
}

/*
 * The hypervisor drops a wake-up while the previous one is still active, that
 * is until its end of interrupt, which comes after the handler. What arrived in
 * between is found here. need_wakeup stays set: the hypervisor reads it without
 * a barrier after it published the request, so a clear-and-recheck can miss.
 */
static void drain_after_interrupt(struct tasklet_struct *tasklet)
{
	drain_within_budget();
}

static DECLARE_TASKLET(after_interrupt, drain_after_interrupt);

static irqreturn_t on_wakeup(int irq, void *unused)
{
	WRITE_ONCE(bridge.cpu, smp_processor_id());
	bridge.wakeups++;
	drain_within_budget();
	tasklet_hi_schedule(&after_interrupt);
	return IRQ_HANDLED;
}

bool bridge_inject(u32 zone, u32 interrupt)
{
	struct bridge_page *page = bridge.page;
	unsigned long flags;
	bool is_sent = false;
	u32 rear;

	spin_lock_irqsave(&bridge.results_lock, flags);
	rear = page->result_rear;
	if (!bridge.is_held && (rear + 1) % SLOTS != READ_ONCE(page->result_front) % SLOTS) {
		page->results[rear] = (struct bridge_result){ zone, interrupt };
		/* Pairs with the hypervisor's reading of result_rear, then the entry. */
		smp_store_release(&page->result_rear, (rear + 1) % SLOTS);
		arch_hypercall(HYPERCALL_FINISH_REQ, 0, 0);
		is_sent = true;
	}
	spin_unlock_irqrestore(&bridge.results_lock, flags);
	return is_sent;
}

/* The lock makes sure that no injection is under way when this returns. */
static void set_held(bool is_held)
{
	unsigned long flags;

	spin_lock_irqsave(&bridge.results_lock, flags);
	bridge.is_held = is_held;
	spin_unlock_irqrestore(&bridge.results_lock, flags);
}

void bridge_hold(void)
{
	set_held(true);
}

void bridge_release(void)
{
	set_held(false);
}

bool bridge_is_held(void)
{
	return READ_ONCE(bridge.is_held);
}

unsigned int bridge_cpu(void)
{
	return READ_ONCE(bridge.cpu);
}

u64 bridge_requests(void)
{
	return READ_ONCE(bridge.requests);
}

u64 bridge_wakeups(void)
{
	return READ_ONCE(bridge.wakeups);
}

int bridge_open(unsigned int irq)
{
	int r;

	bridge.page = (struct bridge_page *)get_zeroed_page(GFP_KERNEL);
	if (!bridge.page)
		return -ENOMEM;
	bridge.irq = irq;
	bridge.cpu = cpumask_first(cpu_online_mask);
	r = request_irq(irq, on_wakeup, IRQF_NO_THREAD | IRQF_NOBALANCING, KBUILD_MODNAME, &bridge);
	if (r < 0) {
		pr_err("wake-up interrupt %u: not to be had (%d)\n", irq, r);
		goto err_page;
	}
	return 0;

err_page:
	free_page((unsigned long)bridge.page);
	bridge.page = NULL;
	return r;
}

int bridge_connect(void)
{
	int r;

	bridge.page->need_wakeup = 1;
	r = arch_hypercall(HYPERCALL_INIT_VIRTIO, virt_to_phys(bridge.page), 0);
	if (r < 0)
		pr_err("the hypervisor refuses the bridge page (%d)\n", r);
	return r;
}

void bridge_close(void)
{
	free_irq(bridge.irq, &bridge);
	tasklet_kill(&after_interrupt);
	cancel_work_sync(&poll_work);
	free_page((unsigned long)bridge.page);
	bridge.page = NULL;
}
