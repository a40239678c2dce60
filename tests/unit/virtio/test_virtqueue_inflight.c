/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was fetched and not returned, across workers and in whatever order. */
#include "virtio/virtqueue_fixture.h"

static void expect_used(struct fixture *f, const uint16_t *heads, unsigned count) {
        uint32_t head, length;

        for (unsigned i = 0; i < count; i++) {
                assert_true(fake_take_used(&f->driver, &head, &length));
                assert_int_equal(head, heads[i]);
                assert_int_equal(length, 100 + head);
        }
        assert_false(fake_take_used(&f->driver, &head, &length));
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

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_virtqueue_next_refuses_a_head_in_flight),
                TEST(test_virtqueue_return_in_any_order),
                TEST(test_virtqueue_start_fetches_again_what_was_in_flight),
                cmocka_unit_test_setup_teardown(test_virtqueue_start_finds_one_that_is_older_than_the_ring, set_up,
                                                tear_down),
                TEST(test_virtqueue_put_back_leaves_the_order),
                cmocka_unit_test_setup_teardown(test_virtqueue_start_refuses_the_record_of_another_queue, set_up,
                                                tear_down),
                cmocka_unit_test(test_inflight_region_must_have_room),
        };

        return cmocka_run_group_tests_name("virtqueue, in flight", tests, NULL, NULL);
}
