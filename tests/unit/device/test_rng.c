/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"
#include "device/rng.h"
#include "virtio/fake_transport.h"

#define QUEUE_SIZE RNG_QUEUE_SIZE
#define BUFFER     0x2000 /* bytes between two requests' buffers */

struct fixture {
        struct fake_transport t;
        struct virtio_device *device;
};

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        struct err e = { 0 };

        log_set_level(LOG_ERR);
        fake_init(&f->t, QUEUE_SIZE);
        assert_int_equal(rng_new(&f->device, &e), 0);
        fake_serve(&f->t, f->device);
        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        fake_detach(&f->t);
        virtio_device_free(f->device);
        fake_done(&f->t);
        free(f);
        return 0;
}

static uint64_t place(unsigned slot) {
        return DATA + slot * BUFFER;
}

/* A request of one buffer, not announced yet. */
static void offer(struct fixture *f, unsigned slot, uint32_t size) {
        memset(fake_at(&f->t.guest, place(slot)), 0, BUFFER);
        fake_desc(&f->t.queues[0], slot, place(slot), size, D_WRITE, 0);
        fake_offer(&f->t.queues[0], (uint16_t) slot);
}

/* As a driver does that heeds what the device asked for: the event index, beyond the used ring (2.7.10). */
static void kick(struct fixture *f) {
        const struct fake_queue *q = &f->t.queues[0];
        uint16_t event = le16toh(*(const uint16_t *) &q->used->ring[q->layout.size]);

        assert_int_equal(event, (uint16_t) (le16toh(q->avail->idx) - 1));
        fake_kick(&f->t, 0);
        fake_settle(&f->t, 0);
}

static uint32_t take(struct fixture *f, unsigned slot) {
        uint32_t head, length;

        assert_true(fake_take_used(&f->t.queues[0], &head, &length));
        assert_int_equal(head, slot);
        return length;
}

static unsigned zeroes(const struct fixture *f, unsigned slot, unsigned from, unsigned to) {
        const uint8_t *p = fake_at(&f->t.guest, place(slot));
        unsigned n = 0;

        for (unsigned i = from; i < to; i++)
                n += p[i] == 0;
        return n;
}

static void test_rng_fills_what_it_is_given_and_nothing_beyond(void **state) {
        static const struct {
                uint32_t size, filled;
        } rows[] = {
                { 1, 1 }, { 8, 8 }, { 64, 64 }, { 257, 257 }, { 4096, 4096 }, { 4097, 4096 }, { 8191, 4096 },
        };
        struct fixture *f = *state;

        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                offer(f, i, rows[i].size);
                kick(f);
                assert_int_equal(take(f, i), rows[i].filled);
                /* a byte in 256 is 0; 8 times as many are not */
                assert_true(zeroes(f, i, 0, rows[i].filled) <= 2 + rows[i].filled / 32);
                assert_int_equal(zeroes(f, i, rows[i].filled, BUFFER), BUFFER - rows[i].filled);
        }
        assert_memory_not_equal(fake_at(&f->t.guest, place(4)), fake_at(&f->t.guest, place(5)), 4096);
}

static void test_rng_fills_buffers_in_pieces(void **state) {
        struct fixture *f = *state;
        struct fake_queue *q = &f->t.queues[0];

        memset(fake_at(&f->t.guest, place(0)), 0, BUFFER);
        fake_desc(q, 0, place(0), 100, D_NEXT | D_WRITE, 1);
        fake_desc(q, 1, place(0) + 1000, 1, D_NEXT | D_WRITE, 2);
        fake_desc(q, 2, place(0) + 2000, 6000, D_WRITE, 0);
        fake_offer(q, 0);
        kick(f);
        assert_int_equal(take(f, 0), RNG_REQUEST_MAX);
        assert_true(zeroes(f, 0, 0, 100) < 10);
        assert_int_equal(zeroes(f, 0, 100, 1000), 900);
        assert_true(zeroes(f, 0, 2000, 2000 + RNG_REQUEST_MAX - 101) < 100);
        assert_int_equal(zeroes(f, 0, 2000 + RNG_REQUEST_MAX - 101, 8000), 6000 - (RNG_REQUEST_MAX - 101));
}

/* A full queue is served in batches: other things get their turn before it is empty. */
static void test_rng_lets_others_run_between_batches(void **state) {
        struct fixture *f = *state;
        uint32_t head, length;
        unsigned served = 0;

        for (unsigned i = 0; i < QUEUE_SIZE; i++)
                offer(f, i, 16);
        fake_kick(&f->t, 0);
        assert_int_equal(server_step(f->t.server, 0), 1);
        while (fake_take_used(&f->t.queues[0], &head, &length))
                served++;
        assert_true(served > 0 && served < QUEUE_SIZE);
        fake_settle(&f->t, 0); /* no further kick */
        while (fake_take_used(&f->t.queues[0], &head, &length))
                served++;
        assert_int_equal(served, QUEUE_SIZE);
}

static void test_rng_refuses_what_is_no_request_until_it_is_reset(void **state) {
        static const struct {
                uint16_t first, second; /* flags; 0, 0: only one that is read */
        } rows[] = { { 0, 0 }, { D_NEXT, D_WRITE } };
        struct fixture *f = *state;
        struct fake_queue *q = &f->t.queues[0];
        uint32_t head, length;

        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                fake_desc(q, 0, place(0), 16, rows[i].first, 1);
                fake_desc(q, 1, place(1), 16, rows[i].second, 0);
                fake_offer(q, 0);
                kick(f);
                assert_int_equal(f->t.breaks, i + 1);
                assert_false(fake_take_used(q, &head, &length));

                fake_reset(&f->t);
                fake_settle(&f->t, 0);
                fake_queue_init(q, &f->t.guest, 0, QUEUE_SIZE);
                fake_driver_up(&f->t, UINT64_MAX);
                offer(f, 7, 16);
                kick(f);
                assert_int_equal(take(f, 7), 16);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_rng_fills_what_it_is_given_and_nothing_beyond, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_rng_fills_buffers_in_pieces, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_rng_lets_others_run_between_batches, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_rng_refuses_what_is_no_request_until_it_is_reset, set_up,
                                                tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
