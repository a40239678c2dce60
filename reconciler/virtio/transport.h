/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What carries a device to its driver: it tells where the queues are, passes
 * notifications on as descriptors to wait for, and interrupts the guest.
 * transport_hvisor.c is the one over hvisor.ko, transport_vhost_user.c the one
 * to a vhost-user front-end.
 */
#pragma once

#include "base/err.h"
#include "virtio/device_model.h"

/* What the driver has set up, at one moment. */
struct transport_state {
        uint64_t sequence; /* to be acknowledged */
        uint64_t features; /* accepted by the driver */
        uint32_t status;   /* virtio 1.2, 2.1 */
        struct {
                bool ready;
                struct virtqueue_layout layout; /* hostile */
        } queues[VIRTIO_QUEUES_MAX];
};

struct transport;

/* Calls on an attached transport return 0, -ESTALE (this worker was revoked: leave quietly) or -errno. */
struct transport_ops {
        /*
         * Becomes the device's worker, and fills in event_fd and call_fd. @d is borrowed until
         * free(). @cookie tells the manager with which settings it serves.
         */
        int (*attach)(struct transport *t, const struct virtio_device *d, uint64_t cookie, struct err *e);
        int (*read_state)(struct transport *t, struct transport_state *ret);
        /* The queues that @sequence took away are let go of. Return: also 1, the state is another one by now. */
        int (*acknowledge)(struct transport *t, uint64_t sequence);
        /* The driver broke the protocol on @queue: NEEDS_RESET (2.1.2). */
        int (*break_device)(struct transport *t, unsigned queue);
        /* The driver sees @d's config from now on, and is interrupted for it if it differs (2.5). */
        int (*change_config)(struct transport *t, const struct virtio_device *d);
        /* Interrupts the guest: buffers of @queues, a mask, were used. */
        int (*call)(struct transport *t, uint32_t queues);
        void (*free)(struct transport *t);
};

struct transport {
        const struct transport_ops *ops;
        int event_fd; /* EPOLLIN: state changed; EPOLLHUP: revoked */
        /*
         * The guest's RAM, and an eventfd of each queue, written to by notifications. They stay what they are
         * from read_state() that shows a queue as ready until acknowledge() of one that does not.
         */
        struct guest_memory *memory;
        int kick_fds[VIRTIO_QUEUES_MAX];
        int call_fd; /* an eventfd that interrupts the guest as call() does; -1: there is none */
        /*
         * Outlives the worker; a queue's part is zero when the queue is new. Looked at when a queue starts, and
         * like them it stays what it is.
         */
        struct inflight_region inflight;
        int inflight_fd; /* by which another process may map it, if the device shares its memory */
};

static inline void transport_free(struct transport *t) {
        if (t)
                t->ops->free(t);
}
DEFINE_CLEANUP(struct transport *, transport_free);
