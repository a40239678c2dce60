// SPDX-License-Identifier: GPL-2.0-only
/*
 * hivc.ko: inter-VM communication of the hvisor hypervisor. For root Linux and
 * for the Linux of a zone, where hvisor.ko has no place: hence a module of its
 * own, which needs nothing of the other.
 *
 *   hivc_main.c                  what the hypervisor gives this zone
 *   hivc_file.c                  /dev/hivcN
 *   hivc_layout.c                freestanding: also built for user space
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/interrupt.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_irq.h>

#include "arch.h"
#include "hivc_channel.h"
#include "hypervisor.h"
#include "ivc_info.h"

#define NODE		"/hvisor_ivc_device"
#define GIC_CELLS	3	/* of an interrupt: kind, number, trigger */
#define GIC_SPI		0
#define GIC_SPI_FIRST	32

static struct hivc_channel channels[HIVC_ZONE_MAX];
static unsigned int num_channels;

unsigned int hivc_numbers(u32 *ids)
{
	unsigned int i;

	for (i = 0; i < num_channels; i++)
		ids[i] = channels[i].layout.info.id;
	return num_channels;
}

/* Only root may end zones, and zone 0 never ends. */
static bool is_root(void)
{
	return arch_hypercall(HYPERCALL_ZONE_SHUTDOWN, 0, 0) != -EPERM;
}

/* Is any of it this Linux' own? */
static bool is_ram(u64 start, u64 size)
{
	return region_intersects(start, size, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
	       REGION_DISJOINT;
}

/* The sizes and who this zone is stand in the control table only. */
static int read_table(struct hivc_channel *channel, u32 id)
{
	struct hivc_info *info = &channel->layout.info;
	const char *problem;

	if (channel->layout.table % HIVC_TABLE_SIZE || is_ram(channel->layout.table, HIVC_TABLE_SIZE)) {
		pr_err("IVC %u: its control table is at 0x%llx\n", id, channel->layout.table);
		return -ENXIO;
	}
	channel->table = ioremap(channel->layout.table, HIVC_TABLE_SIZE);
	if (!channel->table)
		return -ENOMEM;
	info->id = readl(channel->table + offsetof(struct hivc_table, id));
	info->max_peers = readl(channel->table + offsetof(struct hivc_table, max_peers));
	info->rw_size = readl(channel->table + offsetof(struct hivc_table, rw_size));
	info->out_size = readl(channel->table + offsetof(struct hivc_table, out_size));
	info->peer = readl(channel->table + offsetof(struct hivc_table, peer));
	problem = info->id == id ? hivc_layout_problem(&channel->layout) :
		  "the hypervisor did not let this zone in: all of its peers have joined before, or its sizes differ";
	if (!problem && is_ram(channel->layout.memory, hivc_layout_size(&channel->layout)))
		problem = "its memory is this Linux' own";
	if (!problem)
		return 0;
	pr_err("IVC %u: %s\n", id, problem);
	iounmap(channel->table);
	return -ENXIO;
}

/*
 * The one of the node's interrupts that the peers raise. Return: Linux' number, 0: none.
 * Its trigger may be a level, too: the hypervisor makes it pending, as if by an edge.
 */
static unsigned int find_interrupt(struct device_node *node, u32 interrupt)
{
	struct of_phandle_args args;
	int i;

	for (i = 0; !of_irq_parse_one(node, i, &args); i++) {
		bool found = args.args_count == GIC_CELLS && args.args[0] == GIC_SPI &&
			     args.args[1] == interrupt - GIC_SPI_FIRST;

		of_node_put(args.np);
		if (found)
			return irq_of_parse_and_map(node, i);
	}
	pr_err("the device tree's node " NODE " does not have interrupt %u as <0 %u 1>\n", interrupt,
	       interrupt - GIC_SPI_FIRST);
	return 0;
}

static int channel_open(struct hivc_channel *channel, struct device_node *node, u32 id)
{
	int r = read_table(channel, id);

	if (r < 0)
		return r;
	r = -ENXIO;
	channel->irq = find_interrupt(node, channel->layout.info.interrupt);
	if (!channel->irq)
		goto err_table;
	spin_lock_init(&channel->lock);
	init_waitqueue_head(&channel->readers);
	snprintf(channel->name, sizeof(channel->name), "hivc%u", id);
	r = request_irq(channel->irq, hivc_on_interrupt, 0, channel->name, channel);
	if (r < 0)
		goto err_table;
	channel->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = channel->name,
		.fops = &hivc_operations,
		.mode = 0600,
	};
	r = misc_register(&channel->misc);
	if (r < 0)
		goto err_irq;
	pr_info("/dev/%s: peer %u of %u, interrupt %u, %llu bytes of memory\n", channel->name,
		channel->layout.info.peer, channel->layout.info.max_peers,
		channel->layout.info.interrupt, hivc_layout_size(&channel->layout));
	return 0;

err_irq:
	free_irq(channel->irq, channel);
err_table:
	iounmap(channel->table);
	return r;
}

static void channels_close(void)
{
	while (num_channels) {
		struct hivc_channel *channel = &channels[--num_channels];

		misc_deregister(&channel->misc);
		free_irq(channel->irq, channel);
		iounmap(channel->table);
	}
}

/* Until all are there none is opened: a module whose start fails is gone, whoever has a file of it open. */
static bool is_ready;

bool hivc_is_ready(void)
{
	return smp_load_acquire(&is_ready);
}

/* All that the zone has, or none. */
static int channels_open(struct device_node *node)
{
	struct ivc_info info;
	bool root;
	u64 i;
	int r;

	r = ivc_info_get(&info);
	if (r < 0) {
		pr_err("%s\n", r == -ENODEV ? "the hypervisor has no IVC for this zone" :
				r == -ENOMEM ? "out of memory" :
					       "the hypervisor tells of IVCs as no known version does");
		return r;
	}
	root = is_root();
	for (i = 0; i < info.len; i++) {
		struct hivc_channel *channel = &channels[i];

		channel->is_root = root;
		channel->layout = (struct hivc_layout){
			.table = info.tables[i],
			.memory = info.memories[i],
			.info.interrupt = info.interrupts[i],
		};
		r = channel_open(channel, node, info.ids[i]);
		if (r < 0) {
			channels_close();
			return r;
		}
		num_channels++;
	}
	smp_store_release(&is_ready, true);
	return 0;
}

/* The node tells that there is a hypervisor; without one its call is undefined. */
static int __init hivc_init(void)
{
	struct device_node *node;
	int r;

	if (PAGE_SIZE != HIVC_TABLE_SIZE) {
		pr_err("a kernel with pages of %lu bytes cannot map the hypervisor's of 4096\n",
		       PAGE_SIZE);
		return -EOPNOTSUPP;
	}
	node = of_find_node_by_path(NODE);
	if (!node) {
		pr_err("the device tree has no node " NODE ": this zone has no IVC\n");
		return -ENODEV;
	}
	r = channels_open(node);
	of_node_put(node);
	return r;
}
module_init(hivc_init);

static void __exit hivc_exit(void)
{
	channels_close();
}
module_exit(hivc_exit);

MODULE_DESCRIPTION("Inter-VM communication of the hvisor hypervisor");
MODULE_LICENSE("GPL");
