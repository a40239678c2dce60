/* SPDX-License-Identifier: GPL-2.0-only */
/* The bridge page as both sides lay it out, for bridge.c and wakeup.c. */
#ifndef HVISOR_BRIDGE_PAGE_H
#define HVISOR_BRIDGE_PAGE_H

#include <linux/build_bug.h>
#include <linux/stddef.h>

#include "bridge.h"

#define BRIDGE_SLOTS	32	/* of either ring */

struct bridge_result {
	u32 zone;
	u32 interrupt;
};

struct bridge_page {
	u32 request_front;	/* ours */
	u32 request_rear;	/* the hypervisor's */
	u32 result_front;	/* the hypervisor's */
	u32 result_rear;	/* ours */
	struct bridge_request requests[BRIDGE_SLOTS];
	struct bridge_result results[BRIDGE_SLOTS];
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

/**
 * wakeup_find_interrupt() - Linux' number of the interrupt that wakes root Linux
 *
 * Before any call of the hypervisor: it says so where there is none. Logs.
 *
 * Return: 0, -ENODEV, -ENOMEM.
 */
int wakeup_find_interrupt(unsigned int *irq);

/**
 * wakeup_open() - answers the zones' requests from now on
 * @page: zeroed; need_wakeup is in the hands of wakeup.c
 *
 * Return: 0, or what request_irq() says.
 */
int wakeup_open(struct bridge_page *page, unsigned int irq);
void wakeup_close(void);

#endif
