/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side for tests: RAM of a guest in plain memory, and a split ring in
 * it that a test fills descriptor by descriptor, rightly or wrongly.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <endian.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "virtio/guest_memory.h"
#include "virtio/virtqueue.h"

#define RAM_BASE UINT64_C(0x50000000)
#define RAM_SIZE (UINT64_C(1) << 20)

/* Rings of queue n are at RAM_BASE + n * QUEUE_SPACE; data is from DATA on. */
#define QUEUE_SPACE 0x10000
#define DATA        (RAM_BASE + 0x80000)

#define D_NEXT     VRING_DESC_F_NEXT
#define D_WRITE    VRING_DESC_F_WRITE
#define D_INDIRECT VRING_DESC_F_INDIRECT

struct fake_guest {
        uint8_t *ram; /* exactly RAM_SIZE: a byte beyond it is the sanitizer's */
        struct guest_memory *memory;
};

struct fake_queue {
        struct fake_guest *guest;
        struct virtqueue_layout layout;
        struct vring_desc *desc;
        struct vring_avail *avail;
        struct vring_used *used;
        uint16_t seen; /* used elements taken so far */
};

static inline void fake_guest_init(struct fake_guest *g) {
        g->ram = calloc(1, RAM_SIZE);
        assert_non_null(g->ram);
        assert_int_equal(guest_memory_new(&g->memory), 0);
        assert_int_equal(guest_memory_add(g->memory, RAM_BASE, RAM_SIZE, g->ram), 0);
}

static inline void fake_guest_done(struct fake_guest *g) {
        guest_memory_free(g->memory);
        free(g->ram);
}

static inline void *fake_at(const struct fake_guest *g, uint64_t gpa) {
        return g->ram + (gpa - RAM_BASE);
}

static inline void fake_queue_init(struct fake_queue *q, struct fake_guest *g, unsigned n, uint16_t size) {
        uint64_t base = RAM_BASE + n * QUEUE_SPACE;

        *q = (struct fake_queue){ .guest = g };
        q->layout = (struct virtqueue_layout){
                .descriptors = base, .available = base + 0x5000, .used = base + 0x8000, .size = size
        };
        memset(fake_at(g, base), 0, QUEUE_SPACE);
        q->desc = fake_at(g, q->layout.descriptors);
        q->avail = fake_at(g, q->layout.available);
        q->used = fake_at(g, q->layout.used);
}

static inline void fake_write_desc(struct vring_desc *d, uint64_t address, uint32_t length, uint16_t flags,
                                   uint16_t next) {
        *d = (struct vring_desc){
                .addr = htole64(address), .len = htole32(length), .flags = htole16(flags), .next = htole16(next)
        };
}

static inline void fake_desc(struct fake_queue *q, unsigned i, uint64_t address, uint32_t length, uint16_t flags,
                             uint16_t next) {
        fake_write_desc(&q->desc[i], address, length, flags, next);
}

/* Puts a chain into the available ring and publishes it. */
static inline void fake_offer(struct fake_queue *q, uint16_t head) {
        uint16_t idx = le16toh(q->avail->idx);

        q->avail->ring[idx & (q->layout.size - 1)] = htole16(head);
        __atomic_store_n(&q->avail->idx, htole16(idx + 1), __ATOMIC_RELEASE);
}

/* Does the device want to be told of the request just offered (2.7.13.3)? @event_idx: as negotiated. */
static inline bool fake_kick_wanted(const struct fake_queue *q, bool event_idx) {
        uint16_t idx = le16toh(q->avail->idx);

        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!event_idx)
                return !(le16toh(__atomic_load_n(&q->used->flags, __ATOMIC_RELAXED)) & VRING_USED_F_NO_NOTIFY);
        return vring_need_event(
                le16toh(__atomic_load_n((const __virtio16 *) &q->used->ring[q->layout.size], __ATOMIC_RELAXED)), idx,
                (uint16_t) (idx - 1));
}

/* Takes the next used element; false if there is none. */
static inline bool fake_take_used(struct fake_queue *q, uint32_t *ret_head, uint32_t *ret_length) {
        const vring_used_elem_t *e;

        if (le16toh(__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE)) == q->seen)
                return false;
        e = &q->used->ring[q->seen++ & (q->layout.size - 1)];
        *ret_head = le32toh(e->id);
        *ret_length = le32toh(e->len);
        return true;
}
