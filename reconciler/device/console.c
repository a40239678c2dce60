/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/history.h"
#include "device/console.h"
#include "device/console_log.h"
#include "device/pty.h"

/* 5.3.2, without F_MULTIPORT */
#define QUEUE_RECEIVE  0
#define QUEUE_TRANSMIT 1

#define SOURCE_PTY    0
#define SOURCE_EVENTS 1
#define SOURCE_INPUT  2
#define SOURCE_LOG    3 /* if there is one */

/* How many requests are served before the loop looks at everything else again. */
#define BATCH 64

/* A client that keeps up gets what it lacks before so much more has come. */
#define SHOW_AT (WORKER_HISTORY_RING / 2)

struct console {
        struct virtio_device base;
        int pty_fd;
        int events_fd;
        int history_fd;
        int input_fd;
        struct history history;
        struct console_log log;
        bool pty_waiting;    /* the pty has, or may have, bytes for the guest */
        bool input_waiting;  /* the FIFO, too */
        bool output_blocked; /* the pty is full: EPOLLOUT will tell */
        bool refusal_told;   /* to who types at the terminal while another client writes */
        bool size_due;       /* the driver has just come up: tell it the size */
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
                if (c->history.header->written - c->history.header->logged >= SHOW_AT)
                        console_log_run(&c->log, &c->history);
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
        if (budget < BATCH) {
                history_publish(&c->history);
                console_log_run(&c->log, &c->history);
        }
        show(c);
        return r;
}

/* ---- client to guest ---------------------------------------------------------------------------------- */

/* Return: bytes, 0 if there are none now, -errno. */
static ssize_t read_from(int fd, const struct iov_span *room) {
        ssize_t n;

        do
                n = readv(fd, room->iov, (int) MIN(room->count, (size_t) IOV_MAX));
        while (n < 0 && errno == EINTR);
        if (n >= 0)
                return n;
        /* EIO: nothing left, and no client. EFAULT: the guest's RAM was taken away. */
        if (errno == EAGAIN || errno == EIO)
                return 0;
        return errno == EFAULT ? -ESTALE : -errno;
}

/* Into one request. Return: bytes, 0 if nothing was typed, -errno. */
static ssize_t read_input(struct console *c, const struct iov_span *room) {
        ssize_t n = 0;

        if (c->input_waiting) {
                n = read_from(c->input_fd, room);
                c->input_waiting = n != 0;
        }
        if (n == 0 && c->pty_waiting) {
                n = read_from(c->pty_fd, room);
                c->pty_waiting = n != 0;
        }
        return n;
}

