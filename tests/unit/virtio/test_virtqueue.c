/* SPDX-License-Identifier: GPL-2.0-or-later */
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

static int start_with(struct fixture *f, const struct guest_memory *memory, const struct virtqueue_layout *layout,
                      uint64_t features) {
        return virtqueue_start(&f->q, memory, layout, features, inflight_region_queue(&f->region, 0, layout->size));
}

/* The next worker, after whatever has happened to the one before. */
static void start(struct fixture *f) {
        assert_int_equal(start_with(f, f->guest.memory, &f->driver.layout, INDIRECT), 0);
}

/* The driver sets the queue up anew. */
static void reset(struct fixture *f) {
        fake_queue_init(&f->driver, &f->guest, 0, QUEUE_SIZE);
        if (f->region.base)
                memset(f->region.base, 0, f->region.size);
        start(f);
}

static int set_up_without_a_region(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        fake_guest_init(&f->guest);
        reset(f);
        *state = f;
        return 0;
}

static int set_up(void **state) {
        size_t size = inflight_part_size(VIRTQUEUE_SIZE_MAX);
        struct fixture *f;

        (void) set_up_without_a_region(state);
        f = *state;
        assert_int_equal(inflight_region_attach(&f->region, calloc(1, size), size, 1, VIRTQUEUE_SIZE_MAX), 0);
        reset(f);
        return 0;
}

/* Whoever comes first: what the driver gets back is no chain of this test's. */
static void finish(struct fixture *f) {
        virtqueue_return(&f->q, f->chain.head, 0);
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        fake_guest_done(&f->guest);
        free(f->region.base);
        free(f);
        return 0;
}

static struct vring_desc *table(struct fixture *f, unsigned i) {
        return (struct vring_desc *) fake_at(&f->guest, TABLE) + i;
}

/* ---- starting ----------------------------------------------------------------------------------------- */

static void test_virtqueue_start_checks_size_place_and_alignment(void **state) {
        const struct virtqueue_layout good = ((struct fixture *) *state)->driver.layout;
        const uint64_t end = RAM_BASE + RAM_SIZE;
        const struct {
                struct virtqueue_layout layout;
                bool ok;
        } rows[] = {
                { good, true },
                { { good.descriptors, good.available, good.used, 0 }, false },
                { { good.descriptors, good.available, good.used, 6 }, false },
                { { good.descriptors, good.available, good.used, 2048 }, false },
                { { good.descriptors, good.available, good.used, 1024 }, true },
                { { good.descriptors, good.available, good.used, 1 }, true },
                { { good.descriptors + 8, good.available, good.used, 8 }, false },
                { { good.descriptors, good.available + 1, good.used, 8 }, false },
                { { good.descriptors, good.available, good.used + 2, 8 }, false },
                { { 0, good.available, good.used, 8 }, false },
                { { end - 8 * 16, good.available, good.used, 8 }, true },
                { { end - 7 * 16, good.available, good.used, 8 }, false },
                { { good.descriptors, end - 22, good.used, 8 }, true },
                { { good.descriptors, end - 20, good.used, 8 }, false },
                { { good.descriptors, good.available, end - 72, 8 }, true },
                { { good.descriptors, good.available, end - 68, 8 }, false },
                { { good.descriptors, good.available, UINT64_MAX - 3, 8 }, false },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int r;

                reset(f);
                if (f->region.base)
                        memset(f->region.base, 0, f->region.size);
                r = start_with(f, f->guest.memory, &rows[i].layout, 0);
                assert_int_equal(r, rows[i].ok ? 0 : -EPROTO);
                assert_int_equal(virtqueue_running(&f->q), rows[i].ok);
                assert_int_equal(virtqueue_violation(&f->q) == NULL, rows[i].ok);
        }
}

/* ---- good chains -------------------------------------------------------------------------------------- */

static void test_virtqueue_next_splits_readable_and_writable(void **state) {
        struct fixture *f = *state;

        fake_desc(&f->driver, 3, DATA, 16, D_NEXT, 7);
        fake_desc(&f->driver, 7, DATA + 0x100, 100, D_NEXT, 0);
        fake_desc(&f->driver, 0, DATA + 0x200, 512, D_NEXT | D_WRITE, 1);
        fake_desc(&f->driver, 1, DATA + 0x800, 1, D_WRITE, 99);
        fake_offer(&f->driver, 3);

        assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
        assert_int_equal(f->chain.head, 3);
        assert_int_equal(f->chain.readable.count, 2);
        assert_int_equal(f->chain.readable.size, 116);
        assert_ptr_equal(f->chain.readable.iov[1].iov_base, fake_at(&f->guest, DATA + 0x100));
        assert_int_equal(f->chain.writable.count, 2);
        assert_int_equal(f->chain.writable.size, 513);
        assert_ptr_equal(f->chain.writable.iov[1].iov_base, fake_at(&f->guest, DATA + 0x800));
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 0);
}

