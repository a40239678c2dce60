/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtqueue between a fake driver and a worker that may come anew. */
#pragma once

#include <errno.h>

#include "virtio/fake_guest.h"

#define QUEUE_SIZE 8
#define INDIRECT   (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)
#define TABLE      (DATA + 0x10000) /* an indirect table */

struct fixture {
        struct fake_guest guest;
        struct fake_queue driver;
        struct inflight_region region; /* none in half of the tests */
        struct virtqueue q;
        struct virtqueue_chain chain;
};

static inline int start_with(struct fixture *f, const struct guest_memory *memory,
                             const struct virtqueue_layout *layout, uint64_t features) {
        return virtqueue_start(&f->q, memory, layout, features, inflight_region_queue(&f->region, 0, layout->size));
}

/* The next worker, after whatever has happened to the one before. */
static inline void start(struct fixture *f) {
        assert_int_equal(start_with(f, f->guest.memory, &f->driver.layout, INDIRECT), 0);
}

/* The driver sets the queue up anew. */
static inline void reset(struct fixture *f) {
        fake_queue_init(&f->driver, &f->guest, 0, QUEUE_SIZE);
        if (f->region.base)
                memset(f->region.base, 0, f->region.size);
        start(f);
}

static inline int set_up_without_a_region(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        fake_guest_init(&f->guest);
        reset(f);
        *state = f;
        return 0;
}

static inline int set_up(void **state) {
        size_t size = inflight_part_size(VIRTQUEUE_SIZE_MAX);
        struct fixture *f;

        (void) set_up_without_a_region(state);
        f = *state;
        assert_int_equal(inflight_region_attach(&f->region, calloc(1, size), size, 1, VIRTQUEUE_SIZE_MAX), 0);
        reset(f);
        return 0;
}

/* Whoever comes first: what the driver gets back is no chain of this test's. */
static inline void finish(struct fixture *f) {
        virtqueue_return(&f->q, f->chain.head, 0);
}

static inline int tear_down(void **state) {
        struct fixture *f = *state;

        fake_guest_done(&f->guest);
        free(f->region.base);
        free(f);
        return 0;
}

static inline struct vring_desc *table(struct fixture *f, unsigned i) {
        return (struct vring_desc *) fake_at(&f->guest, TABLE) + i;
}

static inline void offer_all(struct fixture *f, const uint16_t *heads, unsigned count) {
        for (unsigned i = 0; i < count; i++) {
                fake_desc(&f->driver, heads[i], DATA + heads[i] * 16U, 16, D_WRITE, 0);
                fake_offer(&f->driver, heads[i]);
        }
}

static inline void fetch_all(struct fixture *f, const uint16_t *heads, unsigned count) {
        for (unsigned i = 0; i < count; i++) {
                assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
                assert_int_equal(f->chain.head, heads[i]);
        }
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 0);
}

static inline void return_head(struct fixture *f, uint16_t head) {
        virtqueue_return(&f->q, head, 100U + head);
}

/* Each with a region for what is in flight, and without. */
#define TEST(name)                                                                                                     \
        cmocka_unit_test_setup_teardown(name, set_up, tear_down), {                                                    \
#name "_without_a_region", name, set_up_without_a_region, tear_down, NULL                              \
        }
