// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "old_ioctl.h"

#include <linux/list.h>
#include <linux/of_address.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hypervisor.h"
#include "load.h"
#include "zone.h"
#include "zone_check.h"

/*
 * Zones that were started through these calls have no object. Their RAM is
 * remembered for as long as the hypervisor lists them: nothing is to be loaded
 * there, nor another zone put there.
 */
struct old_zone {
	struct list_head link;
	struct zone_description description;
	bool is_starting;	/* not listed yet */
};

static LIST_HEAD(old_zones);	/* under zones_lock() */

static void forget_ended(void)
{
	struct old_zone *zone, *next;

	list_for_each_entry_safe(zone, next, &old_zones, link)
		if (!zone->is_starting && hypervisor_lists(zone->description.id) == 0) {
			list_del(&zone->link);
			kfree(zone);
		}
}

int old_zones_check_apart(const struct zone_description *description,
			  struct zone_problem *problem)
{
	struct old_zone *zone;

	forget_ended();
	list_for_each_entry(zone, &old_zones, link)
		if (zone_check_apart(description, &zone->description, problem) < 0)
			return -EBUSY;
	return 0;
}

bool old_zones_have_ivc_interrupt(u32 interrupt)
{
	struct old_zone *zone;

	forget_ended();
	list_for_each_entry(zone, &old_zones, link)
		if (zone_has_ivc_interrupt(&zone->description, interrupt))
			return true;
	return false;
}

static bool old_zones_have_ram(u64 address, u64 size)
{
	struct old_zone *zone;

	forget_ended();
	list_for_each_entry(zone, &old_zones, link)
		if (zone_has_ram(&zone->description, address, size))
			return true;
	return false;
}

/* ------------------------------------------------------------------------ */

static int check_config(const u8 *config, struct zone_description *description)
{
	struct zone_problem problem;
	const char *what;
	int r;

	r = zone_config_decode(hypervisor_layout(), config, description, &what);
	if (r < 0) {
		pr_debug("zone_config: %s\n", what);
		return r;
	}
	return zone_check_description(description, &problem);
}

static int add_old_zone(struct old_zone *zone)
{
	struct zone_problem problem;
	int r;

	zones_lock();
	r = zones_check_apart(&zone->description, &problem);
	if (!r)
		r = old_zones_check_apart(&zone->description, &problem);
	if (!r) {
		zone->is_starting = true;
		list_add(&zone->link, &old_zones);
	}
	zones_unlock();
	return r;
}

/* The start may wait for another zone's end: who makes a zone object meanwhile does not. */
static int start_checked(struct old_zone *zone, const u8 *config)
{
	int r = add_old_zone(zone);

	if (r < 0)
		return r;
	r = hypervisor_start(&zone->description, config);
	zones_lock();
	zone->is_starting = false;
	if (r)
		list_del(&zone->link);
	zones_unlock();
	return r;
}

static long zone_start_by_config(unsigned long argument)
{
	struct old_zone *zone = kzalloc(sizeof(*zone), GFP_KERNEL);
	u8 *config = kmalloc(ZONE_CONFIG_SIZE_MAX, GFP_KERNEL);
	int r = -ENOMEM;

	if (!zone || !config)
		goto out;
	r = -EFAULT;
	if (copy_from_user(config, (void __user *)argument, hypervisor_layout()->size))
		goto out;
	r = check_config(config, &zone->description);
	if (!r)
		r = start_checked(zone, config);
	if (!r)
		zone = NULL;	/* the list's */
out:
	kfree(config);
	kfree(zone);
	return r;
}

/* Return: kmalloc()ed, or NULL; with nothing but its id if it was not started through these calls. */
static struct zone_description *copy_description(u32 id)
{
	struct zone_description *copy = kzalloc(sizeof(*copy), GFP_KERNEL);
	struct old_zone *zone;

	if (!copy)
		return NULL;
	copy->id = id;
	zones_lock();
	list_for_each_entry(zone, &old_zones, link)
		if (zone->description.id == id)
			*copy = zone->description;
	zones_unlock();
	return copy;
}