static void test_virtqueue_next_follows_indirect_tables(void **state) {
        /* Alone; after direct descriptors (2.7.5.3.2); the write flag on it is ignored; misaligned is allowed. */
        static const struct {
                bool direct_first;
                uint16_t flags;
                uint64_t offset;
        } rows[] = { { false, 0, 0 }, { true, 0, 0 }, { false, D_WRITE, 0 }, { true, D_WRITE, 5 } };
        struct fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct vring_desc entry[2];

                fake_write_desc(&entry[0], DATA, 10, D_NEXT, 1);
                fake_write_desc(&entry[1], DATA + 64, 20, D_WRITE, 0);
                memcpy(fake_at(&f->guest, TABLE + rows[i].offset), entry, sizeof(entry));
                fake_desc(&f->driver, 0, DATA + 128, 5, D_NEXT, 1);
                fake_desc(&f->driver, 1, TABLE + rows[i].offset, 32, D_INDIRECT | rows[i].flags, 0);
                fake_offer(&f->driver, rows[i].direct_first ? 0 : 1);
                assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
                assert_int_equal(f->chain.readable.size, rows[i].direct_first ? 15 : 10);
                assert_int_equal(f->chain.writable.size, 20);
                finish(f);
        }
}

static void test_virtqueue_next_takes_a_chain_as_long_as_the_queue(void **state) {
        struct fixture *f = *state;

        for (unsigned i = 0; i < QUEUE_SIZE; i++) {
                fake_desc(&f->driver, i, DATA + i * 8, 8, i == QUEUE_SIZE - 1 ? 0 : D_NEXT, (uint16_t) (i + 1));
                fake_write_desc(table(f, i), DATA + i * 8, 8, D_WRITE | (i == QUEUE_SIZE - 1 ? 0 : D_NEXT),
                                (uint16_t) (i + 1));
        }
        fake_offer(&f->driver, 0);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
        assert_int_equal(f->chain.readable.count, QUEUE_SIZE);
        finish(f);

        fake_desc(&f->driver, 0, TABLE, 16 * QUEUE_SIZE, D_INDIRECT, 0);
        fake_offer(&f->driver, 0);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
        assert_int_equal(f->chain.writable.count, QUEUE_SIZE);
}

static void test_virtqueue_indices_wrap_at_16_bit(void **state) {
        struct fixture *f = *state;
        uint32_t head, length;

        for (unsigned n = 0; n < 70000; n++) {
                uint16_t i = (uint16_t) (n % QUEUE_SIZE);

                fake_desc(&f->driver, i, DATA, 4, D_WRITE, 0);
                fake_offer(&f->driver, i);
                assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
                assert_int_equal(f->chain.head, i);
                virtqueue_return(&f->q, f->chain.head, n);
                assert_true(fake_take_used(&f->driver, &head, &length));
                assert_int_equal(head, i);
                assert_int_equal(length, n);
        }
        assert_int_equal(le16toh(f->driver.used->idx), 70000 % 65536);
}

static void test_virtqueue_return_all_keeps_the_order(void **state) {
        const struct virtqueue_used list[] = { { 5, 100 }, { 2, 0 }, { 7, 3 } };
        struct fixture *f = *state;
        uint32_t head, length;

        for (unsigned round = 0; round < QUEUE_SIZE; round++) { /* across the end of the ring, too */
                for (unsigned i = 0; i < ELEMENTSOF(list); i++) {
                        fake_desc(&f->driver, list[i].head, DATA, 4, D_WRITE, 0);
                        fake_offer(&f->driver, list[i].head);
                        assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
                }
                virtqueue_return_all(&f->q, list, ELEMENTSOF(list));
                for (unsigned i = 0; i < ELEMENTSOF(list); i++) {
                        assert_true(fake_take_used(&f->driver, &head, &length));
                        assert_int_equal(head, list[i].head);
                        assert_int_equal(length, list[i].written);
                }
                assert_false(fake_take_used(&f->driver, &head, &length));
        }
}

static void test_virtqueue_put_back_fetches_the_same_again(void **state) {
        struct fixture *f = *state;

        fake_desc(&f->driver, 5, DATA, 4, D_WRITE, 0);
        fake_offer(&f->driver, 5);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
                assert_int_equal(f->chain.head, 5);
                virtqueue_put_back(&f->q);
        }
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 0);
}

/* ---- hostile chains ----------------------------------------------------------------------------------- */

