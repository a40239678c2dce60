/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A console between a fake driver and its clients, with what the launcher keeps of it across workers. */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <linux/virtio_console.h>
#include <termios.h>

#include "base/fd.h"
#include "device/console.h"
#include "device/console_log.h"
#include "virtio/fake_transport.h"

#define RECEIVE    0
#define TRANSMIT   1
#define QUEUE_SIZE 64
#define OUTPUT     DATA
#define INPUT      (DATA + 0x40000)

struct fixture {
        struct fake_transport t;
        struct virtio_device *device;
        int master, events, history, input; /* the launcher's: they outlive a worker */
        char slave[64], fifo[64];
        int journal[2]; /* the worker's end, and the journal's; -1: none */
        int client;     /* -1: none */
};

/* As the launcher does it: raw, watched, opened and closed once. */
static inline void make_pty(struct fixture *f) {
        struct termios raw;
        int slave;

        f->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        assert_true(f->master >= 0);
        assert_int_equal(unlockpt(f->master), 0);
        assert_int_equal(ptsname_r(f->master, f->slave, sizeof(f->slave)), 0);
        f->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        assert_true(inotify_add_watch(f->events, f->slave, IN_OPEN | IN_CLOSE) >= 0);
        slave = open(f->slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_true(slave >= 0);
        assert_int_equal(tcgetattr(slave, &raw), 0);
        cfmakeraw(&raw);
        assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
        close(slave);
}

static inline int dup_journal(const struct fixture *f) {
        return f->journal[0] < 0 ? -1 : dup(f->journal[0]);
}

static inline void start_worker(struct fixture *f) {
        struct err e = { 0 };

        const struct console_fds fds = { dup(f->master), dup(f->events), dup(f->history), dup(f->input),
                                         dup_journal(f) };

        assert_int_equal(console_new(&fds, "zone", "main", &f->device, &e), 0);
        fake_serve(&f->t, f->device);
}

static inline void end_worker(struct fixture *f) {
        fake_detach(&f->t);
        virtio_device_free(f->device);
        f->device = NULL;
}

static inline int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        log_set_level(LOG_ERR);
        make_pty(f);
        f->history = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(f->history, WORKER_HISTORY_SIZE), 0);
        (void) snprintf(f->fifo, sizeof(f->fifo), "/tmp/hvisor-console-%d", (int) getpid());
        (void) unlink(f->fifo);
        assert_int_equal(mkfifo(f->fifo, 0600), 0);
        f->input = open(f->fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        assert_true(f->input >= 0);
        f->client = f->journal[0] = f->journal[1] = -1;
        fake_init(&f->t, QUEUE_SIZE);
        start_worker(f);
        fake_driver_up(&f->t, NO_EVENT_IDX);
        fake_settle(&f->t, 0);
        *state = f;
        return 0;
}

static inline int tear_down(void **state) {
        struct fixture *f = *state;

        if (f->client >= 0)
                close(f->client);
        end_worker(f);
        fake_done(&f->t);
        close(f->master);
        close(f->events);
        close(f->history);
        close(f->input);
        fd_close(f->journal[0]);
        fd_close(f->journal[1]);
        (void) unlink(f->fifo);
        free(f);
        return 0;
}

static inline int open_client(struct fixture *f) {
        int fd = open(f->slave, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

        assert_true(fd >= 0);
        return fd;
}

static inline void connect_client(struct fixture *f) {
        f->client = open_client(f);
        fake_settle(&f->t, 0);
}

static inline void disconnect_client(struct fixture *f) {
        close(f->client);
        f->client = -1;
        fake_settle(&f->t, 0);
}

/* The guest writes @size bytes in one chain. */
static inline void guest_writes(struct fixture *f, const void *data, size_t size) {
        struct fake_queue *q = &f->t.queues[TRANSMIT];
        uint32_t head, length;

        memcpy(fake_at(&f->t.guest, OUTPUT), data, size);
        fake_desc(q, 0, OUTPUT, (uint32_t) size, 0, 0);
        fake_offer(q, 0);
        if (!(le16toh(q->used->flags) & VRING_USED_F_NO_NOTIFY))
                fake_kick(&f->t, TRANSMIT);
        fake_settle(&f->t, 0);
        assert_true(fake_take_used(q, &head, &length)); /* it never waits */
        assert_int_equal(length, 0);
}

static inline void guest_says(struct fixture *f, const char *text) {
        guest_writes(f, text, strlen(text));
}

/* All that the client can read, while the worker goes on serving. */
static inline size_t client_reads(struct fixture *f, char *buffer, size_t size) {
        size_t n = 0;

        for (int idle = 0; idle < 5;) {
                ssize_t r = read(f->client, buffer + n, MIN(size - n, (size_t) 1024));

                assert_int_equal(server_step(f->t.server, 0), 1);
                if (r > 0) {
                        n += (size_t) r;
                        idle = 0;
                } else {
                        struct pollfd p = { .fd = f->client, .events = POLLIN };

                        idle += poll(&p, 1, 10) == 0;
                }
                if (n == size)
                        break;
        }
        return n;
}

static inline void assert_client_reads(struct fixture *f, const char *text) {
        char buffer[256] = "";

        assert_true(strlen(text) < sizeof(buffer) - 1);
        (void) client_reads(f, buffer, sizeof(buffer) - 1);
        assert_string_equal(buffer, text);
}

/* The guest offers @count buffers of @size bytes, as a driver that heeds suppression. */
static inline void guest_offers_input(struct fixture *f, unsigned count, uint32_t size) {
        struct fake_queue *q = &f->t.queues[RECEIVE];

        for (unsigned i = 0; i < count; i++) {
                fake_desc(q, i, INPUT + i * 0x1000, size, D_WRITE, 0);
                fake_offer(q, (uint16_t) i);
        }
        if (!(le16toh(q->used->flags) & VRING_USED_F_NO_NOTIFY))
                fake_kick(&f->t, RECEIVE);
        fake_settle(&f->t, 0);
}

static inline void assert_guest_got(struct fixture *f, const char *text) {
        char got[256] = "";
        uint32_t head, length;

        while (fake_take_used(&f->t.queues[RECEIVE], &head, &length))
                strncat(got, fake_at(&f->t.guest, INPUT + head * 0x1000), length);
        assert_string_equal(got, text);
}

static inline void fill_with_lines(struct fixture *f, unsigned from, unsigned to) {
        char line[32];

        for (unsigned i = from; i < to; i++) {
                (void) snprintf(line, sizeof(line), "this is line %08u\n", i);
                guest_says(f, line);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
