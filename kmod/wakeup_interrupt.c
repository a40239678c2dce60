// SPDX-License-Identifier: GPL-2.0-only
/* By which interrupt the hypervisor wakes root Linux; also the first proof that there is one. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_irq.h>
#include <linux/slab.h>

#include "arch.h"
#include "bridge_page.h"
#include "hypervisor.h"

#define IRQ_UNTOUCHED U32_MAX	/* what nobody answers */

/* The node tells that there is a hypervisor; without one its call is undefined. */
static int find_in_device_tree(unsigned int *irq)
{
	struct device_node *node = NULL;

	/* That of hivc.ko is compatible, too. */
	do
		node = of_find_compatible_node(node, NULL, "hvisor");
	while (node && of_node_name_eq(node, "hvisor_ivc_device"));
	if (!node) {
		pr_err("the device tree has no node compatible with \"hvisor\": this is not root Linux under hvisor\n");
		return -ENODEV;
	}
	*irq = irq_of_parse_and_map(node, 0);
	of_node_put(node);
	if (!*irq) {
		pr_err("the device tree's hvisor node has no interrupt\n");
		return -ENODEV;
	}
	return 0;
}

/* An unknown call returns 0, so only what it wrote proves that there is a hypervisor. */
static int ask_hypervisor(unsigned int *irq)
{
	u32 *answer;

	if (!arch_may_call()) {
		pr_err("this is not root Linux under hvisor\n");
		return -ENODEV;
	}
	answer = kmalloc(sizeof(*answer), GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	WRITE_ONCE(*answer, IRQ_UNTOUCHED);
	arch_hypercall(HYPERCALL_GET_VIRTIO_IRQ, virt_to_phys(answer), 0);
	*irq = READ_ONCE(*answer);
	kfree(answer);
	if (*irq == IRQ_UNTOUCHED) {
		pr_err("no hypervisor answered the call for the wake-up interrupt\n");
		return -ENODEV;
	}
	return 0;
}

int wakeup_find_interrupt(unsigned int *irq)
{
	return ARCH_HAS_DEVICE_TREE ? find_in_device_tree(irq) : ask_hypervisor(irq);
}