static void loop_of_one(struct fixture *f) {
        fake_desc(&f->driver, 0, DATA, 4, D_NEXT, 0);
}
static void loop_of_two(struct fixture *f) {
        fake_desc(&f->driver, 0, DATA, 4, D_NEXT, 1);
        fake_desc(&f->driver, 1, DATA, 4, D_NEXT, 0);
}
static void next_outside(struct fixture *f) {
        fake_desc(&f->driver, 0, DATA, 4, D_NEXT, QUEUE_SIZE);
}
static void readable_after_writable(struct fixture *f) {
        fake_desc(&f->driver, 0, DATA, 4, D_NEXT | D_WRITE, 1);
        fake_desc(&f->driver, 1, DATA, 4, 0, 0);
}
static void empty_buffer(struct fixture *f) {
        fake_desc(&f->driver, 0, DATA, 0, 0, 0);
}
static void buffer_below_ram(struct fixture *f) {
        fake_desc(&f->driver, 0, RAM_BASE - 1, 4, 0, 0);
}
static void buffer_beyond_ram(struct fixture *f) {
        fake_desc(&f->driver, 0, RAM_BASE + RAM_SIZE - 3, 4, 0, 0);
}
static void buffer_that_wraps(struct fixture *f) {
        fake_desc(&f->driver, 0, UINT64_MAX - 1, 4, 0, 0);
}
static void buffer_of_4g(struct fixture *f) {
        fake_desc(&f->driver, 0, RAM_BASE, UINT32_MAX, 0, 0);
}
static void table_goes_on(struct fixture *f) {
        fake_write_desc(table(f, 0), DATA, 4, 0, 0);
        fake_desc(&f->driver, 0, TABLE, 16, D_INDIRECT | D_NEXT, 1);
        fake_desc(&f->driver, 1, DATA, 4, 0, 0);
}
static void table_in_table(struct fixture *f) {
        fake_write_desc(table(f, 0), TABLE, 16, D_INDIRECT, 0);
        fake_desc(&f->driver, 0, TABLE, 16, D_INDIRECT, 0);
}
static void table_of_odd_length(struct fixture *f) {
        fake_write_desc(table(f, 0), DATA, 4, 0, 0);
        fake_desc(&f->driver, 0, TABLE, 24, D_INDIRECT, 0);
}
static void table_empty(struct fixture *f) {
        fake_desc(&f->driver, 0, TABLE, 0, D_INDIRECT, 0);
}
static void table_longer_than_queue(struct fixture *f) {
        fake_write_desc(table(f, 0), DATA, 4, 0, 0);
        fake_desc(&f->driver, 0, TABLE, 16 * (QUEUE_SIZE + 1), D_INDIRECT, 0);
}
static void table_outside_ram(struct fixture *f) {
        fake_desc(&f->driver, 0, RAM_BASE + RAM_SIZE - 16, 32, D_INDIRECT, 0);
}
static void table_next_outside(struct fixture *f) {
        fake_write_desc(table(f, 0), DATA, 4, D_NEXT, 2);
        fake_desc(&f->driver, 0, TABLE, 32, D_INDIRECT, 0);
}
static void table_loops(struct fixture *f) {
        fake_write_desc(table(f, 0), DATA, 4, D_NEXT, 0);
        fake_desc(&f->driver, 0, TABLE, 16, D_INDIRECT, 0);
}
static void table_after_too_many_direct(struct fixture *f) {
        for (unsigned i = 0; i < QUEUE_SIZE; i++)
                fake_write_desc(table(f, i), DATA, 4, i == QUEUE_SIZE - 1 ? 0 : D_NEXT, (uint16_t) (i + 1));
        fake_desc(&f->driver, 0, DATA, 4, D_NEXT, 1);
        fake_desc(&f->driver, 1, TABLE, 16 * QUEUE_SIZE, D_INDIRECT, 0);
}

static void test_virtqueue_next_refuses_hostile_chains(void **state) {
        static void (*const rows[])(struct fixture *) = {
                loop_of_one,       loop_of_two,
                next_outside,      readable_after_writable,
                empty_buffer,      buffer_below_ram,
                buffer_beyond_ram, buffer_that_wraps,
                buffer_of_4g,      table_goes_on,
                table_in_table,    table_of_odd_length,
                table_empty,       table_longer_than_queue,
                table_outside_ram, table_next_outside,
                table_loops,       table_after_too_many_direct,
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                reset(f);
                rows[i](f);
                fake_offer(&f->driver, 0);
                assert_int_equal(virtqueue_next(&f->q, &f->chain), -EPROTO);
                assert_non_null(virtqueue_violation(&f->q));
                assert_int_equal(le16toh(f->driver.used->idx), 0);
        }
}

