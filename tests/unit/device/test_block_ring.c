/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker's io_uring can do, and what it keeps. */
#include "device/block_fixture.h"

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

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_block_ring_refuses_all_else),
                cmocka_unit_test(test_block_ring_keeps_the_lock_while_something_is_under_way),
        };

        return run_on_each_io("block, ring", tests);
}
