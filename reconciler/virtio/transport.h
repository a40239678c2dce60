/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What carries a device to its driver: it tells where the queues are, passes
 * notifications on as descriptors to wait for, and interrupts the guest.
 * transport_hvisor.c is the one over hvisor.ko.
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
         * Becomes the device's worker and fills in event_fd and kick_fds. @cookie tells the
         * manager with which settings it serves. *ret_memory is the caller's.
         */
        int (*attach)(struct transport *t, const struct virtio_device *d, uint64_t cookie,
                      struct guest_memory **ret_memory, struct err *e);
        int (*read_state)(struct transport *t, struct transport_state *ret);
        /* The queues that @sequence took away are let go of. */
        int (*acknowledge)(struct transport *t, uint64_t sequence);
        /* The driver broke the protocol: NEEDS_RESET (2.1.2). */
        int (*break_device)(struct transport *t);
        /* The driver sees @d's config from now on, and is interrupted for it if it differs (2.5). */
        int (*change_config)(struct transport *t, const struct virtio_device *d);
        /* Interrupts the guest: buffers were used. */
        int (*call)(struct transport *t);
        void (*free)(struct transport *t);
};

struct transport {
        const struct transport_ops *ops;
        int event_fd;                    /* EPOLLIN: state changed; EPOLLHUP: revoked */
        int kick_fds[VIRTIO_QUEUES_MAX]; /* eventfds; -1 beyond the device's queues */
        /* Outlives the worker; a queue's part is zero when the queue is new. Looked at when a queue starts. */
        struct inflight_region inflight;
};

static inline void transport_free(struct transport *t) {
        if (t)
                t->ops->free(t);
}
DEFINE_CLEANUP(struct transport *, transport_free);
