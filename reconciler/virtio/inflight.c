/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "virtio/inflight.h"
#include "virtio/virtqueue.h"

#define VERSION_NONE  0
#define VERSION_SPLIT 1

int inflight_region_attach(struct inflight_region *r, void *base, size_t size, unsigned num_queues,
                           uint16_t queue_size) {
        size_t part = inflight_part_size(queue_size);

        if (num_queues == 0 || queue_size == 0 || size / part < num_queues)
                return -EINVAL;
        if ((uintptr_t) base % _Alignof(struct inflight_queue) != 0)
                return -EINVAL;
        *r = (struct inflight_region){ .base = base, .size = size, .queue_size = queue_size, .num_queues = num_queues };
        return 0;
}

struct inflight_queue *inflight_region_queue(const struct inflight_region *r, unsigned queue, uint16_t size) {
        if (!r->base || queue >= r->num_queues || size > r->queue_size)
                return NULL;
        return (struct inflight_queue *) ((uint8_t *) r->base + queue * inflight_part_size(r->queue_size));
}

/* The version comes last: a part that was begun and not finished is begun again. */
static void begin(struct inflight_queue *q, uint16_t size, uint16_t used_idx) {
        memset(q->descriptors, 0, size * sizeof(*q->descriptors));
        q->features = 0;
        q->num_descriptors = size;
        q->last_batch_head = 0;
        q->used_idx = used_idx;
        inflight_order();
        __atomic_store_n(&q->version, VERSION_SPLIT, __ATOMIC_RELAXED);
        inflight_order();
}

/* The predecessor died after it had stored used->idx: these were returned, as the driver sees it. */
static int finish_batch(struct inflight_queue *q, uint16_t size, uint16_t used_idx) {
        uint16_t behind = (uint16_t) (used_idx - __atomic_load_n(&q->used_idx, __ATOMIC_RELAXED));
        uint16_t head = __atomic_load_n(&q->last_batch_head, __ATOMIC_RELAXED);

        if (behind > size)
                return -EPROTO;
        for (; behind > 0; behind--) {
                if (head >= size)
                        return -EPROTO;
                __atomic_store_n(&q->descriptors[head].inflight, 0, __ATOMIC_RELAXED);
                head = __atomic_load_n(&q->descriptors[head].next, __ATOMIC_RELAXED);
        }
        inflight_order();
        __atomic_store_n(&q->used_idx, used_idx, __ATOMIC_RELAXED);
        return 0;
}

/* By insertion: once a start, at most 1024, and no memory is needed for it. */
static void sort_by_counter(uint16_t *heads, uint64_t *counters, unsigned n) {
        for (unsigned i = 1; i < n; i++) {
                uint64_t counter = counters[i];
                uint16_t head = heads[i];
                unsigned at = i;

                for (; at > 0 && counters[at - 1] > counter; at--) {
                        counters[at] = counters[at - 1];
                        heads[at] = heads[at - 1];
                }
                counters[at] = counter;
                heads[at] = head;
        }
}

int inflight_resume(struct inflight_queue *q, uint16_t size, uint16_t used_idx, uint16_t *heads, uint64_t *counter) {
        uint64_t counters[VIRTQUEUE_SIZE_MAX];
        uint16_t version = __atomic_load_n(&q->version, __ATOMIC_RELAXED);
        unsigned n = 0;

        *counter = 0;
        if (version == VERSION_NONE)
                begin(q, size, used_idx);
        else if (version != VERSION_SPLIT || q->num_descriptors != size || finish_batch(q, size, used_idx) < 0)
                return -EPROTO;
        for (uint16_t h = 0; h < size; h++) {
                if (!__atomic_load_n(&q->descriptors[h].inflight, __ATOMIC_RELAXED))
                        continue;
                heads[n] = h;
                counters[n++] = __atomic_load_n(&q->descriptors[h].counter, __ATOMIC_RELAXED);
        }
        sort_by_counter(heads, counters, n);
        if (n > 0)
                *counter = counters[n - 1] + 1;
        return (int) n;
}
