/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device's side of a split virtqueue (virtio 1.2, 2.7).
 *
 * The rings lie in guest memory and belong to a hostile driver: every index,
 * address, length and flag is read once and checked once, here. A violation is
 * -EPROTO: the caller gives the queue up until the driver resets it;
 * virtqueue_violation() says what it was.
 *
 * A worker that attaches to a running queue goes on where its predecessor
 * stopped, at whatever instruction that one was killed: what it had fetched but
 * not returned is fetched again, in the same order. With memory for it from the
 * transport (inflight.h) this holds whatever the order of returns. Without, the
 * rings alone must tell: the driver then gets requests back in the order in which
 * they were fetched, and one that is done early waits in here for those before.
 *
 * One thread a queue. Never logs, never allocates.
 */
#pragma once

#include <linux/virtio_ring.h>

#include "virtio/guest_memory.h"
#include "virtio/inflight.h"
#include "virtio/iov.h"

#define VIRTQUEUE_SIZE_MAX 1024

/* Where a driver has put a queue. Guest-physical addresses; as the transport reports it. */
struct virtqueue_layout {
        uint64_t descriptors;
        uint64_t available;
        uint64_t used;
        uint16_t size;
};

enum virtqueue_head {
        VIRTQUEUE_HEAD_DRIVERS, /* the driver's */
        VIRTQUEUE_HEAD_FETCHED,
        VIRTQUEUE_HEAD_DONE, /* returned by the model, waits for those before */
};

struct virtqueue {
        const struct guest_memory *memory;
        uint16_t size; /* 0: not running */
        const uint8_t *descriptors;
        const struct vring_avail *available;
        struct vring_used *used;
        struct inflight_queue *inflight; /* NULL: returned in the order of fetching */
        uint64_t counter;                /* of the next request in it */
        bool indirect_allowed;           /* VIRTIO_F_INDIRECT_DESC was negotiated */
        bool event_idx;                  /* VIRTIO_F_EVENT_IDX was */
        bool unsignalled;                /* something was returned since the last virtqueue_take_call() */
        bool call_owed;                  /* a predecessor may have died before it came to that */
        const char *violation;

        /*
         * Free-running, as the rings' idx: returned <= next_available <= fetched. Up to
         * fetched the available ring was read; what lies between, a predecessor had
         * fetched or the model has put back.
         */
        uint16_t next_used;
        uint16_t called; /* next_used at the last virtqueue_take_call() */
        uint16_t next_available;
        uint16_t fetched;
        uint16_t order[VIRTQUEUE_SIZE_MAX]; /* the heads, as the available ring had them */
        struct {
                enum virtqueue_head state;
                uint32_t written; /* DONE: bytes */
        } heads[VIRTQUEUE_SIZE_MAX];
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
 * @inflight: the queue's part of a region that outlives this worker, with room
 *            for its size; borrowed until virtqueue_stop(). NULL: there is none
 *
 * Return: 0, -EPROTO (size no power of two or too large, misaligned, outside RAM,
 * not the queue that @inflight tells of).
 */
int virtqueue_start(struct virtqueue *q, const struct guest_memory *memory, const struct virtqueue_layout *layout,
                    uint64_t features, struct inflight_queue *inflight);

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

/** virtqueue_put_back() - the request last fetched stays in the queue and is fetched again; so may those before it */
void virtqueue_put_back(struct virtqueue *q);

/**
 * virtqueue_return() - gives a request back to the driver, in any order
 * @head: of a chain that was fetched and not returned yet
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
 * or the driver has suppressed it (2.7.7): by flag, or by an event index that is
 * not reached yet.
 */
bool virtqueue_take_call(struct virtqueue *q);

/**
 * virtqueue_suppress_kicks() - "no notification needed, I am looking anyway" (2.7.10)
 *
 * A hint: each notification costs the guest a trap. Not kept by a worker that
 * dies; its successor's first virtqueue_start() clears it. With an event index it
 * is so already: the driver tells once, when it comes past the place that
 * virtqueue_allow_kicks() has named.
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
