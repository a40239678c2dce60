/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A zone object: what a zone is, its devices, and how far its life has come.
 * It ends with HVISOR_ZONE_DESTROY only; descriptors that are still open then
 * keep its memory, and nothing else.
 */
#ifndef HVISOR_ZONE_H
#define HVISOR_ZONE_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "bridge.h"
#include "zone_config.h"

struct file;
struct hv_device;
struct zone_limits;

/* Which answers of a zone are held back. */
enum zone_withholding {
	WITHHOLD_NOTHING,
	WITHHOLD_REQUESTS,	/* all but what an interrupt handler needs to end */
	WITHHOLD_ALL,
};

struct hv_zone {
	struct kref references;
	struct list_head link;		/* in the list of zones; RCU */

	struct mutex lock;		/* serializes all calls that change the object */
	enum hvisor_zone_state state;
	bool is_destroyed;
	u64 cookie[2];
	struct zone_description description;	/* never changes: no devices */
	struct zone_description started_as;	/* with the devices; under the lock */

	/* Grows in state CREATED, is emptied when destroyed. Readers without the lock: RCU. */
	struct hv_device *devices[HVISOR_DEVICES_MAX];
	unsigned int num_devices;

	/* Read at the bridge, in any context. */
	bool takes_interrupts;		/* started, and not about to be stopped */
	bool is_ending;			/* no worker is waited for any more */
	u64 last_activity;		/* ktime_get_ns() of its last access or interrupt */

	/* What passes between its CPUs and the bridge (zone_bridge.c). Taken after a device's lock. */
	spinlock_t bridge_lock;

	/* Answers that are ready but held back, see zone_withhold(). */
	enum zone_withholding withholds;
	u32 withheld;			/* bitmap of CPUs */
	u64 withheld_values[BRIDGE_CPUS];

	/* Of the first CPU, which takes the interrupts. */
	bool waits;			/* for an answer */
	bool has_gone_on;		/* got one since an interrupt was sent */
	u64 answered_at;
	u32 sent;			/* interrupt that it may not have taken yet; 0: none */
	u64 sent_at;
	u32 wanted[HVISOR_DEVICES_MAX];	/* interrupts to be sent then */
	unsigned int num_wanted;

	atomic64_t events;		/* see poll() on a zone fd */
	wait_queue_head_t wait;
};

/**
 * zone_access() - a zone touched a virtio window
 *
 * Called by the bridge, interrupts off. Answers, now or later.
 */
void zone_access(const struct bridge_request *request);

/**
 * zone_withhold() - keeps the zone's CPUs from going on
 * zone_release() - gives the answers that were held back, and holds none any more
 * zone_answer() - an answer that had waited for a worker
 *
 * From zone_withhold() on a CPU that touches a window stays in the hypervisor,
 * where it holds no lock. Any context; a device's lock may be held.
 */
void zone_withhold(struct hv_zone *zone, enum zone_withholding what);
void zone_release(struct hv_zone *zone);
void zone_answer(struct hv_zone *zone, u32 cpu, u64 value);

/**
 * zone_interrupt() - an interrupt for the zone's first CPU
 *
 * Only one that was given to the zone. As bridge_inject(), and it may wait until
 * the CPU has taken another one. Any context; a device's lock may be held.
 *
 * Return: false if nothing was sent, to be tried again.
 */
bool zone_interrupt(struct hv_zone *zone, u32 interrupt);

/* Something that its manager waits for has happened to one of the devices. Any context. */
void zone_event(struct hv_zone *zone);

/**
 * zone_create() - makes an object, in state CREATED
 * @problem: set where it is told what is at fault, else left alone
 * @ret: with a reference for the caller
 *
 * Return: 0, or what HVISOR_ZONE_CREATE says.
 */
int zone_create(const struct hvisor_zone_create *wanted, struct zone_problem *problem,
		struct hv_zone **ret);

/* RCU read side, or with zones_lock() held. Return: borrowed; NULL if there is none. */
struct hv_zone *zone_find(u32 id);

/* Return: a reference, or NULL if there is no such zone (any more). */
struct hv_zone *zone_open(u32 id);
void zone_put(struct hv_zone *zone);

/* Devices created so far; those below this number are there. RCU read side, or the lock. */
static inline unsigned int zone_num_devices(const struct hv_zone *zone)
{
	/* Pairs with zone_add()'s store after the pointer's. */
	return smp_load_acquire(&zone->num_devices);
}

void zone_fill_info(struct hv_zone *zone, struct hvisor_zone_info *info);

/**
 * zone_list() - all zone objects, in order of creation
 *
 * Return: how many there are; at most @max are written.
 */
u32 zone_list(struct hvisor_zone_info *infos, u32 max);

/**
 * zone_destroy() - HVISOR_ZONE_DESTROY
 *
 * Return: 0, -EBUSY (it runs), -ESTALE.
 */
int zone_destroy(struct hv_zone *zone);

/* HVISOR_ZONE_START and HVISOR_ZONE_STOP; zone_run.c. */
int zone_start(struct hv_zone *zone);
int zone_stop(struct hv_zone *zone);

/* HVISOR_ZONE_LOAD; load.c. */
int zone_load(struct hv_zone *zone, const struct hvisor_zone_load *load);

/**
 * zone_add() - gives the zone a device; device.c
 * @device: from device_new() with the same @wanted; the zone takes a reference
 *
 * Return: 0, or what HVISOR_DEVICE_CREATE says.
 */
int zone_add(struct hv_zone *zone, const struct hvisor_device_create *wanted,
	     struct hv_device *device);

/* RCU read side, or the lock. Return: borrowed; NULL if there is none of that name. */
struct hv_device *zone_find_device(const struct hv_zone *zone, const char *name);

/**
 * zone_file_open() - makes a zone fd; zone_file.c
 * @ret: to be given to fd_install() with the number returned, or to fput()
 *
 * Return: a reserved descriptor number, or -errno. The file has its own reference.
 */
int zone_file_open(struct hv_zone *zone, struct file **ret);

/* Keeps zones from being created or destroyed; for the older calls. */
void zones_lock(void);
void zones_unlock(void);

/* With zones_lock() held. -EEXIST: the id; -EBUSY: CPU, RAM or PCI device of a zone object. */
int zones_check_apart(const struct zone_description *description, struct zone_problem *problem);

/* With zones_lock() held: is it an IVC's of a zone object? */
bool zones_have_ivc_interrupt(u32 interrupt);

/* With zones_lock() held: does [address, address+size) meet a zone object's RAM? */
bool zones_have_ram(u64 address, u64 size);

/* What root Linux knows of itself and the board. */
void zone_limits_get(struct zone_limits *limits);

/**
 * zone_check_description() - zone_check(), with what root Linux knows of the board
 *
 * Logs the field at fault at debug level. Return: as zone_check(), -EBUSY for a region
 * in RAM that root Linux itself uses, and what zone_layout_check() does.
 */
int zone_check_description(const struct zone_description *description,
			   struct zone_problem *problem);

/* From what user space wants to a checked description (zone_describe.c). @description is zeroed. */
int zone_describe(const struct hvisor_zone_create *wanted, struct zone_description *description,
		  struct zone_problem *problem);

#endif
