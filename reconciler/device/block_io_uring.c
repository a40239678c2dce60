/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring itself can be waited for: a completion costs no eventfd and no read of
 * one. What the page cache has is done while it is handed over, and reaped at once.
 *
 * The image is not registered with it. The kernel takes a dead process's ring apart some
 * 20 ms later, and a registered file, its OFD lock with it, would be held until then:
 * the successor would have to wait. So it is held by what is under way, and by no more.
 */
#include <errno.h>
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device/block_io.h"

/* Completions of cancellations; an operation's is its address. */
#define NOBODY 0

/* All that this ring will ever be asked for: io_uring's operations pass the system call filter by. */
static const uint8_t operations[] = {
        IORING_OP_READV,
        IORING_OP_WRITEV,
        IORING_OP_FSYNC,
        IORING_OP_ASYNC_CANCEL,
};

/* Newer kernels save an interrupt of ourselves with these; each older one takes fewer. */
static const unsigned setups[] = {
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER,
        IORING_SETUP_COOP_TASKRUN,
        0,
};

struct uring {
        struct block_io base;
        struct io_uring ring;
        int fd; /* the image */
};

static struct uring *uring_of(struct block_io *io) {
        return (struct uring *) io;
}

static void uring_commit(struct block_io *io) {
        struct uring *u = uring_of(io);
        int r;

        while (io_uring_sq_ready(&u->ring) > 0) {
                r = io_uring_submit(&u->ring);
                /* The kernel may be short of memory just now; anything else it has no reason for. */
                if (r < 0 && r != -EINTR && r != -EAGAIN && r != -EBUSY && r != -ENOMEM)
                        abort();
        }
}

static struct io_uring_sqe *next_entry(struct uring *u) {
        struct io_uring_sqe *e = io_uring_get_sqe(&u->ring);

        while (!e) {
                uring_commit(&u->base);
                e = io_uring_get_sqe(&u->ring);
        }
        return e;
}

static void uring_submit(struct block_io *io, struct block_operation *o) {
        struct uring *u = uring_of(io);
        struct io_uring_sqe *e = next_entry(u);

        switch (o->kind) {
        case BLOCK_IO_READ:
                io_uring_prep_readv(e, u->fd, o->iov, o->count, o->offset);
                break;
        case BLOCK_IO_WRITE:
                io_uring_prep_writev2(e, u->fd, o->iov, o->count, o->offset, o->durable ? RWF_DSYNC : 0);
                break;
        case BLOCK_IO_FLUSH:
                io_uring_prep_fsync(e, u->fd, IORING_FSYNC_DATASYNC);
                break;
        case BLOCK_IO_FALLOCATE:
                abort(); /* not its business */
        }
        io_uring_sqe_set_data(e, o);
}

static void uring_cancel(struct block_io *io, struct block_operation *o) {
        struct io_uring_sqe *e = next_entry(uring_of(io));

        io_uring_prep_cancel(e, o, 0);
        io_uring_sqe_set_data64(e, NOBODY);
}

static struct block_operation *uring_reap(struct block_io *io) {
        struct uring *u = uring_of(io);
        struct block_operation *o = NULL;
        struct io_uring_cqe *c;

        while (!o && io_uring_peek_cqe(&u->ring, &c) == 0) {
                o = io_uring_cqe_get_data(c);
                if (o)
                        o->result = c->res;
                io_uring_cqe_seen(&u->ring, c);
        }
        return o;
}

static void uring_wait(struct block_io *io) {
        struct io_uring_cqe *c;

        uring_commit(io);
        (void) io_uring_wait_cqe(&uring_of(io)->ring, &c);
}

static void uring_free(struct block_io *io) {
        io_uring_queue_exit(&uring_of(io)->ring);
        free(io);
}

static const struct block_io_ops uring_ops = {
        .submit = uring_submit,
        .commit = uring_commit,
        .reap = uring_reap,
        .cancel = uring_cancel,
        .wait = uring_wait,
        .free = uring_free,
};

static int make_ring(unsigned depth, struct io_uring *ret) {
        int r = -EINVAL;

        for (size_t i = 0; r == -EINVAL && i < ELEMENTSOF(setups); i++)
                r = io_uring_queue_init(depth, ret, IORING_SETUP_R_DISABLED | setups[i]);
        return r;
}

/* Not by liburing's functions: 2.3 declares these two but its shared library has not got them. */
static int ring_register(const struct io_uring *ring, unsigned what, const void *argument, unsigned count) {
        return syscall(__NR_io_uring_register, ring->ring_fd, what, argument, count) < 0 ? -errno : 0;
}

/* Nothing but the operations above, without any flag; no registration of anything any more. */
static int restrict_ring(struct io_uring *ring) {
        struct io_uring_restriction rules[ELEMENTSOF(operations)] = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(operations); i++)
                rules[i] =
                        (struct io_uring_restriction){ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = operations[i] };
        return ring_register(ring, IORING_REGISTER_RESTRICTIONS, rules, ELEMENTSOF(rules));
}

static int prepare_ring(struct io_uring *ring) {
        int r;

        /* Without these what is handed over would have to stay as it is, and completions could get lost. */
        if (!(ring->features & IORING_FEAT_SUBMIT_STABLE) || !(ring->features & IORING_FEAT_NODROP))
                return -EINVAL;
        r = restrict_ring(ring);
        if (r >= 0)
                r = ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
        return r;
}

int block_io_uring_new(int fd, unsigned depth, struct block_io **ret) {
        _cleanup_free_ struct uring *u = calloc(1, sizeof(*u));
        int r;

        if (!u)
                return -ENOMEM;
        r = make_ring(depth, &u->ring);
        if (r < 0)
                return r;
        r = prepare_ring(&u->ring);
        if (r < 0) {
                io_uring_queue_exit(&u->ring);
                return r;
        }
        u->fd = fd;
        u->base.ops = &uring_ops;
        u->base.event_fd = u->ring.ring_fd;
        *ret = &TAKE_PTR(u)->base;
        return 0;
}
