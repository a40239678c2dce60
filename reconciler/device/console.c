/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "device/console.h"
#include "device/device_type.h"
#include "device/history.h"
#include "device/pty.h"

/* 5.3.2, without F_MULTIPORT */
#define QUEUE_RECEIVE  0
#define QUEUE_TRANSMIT 1

#define SOURCE_PTY    0
#define SOURCE_EVENTS 1

/* How many requests are served before the loop looks at everything else again. */
#define BATCH 64

/* A client that keeps up gets what it lacks before so much more has come. */
#define SHOW_AT (WORKER_HISTORY_RING / 2)

struct console {
        struct virtio_device base;
        int pty_fd;
        int events_fd;
        int history_fd; /* only kept open: a daemon that lost its own gets it from here */
        struct history history;
        bool input_waiting;  /* the pty has, or may have, bytes for the guest */
        bool output_blocked; /* the pty is full: EPOLLOUT will tell */
        struct virtqueue_chain chain;
};

static struct console *console_of(struct virtio_device *d) {
        return (struct console *) d;
}

/* ---- guest to client ---------------------------------------------------------------------------------- */

/* Writes what the client has not got yet, as far as the pty takes it. */
static void show(struct console *c) {
        struct history_header *h = c->history.header;

        if (h->clients == 0 || c->output_blocked)
                return;
        h->shown = MAX(h->shown, history_oldest(&c->history));
        while (h->shown < h->written) {
                struct iovec pieces[2];
                int count = history_pieces(&c->history, h->shown, pieces);
                ssize_t n = writev(c->pty_fd, pieces, count);

                if (n > 0) {
                        h->shown += (uint64_t) n;
                } else if (n == 0 || errno == EAGAIN) {
                        c->output_blocked = true;
                        return;
                } else if (errno != EINTR) {
                        return; /* the client went away: the pty's next event says so */
                }
        }
}

static void record(struct console *c, struct iov_span *output) {
        /* More than a whole ring: only its end will ever be seen. */
        if (output->size > WORKER_HISTORY_RING)
                iov_skip(output, output->size - WORKER_HISTORY_RING);
        for (size_t i = 0; i < output->count; i++) {
                history_append(&c->history, output->iov[i].iov_base, output->iov[i].iov_len);
                if (c->history.header->written - c->history.header->shown >= SHOW_AT)
                        show(c);
        }
}

static int transmit(struct console *c) {
        struct virtqueue *q = &c->base.queues[QUEUE_TRANSMIT];
        unsigned budget = BATCH;
        int r;

        virtqueue_suppress_kicks(q);
        do {
                while ((r = virtqueue_next(q, &c->chain)) > 0) {
                        record(c, &c->chain.readable);
                        virtqueue_return(q, c->chain.head, 0);
                        if (--budget == 0)
                                break;
                }
        } while (r == 0 && virtqueue_allow_kicks(q));
        show(c);
        return r;
}

/* ---- client to guest ---------------------------------------------------------------------------------- */

/* Reads from the pty into one request. Return: bytes, 0 if the pty has none now, -errno. */
static ssize_t read_input(struct console *c, const struct iov_span *room) {
        ssize_t n;

        do
                n = readv(c->pty_fd, room->iov, (int) MIN(room->count, (size_t) IOV_MAX));
        while (n < 0 && errno == EINTR);
        if (n >= 0)
                return n;
        /* EIO: nothing left, and no client. EFAULT: the guest's RAM was taken away. */
        if (errno == EAGAIN || errno == EIO)
                return 0;
        return errno == EFAULT ? -ESTALE : -errno;
}

/* Kicks matter only while input waits for buffers: the driver may add them unheard otherwise. */
static int receive(struct console *c) {
        struct virtqueue *q = &c->base.queues[QUEUE_RECEIVE];

        if (!virtqueue_running(q))
                return 0;
        virtqueue_suppress_kicks(q);
        for (unsigned budget = BATCH; c->input_waiting; budget--) {
                ssize_t n;
                int r;

                if (budget == 0)
                        return 1;
                r = virtqueue_next(q, &c->chain);
                if (r < 0)
                        return r;
                if (r == 0) {
                        if (virtqueue_allow_kicks(q))
                                continue;
                        return 0;
                }
                if (c->chain.writable.size == 0)
                        return virtqueue_refuse(q, "receive buffer that cannot be written");
                n = read_input(c, &c->chain.writable);
                if (n <= 0)
                        virtqueue_put_back(q);
                if (n < 0)
                        return (int) n;
                if (n == 0)
                        c->input_waiting = false;
                else
                        virtqueue_return(q, c->chain.head, (uint32_t) n);
        }
        return 0;
}

/* ---- clients come and go ------------------------------------------------------------------------------ */

/*
 * @gap: there was a moment without a client. What the last one has not read is thrown
 * away; the next one gets the history from its start.
 */
static void clients_changed(struct console *c, uint32_t clients, bool gap) {
        struct history_header *h = c->history.header;

        if (gap && h->clients > 0)
                (void) pty_renew(c->pty_fd);
        if (clients > 0 && (gap || h->clients == 0)) {
                h->shown = history_first_line(&c->history);
                c->output_blocked = false;
        }
        h->clients = clients;
}

