/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every test is made twice: on an io_uring and on threads. */
#include <fcntl.h>
#include <liburing.h>
#include <linux/virtio_blk.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "device/block.h"
#include "device/block_image.h"
#include "device/block_io.h"
#include "virtio/fake_transport.h"

#define SECTORS    64
#define QUEUE_SIZE 256

#define HEADER           DATA
#define STATUS           (DATA + 0x1000)
#define PAYLOAD          (DATA + 0x2000)
#define STATUS_UNTOUCHED 0xee

struct fixture {
        struct fake_transport t;
        struct virtio_device *device;
        int image; /* the test's own descriptor */
};

static int open_image(uint64_t size) {
        char path[] = "/tmp/test_block.XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(ftruncate(fd, (off_t) size), 0);
        return fd;
}

static bool on_threads;

static void start_with(struct fixture *f, const struct block_options *options, uint64_t features) {
        struct block_options o = *options;
        struct err e = { 0 };

        o.image_fd = dup(f->image);
        o.serial = "zone.disk";
        o.num_queues = o.num_queues ?: 1;
        if (on_threads)
                assert_int_equal(block_io_threads_new(o.image_fd, BLOCK_IO_THREADS, &o.io), 0);
        if (block_new(&o, &f->device, &e) < 0)
                fail_msg("%s", e.text);
        fake_serve(&f->t, f->device);
        fake_driver_up(&f->t, features);
        fake_settle(&f->t, 0);
}

static void start(struct fixture *f, bool read_only, uint64_t features) {
        start_with(f, &(struct block_options){ .image_events_fd = -1, .read_only = read_only, .discard = true },
                   features);
}

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        log_set_level(LOG_ERR);
        f->image = open_image(SECTORS * 512 + 100);
        fake_init(&f->t, QUEUE_SIZE);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        fake_done(&f->t);
        virtio_device_free(f->device);
        close(f->image);
        free(f);
        return 0;
}

static void put_header(struct fixture *f, uint32_t type, uint64_t sector) {
        struct virtio_blk_outhdr h = { .type = htole32(type), .sector = htole64(sector) };

        memcpy(fake_at(&f->t.guest, HEADER), &h, sizeof(h));
        *(uint8_t *) fake_at(&f->t.guest, STATUS) = STATUS_UNTOUCHED;
}

/* Waits for a request of queue @q; returns its head. */
static uint32_t wait_used(struct fixture *f, unsigned q, uint32_t *ret_length) {
        uint32_t head;

        alarm(60);
        while (!fake_take_used(&f->t.queues[q], &head, ret_length))
                assert_int_equal(server_step(f->t.server, -1), 1);
        alarm(0);
        return head;
}

/* Kicks and waits for the one request; returns its status byte. */
static uint8_t finish(struct fixture *f, uint32_t *ret_length) {
        uint32_t length;

        fake_offer(&f->t.queues[0], 0);
        fake_kick(&f->t, 0);
        assert_int_equal(wait_used(f, 0, &length), 0);
        if (ret_length)
                *ret_length = length;
        return *(uint8_t *) fake_at(&f->t.guest, STATUS);
}

/* header | payload | status; @flags is the payload's direction. */
static uint8_t request(struct fixture *f, uint32_t type, uint64_t sector, uint32_t size, uint16_t flags,
                       uint32_t *ret_length) {
        put_header(f, type, sector);
        fake_desc(&f->t.queues[0], 0, HEADER, 16, D_NEXT, size > 0 ? 1 : 2);
        fake_desc(&f->t.queues[0], 1, PAYLOAD, size, D_NEXT | flags, 2);
        fake_desc(&f->t.queues[0], 2, STATUS, 1, D_WRITE, 0);
        return finish(f, ret_length);
}

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

