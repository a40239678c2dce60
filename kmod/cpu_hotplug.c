// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "cpu_hotplug.h"

#include <linux/cpuhotplug.h>
#include <linux/errno.h>
#include <linux/printk.h>

static enum cpuhp_state state;

static int refuse_offline(unsigned int cpu)
{
	pr_warn_ratelimited("CPU %u stays online: the hypervisor cannot turn a CPU off\n", cpu);
	return -EPERM;
}

int cpu_hotplug_forbid(void)
{
	int r = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "hvisor:online", NULL,
					  refuse_offline);

	if (r < 0)
		return r;
	state = r;
	return 0;
}

void cpu_hotplug_allow(void)
{
	cpuhp_remove_state_nocalls(state);
}
