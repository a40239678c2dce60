/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which requests of a split virtqueue were fetched and not returned yet, in
 * memory that outlives the worker: in the layout, and with the meaning, of
 * vhost-user's region for "Inflight I/O tracking". Who keeps the memory is the
 * transport's business (hvisor.ko, or a vhost-user front-end that hands it over
 * with SET_INFLIGHT_FD).
 *
 * A worker may be killed between any two of its instructions. What it has
 * stored until then is there for its successor, in the order of the program: one
 * thread writes, and the kernel's teardown of the one process happens before the
 * other is let in. So all that is needed between two stores is that the compiler
 * keeps their order; only used->idx is read by another CPU meanwhile, the
 * guest's, and has the release of virtio 1.2, 2.7.14.
 *
 *   fetching head h         1. counter[h] = the next number
 *                           2. inflight[h] = 1        from here on it is fetched
 *
 *   returning head h        1. next[h] = last_batch_head, last_batch_head = h
 *   (or several: each       2. the used ring's element
 *   step for all)           3. used->idx += 1         from here on it is returned
 *                           4. inflight[h] = 0
 *                           5. used_idx = used->idx
 *
 * A successor that finds used_idx behind used->idx knows that its predecessor
 * died between 3 and 5, and does 4 and 5 once more for the heads of that batch,
 * which begins at last_batch_head. Anywhere else there is nothing to mend:
 * before 2 of fetching, the request is fetched from the available ring again;
 * before 3 of returning, it is still in flight. Doing 4 and 5 again is harmless,
 * so the successor may be killed at it as well.
 *
 * Then what is marked as in flight was fetched, and all that was fetched before
 * used->idx was returned: the available ring goes on at used->idx plus their
 * number. They are served again first, in the order of their counters. A request
 * may thus be done twice, but is returned once.
 *
 * A request that is in flight is never fetched a second time (virtqueue.c refuses
 * such a driver), so one head is one request.
 *
 * The memory may be shared with a peer that is not trusted. It is only written,
 * but for inflight_resume(), which checks all that it reads.
 */
#pragma once

#include <stddef.h>

#include "base/macros.h"

/* vhost-user, "Inflight I/O tracking": DescStateSplit and QueueRegionSplit. In this machine's byte order. */
struct inflight_descriptor {
        uint8_t inflight;
        uint8_t padding[5];
        uint16_t next;
        uint64_t counter;
};

struct inflight_queue {
        uint64_t features; /* 0 */
        uint16_t version;  /* 0: never used, what follows means nothing */
        uint16_t num_descriptors;
        uint16_t last_batch_head;
        uint16_t used_idx;
        struct inflight_descriptor descriptors[];
};

_Static_assert(sizeof(struct inflight_descriptor) == 16, "as vhost-user has it");
_Static_assert(sizeof(struct inflight_queue) == 16, "as vhost-user has it");

/* All queues' parts, one behind the other. The memory is the transport's. */
struct inflight_region {
        void *base;          /* NULL: there is none; aligned to 8 bytes */
        size_t size;         /* bytes */
        uint16_t queue_size; /* that each part has room for */
        unsigned num_queues;
};

/** inflight_part_size() - bytes from one queue's part to the next, if each has room for @queue_size descriptors */
static inline size_t inflight_part_size(uint16_t queue_size) {
        size_t bytes = sizeof(struct inflight_queue) + queue_size * sizeof(struct inflight_descriptor);

        return (bytes + 63) / 64 * 64;
}

/**
 * inflight_region_attach() - describes memory that holds @num_queues parts
 * @base: zeroed when new; borrowed. A part that is zeroed later on is new again:
 *        for a queue that begins anew it has to be
 * @size: bytes there are
 *
 * Return: 0, -EINVAL (too small, misaligned, or no queue at all).
 */
int inflight_region_attach(struct inflight_region *r, void *base, size_t size, unsigned num_queues,
                           uint16_t queue_size);

/** inflight_region_queue() - a queue's part, borrowed; NULL if there is none, or none for a queue of that size */
struct inflight_queue *inflight_region_queue(const struct inflight_region *r, unsigned queue, uint16_t size);

/* Nobody has served this queue yet, since its part was zeroed: there is nothing to take over. */
static inline bool inflight_is_new(const struct inflight_queue *q) {
        return __atomic_load_n(&q->version, __ATOMIC_RELAXED) == 0;
}

/**
 * inflight_resume() - takes over what a predecessor has left
 * @q: of a queue that nobody else serves any more
 * @size: the queue's, a power of two that the part has room for
 * @used_idx: of the used ring, as the driver sees it; hostile
 * @heads: room for @size; what is in flight, in the order in which it was fetched
 * @counter: the next request's
 *
 * Return: how many there are, 0 … @size; -EPROTO if the part cannot be this
 * queue's (the driver or the peer that keeps it has changed something).
 */
int inflight_resume(struct inflight_queue *q, uint16_t size, uint16_t used_idx, uint16_t *heads, uint64_t *counter);

/** inflight_forget() - the queue is gone for good, and what its part says: whoever starts one there begins anew */
static inline void inflight_forget(struct inflight_queue *q) {
        __atomic_store_n(&q->version, 0, __ATOMIC_RELAXED);
}

/* The compiler's order of two stores: all that a successor needs, see above. */
static inline void inflight_order(void) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/** inflight_fetched() - head @h is in flight from now on; @counter: its place in the order of fetching */
static inline void inflight_fetched(struct inflight_queue *q, uint16_t h, uint64_t counter) {
        q->descriptors[h].counter = counter;
        inflight_order();
        __atomic_store_n(&q->descriptors[h].inflight, 1, __ATOMIC_RELAXED);
        inflight_order();
}

/** inflight_returning() - before used->idx is stored */
static inline void inflight_returning(struct inflight_queue *q, uint16_t h) {
        q->descriptors[h].next = q->last_batch_head;
        inflight_order();
        __atomic_store_n(&q->last_batch_head, h, __ATOMIC_RELAXED);
        inflight_order();
}

/** inflight_returned() - after used->idx was stored */
static inline void inflight_returned(struct inflight_queue *q, uint16_t h) {
        inflight_order();
        __atomic_store_n(&q->descriptors[h].inflight, 0, __ATOMIC_RELAXED);
}

/** inflight_settled() - after all that was returned with one store of used->idx; @used_idx: as it is now */
static inline void inflight_settled(struct inflight_queue *q, uint16_t used_idx) {
        inflight_order();
        __atomic_store_n(&q->used_idx, used_idx, __ATOMIC_RELAXED);
        inflight_order();
}