/* Counts from the inotify events; the pty itself has the last word on whether there is any. */
static void recount_clients(struct console *c) {
        uint32_t clients = c->history.header->clients;
        bool gap = pty_count_clients(c->events_fd, &clients);

        if (!pty_has_client(c->pty_fd)) {
                clients = 0;
                gap = true;
        }
        clients_changed(c, clients, gap);
}

static int pty_event(struct console *c, uint32_t events) {
        if (events & EPOLLHUP)
                recount_clients(c);
        if (events & (EPOLLIN | EPOLLHUP))
                c->input_waiting = true;
        if (events & EPOLLOUT)
                c->output_blocked = false;
        show(c);
        return receive(c);
}

/* ---- what the server calls ---------------------------------------------------------------------------- */

static int console_source_ready(struct virtio_device *d, unsigned source, uint32_t events) {
        struct console *c = console_of(d);

        if (source == SOURCE_PTY)
                return pty_event(c, events);
        recount_clients(c);
        show(c);
        return 0;
}

static int console_queue_notify(struct virtio_device *d, unsigned queue) {
        return queue == QUEUE_TRANSMIT ? transmit(console_of(d)) : receive(console_of(d));
}

static void console_free(struct virtio_device *d) {
        struct console *c = console_of(d);

        history_close(&c->history);
        fd_close(c->pty_fd);
        fd_close(c->events_fd);
        fd_close(c->history_fd);
        free(c);
}

static const struct virtio_device_ops console_ops = {
        .queue_notify = console_queue_notify,
        .source_ready = console_source_ready,
        .free = console_free,
};

/* ---- making it ---------------------------------------------------------------------------------------- */

static int set_nonblocking(int fd, const char *what, struct err *e) {
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return err_set(e, -errno, "%s: %s", what, strerror(errno));
        return 0;
}

static void offer(struct console *c) {
        c->base.ops = &console_ops;
        c->base.features = VIRTIO_QUEUE_FEATURES;
        c->base.num_queues = 2;
        c->base.queue_size_max[QUEUE_RECEIVE] = CONSOLE_QUEUE_SIZE;
        c->base.queue_size_max[QUEUE_TRANSMIT] = CONSOLE_QUEUE_SIZE;
        c->base.config_size = sizeof(struct virtio_console_config); /* all 0: no feature makes a field valid */
        c->base.num_sources = 2;
        /*
         * Edges: a master without a client has EPOLLHUP for as long as that lasts, and one
         * with a client nearly always EPOLLOUT.
         */
        c->base.sources[SOURCE_PTY].fd = c->pty_fd;
        c->base.sources[SOURCE_PTY].events = EPOLLIN | EPOLLOUT | EPOLLET;
        c->base.sources[SOURCE_EVENTS].fd = c->events_fd;
        c->base.sources[SOURCE_EVENTS].events = EPOLLIN;
}

/* A client may be there from our predecessor's time, with the cursor in the history where it has got to. */
static void find_clients(struct console *c) {
        recount_clients(c);
        if (c->history.header->clients == 0 && pty_has_client(c->pty_fd))
                clients_changed(c, 1, false);
        c->input_waiting = true;
}

int console_new(int pty_fd, int events_fd, int history_fd, struct virtio_device **ret, struct err *e) {
        _cleanup_free_ struct console *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return err_set(e, -ENOMEM, "out of memory");
        r = set_nonblocking(pty_fd, "pty", e);
        if (r >= 0)
                r = set_nonblocking(events_fd, "pty events", e);
        if (r >= 0)
                r = history_open(&c->history, history_fd, e);
        if (r < 0)
                return r;
        c->pty_fd = pty_fd;
        c->events_fd = events_fd;
        c->history_fd = history_fd;
        offer(c);
        find_clients(c);
        *ret = &TAKE_PTR(c)->base;
        return 0;
}

/* ---- as a worker -------------------------------------------------------------------------------------- */

enum {
        ARGUMENT_PTY,
        ARGUMENT_EVENTS,
        ARGUMENT_HISTORY,
};

static const struct device_option console_options[] = {
        [ARGUMENT_PTY] = { WORKER_OPTION_PTY_FD, DEVICE_OPTION_FD },
        [ARGUMENT_EVENTS] = { WORKER_OPTION_PTY_EVENTS_FD, DEVICE_OPTION_FD },
        [ARGUMENT_HISTORY] = { WORKER_OPTION_HISTORY_FD, DEVICE_OPTION_FD },
        { 0 },
};

static const struct cage_rule console_rules[] = {
        { __NR_read, false, 0 },
        { __NR_readv, false, 0 },
        { __NR_writev, false, 0 },
#ifdef __NR_poll
        { __NR_poll, false, 0 },
#endif
        { __NR_ppoll, false, 0 },
        { __NR_ioctl, true, PTY_IOCTL_GET },
        { __NR_ioctl, true, PTY_IOCTL_SET_FLUSH },
        { __NR_ioctl, true, PTY_IOCTL_FLUSH },
};

static int console_create(const struct device_arguments *a, struct virtio_device **ret, struct err *e) {
        return console_new(a->values[ARGUMENT_PTY], a->values[ARGUMENT_EVENTS], a->values[ARGUMENT_HISTORY], ret, e);
}

const struct device_type console_device_type = {
        .name = "console",
        .comm = "virtio-console",
        .options = console_options,
        .rules = console_rules,
        .num_rules = ELEMENTSOF(console_rules),
        .create = console_create,
};
