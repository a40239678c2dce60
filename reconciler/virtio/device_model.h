/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The border between a device model (device/block.c …) and what carries it
 * (server.c over a transport). A model knows queues, buffers and its own
 * descriptors; it knows neither hvisor.ko nor sockets nor the event loop.
 *
 * A model embeds struct virtio_device, fills in what it offers, and gives an
 * ops table. The server calls it from one thread; it never blocks on the guest.
 *
 * A queue may be driven elsewhere (driven_elsewhere): the kernel or another process
 * serves it, straight from kick to call. Its queue_started() gives all of it away,
 * queue_stopping() has it back; in between nothing here touches the rings or wakes up
 * for them, and queue_notify() is not called.
 */
#pragma once

#include <linux/virtio_config.h>

#include "virtio/virtqueue.h"

#define VIRTIO_QUEUES_MAX  16
#define VIRTIO_CONFIG_MAX  256
#define VIRTIO_SOURCES_MAX 8

/* A virtqueue's offer of VIRTIO_F_…, as a mask. */
#define VIRTIO_FEATURE(bit) (UINT64_C(1) << (bit))

/* What virtqueue.c can do, whatever the device: every model offers it. */
#define VIRTIO_QUEUE_FEATURES                                                                                          \
        (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |                            \
         VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX))

struct virtio_device;

/*
 * Handlers return 0; 1 if there is more to do and they stopped to let others run
 * (they are called again soon, a source with EPOLLIN); -EPROTO if the guest broke the protocol on that
 * queue (it is given up until its reset); any other -errno is a failure of ours
 * that ends the worker.
 */
struct virtio_device_ops {
        /* The queue runs from now on; requests may be there already. May be NULL. */
        int (*queue_started)(struct virtio_device *d, unsigned queue);
        /*
         * The queue is about to go: hold no chain, no pointer into guest memory after this. The others are notified
         * then: what is left to do for them is done there. May be NULL.
         */
        void (*queue_stopping)(struct virtio_device *d, unsigned queue);
        /* The driver has notified the queue, or it was just started. */
        int (*queue_notify)(struct virtio_device *d, unsigned queue);
        /* A descriptor of the model's own has @events (epoll(7)). NULL if it has none. */
        int (*source_ready)(struct virtio_device *d, unsigned source, uint32_t events);
        void (*free)(struct virtio_device *d);
};

struct virtio_device {
        const struct virtio_device_ops *ops;

        /* What is offered; set by the model once, before it is served. */
        uint64_t features; /* VIRTIO_F_VERSION_1 among them */
        unsigned num_queues;
        uint16_t queue_size_max[VIRTIO_QUEUES_MAX]; /* powers of two, <= VIRTQUEUE_SIZE_MAX */
        uint32_t config_size;
        uint8_t config[VIRTIO_CONFIG_MAX]; /* little-endian, as the guest reads it; zeroes beyond config_size */
        /* Set by a handler that has changed config: the driver is told (2.5). The server's to clear. */
        bool config_changed;
        uint32_t driven_elsewhere; /* a mask of queues */
        bool recorded_elsewhere;   /* what is in flight in them, too, in the transport's memory for it (inflight.h) */
        bool shares_memory;        /* of guest and record: another process is to map it */

        /* Descriptors of its own that the event loop watches, with epoll(7) events. Borrowed. */
        unsigned num_sources;
        struct {
                int fd;
                uint32_t events;
        } sources[VIRTIO_SOURCES_MAX];

        /* What a handler's failure was about, where errno's own text says too little; static text, or NULL. */
        const char *failure;

        /* What the driver made of it; the server's to write. */
        uint64_t driver_features;
        struct virtqueue queues[VIRTIO_QUEUES_MAX];

        /* Borrowed eventfds, for who drives a queue elsewhere. Valid from the first queue_started() on. */
        int kick_fds[VIRTIO_QUEUES_MAX];      /* signalled when the driver notifies a queue */
        int call_fd;                          /* to be signalled: interrupts the driver; one for all queues */
        const struct inflight_region *record; /* with shares_memory: where recorded_elsewhere means, and */
        int record_fd;                        /* by which to map it, from offset 0 on */
};

static inline void virtio_device_free(struct virtio_device *d) {
        if (d)
                d->ops->free(d);
}
DEFINE_CLEANUP(struct virtio_device *, virtio_device_free);

static inline bool virtio_device_has(const struct virtio_device *d, unsigned feature) {
        return d->driver_features & VIRTIO_FEATURE(feature);
}