static void test_block_reports_an_image_that_was_cut(void **state) {
        struct fixture *f = *state;
        uint32_t length;

        start(f, false, UINT64_MAX);
        assert_int_equal(ftruncate(f->image, 3 * 512), 0);
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 2, 1024, D_WRITE, &length), VIRTIO_BLK_S_IOERR);
        assert_int_equal(length, 512); /* so much was there */
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 3, 512, D_WRITE, NULL), VIRTIO_BLK_S_IOERR);
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

static void test_block_image_refuses_what_is_no_disk(void **state) {
        struct err e = { 0 };
        uint64_t sectors = 7;
        uint32_t block_size;
        int pipes[2], small = open_image(511);

        (void) state;
        assert_int_equal(block_image_measure(small, 512, &sectors, &e), -EINVAL);
        assert_int_equal(pipe(pipes), 0);
        assert_int_equal(block_image_block_size(pipes[0], 0, false, &block_size, &e), -EINVAL);
        assert_int_equal(sectors, 7);
        close(small);
        close(pipes[0]);
        close(pipes[1]);
}

static void test_block_image_lock_fences(void **state) {
        struct fixture *f = *state;
        struct err e = { 0 };
        char path[64];
        int other, reader;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", f->image);
        other = open(path, O_RDWR | O_CLOEXEC);
        reader = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(other >= 0 && reader >= 0);

        assert_int_equal(block_image_lock(f->image, false, 0, &e), 0);
        assert_int_equal(block_image_lock(other, false, 30, &e), -EBUSY);
        assert_int_equal(block_image_lock(reader, true, 0, &e), -EBUSY);
        close(f->image); /* the predecessor's description goes */
        assert_int_equal(block_image_lock(reader, true, 0, &e), 0);
        assert_int_equal(block_image_lock(other, true, 0, &e), 0);
        assert_int_equal(block_image_lock(other, false, 0, &e), -EBUSY);
        assert_int_equal(block_image_lock(reader, false, 0, &e), -EBADF);
        close(reader);
        assert_int_equal(block_image_lock(other, false, 0, &e), 0);
        f->image = other;
}

static void test_block_serial_fits_and_differs(void **state) {
        char a[21], b[21];

        (void) state;
        block_serial("linux2", "root", a);
        assert_string_equal(a, "linux2.root");
        block_serial("a-zone-of-a-long-name", "root", a);
        block_serial("b-zone-of-a-long-name", "root", b);
        assert_true(strlen(a) <= 20);
        assert_string_not_equal(a, b);
        block_serial("0123456789", "012345678", a);
        assert_string_equal(a, "0123456789.012345678");
}

/* ---- discard and write zeroes ------------------------------------------------------------------------- */

#define RANGE_SIZE 16

static void put_range(struct fixture *f, unsigned i, uint64_t sector, uint32_t sectors, uint32_t flags) {
        struct virtio_blk_discard_write_zeroes r = { .sector = htole64(sector),
                                                     .num_sectors = htole32(sectors),
                                                     .flags = htole32(flags) };

        memcpy((uint8_t *) fake_at(&f->t.guest, PAYLOAD) + i * RANGE_SIZE, &r, sizeof(r));
}

static uint64_t allocated(const struct fixture *f) {
        struct stat st;

        assert_int_equal(fdatasync(f->image), 0);
        assert_int_equal(fstat(f->image, &st), 0);
        return (uint64_t) st.st_blocks * 512;
}

/* A disk of ones, all of it allocated. */
static void start_full(struct fixture *f, uint64_t features) {
        static uint8_t ones[64 * 1024];

        memset(ones, 0xff, sizeof(ones));
        assert_int_equal(ftruncate(f->image, sizeof(ones)), 0);
        assert_int_equal(pwrite(f->image, ones, sizeof(ones), 0), sizeof(ones));
        start(f, false, features);
        assert_true(allocated(f) >= sizeof(ones));
}

static void assert_bytes(const struct fixture *f, off_t from, off_t to, uint8_t wanted) {
        uint8_t byte;

        for (; from < to; from += 512) {
                assert_int_equal(pread(f->image, &byte, 1, from), 1);
                assert_int_equal(byte, wanted);
        }
}

