/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The image: what may be one, who has it, how large it is, and direct I/O on it. */
#include "device/block_fixture.h"

static void test_block_reports_an_image_that_was_cut(void **state) {
        struct fixture *f = *state;
        uint32_t length;

        start(f, false, UINT64_MAX);
        assert_int_equal(ftruncate(f->image, 3 * 512), 0);
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 2, 1024, D_WRITE, &length), VIRTIO_BLK_S_IOERR);
        assert_int_equal(length, 512); /* so much was there */
        assert_int_equal(request(f, VIRTIO_BLK_T_IN, 3, 512, D_WRITE, NULL), VIRTIO_BLK_S_IOERR);
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

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_block_reports_an_image_that_was_cut),
                TEST(test_block_serves_more_requests_than_it_has_slots_for),
                TEST(test_block_blocks_may_be_larger),
                TEST(test_block_sees_the_image_grow),
                TEST(test_block_leaves_an_image_that_has_grown_to_who_may_write_to_all_of_it),
                TEST(test_block_direct_goes_through_buffers_of_its_own),
                TEST(test_block_image_is_free_as_soon_as_its_killed_worker_is_gone),
                TEST(test_block_image_lock_fences),
                cmocka_unit_test(test_block_image_refuses_what_is_no_disk),
                cmocka_unit_test(test_block_serial_fits_and_differs),
        };

        return run_on_each_io("block, image", tests);
}