static void test_virtqueue_next_refuses_a_sum_beyond_4g(void **state) {
        struct fixture *f = *state;
        struct guest_memory *big;

        /* Translated, never touched: the addresses behind it do not matter. */
        assert_int_equal(guest_memory_new(&big), 0);
        assert_int_equal(guest_memory_add(big, RAM_BASE, RAM_SIZE, f->guest.ram), 0);
        assert_int_equal(guest_memory_add(big, UINT64_C(1) << 32, UINT64_C(3) << 30, f->guest.ram), 0);
        assert_int_equal(start_with(f, big, &f->driver.layout, 0), 0);
        fake_desc(&f->driver, 0, UINT64_C(1) << 32, 3U << 30, D_NEXT, 1);
        fake_desc(&f->driver, 1, UINT64_C(1) << 32, (1U << 30) - 1, D_NEXT, 2);
        fake_desc(&f->driver, 2, UINT64_C(1) << 32, 1, D_WRITE, 0);
        fake_offer(&f->driver, 0);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), -EPROTO);
        fake_desc(&f->driver, 1, UINT64_C(1) << 32, (1U << 30) - 1, 0, 0);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
        assert_true(f->chain.readable.size == UINT32_MAX);
        guest_memory_free(big);
}

static void test_virtqueue_next_refuses_indirect_without_the_feature(void **state) {
        struct fixture *f = *state;

        assert_int_equal(start_with(f, f->guest.memory, &f->driver.layout, 0), 0);
        fake_write_desc(table(f, 0), DATA, 4, 0, 0);
        fake_desc(&f->driver, 0, TABLE, 16, D_INDIRECT, 0);
        fake_offer(&f->driver, 0);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), -EPROTO);
}

static void test_virtqueue_next_refuses_a_head_or_idx_outside(void **state) {
        struct fixture *f = *state;

        fake_offer(&f->driver, QUEUE_SIZE);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), -EPROTO);
        fake_offer(&f->driver, UINT16_MAX);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), -EPROTO);
        f->driver.avail->idx = htole16(QUEUE_SIZE + 1);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), -EPROTO);
        f->driver.avail->idx = htole16(UINT16_MAX); /* backwards */
        assert_int_equal(virtqueue_next(&f->q, &f->chain), -EPROTO);
}

/* xorshift: the same rings in every run */
static uint64_t random_next(uint64_t *seed) {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

/* A descriptor that is often right in part: only such ones get far. */
static struct vring_desc random_desc(uint64_t *seed) {
        static const uint64_t addresses[] = { DATA, TABLE, RAM_BASE, RAM_BASE + RAM_SIZE - 16, 0, UINT64_MAX - 8 };
        static const uint32_t lengths[] = { 16, 32, 128, 1, 0, 4096, UINT32_MAX };
        struct vring_desc d;

        fake_write_desc(&d, addresses[random_next(seed) % ELEMENTSOF(addresses)] + random_next(seed) % 3 * 16,
                        lengths[random_next(seed) % ELEMENTSOF(lengths)], (uint16_t) (random_next(seed) % 8),
                        (uint16_t) (random_next(seed) % (QUEUE_SIZE + 1)));
        return d;
}

static void assert_chain_inside_ram(const struct fixture *f) {
        const struct iov_span *spans[] = { &f->chain.readable, &f->chain.writable };

        assert_true(f->chain.readable.count + f->chain.writable.count <= QUEUE_SIZE);
        for (size_t s = 0; s < ELEMENTSOF(spans); s++) {
                uint64_t size = 0;

                for (size_t i = 0; i < spans[s]->count; i++) {
                        const uint8_t *base = spans[s]->iov[i].iov_base;

                        assert_true(base >= f->guest.ram && spans[s]->iov[i].iov_len > 0);
                        assert_true(spans[s]->iov[i].iov_len <= RAM_SIZE - (size_t) (base - f->guest.ram));
                        size += spans[s]->iov[i].iov_len;
                }
                assert_true(size == spans[s]->size);
        }
}

static void test_virtqueue_next_survives_random_rings(void **state) {
        struct fixture *f = *state;
        uint64_t seed = 0x9e3779b97f4a7c15;
        unsigned good = 0, bad = 0;

        for (unsigned n = 0; n < 200000; n++) {
                for (unsigned i = 0; i < QUEUE_SIZE; i++) {
                        f->driver.desc[i] = random_desc(&seed);
                        *table(f, i) = random_desc(&seed);
                }
                f->driver.avail->idx = htole16(f->q.next_available + 1);
                f->driver.avail->ring[f->q.next_available % QUEUE_SIZE] =
                        htole16(random_next(&seed) % (QUEUE_SIZE + 1));
                switch (virtqueue_next(&f->q, &f->chain)) {
                case 1:
                        assert_chain_inside_ram(f);
                        finish(f);
                        good++;
                        break;
                case -EPROTO:
                        bad++;
                        break;
                default:
                        fail();
                }
        }
        assert_true(good > 1000 && bad > 1000);
}

/* ---- in flight ---------------------------------------------------------------------------------------- */

static void offer_all(struct fixture *f, const uint16_t *heads, unsigned count) {
        for (unsigned i = 0; i < count; i++) {
                fake_desc(&f->driver, heads[i], DATA + heads[i] * 16U, 16, D_WRITE, 0);
                fake_offer(&f->driver, heads[i]);
        }
}

static void fetch_all(struct fixture *f, const uint16_t *heads, unsigned count) {
        for (unsigned i = 0; i < count; i++) {
                assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
                assert_int_equal(f->chain.head, heads[i]);
        }
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 0);
}