static void test_block_discards(void **state) {
        struct fixture *f = *state;
        uint64_t before;

        start_full(f, UINT64_MAX);
        before = allocated(f);
        put_range(f, 0, 8, 8, 0);
        put_range(f, 1, 64, 32, 0);
        assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, 2 * RANGE_SIZE, 0, NULL), VIRTIO_BLK_S_OK);
        assert_int_equal(before - allocated(f), 40 * 512);
        assert_bytes(f, 0, 8 * 512, 0xff);
        assert_bytes(f, 16 * 512, 64 * 512, 0xff);
        assert_bytes(f, 96 * 512, 128 * 512, 0xff);
}

static void test_block_writes_zeroes(void **state) {
        static const struct {
                uint32_t flags;
                uint64_t freed;
        } rows[] = {
                { VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP, 32 * 512 },
                { 0, 0 },
        };
        struct fixture *f = *state;

        start_full(f, VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_BLK_F_WRITE_ZEROES)); /* through */
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t first = 32 * (i + 1), before = allocated(f);

                put_range(f, 0, first, 32, rows[i].flags);
                assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, RANGE_SIZE, 0, NULL), VIRTIO_BLK_S_OK);
                assert_bytes(f, (off_t) first * 512, (off_t) (first + 32) * 512, 0);
                assert_int_equal(before - allocated(f), rows[i].freed);
        }
        assert_bytes(f, 0, 32 * 512, 0xff);
        assert_bytes(f, 96 * 512, 128 * 512, 0xff);
}

static void test_block_checks_ranges(void **state) {
        enum { D = VIRTIO_BLK_T_DISCARD, Z = VIRTIO_BLK_T_WRITE_ZEROES };
        static const struct {
                uint32_t type;
                uint64_t sector;
                uint32_t sectors, flags, size;
                uint8_t status;
        } rows[] = {
                { D, SECTORS - 1, 1, 0, 16, VIRTIO_BLK_S_OK },
                { D, SECTORS - 1, 2, 0, 16, VIRTIO_BLK_S_IOERR },
                { D, UINT64_MAX, 1, 0, 16, VIRTIO_BLK_S_IOERR },
                { D, 0, UINT32_MAX, 0, 16, VIRTIO_BLK_S_IOERR },
                { D, 0, 1, 0, 15, VIRTIO_BLK_S_IOERR },
                { D, 0, 1, 0, 17, VIRTIO_BLK_S_IOERR },
                { D, 0, 1, 0, 0, VIRTIO_BLK_S_IOERR },
                { D, 0, 1, 0, 17 * 16, VIRTIO_BLK_S_IOERR },
                { D, 0, 1, 1, 16, VIRTIO_BLK_S_UNSUPP }, /* 5.2.6.2: unmap is of write zeroes */
                { D, 0, 1, 2, 16, VIRTIO_BLK_S_UNSUPP },
                { Z, 0, 1, 1, 16, VIRTIO_BLK_S_OK },
                { Z, 0, 1, 3, 16, VIRTIO_BLK_S_UNSUPP },
                { Z, SECTORS, 1, 0, 16, VIRTIO_BLK_S_IOERR },
                { Z, 0, 0, 0, 16, VIRTIO_BLK_S_OK },
        };
        struct fixture *f = *state;

        start(f, false, UINT64_MAX);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                memset(fake_at(&f->t.guest, PAYLOAD), 0, 1024);
                put_range(f, 0, rows[i].sector, rows[i].sectors, rows[i].flags);
                assert_int_equal(request(f, rows[i].type, 0, rows[i].size, 0, NULL), rows[i].status);
        }
        assert_int_equal(lseek(f->image, 0, SEEK_END), SECTORS * 512 + 100);
        assert_int_equal(f->t.breaks, 0);
}