/* Kicks matter only while input waits for buffers: the driver may add them unheard otherwise. */
static int receive(struct console *c) {
        struct virtqueue *q = &c->base.queues[QUEUE_RECEIVE];

        if (!virtqueue_running(q))
                return 0;
        virtqueue_suppress_kicks(q);
        for (unsigned budget = BATCH; c->input_waiting || c->pty_waiting; budget--) {
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
                if (n > 0)
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
                c->refusal_told = false;
        }
        if (h->clients != clients) {
                __atomic_store_n(&h->clients, clients, __ATOMIC_RELAXED);
                history_publish(&c->history);
        }
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

/* Does a client have the FIFO? */
static bool input_taken(const struct console *c) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        return fcntl(c->input_fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* One writes: what is typed at the terminal while another client does is thrown away, which is said once. */
static void refuse_typed(struct console *c) {
        static const char told[] = "\r\n[Another client writes to this console; here it is only shown.]\r\n";
        char typed[512];
        bool any = false;

        while (read(c->pty_fd, typed, sizeof(typed)) > 0)
                any = true;
        if (any && !c->refusal_told)
                c->refusal_told = write(c->pty_fd, told, strlen(told)) > 0;
}

/* Something may have been typed at the terminal. */
static void pty_input(struct console *c) {
        if (input_taken(c))
                refuse_typed(c);
        else
                c->pty_waiting = true;
}

static int pty_event(struct console *c, uint32_t events) {
        if (events & EPOLLHUP)
                recount_clients(c);
        if (events & (EPOLLIN | EPOLLHUP))
                pty_input(c);
        if (events & EPOLLOUT)
                c->output_blocked = false;
        show(c);
        return receive(c);
}

/* ---- the window's size -------------------------------------------------------------------------------- */

/* Return: true if that is another one. */
static bool set_size(struct console *c, const struct winsize *size) {
        struct virtio_console_config now = { .cols = htole16(size->ws_col), .rows = htole16(size->ws_row) };

        if (memcmp(c->base.config, &now, sizeof(now)) == 0)
                return false;
        memcpy(c->base.config, &now, sizeof(now));
        return true;
}

static void look_at_size(struct console *c) {
        struct winsize size;

        if (ioctl(c->pty_fd, TIOCGWINSZ, &size) == 0 && set_size(c, &size))
                c->base.config_changed = true;
}

/*
 * Linux reads the size only when it is told of a change: one that has just come up and has not used
 * the queue yet gets one, from nothing to what it is.
 */
static int console_queue_started(struct virtio_device *d, unsigned queue) {
        static const struct winsize none;
        struct console *c = console_of(d);

        if (queue != QUEUE_TRANSMIT || !virtio_device_has(d, VIRTIO_CONSOLE_F_SIZE) || d->queues[queue].next_used != 0)
                return 0;
        c->size_due = set_size(c, &none);
        d->config_changed |= c->size_due;
        return 0;
}

/* In the round after the one that told of none. */
static int tell_due_size(struct console *c) {
        if (!c->size_due)
                return 0;
        if (c->base.config_changed)
                return 1;
        c->size_due = false;
        look_at_size(c);
        return 0;
}

/* ---- what the server calls ---------------------------------------------------------------------------- */

static int console_source_ready(struct virtio_device *d, unsigned source, uint32_t events) {
        struct console *c = console_of(d);

        switch (source) {
        case SOURCE_PTY:
                return pty_event(c, events);
        case SOURCE_INPUT:
                c->input_waiting = true;
                return receive(c);
        case SOURCE_LOG:
                console_log_ready(&c->log);
                console_log_run(&c->log, &c->history);
                return 0;
        default:
                recount_clients(c);
                show(c);
                if (!c->size_due)
                        look_at_size(c);
                return 0;
        }
}

static int console_queue_notify(struct virtio_device *d, unsigned queue) {
        struct console *c = console_of(d);
        int r, due;

        if (queue == QUEUE_RECEIVE)
                return receive(c);
        r = transmit(c);
        due = tell_due_size(c);
        return r != 0 ? r : due;
}

static void console_free(struct virtio_device *d) {
        struct console *c = console_of(d);

        console_log_close(&c->log);
        history_close(&c->history);
        fd_close(c->pty_fd);
        fd_close(c->events_fd);
        fd_close(c->history_fd);
        fd_close(c->input_fd);
        free(c);
}

static const struct virtio_device_ops console_ops = {
        .queue_started = console_queue_started,
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
        c->base.features = VIRTIO_QUEUE_FEATURES | VIRTIO_FEATURE(VIRTIO_CONSOLE_F_SIZE);
        c->base.num_queues = 2;
        c->base.queue_size_max[QUEUE_RECEIVE] = CONSOLE_QUEUE_SIZE;
        c->base.queue_size_max[QUEUE_TRANSMIT] = CONSOLE_QUEUE_SIZE;
        c->base.config_size = sizeof(struct virtio_console_config);
        c->base.num_sources = c->log.fd < 0 ? 3 : 4;
        /*
         * Edges: a master without a client has EPOLLHUP for as long as that lasts, and one
         * with a client nearly always EPOLLOUT.
         */
        c->base.sources[SOURCE_PTY].fd = c->pty_fd;
        c->base.sources[SOURCE_PTY].events = EPOLLIN | EPOLLOUT | EPOLLET;
        c->base.sources[SOURCE_EVENTS].fd = c->events_fd;
        c->base.sources[SOURCE_EVENTS].events = EPOLLIN;
        c->base.sources[SOURCE_INPUT].fd = c->input_fd;
        c->base.sources[SOURCE_INPUT].events = EPOLLIN | EPOLLET; /* it may have to wait for the guest */
        c->base.sources[SOURCE_LOG].fd = c->log.event_fd;
        c->base.sources[SOURCE_LOG].events = EPOLLIN;
}

/* A client may be there from our predecessor's time, with the cursor in the history where it has got to. */
static void find_clients(struct console *c) {
        recount_clients(c);
        if (c->history.header->clients == 0 && pty_has_client(c->pty_fd))
                clients_changed(c, 1, false);
        c->input_waiting = true;
        pty_input(c);
        look_at_size(c);
        c->base.config_changed = false; /* it is what is offered */
}

int console_new(const struct console_fds *fds, const char *zone, const char *device, struct virtio_device **ret,
                struct err *e) {
        _cleanup_free_ struct console *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return err_set(e, -ENOMEM, "out of memory");
        r = set_nonblocking(fds->pty, "pty", e);
        if (r >= 0)
                r = set_nonblocking(fds->events, "pty events", e);
        if (r >= 0)
                r = set_nonblocking(fds->input, "input", e);
        if (r >= 0 && fds->journal >= 0)
                r = set_nonblocking(fds->journal, "journal", e);
        if (r >= 0)
                r = history_open(&c->history, fds->history, e);
        if (r < 0)
                return r;
        r = console_log_open(&c->log, fds->journal, zone, device);
        if (r < 0) {
                history_close(&c->history);
                return err_set(e, r, "journal: %s", strerror(-r));
        }
        c->pty_fd = fds->pty;
        c->events_fd = fds->events;
        c->history_fd = fds->history;
        c->input_fd = fds->input;
        offer(c);
        find_clients(c);
        *ret = &TAKE_PTR(c)->base;
        return 0;
}
