/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One queue of events per CPU, and the SGI that points at it. As in hvisor, one SGI takes one event off: SGIs that
 * arrive while one is pending merge, their events stay behind and are handled with later SGIs (KNOB_DRAIN_EVENTS).
 */
#ifndef MONITOR_EVENT_H
#define MONITOR_EVENT_H

#include "types.h"

enum event {
        EVENT_RUN,              /* enter the CPU's zone */
        EVENT_SHUTDOWN,         /* leave it and power off; everything queued before is forgotten */
        EVENT_VIRTIO_IRQ,       /* inject what FINISH_REQ has listed for this CPU */
        EVENT_WAKEUP,           /* inject the wake-up interrupt (root's first CPU) */
};

/* Any CPU to any CPU, itself included. Panics when the queue is full (64 Ki events: hvisor's heap ends there, too). */
void event_send(unsigned int cpu, enum event e);

/*
 * Takes the oldest event of this CPU and does it. Does not return for EVENT_RUN and EVENT_SHUTDOWN. No lock may be
 * held. Return: false if the queue was empty.
 */
bool event_handle_one(void);

#endif
