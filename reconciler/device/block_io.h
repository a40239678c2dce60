/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a disk's model gets at its image without waiting for it: operations are
 * handed over, go to the kernel together, and come back done, in any order.
 *
 * Two of them: io_uring (block_io_uring.c), and threads where the kernel has none
 * or forbids it (block_io_threads.c). A ring does not do fallocate(2): the system
 * call filter has to see its mode. In front of either, where there is a page cache,
 * stands one that does at once what does not wait (block_io_cached.c).
 * Used by one thread; nothing here allocates, opens or logs once it serves.
 */
#pragma once

#include <linux/falloc.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/err.h"
#include "base/macros.h"

enum block_io_kind {
        BLOCK_IO_READ,
        BLOCK_IO_WRITE,
        BLOCK_IO_FLUSH,     /* fdatasync(2) */
        BLOCK_IO_FALLOCATE, /* fallocate(2) with @mode on @offset and @length */
};

/* One operation on the image. Its owner's again once it was reaped. */
struct block_operation {
        enum block_io_kind kind;
        bool durable; /* a write is on the disk when it is done */
        int mode;
        uint64_t offset, length; /* bytes */
        const struct iovec *iov; /* read, write: not to be touched until it was reaped */
        unsigned count;
        int64_t result; /* bytes moved, or 0, or -errno */
        struct block_operation *next;
};

/* Some of them, first in, first out. */
struct block_operations {
        struct block_operation *first, **end;
};

static inline void block_operations_init(struct block_operations *l) {
        l->first = NULL;
        l->end = &l->first;
}

static inline void block_operations_add(struct block_operations *l, struct block_operation *o) {
        o->next = NULL;
        *l->end = o;
        l->end = &o->next;
}

/** block_operations_remove() - Return: false: it is not among them */
static inline bool block_operations_remove(struct block_operations *l, struct block_operation *o) {
        struct block_operation **at = &l->first;

        while (*at && *at != o)
                at = &(*at)->next;
        if (!*at)
                return false;
        *at = o->next;
        if (!*at)
                l->end = at;
        return true;
}

/** block_operations_take() - the first; NULL: there is none */
static inline struct block_operation *block_operations_take(struct block_operations *l) {
        struct block_operation *o = l->first;

        if (o)
                (void) block_operations_remove(l, o);
        return o;
}

struct block_io;

struct block_io_ops {
        /* Takes an operation. It goes to the kernel with commit(), or before. */
        void (*submit)(struct block_io *io, struct block_operation *o);
        void (*commit)(struct block_io *io);
        /* An operation that is done; NULL: none is just now. */
        struct block_operation *(*reap)(struct block_io *io);
        /* An operation that has not begun need not begin: a hint. It is reaped all the same. */
        void (*cancel)(struct block_io *io, struct block_operation *o);
        /* Waits, for as long as the storage takes, until one can be reaped. Only while one is under way. */
        void (*wait)(struct block_io *io);
        /* Nothing is under way any more, or what is does not matter: the process ends. */
        void (*free)(struct block_io *io);
};

struct block_io {
        const struct block_io_ops *ops;
        int event_fd; /* EPOLLIN while an operation can be reaped */
};

/**
 * block_io_uring_new() - operations through an io_uring, all but BLOCK_IO_FALLOCATE
 * @fd: the image. What is under way holds it, the ring does not: its lock ends with the process. Nothing else is let through
 *     than the few operations above
 * @depth: how many are under way at most
 * @ret: owned by the caller
 *
 * Return: 0; -ENOSYS, -EPERM, -EACCES, -EINVAL (this kernel has none, too old a one, or forbids it), -errno.
 */
int block_io_uring_new(int fd, unsigned depth, struct block_io **ret);

#define BLOCK_IO_THREADS 8 /* at most, and where there is no ring */

/** block_io_threads_new() - all four through @count threads of this process, started here. Return: 0 or -errno */
int block_io_threads_new(int fd, unsigned count, struct block_io **ret);

/**
 * block_io_cached_new() - writes, and reads that come alone, are done by the caller of commit() while they do not wait; all
 * else by @other
 * @fd: the image, not open with O_DIRECT
 * @other: owned by what is made, on success
 *
 * Return: 0, -ENOMEM.
 */
int block_io_cached_new(int fd, struct block_io *other, struct block_io **ret);

/*
 * The modes of fallocate(2) that are used, and let through: none allocates room beyond the file's end, where no limit of
 * a process's file size would hold (KEEP_SIZE). Block devices have taken NO_HIDE_STALE for "discard" (until Linux 6.12),
 * a hole is zeroes to them.
 */
#define BLOCK_IO_PUNCH   (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define BLOCK_IO_DISCARD (BLOCK_IO_PUNCH | FALLOC_FL_NO_HIDE_STALE)
#define BLOCK_IO_ZERO    FALLOC_FL_ZERO_RANGE

static inline void block_io_free(struct block_io *io) {
        if (io)
                io->ops->free(io);
}
DEFINE_CLEANUP(struct block_io *, block_io_free);
