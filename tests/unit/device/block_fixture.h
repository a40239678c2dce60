/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk between a fake driver and an image of the test's. Every test is made twice: on an io_uring and on threads. */
#pragma once

#include <liburing.h>
#include <linux/virtio_blk.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/log.h"
#include "device/block.h"
#include "device/block_image.h"
#include "virtio/fake_transport.h"

#define SECTORS          64
#define QUEUE_SIZE       256
#define HEADER           DATA
#define STATUS           (DATA + 0x1000)
#define PAYLOAD          (DATA + 0x2000)
#define STATUS_UNTOUCHED 0xee

struct fixture {
        struct fake_transport t;
        struct virtio_device *device;
        int image; /* the test's own descriptor */
};

static inline int open_image(uint64_t size) {
        char path[] = "/tmp/test_block.XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(ftruncate(fd, (off_t) size), 0);
        return fd;
}

static bool on_threads;

static inline void start_with(struct fixture *f, const struct block_options *options, uint64_t features) {
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

static inline void start(struct fixture *f, bool read_only, uint64_t features) {
        start_with(f, &(struct block_options){ .image_events_fd = -1, .read_only = read_only, .discard = true },
                   features);
}

static inline int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        log_set_level(LOG_ERR);
        f->image = open_image(SECTORS * 512 + 100);
        fake_init(&f->t, QUEUE_SIZE);
        *state = f;
        return 0;
}

static inline int tear_down(void **state) {
        struct fixture *f = *state;

        fake_done(&f->t);
        virtio_device_free(f->device);
        close(f->image);
        free(f);
        return 0;
}

static inline void put_header(struct fixture *f, uint32_t type, uint64_t sector) {
        struct virtio_blk_outhdr h = { .type = htole32(type), .sector = htole64(sector) };

        memcpy(fake_at(&f->t.guest, HEADER), &h, sizeof(h));
        *(uint8_t *) fake_at(&f->t.guest, STATUS) = STATUS_UNTOUCHED;
}

/* Waits for a request of queue @q; returns its head. */
static inline uint32_t wait_used(struct fixture *f, unsigned q, uint32_t *ret_length) {
        uint32_t head;

        alarm(60);
        while (!fake_take_used(&f->t.queues[q], &head, ret_length))
                assert_int_equal(server_step(f->t.server, -1), 1);
        alarm(0);
        return head;
}

/* Kicks and waits for the one request; returns its status byte. */
static inline uint8_t finish(struct fixture *f, uint32_t *ret_length) {
        uint32_t length;

        fake_offer(&f->t.queues[0], 0);
        fake_kick(&f->t, 0);
        assert_int_equal(wait_used(f, 0, &length), 0);
        if (ret_length)
                *ret_length = length;
        return *(uint8_t *) fake_at(&f->t.guest, STATUS);
}

/* header | payload | status; @flags is the payload's direction. */
static inline uint8_t request(struct fixture *f, uint32_t type, uint64_t sector, uint32_t size, uint16_t flags,
                              uint32_t *ret_length) {
        put_header(f, type, sector);
        fake_desc(&f->t.queues[0], 0, HEADER, 16, D_NEXT, size > 0 ? 1 : 2);
        fake_desc(&f->t.queues[0], 1, PAYLOAD, size, D_NEXT | flags, 2);
        fake_desc(&f->t.queues[0], 2, STATUS, 1, D_WRITE, 0);
        return finish(f, ret_length);
}

#define RANGE_SIZE 16

static inline void put_range(struct fixture *f, unsigned i, uint64_t sector, uint32_t sectors, uint32_t flags) {
        struct virtio_blk_discard_write_zeroes r = { .sector = htole64(sector),
                                                     .num_sectors = htole32(sectors),
                                                     .flags = htole32(flags) };

        memcpy((uint8_t *) fake_at(&f->t.guest, PAYLOAD) + i * RANGE_SIZE, &r, sizeof(r));
}

static inline void assert_bytes(const struct fixture *f, off_t from, off_t to, uint8_t wanted) {
        uint8_t byte;

        for (; from < to; from += 512) {
                assert_int_equal(pread(f->image, &byte, 1, from), 1);
                assert_int_equal(byte, wanted);
        }
}

static inline uint64_t capacity(const struct fixture *f) {
        struct virtio_blk_config config;

        memcpy(&config, f->device->config, f->device->config_size);
        return le64toh(config.capacity);
}

static inline bool there_is_an_io_uring(void) {
        struct block_io *io;
        bool is = block_io_uring_new(STDIN_FILENO, 1, &io) >= 0;

        if (is)
                block_io_free(io);
        return is;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* On an io_uring where there is one, and on threads. */
#define run_on_each_io(name, tests)                                                                                    \
        ((there_is_an_io_uring() ? cmocka_run_group_tests_name(name " on io_uring", tests, NULL, NULL) : 0) +          \
         (on_threads = true, cmocka_run_group_tests_name(name " on threads", tests, NULL, NULL)))
