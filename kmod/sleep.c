// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "sleep.h"

#include <linux/errno.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/suspend.h>

static int refuse(struct notifier_block *block, unsigned long event, void *unused)
{
	if (event != PM_SUSPEND_PREPARE && event != PM_HIBERNATION_PREPARE &&
	    event != PM_RESTORE_PREPARE)
		return NOTIFY_DONE;
	pr_warn_ratelimited("root Linux stays awake: zones go on, and their devices need it\n");
	return notifier_from_errno(-EPERM);
}

static struct notifier_block sleep_notifier = {
	.notifier_call = refuse,
};

int sleep_forbid(void)
{
	return register_pm_notifier(&sleep_notifier);
}

void sleep_allow(void)
{
	unregister_pm_notifier(&sleep_notifier);
}
