// SPDX-License-Identifier: GPL-2.0-only
/*
 * hvisor.ko: zones and virtio devices of the hvisor hypervisor, in root Linux.
 *
 *   control.c, old_ioctl.c       /dev/hvisor
 *   zone*.c, load.c              zone objects and descriptors
 *   device*.c, memory_file.c,
 *   interrupt.c                  device objects, descriptors and workers
 *   bridge.c, wakeup.c           requests of the zones, interrupts to them
 *   hypervisor*.c                the hypervisor's calls about zones
 *   ivc_peers.c                  who talks to whom
 *   register_*.c, zone_config*.c, zone_check*.c, ivc_record.c
 *                                freestanding: also built for user space
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "arch.h"
#include "bridge.h"
#include "bridge_page.h"
#include "control.h"
#include "cpu_hotplug.h"
#include "hypervisor.h"
#include "ivc_peers.h"
#include "sleep.h"
#include "zone_config.h"

/* Where no zone_config is known nothing could be started, so nothing is tried. */
static int check_architecture(void)
{
	u32 magic;

	if (zone_layout_magics(ARCH_ZONE, &magic, 1))
		return 0;
	pr_err("no hypervisor's zone_config is known on " ARCH_NAME ": this module is of no use here\n");
	return -EPROTONOSUPPORT;
}

/*
 * There is no way to take the bridge page back from the hypervisor: from there
 * on the module stays, and so does the page. Hence no exit function.
 */
static int __init hvisor_init(void)
{
	unsigned int irq;
	int r;

	r = check_architecture();
	if (r < 0)
		return r;
	r = wakeup_find_interrupt(&irq);
	if (r < 0)
		return r;
	r = hypervisor_probe();
	if (r < 0)
		return r;
	r = ivc_peers_open();
	if (r < 0)
		return r;
	r = cpu_hotplug_forbid();
	if (r < 0)
		return r;
	r = sleep_forbid();
	if (r < 0)
		goto err_hotplug;
	r = bridge_open(irq);
	if (r < 0)
		goto err_sleep;
	r = control_register();
	if (r < 0)
		goto err_bridge;
	r = bridge_connect();
	if (r < 0)
		goto err_control;
	__module_get(THIS_MODULE);
	control_enable();
	pr_info("zone_config version 0x%x of %u bytes, root Linux on CPUs 0x%llx\n",
		hypervisor_layout()->magic, hypervisor_layout()->size, hypervisor_root_cpus());
	pr_info("stays until root Linux restarts, rmmod is refused: the hypervisor keeps writing into a page of it\n");
	return 0;

err_control:
	control_unregister();
err_bridge:
	bridge_close();
err_sleep:
	sleep_allow();
err_hotplug:
	cpu_hotplug_allow();
	return r;
}
module_init(hvisor_init);

MODULE_DESCRIPTION("Zones and virtio devices of the hvisor hypervisor");
MODULE_LICENSE("GPL");
