/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "virtio/virtqueue.h"

/* A descriptor as it was read, once. */
struct descriptor {
        uint64_t address;
        uint32_t length;
        uint16_t flags;
        uint16_t next;
};

/* A table of descriptors: the queue's own, or an indirect one. */
struct table {
        const uint8_t *base;
        uint32_t count;
};

int virtqueue_refuse(struct virtqueue *q, const char *what) {
        q->violation = what;
        return -EPROTO;
}

/* 2.7: sizes of the three parts, with the event fields that close both rings. */
static uint64_t available_bytes(uint16_t size) {
        return 6 + 2 * (uint64_t) size;
}

static uint64_t used_bytes(uint16_t size) {
        return 6 + 8 * (uint64_t) size;
}

static int translate_part(const struct virtqueue *q, uint64_t gpa, uint64_t bytes, uint64_t alignment, void **ret) {
        if (gpa % alignment != 0)
                return -EPROTO;
        return guest_memory_translate(q->memory, gpa, bytes, ret) < 0 ? -EPROTO : 0;
}

/*
 * A fresh queue's used ring is zeroed by the driver (4.2.3.2); in one that ran
 * before, idx counts what was returned. Either way that is where to go on.
 */
static int resume(struct virtqueue *q, struct inflight_queue *inflight) {
        uint16_t heads[VIRTQUEUE_SIZE_MAX], used_idx;
        bool is_new = inflight && inflight_is_new(inflight);
        int n = 0;

        used_idx = le16toh(__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE));
        if (inflight)
                n = inflight_resume(inflight, q->size, used_idx, heads, &q->counter);
        if (n < 0)
                return n;
        for (int i = 0; i < n; i++) {
                q->order[(used_idx + i) & (q->size - 1)] = heads[i];
                q->heads[heads[i]].state = VIRTQUEUE_HEAD_FETCHED;
        }
        q->inflight = inflight;
        q->next_used = used_idx;
        q->next_available = used_idx;
        q->fetched = (uint16_t) (used_idx + n);
        /* The predecessor may have died between returning and interrupting: owe a call. */
        q->called = used_idx;
        q->unsignalled = q->call_owed = !is_new || used_idx != 0;
        return 0;
}

/* All but what is written for each request before it is read. */
static void forget(struct virtqueue *q) {
        memset(q, 0, offsetof(struct virtqueue, order));
}

int virtqueue_start(struct virtqueue *q, const struct guest_memory *memory, const struct virtqueue_layout *layout,
                    uint64_t features, struct inflight_queue *inflight) {
        void *descriptors, *available, *used;
        uint16_t size = layout->size;

        forget(q);
        q->memory = memory;
        if (size == 0 || size > VIRTQUEUE_SIZE_MAX || (size & (size - 1)) != 0)
                return virtqueue_refuse(q, "queue size is no power of two up to 1024");
        if (translate_part(q, layout->descriptors, sizeof(struct vring_desc) * (uint64_t) size, VRING_DESC_ALIGN_SIZE,
                           &descriptors) < 0)
                return virtqueue_refuse(q, "descriptor table is misaligned or outside RAM");
        if (translate_part(q, layout->available, available_bytes(size), VRING_AVAIL_ALIGN_SIZE, &available) < 0)
                return virtqueue_refuse(q, "available ring is misaligned or outside RAM");
        if (translate_part(q, layout->used, used_bytes(size), VRING_USED_ALIGN_SIZE, &used) < 0)
                return virtqueue_refuse(q, "used ring is misaligned or outside RAM");

        q->descriptors = descriptors;
        q->available = available;
        q->used = used;
        q->indirect_allowed = features & (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC);
        q->event_idx = features & (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX);
        q->size = size;
        memset(q->heads, 0, size * sizeof(q->heads[0]));
        if (resume(q, inflight) < 0) {
                q->size = 0;
                return virtqueue_refuse(q, "the record of what is in flight is not of this queue");
        }
        (void) virtqueue_allow_kicks(q);
        return 0;
}

void virtqueue_stop(struct virtqueue *q) {
        forget(q);
}

/*
 * Reads a descriptor once: the driver can change it under our eyes. The fence keeps
 * the compiler from reading again later. An indirect table may be misaligned.
 */
static struct descriptor descriptor_read(const struct table *t, uint32_t i) {
        struct vring_desc d;

        memcpy(&d, t->base + i * sizeof(d), sizeof(d));
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        return (struct descriptor){
                .address = le64toh(d.addr),
                .length = le32toh(d.len),
                .flags = le16toh(d.flags),
                .next = le16toh(d.next),
        };
}