static void test_block_discards_only_if_it_was_agreed_on(void **state) {
        struct fixture *f = *state;

        start_full(f, VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH));
        put_range(f, 0, 0, 8, 0);
        assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, 16, 0, NULL), VIRTIO_BLK_S_UNSUPP);
        assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0, NULL), VIRTIO_BLK_S_UNSUPP);
        assert_bytes(f, 0, 4096, 0xff);
}

static void test_block_read_only_discards_nothing(void **state) {
        struct fixture *f = *state;
        uint8_t ones[4096];

        memset(ones, 0xff, sizeof(ones));
        assert_int_equal(pwrite(f->image, ones, sizeof(ones), 0), sizeof(ones));
        start(f, true, UINT64_MAX);
        put_range(f, 0, 0, 8, 0);
        assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, 16, 0, NULL), VIRTIO_BLK_S_UNSUPP);
        assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0, NULL), VIRTIO_BLK_S_UNSUPP);
        assert_bytes(f, 0, 4096, 0xff);
}

/* ---- queues, sizes, caches ---------------------------------------------------------------------------- */

#define TABLE (PAYLOAD + 0x10000)

static void test_block_serves_more_requests_than_it_has_slots_for(void **state) {
        struct fixture *f = *state;
        struct vring_desc *table = fake_at(&f->t.guest, TABLE);
        uint32_t length;

        start_with(f, &(struct block_options){ .image_events_fd = -1, .num_queues = 2 }, UINT64_MAX);
        assert_true(f->device->features & VIRTIO_FEATURE(VIRTIO_BLK_F_MQ));
        put_header(f, VIRTIO_BLK_T_IN, 1);
        fake_write_desc(&table[0], HEADER, 16, D_NEXT, 1);
        fake_write_desc(&table[1], PAYLOAD, 512, D_NEXT | D_WRITE, 2);
        fake_write_desc(&table[2], STATUS, 1, D_WRITE, 0);
        for (unsigned q = 0; q < 2; q++)
                for (unsigned i = 0; i < QUEUE_SIZE; i++) {
                        fake_desc(&f->t.queues[q], i, TABLE, sizeof(table[0]) * 3, D_INDIRECT, 0);
                        fake_offer(&f->t.queues[q], (uint16_t) i);
                }
        fake_kick(&f->t, 0);
        fake_kick(&f->t, 1);
        for (unsigned i = 0; i < QUEUE_SIZE; i++) {
                (void) wait_used(f, 0, &length);
                assert_int_equal(length, 513);
                (void) wait_used(f, 1, &length);
                assert_int_equal(length, 513);
        }
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.queues[0].used->flags, 0);
        assert_int_equal(f->t.queues[1].used->flags, 0);
}

static uint64_t capacity(const struct fixture *f) {
        struct virtio_blk_config config;

        memcpy(&config, f->device->config, f->device->config_size);
        return le64toh(config.capacity);
}

static void test_block_blocks_may_be_larger(void **state) {
        struct fixture *f = *state;

        start_with(f, &(struct block_options){ .image_events_fd = -1, .block_size = 4096 }, UINT64_MAX);
        assert_int_equal(capacity(f), SECTORS);
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 8, 4096, D_WRITE, NULL), VIRTIO_BLK_S_OK);
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 8, 512, D_WRITE, NULL), VIRTIO_BLK_S_IOERR);
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 1, 4096, D_WRITE, NULL), VIRTIO_BLK_S_IOERR);
}

/* The image as somebody else opens it; -1: not this way. */
static int open_again(const struct fixture *f, int flags) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", f->image);
        return open(path, flags | O_CLOEXEC);
}

