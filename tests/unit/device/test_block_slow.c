/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Storage that answers when the test says so, and transfers that take several steps. */
#include "device/block_fixture.h"

/* ---- storage that answers when the test says so ------------------------------------------------------- */

struct slow_io {
        struct block_io base;
        struct block_operation *held[8]; /* in the order in which they came */
        unsigned count, given_back;
        unsigned ready; /* how many of them are done */
        unsigned cancels, waits;
};

static void slow_submit(struct block_io *io, struct block_operation *o) {
        struct slow_io *s = (struct slow_io *) io;

        assert_true(s->count < ELEMENTSOF(s->held));
        s->held[s->count++] = o;
}

static void slow_commit(struct block_io *io _unused_) {
}

static struct block_operation *slow_reap(struct block_io *io) {
        struct slow_io *s = (struct slow_io *) io;
        eventfd_t n;

        (void) eventfd_read(io->event_fd, &n);
        return s->given_back < s->ready ? s->held[s->given_back++] : NULL;
}

static void slow_cancel(struct block_io *io, struct block_operation *o _unused_) {
        ((struct slow_io *) io)->cancels++;
}

/* The next is done, with success. */
static void slow_done(struct slow_io *s) {
        struct block_operation *o = s->held[s->ready++];

        o->result = 0;
        for (unsigned i = 0; (o->kind == BLOCK_IO_READ || o->kind == BLOCK_IO_WRITE) && i < o->count; i++)
                o->result += (int64_t) o->iov[i].iov_len;
        assert_int_equal(eventfd_write(s->base.event_fd, 1), 0);
}

static void slow_wait(struct block_io *io) {
        struct slow_io *s = (struct slow_io *) io;

        s->waits++;
        assert_true(s->ready < s->count);
        slow_done(s);
}

static void slow_free(struct block_io *io) {
        close(io->event_fd);
}

static const struct block_io_ops slow_ops = {
        .submit = slow_submit,
        .commit = slow_commit,
        .reap = slow_reap,
        .cancel = slow_cancel,
        .wait = slow_wait,
        .free = slow_free,
};

static void start_slow(struct fixture *f, struct slow_io *s) {
        struct block_options o = {
                .image_fd = dup(f->image),
                .image_events_fd = -1,
                .serial = "",
                .num_queues = 1,
                .discard = true,
                .io = &s->base,
        };
        struct err e = { 0 };

        *s = (struct slow_io){ .base = { &slow_ops, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) } };
        assert_int_equal(block_new(&o, &f->device, &e), 0);
        fake_serve(&f->t, f->device);
        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
}

static void offer_at(struct fixture *f, uint16_t first, uint32_t type, uint64_t sector, uint32_t size, uint16_t flags) {
        put_header(f, type, sector);
        fake_desc(&f->t.queues[0], first, HEADER, 16, D_NEXT, (uint16_t) (size > 0 ? first + 1 : first + 2));
        fake_desc(&f->t.queues[0], first + 1, PAYLOAD, size, D_NEXT | flags, (uint16_t) (first + 2));
        fake_desc(&f->t.queues[0], first + 2, STATUS, 1, D_WRITE, 0);
        fake_offer(&f->t.queues[0], first);
        fake_kick(&f->t, 0);
        fake_settle(&f->t, 0);
}

static void offer(struct fixture *f, uint32_t type, uint64_t sector, uint32_t size, uint16_t flags) {
        offer_at(f, 0, type, sector, size, flags);
}

static void reset_and_begin_anew(struct fixture *f) {
        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.acknowledged, f->t.state.sequence);
        fake_queue_init(&f->t.queues[0], &f->t.guest, 0, QUEUE_SIZE);
        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
}