static void expect_used(struct fixture *f, const uint16_t *heads, unsigned count) {
        uint32_t head, length;

        for (unsigned i = 0; i < count; i++) {
                assert_true(fake_take_used(&f->driver, &head, &length));
                assert_int_equal(head, heads[i]);
                assert_int_equal(length, 100 + head);
        }
        assert_false(fake_take_used(&f->driver, &head, &length));
}

static void return_head(struct fixture *f, uint16_t head) {
        virtqueue_return(&f->q, head, 100U + head);
}

static void test_virtqueue_next_refuses_a_head_in_flight(void **state) {
        struct fixture *f = *state;

        offer_all(f, (uint16_t[]){ 3 }, 1);
        fetch_all(f, (uint16_t[]){ 3 }, 1);
        fake_offer(&f->driver, 3);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), -EPROTO);
        return_head(f, 3);
        fetch_all(f, (uint16_t[]){ 3 }, 1);
}

static void test_virtqueue_return_in_any_order(void **state) {
        struct fixture *f = *state;

        offer_all(f, (uint16_t[]){ 5, 0, 7 }, 3);
        fetch_all(f, (uint16_t[]){ 5, 0, 7 }, 3);
        return_head(f, 7);
        return_head(f, 5);
        if (f->region.base)
                expect_used(f, (uint16_t[]){ 7, 5 }, 2);
        else /* 7 waits for 0: the rings alone must tell a successor what is missing */
                expect_used(f, (uint16_t[]){ 5 }, 1);
        return_head(f, 0);
        if (f->region.base)
                expect_used(f, (uint16_t[]){ 0 }, 1);
        else
                expect_used(f, (uint16_t[]){ 0, 7 }, 2);
}

static void test_virtqueue_start_fetches_again_what_was_in_flight(void **state) {
        struct fixture *f = *state;

        offer_all(f, (uint16_t[]){ 5, 0, 7, 2 }, 4);
        fetch_all(f, (uint16_t[]){ 5, 0, 7, 2 }, 4);
        return_head(f, 0);
        return_head(f, 5);
        offer_all(f, (uint16_t[]){ 6, 0 }, 2); /* overwrites nothing yet, but 0 comes again */
        start(f);
        fetch_all(f, (uint16_t[]){ 7, 2, 6, 0 }, 4);
        return_head(f, 2);
        start(f);
        if (f->region.base)
                fetch_all(f, (uint16_t[]){ 7, 6, 0 }, 3);
        else
                fetch_all(f, (uint16_t[]){ 7, 2, 6, 0 }, 4);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 0);
}

/* Those that wait in the ring for one slow request are overwritten there. */
static void test_virtqueue_start_finds_one_that_is_older_than_the_ring(void **state) {
        struct fixture *f = *state;

        offer_all(f, (uint16_t[]){ 4 }, 1);
        fetch_all(f, (uint16_t[]){ 4 }, 1);
        for (unsigned i = 0; i < 70000; i++) {
                offer_all(f, (uint16_t[]){ 1 }, 1);
                fetch_all(f, (uint16_t[]){ 1 }, 1);
                return_head(f, 1);
                if (i % 10000 == 0) {
                        start(f);
                        fetch_all(f, (uint16_t[]){ 4 }, 1);
                }
        }
        start(f);
        fetch_all(f, (uint16_t[]){ 4 }, 1);
        return_head(f, 4);
        start(f);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 0);
}

static void test_virtqueue_put_back_leaves_the_order(void **state) {
        struct fixture *f = *state;

        offer_all(f, (uint16_t[]){ 5, 0, 7 }, 3);
        fetch_all(f, (uint16_t[]){ 5, 0, 7 }, 3);
        virtqueue_put_back(&f->q);
        virtqueue_put_back(&f->q);
        return_head(f, 5);
        expect_used(f, (uint16_t[]){ 5 }, 1);
        assert_true(virtqueue_allow_kicks(&f->q)); /* there is something to fetch, though nothing new */
        f->driver.avail->ring[1] = htole16(6);     /* a guest that changes its mind */
        start(f);
        if (f->region.base)
                fetch_all(f, (uint16_t[]){ 0, 7 }, 2);
}

