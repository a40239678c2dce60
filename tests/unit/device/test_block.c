/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests, right ones and wrong ones, and what their driver gets for them. */
#include "device/block_fixture.h"

static void test_block_offers_what_the_image_is(void **state) {
        struct fixture *f = *state;
        struct virtio_blk_config config;

        start(f, true, UINT64_MAX);
        memcpy(&config, f->device->config, sizeof(config));
        assert_int_equal(le64toh(config.capacity), SECTORS); /* not the 100 bytes at the end */
        assert_int_equal(le32toh(config.seg_max), BLOCK_QUEUE_SIZE - 2);
        assert_true(f->device->features & VIRTIO_FEATURE(VIRTIO_BLK_F_RO));
        assert_true(f->device->features & VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
}

static void test_block_writes_and_reads(void **state) {
        struct fixture *f = *state;
        uint8_t *payload = fake_at(&f->t.guest, PAYLOAD), disk[1024];
        uint32_t length;

        start(f, false, UINT64_MAX);
        for (unsigned i = 0; i < sizeof(disk); i++)
                payload[i] = (uint8_t) (i * 7);
        assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 5, 1024, 0, &length), VIRTIO_BLK_S_OK);
        assert_int_equal(length, 1);
        assert_int_equal(pread(f->image, disk, sizeof(disk), 5 * 512), sizeof(disk));
        assert_memory_equal(disk, payload, sizeof(disk));

        memset(payload, 0, 1024);
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 5, 1024, D_WRITE, &length), VIRTIO_BLK_S_OK);
        assert_int_equal(length, 1025);
        assert_memory_equal(disk, payload, sizeof(disk));
        assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0, &length), VIRTIO_BLK_S_OK);
        assert_int_equal(length, 1);
}

static void test_block_writes_through_without_flush_negotiated(void **state) {
        struct fixture *f = *state;
        char disk[512];

        start(f, false, VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
        memset(fake_at(&f->t.guest, PAYLOAD), 'w', 512);
        assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 0, 512, 0, NULL), VIRTIO_BLK_S_OK);
        assert_int_equal(pread(f->image, disk, 512, 0), 512);
        assert_int_equal(disk[511], 'w');
}

static void test_block_checks_the_range(void **state) {
        static const struct {
                uint64_t sector;
                uint32_t size;
                uint8_t status;
        } rows[] = {
                { SECTORS - 1, 512, VIRTIO_BLK_S_OK },
                { 0, SECTORS * 512, VIRTIO_BLK_S_OK },
                { SECTORS, 0, VIRTIO_BLK_S_OK },
                { SECTORS, 512, VIRTIO_BLK_S_IOERR },
                { SECTORS - 1, 1024, VIRTIO_BLK_S_IOERR },
                { 1, SECTORS * 512, VIRTIO_BLK_S_IOERR },
                { 0, 511, VIRTIO_BLK_S_IOERR },
                { 0, 513, VIRTIO_BLK_S_IOERR },
                { UINT64_MAX, 512, VIRTIO_BLK_S_IOERR },
                { UINT64_MAX / 512, 512, VIRTIO_BLK_S_IOERR },
                { UINT64_C(1) << 55, 512, VIRTIO_BLK_S_IOERR }, /* times 512: 2^64 */
        };
        struct fixture *f = *state;

        start(f, false, UINT64_MAX);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint32_t length;

                assert_int_equal(request(f, VIRTIO_BLK_T_IN, rows[i].sector, rows[i].size, D_WRITE, &length),
                                 rows[i].status);
                if (rows[i].status == VIRTIO_BLK_S_OK)
                        assert_int_equal(length, rows[i].size + 1);
                else
                        assert_int_equal(length, 0); /* nothing is promised of the data before the status */
                assert_int_equal(request(f, VIRTIO_BLK_T_OUT, rows[i].sector, rows[i].size, 0, NULL), rows[i].status);
        }
        assert_int_equal(lseek(f->image, 0, SEEK_END), SECTORS * 512 + 100);
        assert_int_equal(f->t.breaks, 0);
}

static void test_block_read_only_refuses_writes(void **state) {
        struct fixture *f = *state;
        char disk[512];

        start(f, true, UINT64_MAX);
        memset(fake_at(&f->t.guest, PAYLOAD), 'w', 512);
        assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 0, 512, 0, NULL), VIRTIO_BLK_S_IOERR);
        assert_int_equal(pread(f->image, disk, 512, 0), 512);
        assert_int_equal(disk[0], 0);
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 0, 512, D_WRITE, NULL), VIRTIO_BLK_S_OK);
        assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0, NULL), VIRTIO_BLK_S_OK);
}