/* Adds one buffer to the chain. There is room: the caller counts descriptors up to the queue's size. */
static int chain_add(struct virtqueue *q, struct virtqueue_chain *c, const struct descriptor *d) {
        bool writable = d->flags & VRING_DESC_F_WRITE;
        struct iov_span *span = writable ? &c->writable : &c->readable;
        size_t n = c->readable.count + c->writable.count;
        void *host;

        /* 2.7.4.2: readable buffers stand before writable ones. */
        if (!writable && c->writable.count > 0)
                return virtqueue_refuse(q, "readable buffer after a writable one");
        if (guest_memory_translate(q->memory, d->address, d->length, &host) < 0)
                return virtqueue_refuse(q, "buffer is empty or outside RAM");
        /* 2.7.5: no chain is longer than 2^32 bytes in total. */
        if (d->length > UINT32_MAX - (c->readable.size + c->writable.size))
                return virtqueue_refuse(q, "chain of 4 GiB or more");

        c->iov[n] = (struct iovec){ .iov_base = host, .iov_len = d->length };
        if (span->count == 0)
                span->iov = &c->iov[n];
        span->count++;
        span->size += d->length;
        return 0;
}

/* 2.7.5.3: an indirect descriptor points to a table and ends its chain. The write flag on it means nothing. */
static int enter_indirect(struct virtqueue *q, const struct descriptor *d, struct table *ret) {
        void *host;

        if (!q->indirect_allowed)
                return virtqueue_refuse(q, "indirect descriptor without the feature");
        if (d->flags & VRING_DESC_F_NEXT)
                return virtqueue_refuse(q, "indirect descriptor that goes on");
        if (d->length == 0 || d->length % sizeof(struct vring_desc) != 0)
                return virtqueue_refuse(q, "indirect table of a broken descriptor");
        if (d->length / sizeof(struct vring_desc) > q->size)
                return virtqueue_refuse(q, "indirect table longer than the queue");
        if (guest_memory_translate(q->memory, d->address, d->length, &host) < 0)
                return virtqueue_refuse(q, "indirect table outside RAM");
        *ret = (struct table){ .base = host, .count = d->length / sizeof(struct vring_desc) };
        return 0;
}

/* Walks a chain, through an indirect table if there is one. The bound is the queue's size (2.7.5.3.1). */
static int chain_walk(struct virtqueue *q, uint16_t head, struct virtqueue_chain *c) {
        struct table t = { .base = q->descriptors, .count = q->size };
        bool indirect = false;
        uint32_t i = head;
        int r;

        for (unsigned n = 0;;) {
                struct descriptor d;

                if (i >= t.count)
                        return virtqueue_refuse(q, "descriptor index outside its table");
                d = descriptor_read(&t, i);
                if (d.flags & VRING_DESC_F_INDIRECT) {
                        if (indirect)
                                return virtqueue_refuse(q, "indirect descriptor inside an indirect table");
                        r = enter_indirect(q, &d, &t);
                        if (r < 0)
                                return r;
                        indirect = true;
                        i = 0;
                        continue;
                }
                if (n++ == q->size)
                        return virtqueue_refuse(q, "chain longer than the queue: a loop");
                r = chain_add(q, c, &d);
                if (r < 0)
                        return r;
                if (!(d.flags & VRING_DESC_F_NEXT))
                        return 0;
                i = d.next;
        }
}

/* Return: 1 and the head of the next request that nobody has fetched yet; 0; -EPROTO. */
static int read_available(struct virtqueue *q, uint16_t *ret) {
        uint16_t idx, waiting, head;

        /*
         * Read the ring and the descriptors only after idx: the driver publishes it last
         * (2.7.13). Pairs with the driver's write barrier before idx.
         */
        idx = le16toh(__atomic_load_n(&q->available->idx, __ATOMIC_ACQUIRE));
        waiting = (uint16_t) (idx - q->fetched);
        if (waiting == 0)
                return 0;
        if (waiting > q->size)
                return virtqueue_refuse(q, "more requests announced than the queue holds");
        head = le16toh(__atomic_load_n(&q->available->ring[q->fetched & (q->size - 1)], __ATOMIC_RELAXED));
        if (head >= q->size)
                return virtqueue_refuse(q, "descriptor index outside its table");
        if (q->heads[head].state != VIRTQUEUE_HEAD_DRIVERS)
                return virtqueue_refuse(q, "a request that was not returned yet is announced again");
        *ret = head;
        return 1;
}

/* The record comes before the count: nothing is fetched that is not in flight. */
static void note_fetched(struct virtqueue *q, uint16_t head) {
        if (q->inflight)
                inflight_fetched(q->inflight, head, q->counter++);
        q->heads[head].state = VIRTQUEUE_HEAD_FETCHED;
        q->order[q->fetched++ & (q->size - 1)] = head;
}

int virtqueue_next(struct virtqueue *q, struct virtqueue_chain *ret) {
        bool known = q->next_available != q->fetched;
        int r = 1;

        if (known)
                ret->head = q->order[q->next_available & (q->size - 1)];
        else
                r = read_available(q, &ret->head);
        if (r <= 0)
                return r;
        ret->readable = ret->writable = (struct iov_span){ .iov = ret->iov };
        r = chain_walk(q, ret->head, ret);
        if (r < 0)
                return r;
        if (!known)
                note_fetched(q, ret->head);
        q->next_available++;
        return 1;
}

