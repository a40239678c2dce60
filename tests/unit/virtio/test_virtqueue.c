/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtio/virtqueue_fixture.h"

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

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_virtqueue_start_checks_size_place_and_alignment),
                TEST(test_virtqueue_next_splits_readable_and_writable),
                TEST(test_virtqueue_next_follows_indirect_tables),
                TEST(test_virtqueue_next_takes_a_chain_as_long_as_the_queue),
                TEST(test_virtqueue_indices_wrap_at_16_bit),
                TEST(test_virtqueue_return_all_keeps_the_order),
                TEST(test_virtqueue_put_back_fetches_the_same_again),
                TEST(test_virtqueue_start_resumes_after_what_was_returned),
                TEST(test_virtqueue_start_owes_the_call_of_a_dead_predecessor),
                TEST(test_virtqueue_take_call_heeds_no_interrupt),
                TEST(test_virtqueue_allow_kicks_sees_what_came_meanwhile),
                TEST(test_virtqueue_take_call_heeds_the_event_index),
                TEST(test_virtqueue_allow_kicks_names_the_next_request),
                TEST(test_virtqueue_start_goes_on_with_an_event_index),
        };

        return cmocka_run_group_tests_name("virtqueue", tests, NULL, NULL);
}