/* In the cage a larger file is another worker's. */
static void test_block_leaves_an_image_that_has_grown_to_who_may_write_to_all_of_it(void **state) {
        struct fixture *f = *state;
        int events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), other;
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", f->image);
        assert_true(inotify_add_watch(events, path, IN_CLOSE_WRITE | IN_ATTRIB) >= 0);
        start_with(f, &(struct block_options){ .image_events_fd = events, .fixed_size = true }, UINT64_MAX);
        other = open_again(f, O_WRONLY);
        assert_int_equal(ftruncate(other, (SECTORS - 8) * 512), 0);
        close(other);
        fake_settle(&f->t, 0);
        assert_int_equal(capacity(f), SECTORS - 8);
        other = open_again(f, O_WRONLY);
        assert_int_equal(ftruncate(other, 2 * SECTORS * 512), 0);
        close(other);
        assert_int_equal(server_step(f->t.server, 0), 0);
        assert_int_equal(capacity(f), SECTORS - 8);
}

static void test_block_sees_the_image_grow(void **state) {
        struct fixture *f = *state;
        int events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), other;
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", f->image);
        assert_true(inotify_add_watch(events, path, IN_CLOSE_WRITE | IN_ATTRIB) >= 0);
        start_with(f, &(struct block_options){ .image_events_fd = events }, UINT64_MAX);
        assert_int_equal(request(f, VIRTIO_BLK_T_OUT, SECTORS, 512, 0, NULL), VIRTIO_BLK_S_IOERR);
        f->t.config_changes = 0;
        other = open_again(f, O_WRONLY);
        assert_int_equal(ftruncate(other, 2 * SECTORS * 512), 0);
        close(other);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.config_changes, 1);
        assert_int_equal(capacity(f), 2 * SECTORS);
        memset(fake_at(&f->t.guest, PAYLOAD), 'g', 512);
        assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 2 * SECTORS - 1, 512, 0, NULL), VIRTIO_BLK_S_OK);
        assert_bytes(f, (2 * SECTORS - 1) * 512, 2 * SECTORS * 512, 'g');
}

static void test_block_direct_goes_through_buffers_of_its_own(void **state) {
        static uint8_t disk[3 * 128 * 1024];
        struct fixture *f = *state;
        uint8_t *payload = fake_at(&f->t.guest, PAYLOAD);
        int direct = open_again(f, O_RDWR | O_DIRECT);
        uint32_t length;

        if (direct < 0)
                return; /* tmpfs, before Linux 6.6 */
        close(f->image);
        f->image = direct;
        assert_int_equal(ftruncate(f->image, sizeof(disk) + 4096), 0);
        start_with(f, &(struct block_options){ .image_events_fd = -1, .direct = true, .discard = true }, UINT64_MAX);
        for (unsigned i = 0; i < sizeof(disk); i++)
                payload[i] = (uint8_t) (i * 7 + i / 253);
        /* at an address that no disk could take it from */
        memmove(payload + 1, payload, sizeof(disk));
        put_header(f, VIRTIO_BLK_T_OUT, 8);
        fake_desc(&f->t.queues[0], 0, HEADER, 16, D_NEXT, 1);
        fake_desc(&f->t.queues[0], 1, PAYLOAD + 1, 5, D_NEXT, 2);
        fake_desc(&f->t.queues[0], 2, PAYLOAD + 6, sizeof(disk) - 5, D_NEXT, 3);
        fake_desc(&f->t.queues[0], 3, STATUS, 1, D_WRITE, 0);
        assert_int_equal(finish(f, NULL), VIRTIO_BLK_S_OK);
        memcpy(disk, payload + 1, sizeof(disk));
        memset(payload, 0, sizeof(disk) + 1);
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 8, sizeof(disk), D_WRITE, &length), VIRTIO_BLK_S_OK);
        assert_int_equal(length, sizeof(disk) + 1);
        assert_memory_equal(payload, disk, sizeof(disk));
        assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0, NULL), VIRTIO_BLK_S_OK);
        put_range(f, 0, 16, 8, 0);
        assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0, NULL), VIRTIO_BLK_S_OK);
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 16, 4096, D_WRITE, NULL), VIRTIO_BLK_S_OK);
        assert_int_equal(payload[0] | payload[4095], 0);
}

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