static void test_block_a_reset_waits_for_no_flush(void **state) {
        struct fixture *f = *state;
        static struct slow_io s;
        uint32_t length;

        start_slow(f, &s);
        offer(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
        assert_int_equal(s.count, 1);
        reset_and_begin_anew(f);
        assert_int_equal(s.waits, 0);
        offer(f, VIRTIO_BLK_T_IN, 1, 512, D_WRITE);
        assert_int_equal(s.count, 2); /* the new driver need not wait for it either */
        slow_done(&s);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.queues[0].used->idx, 0);
        assert_int_equal(*(uint8_t *) fake_at(&f->t.guest, STATUS), STATUS_UNTOUCHED);
        slow_done(&s);
        assert_int_equal(wait_used(f, 0, &length), 0);
        assert_int_equal(length, 513);
}

static void test_block_a_reset_waits_for_what_is_at_guest_memory(void **state) {
        struct fixture *f = *state;
        static struct slow_io s;

        start_slow(f, &s);
        offer_at(f, 0, VIRTIO_BLK_T_IN, 1, 512, D_WRITE);
        offer_at(f, 3, VIRTIO_BLK_T_OUT, 1, 512, 0);
        reset_and_begin_anew(f);
        assert_int_equal(s.cancels, 2);
        assert_int_equal(s.waits, 2);
        assert_int_equal(f->t.queues[0].used->idx, 0);
}

static void test_block_no_new_write_overtakes_an_old_discard(void **state) {
        struct fixture *f = *state;
        static struct slow_io s;

        start_slow(f, &s);
        put_range(f, 0, 0, 8, 0);
        offer(f, VIRTIO_BLK_T_DISCARD, 0, 16, 0);
        assert_int_equal(s.count, 1);
        reset_and_begin_anew(f);
        assert_int_equal(s.waits, 0);
        offer(f, VIRTIO_BLK_T_OUT, 1, 512, 0);
        assert_int_equal(s.count, 1); /* held back */
        slow_done(&s);
        fake_settle(&f->t, 0);
        assert_int_equal(s.count, 2);
        slow_done(&s);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.queues[0].used->idx, 1);
        assert_int_equal(*(uint8_t *) fake_at(&f->t.guest, STATUS), VIRTIO_BLK_S_OK);
}

static void test_block_flushes_ranges_without_flush_negotiated(void **state) {
        struct fixture *f = *state;
        static struct slow_io s;

        start_slow(f, &s);
        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        fake_driver_up(&f->t, VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_BLK_F_WRITE_ZEROES));
        put_range(f, 0, 0, 8, 0);
        offer(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0);
        slow_done(&s);
        fake_settle(&f->t, 0);
        assert_int_equal(s.count, 2);
        assert_int_equal(s.held[1]->kind, BLOCK_IO_FLUSH);
        assert_int_equal(f->t.queues[0].used->idx, 0);
        slow_done(&s);
        fake_settle(&f->t, 0);
        offer(f, VIRTIO_BLK_T_OUT, 0, 512, 0);
        assert_true(s.held[2]->durable);
        slow_done(&s);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.queues[0].used->idx, 2);
}

/* ---- what takes several steps ------------------------------------------------------------------------- */

#define LONG_PIECES 12
#define LONG_PIECE  (145 * 512) /* no divisor of a step */
#define LONG_SIZE   (LONG_PIECES * LONG_PIECE)

/* header | the same buffer again and again | status */
static void offer_long(struct fixture *f, uint32_t type, uint16_t flags) {
        struct fake_queue *q = &f->t.queues[0];

        put_header(f, type, 1);
        fake_desc(q, 0, HEADER, 16, D_NEXT, 1);
        for (unsigned i = 1; i <= LONG_PIECES; i++)
                fake_desc(q, i, PAYLOAD, LONG_PIECE, D_NEXT | flags, (uint16_t) (i + 1));
        fake_desc(q, LONG_PIECES + 1, STATUS, 1, D_WRITE, 0);
        fake_offer(q, 0);
        fake_kick(&f->t, 0);
}

