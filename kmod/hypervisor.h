/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's calls about zones. All of them take locks there that a
 * shutdown holds while it waits; a second CPU of root Linux would then spin at
 * EL2 with its interrupts masked. So one call runs at a time: starts and stops
 * wait for each other, the list waits for nobody.
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
	HYPERCALL_IVC_INFO	= 5,
	HYPERCALL_CONFIG_CHECK	= 6,
	HYPERCALL_GET_VIRTIO_IRQ = 86,	/* x86_64 */
};

#define HYPERVISOR_ZONES_MAX	72	/* 64 CPUs, one at least for each zone; and some more */

struct zone_description;
struct zone_layout;

/**
 * hypervisor_probe() - is it there, and one whose zone_config is known?
 *
 * Once, before anybody uses /dev/hvisor: it asks for a start that the
 * hypervisor has to refuse. Logs what is not as it has to be.
 *
 * Return: 0, -ENODEV, -EPROTONOSUPPORT (unknown zone_config), -ENOMEM.
 */
int hypervisor_probe(void);

/* What hypervisor_probe() has found, for good: the layout is static. */
const struct zone_layout *hypervisor_layout(void);
u64 hypervisor_root_cpus(void);

/* The version of the board's GIC, which is the one of root Linux's device tree. */
u32 hypervisor_gic_version(void);

/**
 * hypervisor_list() - the zones that the hypervisor runs, root Linux included
 * (its own struct is what the older tool's list hands out)
 * @ret: kmalloc()ed, HYPERVISOR_ZONES_MAX entries; to be freed by the caller
 *
 * Does not wait: while a zone is being started or stopped, these are the zones
 * from right before that.
 *
 * Return: how many, or a negative errno.
 */
int hypervisor_list(struct hvisor_old_zone_info **ret);

/**
 * hypervisor_lists() - does hypervisor_list() have a zone of this id?
 * hypervisor_lists_now() - the same after the start or stop that is under way
 *
 * Return: 1, 0 or a negative errno (-EINTR: a fatal signal while waiting).
 */
int hypervisor_lists(u32 id);
int hypervisor_lists_now(u32 id);

/**
 * hypervisor_start() - starts a zone, on CPUs that have forgotten the one before
 * @config: a zone_config of hypervisor_layout() that was checked, with the id and
 * CPUs of @zone; NULL: @zone's own
 *
 * Asks the list first: a CPU that another zone has is then refused before the
 * hypervisor could hand it to a ghost.
 *
 * Return: 0; -EEXIST (the id runs); -EBUSY (a CPU runs); -EUSERS, -ENOTUNIQ, -ENOSPC (an IVC would not
 * let it in, see ivc_peers.h); -ENOEXEC (see setup_check.h); the hypervisor's errno; -ENOMEM.
 */
int hypervisor_start(const struct zone_description *zone, const u8 *config);

/**
 * hypervisor_shutdown() - ends a zone; no interrupt is injected meanwhile
 * @zone: of one that nobody knows its id is enough, and no CPUs
 * @before: called with @argument right before the hypervisor is; may be NULL
 *
 * Its CPUs are made ready for the next zone in the background, unless the
 * hypervisor may have given up on one of them.
 *
 * Return: 0 (also if it is not listed any more), or the hypervisor's errno.
 */
int hypervisor_shutdown(const struct zone_description *zone, void (*before)(void *argument),
			void *argument);

/* A zone whose guest powered off: waits until its CPUs are off, then as after a shutdown. */
void hypervisor_note_end(const struct zone_description *zone);

#endif
