/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A few threads that take operations from one list and put them into another. They
 * touch nothing else, and block every signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#ifndef RWF_DSYNC /* musl */
#include <linux/fs.h>
#endif

#include "base/fd.h"
#include "device/block_io.h"

#define STACK_SIZE (256 * 1024) /* arm64 takes none below 128 KiB */

struct threads {
        struct block_io base;
        int fd;
        pthread_mutex_t lock;
        pthread_cond_t wanted; /* waiting, or leave */
        pthread_cond_t ended;  /* done, or running */
        struct block_operations waiting, done;
        bool leave;
        bool signalled; /* event_fd is readable; both change under the lock */
        unsigned started, running;
        pthread_t threads[BLOCK_IO_THREADS];
        struct block_operations handed_over; /* until commit(); the user's alone */
        unsigned num_handed_over;
};

static struct threads *threads_of(struct block_io *io) {
        return (struct threads *) io;
}

/* ---- a thread --------------------------------------------------------------------------------------- */

static int64_t run(int fd, const struct block_operation *o) {
        switch (o->kind) {
        case BLOCK_IO_READ:
                return preadv2(fd, o->iov, (int) o->count, (off_t) o->offset, 0);
        case BLOCK_IO_WRITE:
                return pwritev2(fd, o->iov, (int) o->count, (off_t) o->offset, o->durable ? RWF_DSYNC : 0);
        case BLOCK_IO_FLUSH:
                return fdatasync(fd);
        case BLOCK_IO_FALLOCATE:
                return fallocate(fd, o->mode, (off_t) o->offset, (off_t) o->length);
        }
        return -1;
}

static void finish(struct threads *t, struct block_operation *o) {
        pthread_mutex_lock(&t->lock);
        block_operations_add(&t->done, o);
        if (!t->signalled)
                (void) eventfd_write(t->base.event_fd, 1);
        t->signalled = true;
        pthread_cond_signal(&t->ended);
        pthread_mutex_unlock(&t->lock);
}

static void *work(void *argument) {
        struct threads *t = argument;

        pthread_mutex_lock(&t->lock);
        t->running++;
        pthread_cond_signal(&t->ended);
        pthread_mutex_unlock(&t->lock);
        for (;;) {
                struct block_operation *o;

                pthread_mutex_lock(&t->lock);
                while (!t->waiting.first && !t->leave)
                        pthread_cond_wait(&t->wanted, &t->lock);
                o = t->leave ? NULL : block_operations_take(&t->waiting);
                pthread_mutex_unlock(&t->lock);
                if (!o)
                        return NULL;
                do
                        o->result = run(t->fd, o);
                while (o->result < 0 && errno == EINTR);
                if (o->result < 0)
                        o->result = -errno;
                finish(t, o);
        }
}

/* ---- the user --------------------------------------------------------------------------------------- */

static void threads_submit(struct block_io *io, struct block_operation *o) {
        block_operations_add(&threads_of(io)->handed_over, o);
        threads_of(io)->num_handed_over++;
}

static void threads_commit(struct block_io *io) {
        struct threads *t = threads_of(io);
        unsigned n = t->num_handed_over;
        struct block_operation *o;

        if (n == 0)
                return;
        t->num_handed_over = 0;
        pthread_mutex_lock(&t->lock);
        while ((o = block_operations_take(&t->handed_over)))
                block_operations_add(&t->waiting, o);
        pthread_mutex_unlock(&t->lock);
        if (n >= t->started)
                pthread_cond_broadcast(&t->wanted);
        else
                while (n-- > 0)
                        pthread_cond_signal(&t->wanted);
}

static struct block_operation *threads_reap(struct block_io *io) {
        struct threads *t = threads_of(io);
        struct block_operation *o;
        eventfd_t n;

        pthread_mutex_lock(&t->lock);
        o = block_operations_take(&t->done);
        if (!o && t->signalled) {
                t->signalled = false;
                (void) eventfd_read(t->base.event_fd, &n);
        }
        pthread_mutex_unlock(&t->lock);
        return o;
}

static void threads_cancel(struct block_io *io, struct block_operation *o) {
        struct threads *t = threads_of(io);

        threads_commit(io);
        pthread_mutex_lock(&t->lock);
        if (block_operations_remove(&t->waiting, o)) {
                o->result = -ECANCELED;
                block_operations_add(&t->done, o);
        }
        pthread_mutex_unlock(&t->lock);
}

static void threads_wait(struct block_io *io) {
        struct threads *t = threads_of(io);

        threads_commit(io);
        pthread_mutex_lock(&t->lock);
        while (!t->done.first)
                pthread_cond_wait(&t->ended, &t->lock);
        pthread_mutex_unlock(&t->lock);
}

static void threads_free(struct block_io *io) {
        struct threads *t = threads_of(io);

        pthread_mutex_lock(&t->lock);
        t->leave = true;
        pthread_mutex_unlock(&t->lock);
        pthread_cond_broadcast(&t->wanted);
        for (unsigned i = 0; i < t->started; i++)
                (void) pthread_join(t->threads[i], NULL);
        pthread_cond_destroy(&t->wanted);
        pthread_cond_destroy(&t->ended);
        pthread_mutex_destroy(&t->lock);
        fd_close(t->base.event_fd);
        free(t);
}

static const struct block_io_ops threads_ops = {
        .submit = threads_submit,
        .commit = threads_commit,
        .reap = threads_reap,
        .cancel = threads_cancel,
        .wait = threads_wait,
        .free = threads_free,
};

static int start(struct threads *t, unsigned count) {
        pthread_attr_t attributes;
        sigset_t all, before;
        int r;

        r = pthread_attr_init(&attributes);
        if (r == 0)
                r = pthread_attr_setstacksize(&attributes, STACK_SIZE);
        if (r != 0)
                return -r;
        sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        while (r == 0 && t->started < count) {
                r = pthread_create(&t->threads[t->started], &attributes, work, t);
                if (r == 0)
                        t->started++;
        }
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        /* A thread makes system calls of its own before it gets here, which may not be let through much longer. */
        pthread_mutex_lock(&t->lock);
        while (t->running < t->started)
                pthread_cond_wait(&t->ended, &t->lock);
        pthread_mutex_unlock(&t->lock);
        pthread_attr_destroy(&attributes);
        return t->started > 0 ? 0 : -r;
}

int block_io_threads_new(int fd, unsigned count, struct block_io **ret) {
        struct threads *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        *t = (struct threads){ .base.ops = &threads_ops, .fd = fd };
        block_operations_init(&t->waiting);
        block_operations_init(&t->done);
        block_operations_init(&t->handed_over);
        pthread_mutex_init(&t->lock, NULL);
        pthread_cond_init(&t->wanted, NULL);
        pthread_cond_init(&t->ended, NULL);
        t->base.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = t->base.event_fd < 0 ? -errno : start(t, count);
        if (r < 0)
                threads_free(&t->base);
        else
                *ret = &t->base;
        return r;
}