void virtqueue_put_back(struct virtqueue *q) {
        q->next_available--;
}

static void write_used(struct virtqueue *q, uint16_t at, uint16_t head, uint32_t written) {
        vring_used_elem_t *e = &q->used->ring[at & (q->size - 1)];

        __atomic_store_n(&e->id, htole32(head), __ATOMIC_RELAXED);
        __atomic_store_n(&e->len, htole32(written), __ATOMIC_RELAXED);
        q->heads[head].state = VIRTQUEUE_HEAD_DRIVERS;
}

/* 2.7.14: elements and data before idx. Pairs with the driver's read barrier after idx. */
static void publish_used(struct virtqueue *q, uint16_t idx) {
        if (idx == q->next_used)
                return;
        q->next_used = idx;
        __atomic_store_n(&q->used->idx, htole16(idx), __ATOMIC_RELEASE);
        q->unsignalled = true;
}

/* The order of stores is inflight.h's. */
static void return_recorded(struct virtqueue *q, const struct virtqueue_used *list, size_t count) {
        for (size_t i = 0; i < count; i++)
                inflight_returning(q->inflight, list[i].head);
        for (size_t i = 0; i < count; i++)
                write_used(q, (uint16_t) (q->next_used + i), list[i].head, list[i].written);
        publish_used(q, (uint16_t) (q->next_used + count));
        for (size_t i = 0; i < count; i++)
                inflight_returned(q->inflight, list[i].head);
        inflight_settled(q->inflight, q->next_used);
}

/* As far as everything that was fetched before is done as well. */
static void return_in_order(struct virtqueue *q) {
        uint16_t at = q->next_used;

        for (; at != q->next_available; at++) {
                uint16_t head = q->order[at & (q->size - 1)];

                if (q->heads[head].state != VIRTQUEUE_HEAD_DONE)
                        break;
                write_used(q, at, head, q->heads[head].written);
        }
        publish_used(q, at);
}

void virtqueue_return_all(struct virtqueue *q, const struct virtqueue_used *list, size_t count) {
        for (size_t i = 0; i < count; i++) {
                uint16_t head = list[i].head;

                if (head >= q->size || q->heads[head].state != VIRTQUEUE_HEAD_FETCHED)
                        abort(); /* the model's mistake: the driver may have that memory for something else */
                q->heads[head].state = VIRTQUEUE_HEAD_DONE;
                q->heads[head].written = list[i].written;
        }
        if (q->inflight)
                return_recorded(q, list, count);
        else
                return_in_order(q);
}

void virtqueue_return(struct virtqueue *q, uint16_t head, uint32_t written) {
        virtqueue_return_all(q, &(struct virtqueue_used){ .head = head, .written = written }, 1);
}

/* 2.7.7.2, 2.7.10: the two event fields stand behind the other side's ring. */
static uint16_t read_used_event(const struct virtqueue *q) {
        return le16toh(__atomic_load_n(&q->available->ring[q->size], __ATOMIC_RELAXED));
}

static void write_available_event(struct virtqueue *q, uint16_t idx) {
        __atomic_store_n((__virtio16 *) &q->used->ring[q->size], htole16(idx), __ATOMIC_RELAXED);
}

static bool call_wanted(const struct virtqueue *q, uint16_t called, bool owed) {
        if (!q->event_idx)
                return !(le16toh(__atomic_load_n(&q->available->flags, __ATOMIC_RELAXED)) & VRING_AVAIL_F_NO_INTERRUPT);
        /* From where to where is not known then. One interrupt too many is none. */
        return owed || vring_need_event(read_used_event(q), q->next_used, called);
}

bool virtqueue_take_call(struct virtqueue *q) {
        uint16_t called = q->called;
        bool owed = q->call_owed;

        if (!q->unsignalled)
                return false;
        q->unsignalled = q->call_owed = false;
        q->called = q->next_used;
        /*
         * idx was stored before flags or used_event is read: pairs with the driver, which
         * stores those and then looks at idx once more (2.7.7.1).
         */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return call_wanted(q, called, owed);
}

void virtqueue_suppress_kicks(struct virtqueue *q) {
        if (!q->event_idx) /* else flags stay 0 (2.7.10.1) */
                __atomic_store_n(&q->used->flags, htole16(VRING_USED_F_NO_NOTIFY), __ATOMIC_RELAXED);
}

bool virtqueue_allow_kicks(struct virtqueue *q) {
        if (q->event_idx)
                write_available_event(q, q->fetched);
        else
                __atomic_store_n(&q->used->flags, 0, __ATOMIC_RELAXED);
        /* Flags or event before idx: pairs with the driver, which stores idx and then reads those (2.7.13.3). */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return le16toh(__atomic_load_n(&q->available->idx, __ATOMIC_RELAXED)) != q->next_available;
}
