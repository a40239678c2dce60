/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device's side of a split virtqueue (virtio 1.2, 2.7).
 *
 * The rings lie in guest memory and belong to a hostile driver: every index,
 * address, length and flag is read once and checked once, here. A violation is
 * -EPROTO: the caller gives the queue up until the driver resets it;
 * virtqueue_violation() says what it was.
 *
 * All that a queue remembers besides the rings is how far it has got, and this
 * can be read back from the used ring: a worker that attaches to a running queue
 * goes on where its predecessor stopped. What that one had fetched but not
 * returned is fetched again. This holds since requests are returned in the
 * order in which they were fetched.
 *
 * One thread a queue. Never logs, never allocates.
 */
#pragma once

#include <linux/virtio_ring.h>

#include "virtio/guest_memory.h"
#include "virtio/iov.h"

#define VIRTQUEUE_SIZE_MAX 1024

/* Where a driver has put a queue. Guest-physical addresses; as the transport reports it. */
struct virtqueue_layout {
        uint64_t descriptors;
        uint64_t available;
        uint64_t used;
        uint16_t size;
};

struct virtqueue {
        const struct guest_memory *memory;
        uint16_t size; /* 0: not running */
        const uint8_t *descriptors;
        const struct vring_avail *available;
        struct vring_used *used;
        bool indirect_allowed;   /* VIRTIO_F_INDIRECT_DESC was negotiated */
        uint16_t next_available; /* free-running, as the rings' idx */
        uint16_t next_used;
        bool unsignalled; /* something was returned since the last virtqueue_take_call() */
        const char *violation;
};

/* One request: buffers that the device reads, then buffers that it writes. */
struct virtqueue_chain {
        uint16_t head;
        struct iov_span readable;
        struct iov_span writable;
        struct iovec iov[VIRTQUEUE_SIZE_MAX];
};

/**
 * virtqueue_start() - takes a queue that the driver has made ready
 * @q: written as a whole; on error not running
 * @memory: borrowed until virtqueue_stop()
 * @layout: hostile; addresses are checked and translated here, once
 * @features: what the driver has accepted
 *
 * Return: 0, -EPROTO (size no power of two or too large, misaligned, outside RAM).
 */
int virtqueue_start(struct virtqueue *q, const struct guest_memory *memory, const struct virtqueue_layout *layout,
                    uint64_t features);

/** virtqueue_stop() - lets go of the rings; not one access to them after it returns */
void virtqueue_stop(struct virtqueue *q);

static inline bool virtqueue_running(const struct virtqueue *q) {
        return q->size != 0;
}

/**
 * virtqueue_next() - fetches the next request
 * @ret: filled in; its spans point into guest memory
 *
 * Return: 1, 0 (nothing there), -EPROTO.
 */
int virtqueue_next(struct virtqueue *q, struct virtqueue_chain *ret);

/** virtqueue_put_back() - the request last fetched stays in the queue and is fetched again */
void virtqueue_put_back(struct virtqueue *q);

/**
 * virtqueue_return() - gives a request back to the driver
 * @head: of the chain
 * @written: bytes that were written, from the start of its writable part
 *
 * The guest is not interrupted yet, see virtqueue_take_call().
 */
void virtqueue_return(struct virtqueue *q, uint16_t head, uint32_t written);

/* A request that was carried out; see virtqueue_return(). */
struct virtqueue_used {
        uint16_t head;
        uint32_t written;
};

/** virtqueue_return_all() - the same for several requests, in this order: the driver sees all of them or none */
void virtqueue_return_all(struct virtqueue *q, const struct virtqueue_used *list, size_t count);

/**
 * virtqueue_take_call() - asks, after a batch, whether the driver wants an interrupt for it
 *
 * Return: true once for everything returned before; false if there was nothing
 * or the driver has suppressed it (2.7.7).
 */
bool virtqueue_take_call(struct virtqueue *q);

/**
 * virtqueue_suppress_kicks() - "no notification needed, I am looking anyway" (2.7.10)
 *
 * A hint: each notification costs the guest a trap. Not kept by a worker that
 * dies; its successor's first virtqueue_start() clears it.
 */
void virtqueue_suppress_kicks(struct virtqueue *q);

/**
 * virtqueue_allow_kicks() - undoes it
 *
 * Return: true if requests came in meanwhile: look again, no notification will tell.
 */
bool virtqueue_allow_kicks(struct virtqueue *q);

/**
 * virtqueue_refuse() - a request that is no request of this device: as bad as a broken ring
 * @what: static text for virtqueue_violation()
 *
 * Return: -EPROTO.
 */
int virtqueue_refuse(struct virtqueue *q, const char *what);

/** virtqueue_violation() - what the last -EPROTO was about; static text, NULL if there was none */
static inline const char *virtqueue_violation(const struct virtqueue *q) {
        return q->violation;
}
