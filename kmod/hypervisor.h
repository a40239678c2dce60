/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's calls about zones. All of them take locks there that a
 * shutdown holds while it waits; a second CPU of root Linux would then spin at
 * EL2 with its interrupts masked. So one call runs at a time, under a mutex.
 *
 * Process context.
 */
#ifndef HVISOR_HYPERVISOR_H
#define HVISOR_HYPERVISOR_H

#include <linux/types.h>

#include <hvisor.h>

enum hypercall {
	HYPERCALL_INIT_VIRTIO	= 0,
	HYPERCALL_FINISH_REQ	= 1,
	HYPERCALL_ZONE_START	= 2,
	HYPERCALL_ZONE_SHUTDOWN	= 3,
	HYPERCALL_ZONE_LIST	= 4,
	HYPERCALL_CONFIG_CHECK	= 6,
};

#define HYPERVISOR_ZONES_MAX	72	/* 64 CPUs, one at least for each zone; and some more */

struct zone_description;

/**
 * hypervisor_probe() - is it there, and one whose zone_config is known?
 *
 * Also learns which CPUs are root Linux's. Logs why if not.
 *
 * Return: 0, -ENODEV, -EPROTONOSUPPORT (unknown magic version), -ENOMEM.
 */
int hypervisor_probe(void);

/* What hypervisor_probe() found. config_size is 0 before the first start. */
u32 hypervisor_magic(void);
u32 hypervisor_config_size(void);
u64 hypervisor_root_cpus(void);

/* The size that a zone_config of the older tool has here. */
u32 hypervisor_old_config_size(void);

/**
 * hypervisor_list() - the zones that the hypervisor runs, root Linux included
 * (its own struct is what the older tool's list hands out)
 * @ret: kmalloc()ed, HYPERVISOR_ZONES_MAX entries; to be freed by the caller
 *
 * Return: how many, or a negative errno (-EINTR: a fatal signal while waiting).
 */
int hypervisor_list(struct hvisor_old_zone_info **ret);

/**
 * hypervisor_lists() - does the hypervisor run a zone of this id?
 *
 * Return: 1, 0 or a negative errno.
 */
int hypervisor_lists(u32 id);

/**
 * hypervisor_start() - starts a zone
 * @config: a zone_config that was checked
 *
 * Asks the list first: a CPU that another zone has is then refused before the
 * hypervisor could hand it to a ghost.
 *
 * Return: 0; -EEXIST (the id runs); -EBUSY (a CPU runs); the hypervisor's errno.
 */
int hypervisor_start(const struct zone_description *zone);
int hypervisor_start_config(const struct zone_description *zone, const u8 *config, u32 size);

/**
 * hypervisor_shutdown() - ends a zone; no interrupt is injected meanwhile
 * @before: called with @argument right before the hypervisor is; may be NULL
 *
 * Return: 0 (also if it is not listed any more), or the hypervisor's errno.
 */
int hypervisor_shutdown(u32 id, void (*before)(void *argument), void *argument);

#endif