static long shut_down_without_object(u32 id)
{
	struct zone_description *zone;
	int r = hypervisor_lists_now(id);

	if (r <= 0)
		return r ?: -EINVAL;
	zone = copy_description(id);
	if (!zone)
		return -ENOMEM;
	r = hypervisor_shutdown(zone, NULL, NULL);
	kfree(zone);
	return r;
}

static long zone_shutdown(unsigned long id)
{
	struct hv_zone *zone;
	int r;

	if (!id || id > U32_MAX)
		return -EINVAL;
	zone = zone_open(id);
	if (zone) {
		r = zone_stop(zone);
		zone_put(zone);
		return r;
	}
	return shut_down_without_object(id);
}

static long list_zones(unsigned long argument)
{
	struct hvisor_old_zone_list list;
	struct hvisor_old_zone_info *zones;
	int n, r;

	if (copy_from_user(&list, (void __user *)argument, sizeof(list)))
		return -EFAULT;
	n = hypervisor_list(&zones);
	if (n < 0)
		return n;
	r = min_t(u64, n, list.cnt);
	if (copy_to_user(u64_to_user_ptr(list.zones), zones, r * sizeof(*zones)))
		r = -EFAULT;
	kfree(zones);
	return r;
}

static long check_magic(unsigned long argument)
{
	u64 magic = hypervisor_layout()->magic;

	return copy_to_user((void __user *)argument, &magic, sizeof(magic)) ? -EFAULT : 0;
}

/* ------------------------------------------------------------------------ */
/* Loading comes before any zone exists: only where root Linux keeps out.    */

static bool node_contains(const struct device_node *node, u64 address, u64 size)
{
	struct resource resource;
	int i;

	for (i = 0; !of_address_to_resource((struct device_node *)node, i, &resource); i++)
		if (range_holds(resource.start, resource_size(&resource), address, size))
			return true;
	return false;
}

static bool is_reserved(u64 address, u64 size)
{
	struct device_node *parent = of_find_node_by_path("/reserved-memory"), *node;
	bool found = false;

	for_each_available_child_of_node(parent, node) {
		if (!of_property_read_bool(node, "no-map") || !node_contains(node, address, size))
			continue;
		found = true;
		of_node_put(node);
		break;
	}
	of_node_put(parent);
	return found;
}

static long load_image(unsigned long argument)
{
	struct hvisor_old_load_image image;
	int r;

	if (copy_from_user(&image, (void __user *)argument, sizeof(image)))
		return -EFAULT;
	if (!image.size || !range_holds(0, LLONG_MAX, image.load_paddr, image.size))
		return -EINVAL;
	if (!is_reserved(image.load_paddr, image.size)) {
		pr_debug("load: not inside reserved memory with no-map\n");
		return -EPERM;
	}
	zones_lock();
	if (zones_have_ram(image.load_paddr, image.size) ||
	    old_zones_have_ram(image.load_paddr, image.size))
		r = -EBUSY;
	else
		r = load_from_user(image.load_paddr, u64_to_user_ptr(image.user_buffer),
				   image.size);
	zones_unlock();
	return r;
}

long old_ioctl(unsigned int number, unsigned long argument)
{
	switch (number) {
	case HVISOR_OLD_INIT_VIRTIO:
	case HVISOR_OLD_FINISH_REQ:
		pr_warn_ratelimited("%s asks for the virtio bridge, which this module keeps for itself: use hvisor-reconciler\n",
				    current->comm);
		return -EPERM;
	case HVISOR_OLD_ZONE_START:
		return zone_start_by_config(argument);
	case HVISOR_OLD_ZONE_SHUTDOWN:
		return zone_shutdown(argument);
	case HVISOR_OLD_ZONE_LIST:
		return list_zones(argument);
	case HVISOR_OLD_CONFIG_CHECK:
		return check_magic(argument);
	case HVISOR_OLD_LOAD_IMAGE:
		return load_image(argument);
	default:
		return -ENOTTY;
	}
}
