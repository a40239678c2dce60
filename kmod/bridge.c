// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "bridge.h"

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/spinlock.h>

#include "arch.h"
#include "bridge_page.h"
#include "hypervisor.h"

/* Each zone has a CPU at least. */
#define ENDED_MAX (BRIDGE_CPUS * HVISOR_DEVICES_MAX)

static struct bridge_page *page;
static DEFINE_SPINLOCK(results_lock);	/* all below */
static bool is_held;
static struct bridge_result ended[ENDED_MAX];	/* interrupts, while it is */
static unsigned int num_ended;

void bridge_answer(u64 cpu, u64 value)
{
	if (WARN_ON_ONCE(cpu >= BRIDGE_CPUS))
		return;
	WRITE_ONCE(page->values[cpu], value);
	/* The waiting CPU sees the count change, then takes the value. */
	smp_store_release(&page->answered[cpu], page->answered[cpu] + 1);
}

bool bridge_inject(u32 zone, u32 interrupt)
{
	unsigned long flags;
	bool is_sent = false;
	u32 rear;

	spin_lock_irqsave(&results_lock, flags);
	rear = page->result_rear;
	if (!is_held && (rear + 1) % BRIDGE_SLOTS != READ_ONCE(page->result_front) % BRIDGE_SLOTS) {
		page->results[rear] = (struct bridge_result){ zone, interrupt };
		/* Pairs with the hypervisor's reading of result_rear, then the entry. */
		smp_store_release(&page->result_rear, (rear + 1) % BRIDGE_SLOTS);
		arch_hypercall(HYPERCALL_FINISH_REQ, 0, 0);
		is_sent = true;
	}
	spin_unlock_irqrestore(&results_lock, flags);
	return is_sent;
}

static void keep_ended(u32 zone, u32 interrupt)
{
	unsigned int i;

	for (i = 0; i < num_ended; i++)
		if (ended[i].zone == zone && ended[i].interrupt == interrupt)
			return;
	if (!WARN_ON_ONCE(num_ended == ENDED_MAX))
		ended[num_ended++] = (struct bridge_result){ zone, interrupt };
}

void bridge_interrupt_ended(u32 zone, u32 interrupt)
{
	unsigned long flags;

	if (!ARCH_INTERRUPTS_END)
		return;
	spin_lock_irqsave(&results_lock, flags);
	if (is_held)
		keep_ended(zone, interrupt);
	else
		arch_interrupt_ended(zone, interrupt);
	spin_unlock_irqrestore(&results_lock, flags);
}

/* The lock makes sure that no injection is under way when this returns. */
static void set_held(bool held)
{
	unsigned long flags;

	spin_lock_irqsave(&results_lock, flags);
	is_held = held;
	while (!held && num_ended) {
		num_ended--;
		arch_interrupt_ended(ended[num_ended].zone, ended[num_ended].interrupt);
	}
	spin_unlock_irqrestore(&results_lock, flags);
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
	return READ_ONCE(is_held);
}

int bridge_open(unsigned int irq)
{
	int r;

	page = (struct bridge_page *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	r = wakeup_open(page, irq);
	if (r < 0) {
		pr_err("wake-up interrupt %u: not to be had (%d)\n", irq, r);
		free_page((unsigned long)page);
		page = NULL;
	}
	return r;
}

int bridge_connect(void)
{
	int r = arch_hypercall(HYPERCALL_INIT_VIRTIO, virt_to_phys(page), 0);

	if (r < 0)
		pr_err("the hypervisor refuses the bridge page (%d)\n", r);
	return r;
}

void bridge_close(void)
{
	wakeup_close();
	free_page((unsigned long)page);
	page = NULL;
}