static void test_virtqueue_start_refuses_the_record_of_another_queue(void **state) {
        struct fixture *f = *state;
        struct inflight_queue *part = inflight_region_queue(&f->region, 0, QUEUE_SIZE);

        for (unsigned row = 0; row < 4; row++) {
                reset(f);
                offer_all(f, (uint16_t[]){ 5, 0, 7 }, 3);
                fetch_all(f, (uint16_t[]){ 5, 0, 7 }, 3);
                return_head(f, 0);
                switch (row) {
                case 0:
                        part->version = 2;
                        break;
                case 1:
                        part->num_descriptors = 2 * QUEUE_SIZE;
                        break;
                case 2: /* the driver counts on: nothing that was in flight can have been returned so */
                        f->driver.used->idx = htole16(1 + QUEUE_SIZE + 1);
                        break;
                case 3:
                        f->driver.used->idx = htole16(3);
                        part->last_batch_head = QUEUE_SIZE;
                        break;
                default:
                        break;
                }
                assert_int_equal(start_with(f, f->guest.memory, &f->driver.layout, 0), -EPROTO);
                assert_false(virtqueue_running(&f->q));
                assert_non_null(virtqueue_violation(&f->q));
        }
}

static void test_inflight_region_must_have_room(void **state) {
        struct inflight_region r = { 0 };
        uint64_t memory[40] = { 0 };

        (void) state;
        assert_int_equal(inflight_part_size(8), 192); /* 16 + 8 * 16, to 64 */
        assert_int_equal(inflight_part_size(1024), 0x4040);
        assert_int_equal(inflight_region_attach(&r, memory, 192, 0, 8), -EINVAL);
        assert_int_equal(inflight_region_attach(&r, memory, 191, 1, 8), -EINVAL);
        assert_int_equal(inflight_region_attach(&r, memory, 192, 2, 8), -EINVAL);
        assert_int_equal(inflight_region_attach(&r, memory, SIZE_MAX, 1, 0), -EINVAL);
        assert_int_equal(inflight_region_attach(&r, (uint8_t *) memory + 4, 192, 1, 8), -EINVAL);
        assert_null(inflight_region_queue(&r, 0, 8));
        assert_int_equal(inflight_region_attach(&r, memory, 320, 1, 8), 0);
        assert_ptr_equal(inflight_region_queue(&r, 0, 8), memory);
        assert_null(inflight_region_queue(&r, 1, 8));
        assert_null(inflight_region_queue(&r, 0, 16));
}

/* ---- resuming and suppressing ------------------------------------------------------------------------- */

static void serve_one(struct fixture *f) {
        fake_desc(&f->driver, 0, DATA, 16, D_WRITE, 0);
        fake_offer(&f->driver, 0);
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
        finish(f);
}

static void test_virtqueue_start_resumes_after_what_was_returned(void **state) {
        struct fixture *f = *state;
        uint32_t head, length;

        for (uint16_t i = 0; i < 4; i++) {
                fake_desc(&f->driver, i, DATA + i * 16U, 16, D_WRITE, 0);
                fake_offer(&f->driver, i);
        }
        /* The first worker returns two, has a third in its hands, and dies. */
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
                if (i < 2)
                        virtqueue_return(&f->q, f->chain.head, 1);
        }
        virtqueue_suppress_kicks(&f->q);
        start(f);
        assert_int_equal(f->driver.used->flags, 0);
        for (uint16_t i = 2; i < 4; i++) {
                assert_int_equal(virtqueue_next(&f->q, &f->chain), 1);
                assert_int_equal(f->chain.head, i);
                virtqueue_return(&f->q, f->chain.head, 1);
        }
        assert_int_equal(virtqueue_next(&f->q, &f->chain), 0);
        for (uint16_t i = 0; i < 4; i++) {
                assert_true(fake_take_used(&f->driver, &head, &length));
                assert_int_equal(head, i);
        }
        assert_false(fake_take_used(&f->driver, &head, &length));
}

/* Whoever starts cannot know whether the one before came to it; only a new queue is known for it. */
static void test_virtqueue_start_owes_the_call_of_a_dead_predecessor(void **state) {
        struct fixture *f = *state;

        assert_int_equal(virtqueue_take_call(&f->q), !f->region.base);
        assert_false(virtqueue_take_call(&f->q));
        start(f); /* nothing was returned, or 65536 were */
        assert_true(virtqueue_take_call(&f->q));
        serve_one(f);
        start(f);
        assert_true(virtqueue_take_call(&f->q));
        assert_false(virtqueue_take_call(&f->q));
}

