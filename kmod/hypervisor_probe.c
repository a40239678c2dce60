// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/io.h>
#include <linux/of.h>
#include <linux/slab.h>

#include "arch.h"
#include "hypervisor.h"
#include "zone_config.h"

/* Not a version that will ever be: if it is still there, nobody answered. */
#define MAGIC_UNTOUCHED	0x6e6f626f64793f21ULL

static const struct zone_layout *layout;
static u64 root_cpus;

const struct zone_layout *hypervisor_layout(void)
{
	return layout;
}

u64 hypervisor_root_cpus(void)
{
	return root_cpus;
}

u32 hypervisor_gic_version(void)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "arm,gic-v3");

	of_node_put(node);
	return node ? 3 : 2;
}

/* ------------------------------------------------------------------------ */
/* The magic version                                                         */

static void log_unknown_magic(u64 magic)
{
	u32 known[8];
	unsigned int n = zone_layout_magics(ARCH_ZONE, known, ARRAY_SIZE(known));
	char text[64] = "none";
	size_t length = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		length += scnprintf(text + length, sizeof(text) - length, "%s0x%x", i ? ", " : "",
				    known[i]);
	pr_err("the hypervisor's zone_config has version 0x%llx; known on " ARCH_NAME ": %s\n",
	       magic, text);
}

/* An unknown call returns 0, so only what it wrote proves that it exists. */
static int probe_magic(u32 *ret)
{
	u64 *answer = kmalloc(sizeof(*answer), GFP_KERNEL);
	u64 magic;

	if (!answer)
		return -ENOMEM;
	WRITE_ONCE(*answer, MAGIC_UNTOUCHED);
	arch_hypercall(HYPERCALL_CONFIG_CHECK, virt_to_phys(answer), 0);
	magic = READ_ONCE(*answer);
	kfree(answer);
	if (magic == MAGIC_UNTOUCHED) {
		pr_err("no hypervisor answered the version call\n");
		return -ENODEV;
	}
	if (magic > U32_MAX || !zone_layout_find(magic, ARCH_ZONE, 0)) {
		log_unknown_magic(magic);
		return -EPROTONOSUPPORT;
	}
	*ret = magic;
	return 0;
}

/* ------------------------------------------------------------------------ */
/* The size                                                                  */

/* Good enough for the hypervisor's checks. The addresses lead nowhere: they go with the zone. */
static const struct hvisor_gic some_gicv2 = {
	.version = 2,
	.distributor = 0x10000, .distributor_size = 0x1000,
	.cpu_interface = 0x20000, .cpu_interface_size = 0x2000,
	.hypervisor = 0x30000, .hypervisor_size = 0x2000,
	.virtual_cpu = 0x40000, .virtual_cpu_size = 0x2000,
};

static const struct hvisor_gic some_gicv3 = {
	.version = 3,
	.distributor = 0x10000, .distributor_size = 0x10000,
	.redistributor = 0x20000, .redistributor_size = 0x20000,
};

static const struct hvisor_riscv64 some_riscv64 = {
	.plic = 0x10000, .plic_size = 0x1000,
	.aplic = 0x20000, .aplic_size = 0x1000,
};

/*
 * The hypervisor checks a start in this order: the size (-EINVAL), whether the
 * id is free (-EINVAL), the regions and the interrupt controller (a panic), the
 * CPUs (-EBUSY); up to there it has changed nothing. So of a zone that is right
 * in all but its CPU, which is root Linux's, -EBUSY tells that the size was
 * right, too.
 */
static void describe_refused(struct zone_description *zone, u32 free_id)
{
	const struct hvisor_gic *gic = hypervisor_gic_version() == 3 ? &some_gicv3 : &some_gicv2;

	strscpy(zone->name, "size-probe", sizeof(zone->name));
	zone->id = free_id;
	zone->cpus = BIT_ULL(__ffs64(root_cpus));
	zone->arch = ARCH_ZONE;
	if (ARCH_ZONE == HVISOR_ARCH_ARM64)
		zone->arm64.gic = *gic;
	if (ARCH_ZONE == HVISOR_ARCH_RISCV64)
		zone->riscv64 = some_riscv64;
}

/* Return: -EBUSY (the size is right), -EINVAL (it differs), or another errno. */
static int try_size(const struct zone_layout *candidate, const struct zone_description *zone,
		    u8 *config)
{
	int r;

	zone_config_encode(candidate, zone, config);
	r = arch_hypercall(HYPERCALL_ZONE_START, virt_to_phys(config), candidate->size);
	return r < 0 ? r : -EPROTO;
}

static void log_unknown_size(u32 magic)
{
	const struct zone_layout *known;
	size_t length = 0;
	char text[64];
	unsigned int i;

	for (i = 0; (known = zone_layout_find(magic, ARCH_ZONE, i)); i++)
		length += scnprintf(text + length, sizeof(text) - length, "%s%u", i ? ", " : "",
				    known->size);
	pr_err("the hypervisor's zone_config has version 0x%x, but not the size known on " ARCH_NAME
	       " (%s bytes)\n",
	       magic, text);
}

static int find_layout(u32 magic, const struct zone_description *zone, u8 *config)
{
	const struct zone_layout *candidate;
	unsigned int i;
	int r;

	for (i = 0; (candidate = zone_layout_find(magic, ARCH_ZONE, i)); i++) {
		r = try_size(candidate, zone, config);
		if (r == -EBUSY) {
			layout = candidate;
			return 0;
		}
		if (r != -EINVAL) {
			pr_err("the hypervisor's answer to a zone on root Linux's CPU is %d\n", r);
			return -ENODEV;
		}
	}
	log_unknown_size(magic);
	return -EPROTONOSUPPORT;
}

static int probe_layout(u32 magic, u32 free_id)
{
	struct zone_description *zone = kzalloc(sizeof(*zone), GFP_KERNEL);
	u8 *config = kmalloc(ZONE_CONFIG_SIZE_MAX, GFP_KERNEL);
	int r = -ENOMEM;

	if (zone && config) {
		describe_refused(zone, free_id);
		r = find_layout(magic, zone, config);
	}
	kfree(config);
	kfree(zone);
	return r;
}

/* ------------------------------------------------------------------------ */

static u32 find_free_id(const struct hvisor_old_zone_info *zones, int n)
{
	u32 id = 1;
	int i;

	for (i = 0; i < n; i++)
		if (zones[i].zone_id == id) {
			id++;
			i = -1;
		}
	return id;
}

/* Which CPUs are root Linux's, and an id that no zone has. */
static int probe_zones(u32 *free_id)
{
	struct hvisor_old_zone_info *zones;
	int n, i;

	n = hypervisor_list(&zones);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++)
		if (!zones[i].zone_id)
			root_cpus = zones[i].cpus;
	*free_id = find_free_id(zones, n);
	kfree(zones);
	if (!root_cpus) {
		pr_err("the hypervisor's list lacks zone 0 or its CPUs\n");
		return -ENODEV;
	}
	return 0;
}

int hypervisor_probe(void)
{
	u32 magic, free_id;
	int r;

	r = probe_magic(&magic);
	if (r < 0)
		return r;
	r = probe_zones(&free_id);
	if (r < 0)
		return r;
	return probe_layout(magic, free_id);
}
