// wrap: pwritev2 preadv2 clock_gettime
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes into the page cache: by whom they are done, and what becomes of that when they wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "device/block_io.h"

#define MS UINT64_C(1000000)

/* ---- the system, and who does what is handed over ----------------------------------------------------- */

static uint64_t now, write_takes;
static ssize_t write_gives; /* -errno; 0: all of it */
static unsigned writes, reads;
static ssize_t read_gives;

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

static char bytes[512];
static const struct iovec piece = { bytes, sizeof(bytes) };

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
        assert_int_equal(fd, 7);
        assert_int_equal(count, 1);
        assert_int_equal(offset, 4096);
        assert_int_equal(flags, 0);
        writes++;
        now += write_takes;
        if (write_gives < 0) {
                errno = (int) -write_gives;
                write_gives = write_gives == -EINTR ? 0 : write_gives;
                return -1;
        }
        return (ssize_t) iov->iov_len;
}

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
        assert_int_equal(fd, 7);
        assert_ptr_equal(iov, &piece);
        assert_int_equal(count, 1);
        assert_int_equal(offset, 4096);
        assert_int_equal(flags, RWF_NOWAIT);
        reads++;
        errno = read_gives < 0 ? (int) -read_gives : 0;
        return read_gives < 0 ? -1 : read_gives;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *t) {
        assert_int_equal(clock, CLOCK_MONOTONIC);
        *t = (struct timespec){ (time_t) (now / 1000 / MS), (long) (now % (1000 * MS)) };
        return 0;
}

struct other {
        struct block_io base;
        struct block_operations done;
        struct block_operation *cancelled;
        unsigned submitted, commits, waits;
        bool freed;
};

static void other_submit(struct block_io *io, struct block_operation *o) {
        struct other *x = (struct other *) io;

        x->submitted++;
        block_operations_add(&x->done, o);
}

static void other_commit(struct block_io *io) {
        ((struct other *) io)->commits++;
}

static struct block_operation *other_reap(struct block_io *io) {
        return block_operations_take(&((struct other *) io)->done);
}

static void other_cancel(struct block_io *io, struct block_operation *o) {
        ((struct other *) io)->cancelled = o;
}

static void other_wait(struct block_io *io) {
        ((struct other *) io)->waits++;
}

static void other_free(struct block_io *io) {
        ((struct other *) io)->freed = true;
}

static const struct block_io_ops other_ops = {
        .submit = other_submit,
        .commit = other_commit,
        .reap = other_reap,
        .cancel = other_cancel,
        .wait = other_wait,
        .free = other_free,
};

static struct other other;
static struct block_io *io;
static int set_up(void **state _unused_) {
        other = (struct other){ .base = { &other_ops, 5 } };
        block_operations_init(&other.done);
        now = 1000 * MS;
        write_takes = writes = reads = 0;
        write_gives = 0;
        read_gives = -EAGAIN;
        assert_int_equal(block_io_cached_new(7, &other.base, &io), 0);
        assert_int_equal(io->event_fd, 5);
        return 0;
}

static int tear_down(void **state _unused_) {
        block_io_free(io);
        assert_true(other.freed);
        return 0;
}

static struct block_operation operation(enum block_io_kind kind, bool durable) {
        return (struct block_operation){
                .kind = kind, .durable = durable, .offset = 4096, .iov = &piece, .count = 1, .result = 1
        };
}

/* One write, to its end. Return: true if it was done here. */
static bool write_one(void) {
        struct block_operation o = operation(BLOCK_IO_WRITE, false);
        unsigned before = writes;

        io->ops->submit(io, &o);
        io->ops->commit(io);
        assert_ptr_equal(io->ops->reap(io), &o);
        return writes > before;
}

/* ---- tests -------------------------------------------------------------------------------------------- */

