/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test is a vhost-user front-end that keeps the record of what is in flight, and hands it from one back-end to the
 * next. What is in it is as "Inflight I/O tracking" has it, of a split ring.
 */
#include "virtio/fake_front_end.h"
#include "virtio/inflight.h"

struct record {
        struct vhost_user_inflight region;
        int fd;
        uint8_t *map;
        struct inflight_queue *queue; /* of the first one */
};

static void get_record(struct fixture *f, struct record *ret) {
        struct vhost_user_message get = make_request(VHOST_USER_GET_INFLIGHT_FD, 24), reply;

        get.payload.inflight.num_queues = QUEUES;
        get.payload.inflight.queue_size = QUEUE_SIZE;
        send_request(f, &get, -1);
        assert_int_equal(receive_reply(f, &reply), 1);
        assert_int_equal(reply.num_fds, 1);
        assert_int_equal(reply.payload.inflight.size, QUEUES * inflight_part_size(QUEUE_SIZE));
        ret->region = reply.payload.inflight;
        ret->fd = reply.fds[0];
        ret->map = mmap(NULL, ret->region.size, PROT_READ | PROT_WRITE, MAP_SHARED, ret->fd, 0);
        assert_ptr_not_equal(ret->map, MAP_FAILED);
        ret->queue = (struct inflight_queue *) ret->map;
}

static void drop_record(struct record *r) {
        munmap(r->map, r->region.size);
        close(r->fd);
}

static void connect_with(struct fixture *f, struct record *r, bool is_new) {
        struct vhost_user_message set = make_request(VHOST_USER_SET_INFLIGHT_FD, 24);

        front_end_connect(f);
        settle(f);
        negotiate(f);
        if (is_new)
                get_record(f, r);
        set.payload.inflight = r->region;
        assert_int_equal(ask(f, &set, r->fd), 0);
        assert_int_equal(set_memory(f, f->ram_fd, RAM_SIZE), 0);
        f->echo.num_fetched = 0;
        queue_up(f, 0);
        settle(f);
}

static void kill_back_end(struct fixture *f) {
        back_end_down(f);
        close(f->socket);
        back_end_up(f);
}

static void give_back(struct fixture *f, const struct virtqueue_used *list, size_t count) {
        virtqueue_return_all(&f->echo.base.queues[0], list, count);
}

static void assert_in_flight(const struct record *r, uint32_t heads) {
        for (unsigned h = 0; h < QUEUE_SIZE; h++)
                assert_int_equal(r->queue->descriptors[h].inflight, (heads >> h) & 1);
}

static void assert_returned(const struct fixture *f, const uint16_t *heads, uint16_t count) {
        assert_int_equal(le16toh(f->queues[0].used->idx), count);
        for (uint16_t i = 0; i < count; i++)
                assert_int_equal(le32toh(f->queues[0].used->ring[i].id), heads[i]);
}

/* A back-end that dies with requests in hand: its successor has them from the front-end's region, each once. */
static void test_what_is_in_flight_outlives_the_back_end(void **state) {
        struct fixture *f = *state;
        struct record record;

        for (int life = 0; life < 3; life++) {
                f->echo.holds = life < 2;
                connect_with(f, &record, life == 0);
                offer(f, 0);
                kick(f, 0);
                if (life < 2)
                        kill_back_end(f);
        }
        assert_int_equal(f->echo.served, 3);
        assert_int_equal(le16toh(f->queues[0].used->idx), 3);
        drop_record(&record);
}

