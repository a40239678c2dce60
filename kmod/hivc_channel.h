/* SPDX-License-Identifier: GPL-2.0-only */
/* hivc.ko: one channel, i.e. this zone's end of one IVC, and its device file. */
#ifndef HVISOR_HIVC_CHANNEL_H
#define HVISOR_HIVC_CHANNEL_H

#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "hivc_layout.h"

struct hivc_channel {
	char name[16];			/* "hivcN", also the interrupt's */
	struct miscdevice misc;
	struct hivc_layout layout;	/* without a problem */
	void __iomem *table;
	unsigned int irq;		/* Linux' number */
	bool is_root;			/* this is root Linux, whose errors end the board */

	spinlock_t lock;		/* all below */
	u64 interrupts;			/* so far */
	u64 taken;			/* of these, at least by one descriptor */
	bool is_masked;			/* nobody has taken the last one yet */
	wait_queue_head_t readers;
};

/* The channels of this zone: what HIVC_USER_INFO tells. */
unsigned int hivc_numbers(u32 *ids);

bool hivc_is_ready(void);

extern const struct file_operations hivc_operations;

/* The channel's interrupt handler; @data: struct hivc_channel. */
irqreturn_t hivc_on_interrupt(int irq, void *data);

#endif