static void test_block_answers_get_id_and_unknown_types(void **state) {
        static const uint32_t unknown[] = { VIRTIO_BLK_T_SCSI_CMD, 5, 14, UINT32_MAX };
        struct fixture *f = *state;
        uint32_t length;

        start(f, false, UINT64_MAX);
        memset(fake_at(&f->t.guest, PAYLOAD), 'x', 32);
        assert_int_equal(request(f, VIRTIO_BLK_T_GET_ID, 0, 20, D_WRITE, &length), VIRTIO_BLK_S_OK);
        assert_int_equal(length, 21);
        assert_memory_equal(fake_at(&f->t.guest, PAYLOAD), "zone.disk\0\0\0\0\0\0\0\0\0\0\0x", 21);
        assert_int_equal(request(f, VIRTIO_BLK_T_GET_ID, 0, 19, D_WRITE, NULL), VIRTIO_BLK_S_IOERR);
        for (size_t i = 0; i < ELEMENTSOF(unknown); i++)
                assert_int_equal(request(f, unknown[i], 0, 512, 0, NULL), VIRTIO_BLK_S_UNSUPP);
}

static void test_block_takes_any_layout(void **state) {
        struct fixture *f = *state;
        uint8_t *payload = fake_at(&f->t.guest, PAYLOAD);
        struct fake_queue *q = &f->t.queues[0];
        uint32_t length;
        char disk[512];

        /* Header in three pieces, the last with the first data; data and status in one. */
        start(f, false, UINT64_MAX);
        put_header(f, VIRTIO_BLK_T_OUT, 9);
        memcpy(payload, (uint8_t *) fake_at(&f->t.guest, HEADER) + 10, 6);
        memset(payload + 6, 'p', 512);
        fake_desc(q, 0, HEADER, 3, D_NEXT, 1);
        fake_desc(q, 1, HEADER + 3, 7, D_NEXT, 2);
        fake_desc(q, 2, PAYLOAD, 6 + 500, D_NEXT, 3);
        fake_desc(q, 3, PAYLOAD + 506, 12, D_NEXT, 4);
        fake_desc(q, 4, STATUS, 1, D_WRITE, 0);
        assert_int_equal(finish(f, NULL), VIRTIO_BLK_S_OK);
        assert_int_equal(pread(f->image, disk, 512, 9 * 512), 512);
        for (unsigned i = 0; i < 512; i++)
                assert_int_equal(disk[i], 'p');

        put_header(f, VIRTIO_BLK_T_IN, 9);
        memset(payload, 0, 1024);
        fake_desc(q, 0, HEADER, 16, D_NEXT, 1);
        fake_desc(q, 1, PAYLOAD, 1, D_NEXT | D_WRITE, 2);
        fake_desc(q, 2, PAYLOAD + 1, 512, D_WRITE, 0);
        payload[512] = STATUS_UNTOUCHED;
        finish(f, &length);
        assert_int_equal(length, 513);
        assert_int_equal(payload[0], 'p');
        assert_int_equal(payload[511], 'p');
        assert_int_equal(payload[512], VIRTIO_BLK_S_OK);
}

static void test_block_moves_a_long_indirect_chain(void **state) {
        const uint64_t table = RAM_BASE + 0x40000;
        struct fixture *f = *state;
        struct vring_desc *t = fake_at(&f->t.guest, table);
        uint32_t length;

        /* 254 segments of 128 bytes: as many as SEG_MAX promises. */
        start(f, false, UINT64_MAX);
        put_header(f, VIRTIO_BLK_T_IN, 0);
        assert_int_equal(pwrite(f->image, "first", 5, 0), 5);
        assert_int_equal(pwrite(f->image, "last", 4, 252 * 128 + 124), 4);
        fake_write_desc(&t[0], HEADER, 16, D_NEXT, 1);
        for (unsigned i = 0; i < 252; i++)
                fake_write_desc(&t[1 + i], PAYLOAD + i * 256, 128, D_NEXT | D_WRITE, (uint16_t) (i + 2));
        fake_write_desc(&t[253], PAYLOAD + 252 * 256, 128, D_NEXT | D_WRITE, 254);
        fake_write_desc(&t[254], PAYLOAD + 253 * 256, 384, D_NEXT | D_WRITE, 255);
        fake_write_desc(&t[255], STATUS, 1, D_WRITE, 0);
        fake_desc(&f->t.queues[0], 0, table, 256 * 16, D_INDIRECT, 0);
        assert_int_equal(finish(f, &length), VIRTIO_BLK_S_OK);
        assert_int_equal(length, 253 * 128 + 384 + 1);
        assert_memory_equal(fake_at(&f->t.guest, PAYLOAD), "first", 5);
        assert_memory_equal(fake_at(&f->t.guest, PAYLOAD + 252 * 256 + 124), "last", 4);
}