static void test_virtqueue_take_call_heeds_no_interrupt(void **state) {
        struct fixture *f = *state;

        (void) virtqueue_take_call(&f->q);
        serve_one(f);
        f->driver.avail->flags = htole16(VRING_AVAIL_F_NO_INTERRUPT);
        assert_false(virtqueue_take_call(&f->q));
        f->driver.avail->flags = 0;
        assert_false(virtqueue_take_call(&f->q)); /* only for what was returned since */
        serve_one(f);
        serve_one(f);
        assert_true(virtqueue_take_call(&f->q));
        assert_false(virtqueue_take_call(&f->q));
}

static void test_virtqueue_allow_kicks_sees_what_came_meanwhile(void **state) {
        struct fixture *f = *state;

        virtqueue_suppress_kicks(&f->q);
        assert_int_equal(le16toh(f->driver.used->flags), VRING_USED_F_NO_NOTIFY);
        assert_false(virtqueue_allow_kicks(&f->q));
        assert_int_equal(f->driver.used->flags, 0);
        virtqueue_suppress_kicks(&f->q);
        fake_desc(&f->driver, 0, DATA, 16, D_WRITE, 0);
        fake_offer(&f->driver, 0);
        assert_true(virtqueue_allow_kicks(&f->q));
}

/* ---- event index -------------------------------------------------------------------------------------- */

#define EVENT_IDX (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)

static uint16_t available_event(const struct fixture *f) {
        return le16toh(*(const __virtio16 *) &f->driver.used->ring[QUEUE_SIZE]);
}

static void set_used_event(struct fixture *f, uint16_t idx) {
        f->driver.avail->ring[QUEUE_SIZE] = htole16(idx);
}

/* Both rings stand at @idx and nothing is under way. */
static void start_at(struct fixture *f, uint16_t idx) {
        fake_queue_init(&f->driver, &f->guest, 0, QUEUE_SIZE);
        f->driver.avail->idx = f->driver.used->idx = htole16(idx);
        if (f->region.base)
                memset(f->region.base, 0, f->region.size);
        assert_int_equal(start_with(f, f->guest.memory, &f->driver.layout, EVENT_IDX), 0);
        (void) virtqueue_take_call(&f->q);
}

static void test_virtqueue_take_call_heeds_the_event_index(void **state) {
        static const struct {
                uint16_t start, event; /* an event index is that of the request that the driver waits for */
                unsigned first, then;  /* returned in two batches */
                bool first_call, then_call;
        } rows[] = {
                { 0, 0, 1, 1, true, false },         { 0, 1, 1, 1, false, true },
                { 0, 2, 1, 1, false, false },        { 0, 3, 4, 1, true, false },
                { 0, 4, 4, 1, false, true },         { 0, UINT16_MAX, 8, 8, false, false },
                { 65530, 65530, 1, 8, true, false }, { 65530, 65535, 5, 1, false, true },
                { 65530, 0, 6, 1, false, true },     { 65530, 65529, 8, 8, false, false },
                { 65534, 1, 8, 1, true, false },     { 65535, 65535, 1, 1, true, false },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                start_at(f, rows[i].start);
                f->driver.avail->flags = htole16(VRING_AVAIL_F_NO_INTERRUPT); /* means nothing now */
                set_used_event(f, rows[i].event);
                for (unsigned n = 0; n < rows[i].first; n++)
                        serve_one(f);
                assert_int_equal(virtqueue_take_call(&f->q), rows[i].first_call);
                for (unsigned n = 0; n < rows[i].then; n++)
                        serve_one(f);
                assert_int_equal(virtqueue_take_call(&f->q), rows[i].then_call);
                assert_false(virtqueue_take_call(&f->q));
        }
}

static void test_virtqueue_allow_kicks_names_the_next_request(void **state) {
        struct fixture *f = *state;

        start_at(f, 65534);
        assert_int_equal(available_event(f), 65534);
        for (unsigned n = 0; n < 3; n++)
                serve_one(f);
        virtqueue_suppress_kicks(&f->q);
        assert_int_equal(f->driver.used->flags, 0);
        assert_int_equal(available_event(f), 65534); /* passed long ago: no kick */
        assert_false(virtqueue_allow_kicks(&f->q));
        assert_int_equal(available_event(f), 1);
        offer_all(f, (uint16_t[]){ 3 }, 1);
        assert_true(virtqueue_allow_kicks(&f->q));
        fetch_all(f, (uint16_t[]){ 3 }, 1);
        virtqueue_put_back(&f->q);
        assert_true(virtqueue_allow_kicks(&f->q));
        assert_int_equal(available_event(f), 2); /* of that one the driver has told already */
}