static void test_block_cached_writes_itself_and_nothing_else(void **state _unused_) {
        static const struct {
                enum block_io_kind kind;
                bool durable, here;
        } c[] = {
                { BLOCK_IO_WRITE, false, true },  { BLOCK_IO_WRITE, true, false },      { BLOCK_IO_READ, false, false },
                { BLOCK_IO_FLUSH, false, false }, { BLOCK_IO_FALLOCATE, false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct block_operation o = operation(c[i].kind, c[i].durable);

                writes = other.submitted = other.commits = 0;
                io->ops->submit(io, &o);
                assert_int_equal(writes, 0); /* not before it is said so */
                io->ops->commit(io);
                assert_int_equal(writes, c[i].here);
                assert_int_equal(other.submitted, !c[i].here);
                assert_int_equal(other.commits, 1);
                assert_ptr_equal(io->ops->reap(io), &o);
                assert_null(io->ops->reap(io));
                if (c[i].here)
                        assert_int_equal(o.result, 512);
        }
}

static void test_block_cached_reads_what_is_there_and_comes_alone(void **state _unused_) {
        static const struct {
                ssize_t gives;
                bool here;
        } c[] = {
                { 512, true },   { 100, true },          { 0, false },   { -EAGAIN, false },
                { -EIO, false }, { -EOPNOTSUPP, false }, { 512, false }, /* nothing is tried any more */
        };
        struct block_operation o;

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                unsigned before = reads;

                o = operation(BLOCK_IO_READ, false);
                read_gives = c[i].gives;
                other.submitted = 0;
                io->ops->submit(io, &o);
                io->ops->commit(io);
                assert_int_equal(reads - before, i + 1 < ELEMENTSOF(c));
                assert_int_equal(other.submitted, !c[i].here);
                assert_ptr_equal(io->ops->reap(io), &o);
                assert_null(io->ops->reap(io));
                if (c[i].here)
                        assert_int_equal(o.result, c[i].gives);
        }
}

static void test_block_cached_hands_over_reads_that_come_together(void **state _unused_) {
        struct block_operation o[2];

        read_gives = 512;
        for (size_t i = 0; i < ELEMENTSOF(o); i++) {
                o[i] = operation(BLOCK_IO_READ, false);
                io->ops->submit(io, &o[i]);
        }
        io->ops->commit(io);
        assert_int_equal(reads, 0);
        assert_int_equal(other.submitted, 2);
}

static void test_block_cached_tells_what_a_write_met(void **state _unused_) {
        struct block_operation o = operation(BLOCK_IO_WRITE, false);

        write_gives = -ENOSPC;
        io->ops->submit(io, &o);
        io->ops->commit(io);
        assert_ptr_equal(io->ops->reap(io), &o);
        assert_int_equal(o.result, -ENOSPC);

        write_gives = -EINTR; /* once */
        io->ops->submit(io, &o);
        io->ops->commit(io);
        assert_ptr_equal(io->ops->reap(io), &o);
        assert_int_equal(o.result, 512);
}

static void test_block_cached_hands_over_while_writes_wait(void **state _unused_) {
        write_takes = 3 * MS;
        assert_true(write_one());
        assert_true(write_one());
        write_takes = 10 * MS; /* the shortest nap of who has written too much */
        assert_true(write_one());
        write_takes = 0;
        assert_false(write_one());
        now += 989 * MS;
        assert_false(write_one());
        now += 1 * MS;
        assert_true(write_one());
}

static void test_block_cached_hands_over_the_rest_of_a_batch(void **state _unused_) {
        struct block_operation o[5];

        write_takes = 3 * MS / 2;
        for (size_t i = 0; i < ELEMENTSOF(o); i++) {
                o[i] = operation(BLOCK_IO_WRITE, false);
                io->ops->submit(io, &o[i]);
        }
        io->ops->commit(io);
        assert_int_equal(writes, 3); /* however short each one was */
        assert_int_equal(other.submitted, 2);
        for (size_t i = 0; i < ELEMENTSOF(o); i++)
                assert_ptr_equal(io->ops->reap(io), &o[i]);
}

static void test_block_cached_cancels_what_has_not_begun(void **state _unused_) {
        struct block_operation w = operation(BLOCK_IO_WRITE, false), f = operation(BLOCK_IO_FLUSH, false);

        io->ops->submit(io, &w);
        io->ops->submit(io, &f);
        io->ops->cancel(io, &w);
        io->ops->cancel(io, &f);
        assert_ptr_equal(other.cancelled, &f);
        io->ops->wait(io);
        assert_int_equal(writes, 0);
        assert_int_equal(other.waits, 0);
        assert_ptr_equal(io->ops->reap(io), &w);
        assert_int_equal(w.result, -ECANCELED);
        io->ops->wait(io);
        assert_int_equal(other.waits, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_block_cached_writes_itself_and_nothing_else),
                TEST(test_block_cached_reads_what_is_there_and_comes_alone),
                TEST(test_block_cached_hands_over_reads_that_come_together),
                TEST(test_block_cached_tells_what_a_write_met),
                TEST(test_block_cached_hands_over_while_writes_wait),
                TEST(test_block_cached_hands_over_the_rest_of_a_batch),
                TEST(test_block_cached_cancels_what_has_not_begun),
        };

        return cmocka_run_group_tests_name("writes into the page cache", tests, NULL, NULL);
}
