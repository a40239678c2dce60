/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A write into the page cache is a copy, done sooner than somebody else is told to do it: an io_uring leaves it to a thread
 * on most file systems (those without RWF_NOWAIT for it), which costs twice the time. So it is done here and now.
 *
 * It may wait nevertheless: for a journal, or for the storage, once too much is to be written back (by naps of 10 ms). When
 * those of one turn of the loop took longer than copies do, the rest of them and those that come next are handed over, for
 * so long that the loop waits a hundredth of its time at most: it has resets to answer, and other queues.
 *
 * Reads of what is in the page cache a ring does at once as well, several by one call. One that comes alone is cheaper
 * without it, and never waits here.
 */
#include <errno.h>
#include <sys/uio.h>
#include <time.h>
#ifndef RWF_NOWAIT /* musl */
#include <linux/fs.h>
#endif

#include "device/block_io.h"

#define TURN_NS    (4 * 1000 * 1000)
#define WAIT_SHARE 100

struct cached {
        struct block_io base;
        struct block_io *other;
        int fd;
        struct block_operations handed_over, done;
        uint64_t others_until; /* writes are the other's; ns of CLOCK_MONOTONIC */
        bool reads_wait;       /* this file system does not tell without waiting what is there */
};

static struct cached *cached_of(struct block_io *io) {
        return (struct cached *) io;
}

static uint64_t now_ns(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

static void cached_submit(struct block_io *io, struct block_operation *o) {
        struct cached *c = cached_of(io);

        if (o->kind == BLOCK_IO_READ || (o->kind == BLOCK_IO_WRITE && !o->durable))
                block_operations_add(&c->handed_over, o);
        else
                c->other->ops->submit(c->other, o);
}

/* @begin: of this turn's first write, 0: this is it */
static bool writes_now(struct cached *c, struct block_operation *o, uint64_t *begin) {
        uint64_t now;

        if (o->kind != BLOCK_IO_WRITE)
                return false;
        if (*begin == 0)
                *begin = now_ns();
        if (*begin < c->others_until)
                return false;
        do
                o->result = pwritev2(c->fd, o->iov, (int) o->count, (off_t) o->offset, 0);
        while (o->result < 0 && errno == EINTR);
        if (o->result < 0)
                o->result = -errno;
        block_operations_add(&c->done, o);
        now = now_ns();
        if (now - *begin > TURN_NS)
                c->others_until = now + (now - *begin) * (WAIT_SHARE - 1);
        return true;
}

/* Errors are for the other to find. */
static bool reads_now(struct cached *c, struct block_operation *o) {
        if (o->kind != BLOCK_IO_READ || c->reads_wait)
                return false;
        o->result = preadv2(c->fd, o->iov, (int) o->count, (off_t) o->offset, RWF_NOWAIT);
        c->reads_wait = o->result < 0 && errno == EOPNOTSUPP;
        if (o->result <= 0)
                return false;
        block_operations_add(&c->done, o);
        return true;
}

static void cached_commit(struct block_io *io) {
        struct cached *c = cached_of(io);
        bool alone = c->handed_over.first && !c->handed_over.first->next;
        struct block_operation *o;
        uint64_t begin = 0;

        while ((o = block_operations_take(&c->handed_over)))
                if (!writes_now(c, o, &begin) && !(alone && reads_now(c, o)))
                        c->other->ops->submit(c->other, o);
        c->other->ops->commit(c->other);
}

static struct block_operation *cached_reap(struct block_io *io) {
        struct cached *c = cached_of(io);

        return block_operations_take(&c->done) ?: c->other->ops->reap(c->other);
}

static void cached_cancel(struct block_io *io, struct block_operation *o) {
        struct cached *c = cached_of(io);

        if (!block_operations_remove(&c->handed_over, o)) {
                c->other->ops->cancel(c->other, o);
                return;
        }
        o->result = -ECANCELED;
        block_operations_add(&c->done, o);
}

static void cached_wait(struct block_io *io) {
        struct cached *c = cached_of(io);

        cached_commit(io);
        if (!c->done.first)
                c->other->ops->wait(c->other);
}

static void cached_free(struct block_io *io) {
        block_io_free(cached_of(io)->other);
        free(io);
}

static const struct block_io_ops cached_ops = {
        .submit = cached_submit,
        .commit = cached_commit,
        .reap = cached_reap,
        .cancel = cached_cancel,
        .wait = cached_wait,
        .free = cached_free,
};

int block_io_cached_new(int fd, struct block_io *other, struct block_io **ret) {
        struct cached *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        *c = (struct cached){ .base = { &cached_ops, other->event_fd }, .other = other, .fd = fd };
        block_operations_init(&c->handed_over);
        block_operations_init(&c->done);
        *ret = &c->base;
        return 0;
}