/* ---- the ring ----------------------------------------------------------------------------------------- */

/* A worker that has written, and waits for more until it is killed. */
_Noreturn static void write_and_wait(const char *path, int ready) {
        static uint8_t data[4096];
        struct block_operation o = { .kind = BLOCK_IO_WRITE, .iov = &(struct iovec){ data, sizeof(data) }, .count = 1 };
        int fd = open(path, O_RDWR | O_CLOEXEC);
        struct block_io *io;

        if (fd < 0 || block_image_lock(fd, false, 0, NULL) < 0 ||
            (on_threads ? block_io_threads_new(fd, BLOCK_IO_THREADS, &io) : block_io_uring_new(fd, 1, &io)) < 0)
                _exit(1);
        io->ops->submit(io, &o);
        io->ops->commit(io);
        while (!io->ops->reap(io))
                io->ops->wait(io);
        if (write(ready, "r", 1) == 1)
                for (;;)
                        pause();
        _exit(1);
}

/* Its successor does not wait for what the kernel keeps of it a while longer. */
static void test_block_image_is_free_as_soon_as_its_killed_worker_is_gone(void **state) {
        struct fixture *f = *state;
        char path[40], byte;
        int ready[2], fd;
        pid_t pid;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", f->image);
        for (unsigned i = 0; i < 5; i++) {
                assert_int_equal(pipe(ready), 0);
                pid = fork();
                if (pid == 0)
                        write_and_wait(path, ready[1]);
                close(ready[1]);
                assert_int_equal(read(ready[0], &byte, 1), 1);
                close(ready[0]);
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                fd = open(path, O_RDWR | O_CLOEXEC);
                assert_true(fd >= 0);
                assert_int_equal(block_image_lock(fd, false, 0, NULL), 0);
                close(fd);
        }
}

