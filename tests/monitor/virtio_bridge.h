/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bridge page: zones' virtio accesses on their way to root Linux, interrupts on their way back. */
#ifndef MONITOR_VIRTIO_BRIDGE_H
#define MONITOR_VIRTIO_BRIDGE_H

#include "trap.h"

struct zone;

/* INIT_VIRTIO: the bridge is the page at physical @page from now on. Panics if it is not page-aligned. */
void virtio_bridge_set(uint64_t page);

/*
 * One access by a zone's CPU to the region of type virtio at @region: pushed into the bridge; posted if it goes to
 * offset 0x50 of the region, else this CPU spins, with no end, until root Linux changes its cfg_flags.
 */
void virtio_access(struct zone *z, uint64_t region, struct mmio_access *a);

/* FINISH_REQ: moves every result to the list of the zone's first CPU. Panics on the 8th that is pending there. */
void virtio_finish_requests(void);

/* The target's side of it: injects what is on this CPU's list. */
void virtio_inject_pending(void);

/*
 * ZONE_SHUTDOWN holds the lock of the lists all the while: FINISH_REQ, and a zone's CPU that is about to inject,
 * wait for its end at EL2.
 */
void virtio_lock_irqs(void);
void virtio_unlock_irqs(void);
void virtio_forget_irqs(unsigned int cpu);

#endif