static void start_with_long_payload(struct fixture *f) {
        uint8_t *payload = fake_at(&f->t.guest, PAYLOAD);

        assert_int_equal(ftruncate(f->image, LONG_SIZE + 1024), 0);
        start(f, false, UINT64_MAX);
        for (unsigned i = 0; i < LONG_PIECE; i++)
                payload[i] = (uint8_t) (i * 31 + i / 251 + 1);
}

static void test_block_moves_what_is_longer_than_a_step(void **state) {
        struct fixture *f = *state;
        const uint8_t *payload = fake_at(&f->t.guest, PAYLOAD);
        static uint8_t disk[LONG_SIZE];
        uint32_t length;

        start_with_long_payload(f);
        offer_long(f, VIRTIO_BLK_T_OUT, 0);
        (void) wait_used(f, 0, &length);
        assert_int_equal(*(uint8_t *) fake_at(&f->t.guest, STATUS), VIRTIO_BLK_S_OK);
        assert_int_equal(pread(f->image, disk, LONG_SIZE, 512), LONG_SIZE);
        for (unsigned i = 0; i < LONG_PIECES; i++)
                assert_memory_equal(disk + i * LONG_PIECE, payload, LONG_PIECE);

        disk[LONG_SIZE - 1] ^= 0xff;
        assert_int_equal(pwrite(f->image, disk + LONG_SIZE - 1, 1, 512 + LONG_SIZE - 1), 1);
        offer_long(f, VIRTIO_BLK_T_IN, D_WRITE);
        (void) wait_used(f, 0, &length);
        assert_int_equal(*(uint8_t *) fake_at(&f->t.guest, STATUS), VIRTIO_BLK_S_OK);
        assert_int_equal(length, LONG_SIZE + 1);
        assert_memory_equal(disk + LONG_SIZE - LONG_PIECE, payload, LONG_PIECE);
}

static void test_block_lets_go_of_a_long_transfer_when_the_device_is_reset(void **state) {
        struct fixture *f = *state;
        uint32_t length;
        uint8_t byte = 0;

        start_with_long_payload(f);
        offer_long(f, VIRTIO_BLK_T_OUT, 0);
        assert_int_equal(server_step(f->t.server, 0), 1);
        assert_int_equal(*(uint8_t *) fake_at(&f->t.guest, STATUS), STATUS_UNTOUCHED); /* it takes several steps */
        fake_reset(&f->t);
        assert_int_equal(server_step(f->t.server, 0), 1);
        assert_int_equal(f->t.acknowledged, f->t.state.sequence);
        fake_settle(&f->t, 0);
        assert_int_equal(pread(f->image, &byte, 1, 512 + LONG_SIZE - 1), 1);
        assert_int_equal(byte, 0);
        assert_int_equal(*(uint8_t *) fake_at(&f->t.guest, STATUS), STATUS_UNTOUCHED);

        /* and the next driver's first request is its own */
        fake_queue_init(&f->t.queues[0], &f->t.guest, 0, QUEUE_SIZE);
        fake_driver_up(&f->t, UINT64_MAX);
        offer_long(f, VIRTIO_BLK_T_OUT, 0);
        (void) wait_used(f, 0, &length);
        assert_int_equal(length, 1);
        assert_int_equal(*(uint8_t *) fake_at(&f->t.guest, STATUS), VIRTIO_BLK_S_OK);
        assert_int_equal(pread(f->image, &byte, 1, 512 + LONG_SIZE - 1), 1);
        assert_int_not_equal(byte, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_block_moves_what_is_longer_than_a_step),
                TEST(test_block_lets_go_of_a_long_transfer_when_the_device_is_reset),
                TEST(test_block_a_reset_waits_for_no_flush),
                TEST(test_block_a_reset_waits_for_what_is_at_guest_memory),
                TEST(test_block_no_new_write_overtakes_an_old_discard),
                TEST(test_block_flushes_ranges_without_flush_negotiated),
        };

        return run_on_each_io("block, slow", tests);
}