/* The model's ring, as somebody has it who has taken the worker over. */
static void test_block_ring_refuses_all_else(void **state) {
        struct fixture *f = *state;
        struct io_uring_params p = { .flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER };
        struct io_uring twin, ring = { 0 };
        struct io_uring_cqe *c;
        struct block_io *io;
        int fds[2] = { -1, -1 };
        char byte = 'x';

        if (on_threads || io_uring_queue_init_params(4, &twin, &p) < 0)
                return;
        assert_int_equal(block_io_uring_new(f->image, 4, &io), 0);
        assert_int_equal(io_uring_queue_mmap(io->event_fd, &p, &ring), 0);
        for (unsigned i = 0; i < 5; i++) {
                struct io_uring_sqe *e = io_uring_get_sqe(&ring);

                switch (i) {
                case 0:
                        io_uring_prep_openat(e, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
                        break;
                case 1:
                        io_uring_prep_socket(e, AF_UNIX, SOCK_STREAM, 0, 0);
                        break;
                case 2: /* what it does, but with something besides */
                        io_uring_prep_writev(e, f->image, &(struct iovec){ &byte, 1 }, 1, 0);
                        e->flags = IOSQE_ASYNC;
                        break;
                case 3: /* room beyond the file's end, which no limit of its size would count */
                        io_uring_prep_fallocate(e, 0, FALLOC_FL_KEEP_SIZE, 1 << 20, 1 << 20);
                        e->flags = IOSQE_FIXED_FILE;
                        break;
                default:
                        io_uring_prep_read(e, f->image, &byte, 1, 0);
                }
                assert_int_equal(io_uring_submit(&ring), 1);
                assert_int_equal(io_uring_wait_cqe(&ring, &c), 0);
                assert_int_equal(c->res, -EACCES);
                io_uring_cqe_seen(&ring, c);
        }
        assert_int_equal(syscall(__NR_io_uring_register, io->event_fd, IORING_REGISTER_FILES, fds, 1), -1);
        assert_int_equal(errno, EACCES);
        munmap(ring.sq.ring_ptr, ring.sq.ring_sz);
        munmap(ring.sq.sqes, ring.sq.ring_entries * sizeof(struct io_uring_sqe));
        io_uring_queue_exit(&twin);
        block_io_free(io);
}

/* A read of an empty FIFO is under way for as long as one likes. */
static void test_block_ring_keeps_the_lock_while_something_is_under_way(void **state _unused_) {
        char path[] = "/tmp/test_block.XXXXXX", byte;
        struct block_operation o = { .kind = BLOCK_IO_READ, .iov = &(struct iovec){ &byte, 1 }, .count = 1 };
        struct block_io *io;
        int own, other;

        assert_non_null(mkdtemp(path));
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        own = open(path, O_RDWR | O_CLOEXEC);
        other = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(unlink(path), 0);
        assert_true(own >= 0 && other >= 0);
        if (!on_threads && block_io_uring_new(own, 4, &io) >= 0) {
                assert_int_equal(block_image_lock(own, false, 0, NULL), 0);
                io->ops->submit(io, &o);
                io->ops->commit(io);
                close(own);
                assert_int_equal(block_image_lock(other, false, 30, NULL), -EBUSY);
                assert_int_equal(write(other, "x", 1), 1);
                while (!io->ops->reap(io))
                        io->ops->wait(io);
                assert_int_equal(block_image_lock(other, false, 0, NULL),
                                 0); /* and is closed, though the ring is there */
                block_io_free(io);
        } else {
                close(own);
        }
        close(other);
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

static bool there_is_an_io_uring(void) {
        struct block_io *io;
        bool is = block_io_uring_new(STDIN_FILENO, 1, &io) >= 0;

        if (is)
                block_io_free(io);
        return is;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
                TEST(test_block_reports_an_image_that_was_cut),
                TEST(test_block_passes_io_errors_on),
                TEST(test_block_breaks_on_requests_without_header_or_status),
                TEST(test_block_answers_a_whole_batch_with_one_call),
                TEST(test_block_loses_no_kick),
                TEST(test_block_loses_no_kick_by_event_index),
                TEST(test_block_moves_what_is_longer_than_a_step),
                TEST(test_block_lets_go_of_a_long_transfer_when_the_device_is_reset),
                TEST(test_block_discards),
                TEST(test_block_writes_zeroes),
                TEST(test_block_checks_ranges),
                TEST(test_block_discards_only_if_it_was_agreed_on),
                TEST(test_block_read_only_discards_nothing),
                TEST(test_block_serves_more_requests_than_it_has_slots_for),
                TEST(test_block_blocks_may_be_larger),
                TEST(test_block_sees_the_image_grow),
                TEST(test_block_leaves_an_image_that_has_grown_to_who_may_write_to_all_of_it),
                TEST(test_block_direct_goes_through_buffers_of_its_own),
                TEST(test_block_a_reset_waits_for_no_flush),
                TEST(test_block_a_reset_waits_for_what_is_at_guest_memory),
                TEST(test_block_no_new_write_overtakes_an_old_discard),
                TEST(test_block_flushes_ranges_without_flush_negotiated),
                TEST(test_block_image_is_free_as_soon_as_its_killed_worker_is_gone),
                TEST(test_block_ring_refuses_all_else),
                cmocka_unit_test(test_block_ring_keeps_the_lock_while_something_is_under_way),
                TEST(test_block_image_lock_fences),
                cmocka_unit_test(test_block_image_refuses_what_is_no_disk),
                cmocka_unit_test(test_block_serial_fits_and_differs),
        };
        int failed = 0;

        if (there_is_an_io_uring())
                failed += cmocka_run_group_tests_name("block on io_uring", tests, NULL, NULL);
        on_threads = true;
        failed += cmocka_run_group_tests_name("block on threads", tests, NULL, NULL);
        return failed;
}
