/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains that a driver should not make, and rings of noise. */
#include "virtio/virtqueue_fixture.h"

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

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_virtqueue_next_refuses_hostile_chains),
                TEST(test_virtqueue_next_refuses_a_sum_beyond_4g),
                TEST(test_virtqueue_next_refuses_indirect_without_the_feature),
                TEST(test_virtqueue_next_refuses_a_head_or_idx_outside),
                TEST(test_virtqueue_next_survives_random_rings),
        };

        return cmocka_run_group_tests_name("virtqueue, hostile", tests, NULL, NULL);
}