static void test_virtqueue_start_goes_on_with_an_event_index(void **state) {
        struct fixture *f = *state;

        start_at(f, 65534);
        offer_all(f, (uint16_t[]){ 3, 4, 5 }, 3);
        fetch_all(f, (uint16_t[]){ 3, 4, 5 }, 3);
        return_head(f, 3);
        set_used_event(f, 65530); /* long passed: by itself nothing to call for */
        offer_all(f, (uint16_t[]){ 6 }, 1);
        assert_int_equal(start_with(f, f->guest.memory, &f->driver.layout, EVENT_IDX), 0);
        /* What is in flight was told of, what is new is looked for anyway. */
        assert_int_equal(available_event(f), f->region.base ? 1 : 65535);
        assert_true(virtqueue_take_call(&f->q));
        fetch_all(f, (uint16_t[]){ 4, 5, 6 }, 3);
        assert_false(virtqueue_allow_kicks(&f->q));
        assert_int_equal(available_event(f), 2);
}

/* ---- spans -------------------------------------------------------------------------------------------- */

static void test_iov_spans_are_eaten_from_both_ends(void **state) {
        char a[4] = "abcd", b[1] = "e", c[3] = "fgh", out[16] = "";
        struct iovec iov[] = { { a, 4 }, { b, 1 }, { c, 3 } };
        struct iov_span s = { iov, 3, 8 };

        (void) state;
        assert_int_equal(iov_take(&s, out, 2), 2);
        assert_memory_equal(out, "ab", 2);
        assert_ptr_equal(iov_take_last_byte(&s), &c[2]);
        assert_int_equal(s.size, 5);
        assert_int_equal(iov_skip(&s, 3), 3);
        assert_int_equal(s.count, 1);
        assert_int_equal(iov_put(&s, "XYZ", 3), 2);
        assert_memory_equal(c, "XYh", 3);
        assert_int_equal(s.count, 0);
        assert_int_equal(s.size, 0);
        assert_null(iov_take_last_byte(&s));
        assert_int_equal(iov_take(&s, out, 1), 0);
        assert_int_equal(iov_skip(&s, 1), 0);
}

static void test_iov_take_last_byte_drops_an_element_of_one_byte(void **state) {
        char a[2] = "ab", b[1] = "c";
        struct iovec iov[] = { { a, 2 }, { b, 1 } };
        struct iov_span s = { iov, 2, 3 };

        (void) state;
        assert_ptr_equal(iov_take_last_byte(&s), &b[0]);
        assert_int_equal(s.count, 1);
        assert_ptr_equal(iov_take_last_byte(&s), &a[1]);
        assert_int_equal(s.size, 1);
}

/* Each with a region for what is in flight, and without. */
#define TEST(name)                                                                                                     \
        cmocka_unit_test_setup_teardown(name, set_up, tear_down), {                                                    \
#name "_without_a_region", name, set_up_without_a_region, tear_down, NULL                              \
        }

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_virtqueue_start_checks_size_place_and_alignment),
                TEST(test_virtqueue_next_splits_readable_and_writable),
                TEST(test_virtqueue_next_follows_indirect_tables),
                TEST(test_virtqueue_next_takes_a_chain_as_long_as_the_queue),
                TEST(test_virtqueue_indices_wrap_at_16_bit),
                TEST(test_virtqueue_return_all_keeps_the_order),
                TEST(test_virtqueue_put_back_fetches_the_same_again),
                TEST(test_virtqueue_next_refuses_hostile_chains),
                TEST(test_virtqueue_next_refuses_a_sum_beyond_4g),
                TEST(test_virtqueue_next_refuses_indirect_without_the_feature),
                TEST(test_virtqueue_next_refuses_a_head_or_idx_outside),
                TEST(test_virtqueue_next_survives_random_rings),
                TEST(test_virtqueue_next_refuses_a_head_in_flight),
                TEST(test_virtqueue_return_in_any_order),
                TEST(test_virtqueue_start_fetches_again_what_was_in_flight),
                cmocka_unit_test_setup_teardown(test_virtqueue_start_finds_one_that_is_older_than_the_ring, set_up,
                                                tear_down),
                TEST(test_virtqueue_put_back_leaves_the_order),
                cmocka_unit_test_setup_teardown(test_virtqueue_start_refuses_the_record_of_another_queue, set_up,
                                                tear_down),
                cmocka_unit_test(test_inflight_region_must_have_room),
                TEST(test_virtqueue_start_resumes_after_what_was_returned),
                TEST(test_virtqueue_start_owes_the_call_of_a_dead_predecessor),
                TEST(test_virtqueue_take_call_heeds_no_interrupt),
                TEST(test_virtqueue_allow_kicks_sees_what_came_meanwhile),
                TEST(test_virtqueue_take_call_heeds_the_event_index),
                TEST(test_virtqueue_allow_kicks_names_the_next_request),
                TEST(test_virtqueue_start_goes_on_with_an_event_index),
                cmocka_unit_test(test_iov_spans_are_eaten_from_both_ends),
                cmocka_unit_test(test_iov_take_last_byte_drops_an_element_of_one_byte),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
