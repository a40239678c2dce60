/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HVISOR_CPU_HOTPLUG_H
#define HVISOR_CPU_HOTPLUG_H

/*
 * Keeps every CPU of root Linux online: the hypervisor has no PSCI CPU_OFF and
 * panics when it is called.
 */
int cpu_hotplug_forbid(void);
void cpu_hotplug_allow(void);

#endif