static void test_block_passes_io_errors_on(void **state) {
        struct fixture *f = *state;

        /* A descriptor that is open for reading only stands for a disk that fails to write. */
        char path[64];
        int writable = f->image;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", writable);
        f->image = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(f->image >= 0);
        close(writable);
        start(f, false, UINT64_MAX);
        assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 0, 512, 0, NULL), VIRTIO_BLK_S_IOERR);
        assert_int_equal(f->t.breaks, 0);
}

static void test_block_breaks_on_requests_without_header_or_status(void **state) {
        struct fixture *f = *state;
        struct fake_queue *q = &f->t.queues[0];

        start(f, false, UINT64_MAX);
        put_header(f, VIRTIO_BLK_T_IN, 0);
        fake_desc(q, 0, HEADER, 15, D_NEXT, 1);
        fake_desc(q, 1, STATUS, 1, D_WRITE, 0);
        fake_offer(q, 0);
        fake_kick(&f->t, 0);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.breaks, 1);

        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        fake_queue_init(q, &f->t.guest, 0, QUEUE_SIZE);
        fake_desc(q, 0, HEADER, 16, 0, 0);
        fake_offer(q, 0);
        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.breaks, 2);
        assert_int_equal(q->used->idx, 0);
}

static void test_block_answers_a_whole_batch_with_one_call(void **state) {
        struct fixture *f = *state;
        uint32_t length;

        start(f, false, UINT64_MAX);
        put_header(f, VIRTIO_BLK_T_IN, 1);
        fake_desc(&f->t.queues[0], 0, PAYLOAD, 512, D_NEXT | D_WRITE, 1);
        fake_desc(&f->t.queues[0], 1, STATUS, 1, D_WRITE, 0);
        for (uint16_t i = 2; i < 34; i++) {
                fake_desc(&f->t.queues[0], i, HEADER, 16, D_NEXT, 0);
                fake_offer(&f->t.queues[0], i);
        }
        fake_kick(&f->t, 0);
        for (unsigned i = 0; i < 32; i++)
                (void) wait_used(f, 0, &length);
        fake_settle(&f->t, 0);
        assert_true(f->t.calls >= 1 && f->t.calls <= (on_threads ? 32 : 4)); /* 1, or so, if nothing is waited for */
        assert_int_equal(f->t.queues[0].used->flags, 0);
}

/* A driver on a CPU of its own, which heeds suppression: it waits for ever if one kick is lost. */
static void *drive(void *argument) {
        struct fixture *f = argument;
        struct fake_queue *q = &f->t.queues[0];
        uint32_t head, length;

        for (unsigned i = 0; i < 20000; i++) {
                fake_offer(q, 0);
                if (fake_kick_wanted(q, virtio_device_has(f->t.device, VIRTIO_RING_F_EVENT_IDX)))
                        fake_kick(&f->t, 0);
                if (i % 64 == 63)
                        (void) usleep(50); /* lets the worker fall asleep */
                for (unsigned spins = 0; !fake_take_used(q, &head, &length); spins++)
                        if (spins % 1024 == 1023)
                                (void) sched_yield();
        }
        assert_int_equal(eventfd_write(f->t.signal_fd, 1), 0);
        return NULL;
}

static void lose_no_kick(struct fixture *f, uint64_t features) {
        pthread_t driver;

        start(f, false, features);
        put_header(f, VIRTIO_BLK_T_GET_ID, 0);
        fake_desc(&f->t.queues[0], 0, HEADER, 16, D_NEXT, 1);
        fake_desc(&f->t.queues[0], 1, PAYLOAD, 20, D_NEXT | D_WRITE, 2);
        fake_desc(&f->t.queues[0], 2, STATUS, 1, D_WRITE, 0);
        assert_int_equal(pthread_create(&driver, NULL, drive, f), 0);
        alarm(60); /* a lost kick ends here */
        assert_int_equal(server_run(f->t.server), 0);
        alarm(0);
        assert_int_equal(pthread_join(driver, NULL), 0);
        assert_int_equal(le16toh(f->t.queues[0].used->idx), 20000);
}

static void test_block_loses_no_kick(void **state) {
        lose_no_kick(*state, NO_EVENT_IDX);
}

static void test_block_loses_no_kick_by_event_index(void **state) {
        lose_no_kick(*state, UINT64_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_block_offers_what_the_image_is),
                TEST(test_block_writes_and_reads),
                TEST(test_block_writes_through_without_flush_negotiated),
                TEST(test_block_checks_the_range),
                TEST(test_block_read_only_refuses_writes),
                TEST(test_block_answers_get_id_and_unknown_types),
                TEST(test_block_takes_any_layout),
                TEST(test_block_moves_a_long_indirect_chain),
                TEST(test_block_passes_io_errors_on),
                TEST(test_block_breaks_on_requests_without_header_or_status),
                TEST(test_block_answers_a_whole_batch_with_one_call),
                TEST(test_block_loses_no_kick),
                TEST(test_block_loses_no_kick_by_event_index),
        };

        return run_on_each_io("block", tests);
}