static void test_the_record_says_what_was_returned_out_of_order(void **state) {
        static const uint16_t all[] = { 3, 1, 0, 4, 5, 2 };
        struct fixture *f = *state;
        struct record record;
        struct inflight_queue *q;

        f->echo.holds = true;
        connect_with(f, &record, true);
        q = record.queue;
        for (int i = 0; i < 5; i++)
                offer(f, 0);
        kick(f, 0);
        assert_in_flight(&record, 0x1f);
        give_back(f, (struct virtqueue_used[]){ { .head = 3 } }, 1);
        give_back(f, (struct virtqueue_used[]){ { .head = 1 }, { .head = 0 } }, 2);
        assert_int_equal(q->version, 1);
        assert_int_equal(q->features, 0);
        assert_int_equal(q->num_descriptors, QUEUE_SIZE);
        assert_int_equal(q->used_idx, 3);
        assert_int_equal(q->last_batch_head, 0); /* and from there to all that was returned before */
        assert_int_equal(q->descriptors[0].next, 1);
        assert_int_equal(q->descriptors[1].next, 3);
        assert_in_flight(&record, BIT(2) | BIT(4));
        for (int h = 1; h < 5; h++)
                assert_true(q->descriptors[h].counter > q->descriptors[h - 1].counter);

        /* It is killed when the guest can see 4 returned, and the record does not say so yet. */
        q->descriptors[4].next = q->last_batch_head;
        q->last_batch_head = 4;
        f->queues[0].used->ring[3].id = htole32(4);
        f->queues[0].used->idx = htole16(4);
        kill_back_end(f);
        connect_with(f, &record, false);
        assert_in_flight(&record, BIT(2));
        assert_int_equal(q->used_idx, 4);
        assert_int_equal(f->echo.num_fetched, 1);
        assert_int_equal(f->echo.fetched[0], 2);

        /* The next one overtakes it, and the successor dies as well. */
        offer(f, 0);
        kick(f, 0);
        assert_true(q->descriptors[5].counter > q->descriptors[2].counter);
        give_back(f, (struct virtqueue_used[]){ { .head = 5 } }, 1);
        kill_back_end(f);
        f->echo.holds = false;
        connect_with(f, &record, false);
        assert_int_equal(f->echo.num_fetched, 1);
        assert_int_equal(f->echo.fetched[0], 2);
        assert_in_flight(&record, 0);
        assert_returned(f, all, ELEMENTSOF(all));
        drop_record(&record);
}

/* The order is that of fetching, not of heads. */
static void test_what_is_in_flight_is_served_in_its_order(void **state) {
        struct fixture *f = *state;
        struct record record;

        f->echo.holds = true;
        connect_with(f, &record, true);
        for (int i = 0; i < 3; i++)
                fake_desc(&f->queues[0], (unsigned) i, DATA, 4, D_WRITE, 0);
        fake_offer(&f->queues[0], 2);
        fake_offer(&f->queues[0], 0);
        fake_offer(&f->queues[0], 1);
        kick(f, 0);
        kill_back_end(f);
        f->echo.holds = false;
        connect_with(f, &record, false);
        assert_int_equal(f->echo.num_fetched, 3);
        assert_returned(f, (const uint16_t[]){ 2, 0, 1 }, 3);
        drop_record(&record);
}

/* Whoever keeps the record may have written to it: such a queue is not served, and the next front-end is. */
static void test_a_record_that_cannot_be_is_not_believed(void **state) {
        static const struct {
                uint16_t version, num_descriptors, last_batch_head, used_idx;
        } rows[] = {
                { 2, QUEUE_SIZE, 0, 0 },                          /* of a packed ring */
                { 1, QUEUE_SIZE / 2, 0, 0 },                      /* of another queue */
                { 1, QUEUE_SIZE, QUEUE_SIZE, (uint16_t) -1 },     /* no such head */
                { 1, QUEUE_SIZE, 0, (uint16_t) -QUEUE_SIZE - 1 }, /* more returned than there can be */
                { 1, QUEUE_SIZE, 0, 1 },                          /* ahead of the ring */
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct record record;

                fake_queue_init(&f->queues[0], &f->guest, 0, QUEUE_SIZE);
                connect_with(f, &record, true);
                assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 0), 0);
                record.queue->version = rows[i].version;
                record.queue->num_descriptors = rows[i].num_descriptors;
                record.queue->last_batch_head = rows[i].last_batch_head;
                record.queue->used_idx = rows[i].used_idx;
                assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 1), 0);
                offer(f, 0);
                kick(f, 0);
                assert_int_equal(f->echo.num_fetched, 0);
                close(f->socket);
                f->socket = -1;
                settle(f);
                drop_record(&record);
        }
        fake_queue_init(&f->queues[0], &f->guest, 0, QUEUE_SIZE);
        front_end_up(f);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.num_fetched, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                FRONT_END_TEST(test_what_is_in_flight_outlives_the_back_end),
                FRONT_END_TEST(test_the_record_says_what_was_returned_out_of_order),
                FRONT_END_TEST(test_what_is_in_flight_is_served_in_its_order),
                FRONT_END_TEST(test_a_record_that_cannot_be_is_not_believed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
