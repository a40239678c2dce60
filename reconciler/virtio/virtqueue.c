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

int virtqueue_start(struct virtqueue *q, const struct guest_memory *memory, const struct virtqueue_layout *layout,
                    uint64_t features) {
        void *descriptors, *available, *used;
        uint16_t size = layout->size;

        *q = (struct virtqueue){ .memory = memory };
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
        /*
         * A fresh queue's used ring is zeroed by the driver (4.2.3.2); in one that ran
         * before, idx counts what was returned. Either way that is where to go on. The
         * predecessor may have died between returning and interrupting: owe a call.
         */
        q->next_used = le16toh(__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE));
        q->next_available = q->next_used;
        q->unsignalled = q->next_used != 0;
        q->size = size;
        (void) virtqueue_allow_kicks(q);
        return 0;
}

void virtqueue_stop(struct virtqueue *q) {
        *q = (struct virtqueue){ 0 };
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

int virtqueue_next(struct virtqueue *q, struct virtqueue_chain *ret) {
        uint16_t idx, waiting;
        int r;

        /*
         * Read the ring and the descriptors only after idx: the driver publishes it last
         * (2.7.13). Pairs with the driver's write barrier before idx.
         */
        idx = le16toh(__atomic_load_n(&q->available->idx, __ATOMIC_ACQUIRE));
        waiting = (uint16_t) (idx - q->next_available);
        if (waiting == 0)
                return 0;
        if (waiting > q->size)
                return virtqueue_refuse(q, "more requests announced than the queue holds");

        ret->head = le16toh(__atomic_load_n(&q->available->ring[q->next_available & (q->size - 1)], __ATOMIC_RELAXED));
        ret->readable = ret->writable = (struct iov_span){ .iov = ret->iov };
        r = chain_walk(q, ret->head, ret);
        if (r < 0)
                return r;
        q->next_available++;
        return 1;
}

void virtqueue_put_back(struct virtqueue *q) {
        q->next_available--;
}

void virtqueue_return_all(struct virtqueue *q, const struct virtqueue_used *list, size_t count) {
        for (size_t i = 0; i < count; i++) {
                vring_used_elem_t *e = &q->used->ring[q->next_used++ & (q->size - 1)];

                __atomic_store_n(&e->id, htole32(list[i].head), __ATOMIC_RELAXED);
                __atomic_store_n(&e->len, htole32(list[i].written), __ATOMIC_RELAXED);
        }
        /* 2.7.14: elements and data before idx. Pairs with the driver's read barrier after idx. */
        __atomic_store_n(&q->used->idx, htole16(q->next_used), __ATOMIC_RELEASE);
        q->unsignalled = true;
}

void virtqueue_return(struct virtqueue *q, uint16_t head, uint32_t written) {
        virtqueue_return_all(q, &(struct virtqueue_used){ .head = head, .written = written }, 1);
}

bool virtqueue_take_call(struct virtqueue *q) {
        if (!q->unsignalled)
                return false;
        q->unsignalled = false;
        /*
         * idx was stored before flags is read: pairs with the driver, which clears
         * NO_INTERRUPT and then looks at idx once more (2.7.7.1).
         */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return !(le16toh(__atomic_load_n(&q->available->flags, __ATOMIC_RELAXED)) & VRING_AVAIL_F_NO_INTERRUPT);
}

void virtqueue_suppress_kicks(struct virtqueue *q) {
        __atomic_store_n(&q->used->flags, htole16(VRING_USED_F_NO_NOTIFY), __ATOMIC_RELAXED);
}

bool virtqueue_allow_kicks(struct virtqueue *q) {
        __atomic_store_n(&q->used->flags, 0, __ATOMIC_RELAXED);
        /* Flags before idx: pairs with the driver, which stores idx and then reads flags (2.7.13.3). */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return le16toh(__atomic_load_n(&q->available->idx, __ATOMIC_RELAXED)) != q->next_available;
}
