// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "zone.h"

#include <linux/rculist.h>
#include <linux/slab.h>

#include "device.h"
#include "hypervisor.h"
#include "old_ioctl.h"
#include "zone_check.h"

static DEFINE_MUTEX(zones_mutex);
static LIST_HEAD(zones);	/* changed under zones_mutex, read under RCU */

void zones_lock(void)
{
	mutex_lock(&zones_mutex);
}

void zones_unlock(void)
{
	mutex_unlock(&zones_mutex);
}

struct hv_zone *zone_find(u32 id)
{
	struct hv_zone *zone;

	list_for_each_entry_rcu(zone, &zones, link, lockdep_is_held(&zones_mutex))
		if (zone->description.id == id)
			return zone;
	return NULL;
}

void zone_event(struct hv_zone *zone)
{
	atomic64_inc(&zone->events);
	wake_up_interruptible(&zone->wait);
}

/* Of the zone's devices, which zone->description does not have. */
static bool has_ivc_interrupt_of(const struct hv_zone *zone,
				 const struct zone_description *description,
				 struct zone_problem *problem)
{
	unsigned int n = zone_num_devices(zone);

	while (n--) {
		*problem = (struct zone_problem){ "IVC interrupt (of another zone's device)",
						  zone->devices[n]->interrupt };
		if (zone_has_ivc_interrupt(description, zone->devices[n]->interrupt))
			return true;
	}
	return false;
}

int zones_check_apart(const struct zone_description *description, struct zone_problem *problem)
{
	struct hv_zone *zone;

	list_for_each_entry(zone, &zones, link) {
		const struct zone_description *other = &zone->description;

		if (other->id == description->id)
			return -EEXIST;
		if (zone_check_apart(description, other, problem) < 0 ||
		    has_ivc_interrupt_of(zone, description, problem)) {
			pr_debug("zone %u: %s (%u) is zone %u's\n", description->id,
				 problem->field, problem->index, other->id);
			return -EBUSY;
		}
	}
	return 0;
}

bool zones_have_ram(u64 address, u64 size)
{
	struct hv_zone *zone;

	list_for_each_entry(zone, &zones, link)
		if (zone_has_ram(&zone->description, address, size))
			return true;
	return false;
}

bool zones_have_ivc_interrupt(u32 interrupt)
{
	struct hv_zone *zone;

	list_for_each_entry(zone, &zones, link)
		if (zone_has_ivc_interrupt(&zone->description, interrupt))
			return true;
	return false;
}

static bool name_is_taken(const char *name)
{
	struct hv_zone *zone;

	list_for_each_entry(zone, &zones, link)
		if (!memcmp(zone->description.name, name, HVISOR_NAME_SIZE))
			return true;
	return false;
}

/* Zones that were started by others: an id and CPUs is all that is known of them. */
static int check_foreign(const struct zone_description *description)
{
	struct hvisor_old_zone_info *listed;
	int n, i, r = 0;

	n = hypervisor_list(&listed);
	if (n < 0)
		return n;
	for (i = 0; i < n && !r; i++)
		if (listed[i].zone_id == description->id)
			r = -EEXIST;
		else if (listed[i].cpus & description->cpus)
			r = -EBUSY;
	kfree(listed);
	return r;
}

static int add_zone(struct hv_zone *zone, struct zone_problem *problem)
{
	int r;

	mutex_lock(&zones_mutex);
	r = zones_check_apart(&zone->description, problem);
	if (!r && name_is_taken(zone->description.name))
		r = -EEXIST;
	if (!r)
		r = old_zones_check_apart(&zone->description, problem);
	if (!r)
		r = check_foreign(&zone->description);
	if (!r)
		list_add_tail_rcu(&zone->link, &zones);
	mutex_unlock(&zones_mutex);
	return r;
}

int zone_create(const struct hvisor_zone_create *wanted, struct zone_problem *problem,
		struct hv_zone **ret)
{
	struct hv_zone *zone = kzalloc(sizeof(*zone), GFP_KERNEL);
	int r;

	if (!zone)
		return -ENOMEM;
	kref_init(&zone->references);
	mutex_init(&zone->lock);
	spin_lock_init(&zone->bridge_lock);
	init_waitqueue_head(&zone->wait);
	zone->state = HVISOR_ZONE_CREATED;
	memcpy(zone->cookie, wanted->cookie, sizeof(zone->cookie));

	r = zone_describe(wanted, &zone->description, problem);
	if (r < 0)
		goto err_free;
	zone->started_as = zone->description;
	kref_get(&zone->references);	/* the list's */
	*problem = (struct zone_problem){ NULL };
	r = add_zone(zone, problem);
	if (r < 0)
		goto err_free;
	*ret = zone;
	return 0;

err_free:
	kfree(zone);
	return r;
}

struct hv_zone *zone_open(u32 id)
{
	struct hv_zone *zone;

	rcu_read_lock();
	zone = zone_find(id);
	if (zone && !kref_get_unless_zero(&zone->references))
		zone = NULL;
	rcu_read_unlock();
	return zone;
}

static void free_zone(struct kref *references)
{
	struct hv_zone *zone = container_of(references, struct hv_zone, references);

	mutex_destroy(&zone->lock);
	kfree(zone);
}

void zone_put(struct hv_zone *zone)
{
	kref_put(&zone->references, free_zone);
}

struct hv_device *zone_find_device(const struct hv_zone *zone, const char *name)
{
	unsigned int n = zone_num_devices(zone);

	while (n--)
		if (!memcmp(zone->devices[n]->name, name, HVISOR_NAME_SIZE))
			return zone->devices[n];
	return NULL;
}

void zone_fill_info(struct hv_zone *zone, struct hvisor_zone_info *info)
{
	*info = (struct hvisor_zone_info){
		.id = zone->description.id,
		.state = READ_ONCE(zone->state),
		.cpus = zone->description.cpus,
		.cookie = { zone->cookie[0], zone->cookie[1] },
		.num_devices = zone_num_devices(zone),
		.events = atomic64_read(&zone->events),
	};
	memcpy(info->name, zone->description.name, sizeof(info->name));
}

u32 zone_list(struct hvisor_zone_info *infos, u32 max)
{
	struct hv_zone *zone;
	u32 n = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(zone, &zones, link) {
		if (n < max)
			zone_fill_info(zone, &infos[n]);
		n++;
	}
	rcu_read_unlock();
	return n;
}

static int check_ended(const struct hv_zone *zone)
{
	int r;

	if (zone->is_destroyed)
		return -ESTALE;
	if (zone->state != HVISOR_ZONE_STARTED)
		return 0;
	r = hypervisor_lists_now(zone->description.id);
	if (r)
		return r > 0 ? -EBUSY : r;
	hypervisor_note_end(&zone->description);
	return 0;
}

/* Nobody finds the zone or its devices any more: neither the bridge nor a descriptor. */
static unsigned int unlink_zone(struct hv_zone *zone)
{
	unsigned int n = zone->num_devices;

	WRITE_ONCE(zone->takes_interrupts, false);
	WRITE_ONCE(zone->is_ending, true);
	WRITE_ONCE(zone->is_destroyed, true);

	mutex_lock(&zones_mutex);
	list_del_rcu(&zone->link);
	mutex_unlock(&zones_mutex);
	WRITE_ONCE(zone->num_devices, 0);
	synchronize_rcu();
	return n;
}

int zone_destroy(struct hv_zone *zone)
{
	unsigned int i, n;
	int r;

	mutex_lock(&zone->lock);
	r = check_ended(zone);
	if (r < 0)
		goto out;
	n = unlink_zone(zone);
	for (i = 0; i < n; i++) {
		device_end(zone->devices[i]);
		device_put(zone->devices[i]);
	}
	zone_event(zone);
out:
	mutex_unlock(&zone->lock);
	if (!r)
		zone_put(zone);		/* the list's */
	return r;
}
