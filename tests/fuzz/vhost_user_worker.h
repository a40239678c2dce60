/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker that listens for vhost-user front-ends, for fuzz_vhost_user_backend.c: its device gives requests back, at
 * once or when told to, and claims that their buffers are in memory that it was given.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macros.h"
#include "fuzz/fuzz.h"
#include "virtio/server.h"
#include "virtio/transport_vhost_user.h"
#include "virtio/vhost_user.h"

#define QUEUES      2
#define QUEUE_SIZE  16
#define QUEUE_SPACE 0x2000
#define RAM_BASE    UINT64_C(0x40000000)
#define RAM_SIZE    0x8000
#define MORE_SIZE   0x1000                   /* of RAM, right behind it */
#define USER_BASE   UINT64_C(0x7f0000000000) /* where the front-end has all of it */

static struct {
        struct virtio_device device;
        struct transport *transport;
        struct server *server;
        struct sockaddr_un address;
        int stop_fd, source_fd;

        bool holds;
        uint16_t held[QUEUES][QUEUE_SIZE];
        unsigned num_held[QUEUES];
        struct virtqueue_chain chain;
} worker;

/* ---- the device --------------------------------------------------------------------------------------- */

static bool is_ram(const uint8_t *base, size_t size) {
        struct guest_memory_piece piece;
        void *host;

        for (size_t i = 0; guest_memory_region(worker.transport->memory, i, &piece, &host); i++)
                if (base >= (uint8_t *) host && size <= piece.size &&
                    (size_t) (base - (uint8_t *) host) <= piece.size - size)
                        return true;
        return false;
}

static void claim_span(const struct iov_span *s, bool write) {
        for (size_t i = 0; i < s->count; i++) {
                volatile uint8_t *base = s->iov[i].iov_base;
                size_t size = s->iov[i].iov_len;

                CLAIM(size > 0 && is_ram((uint8_t *) base, size));
                if (write)
                        base[0] = base[size - 1] = 0xdd;
                else
                        (void) (base[0] + base[size - 1]);
        }
}

static int queue_notify(struct virtio_device *d, unsigned q) {
        int r;

        while ((r = virtqueue_next(&d->queues[q], &worker.chain)) > 0) {
                claim_span(&worker.chain.readable, false);
                claim_span(&worker.chain.writable, true);
                if (worker.holds)
                        worker.held[q][worker.num_held[q]++] = worker.chain.head;
                else
                        virtqueue_return(&d->queues[q], worker.chain.head, 0);
        }
        return r;
}

static void queue_stopping(struct virtio_device *d _unused_, unsigned q) {
        worker.num_held[q] = 0;
}

static int source_ready(struct virtio_device *d, unsigned source, uint32_t events _unused_) {
        eventfd_t n;

        CLAIM(eventfd_read(d->sources[source].fd, &n) == 0);
        d->config[0]++;
        d->config_changed = true;
        return 0;
}

static const struct virtio_device_ops device_ops = {
        .queue_notify = queue_notify,
        .queue_stopping = queue_stopping,
        .source_ready = source_ready,
};

/* ---- coming and going ------------------------------------------------------------------------------- */

static void run(void) {
        for (unsigned n = 0; n < 4; n++)
                CLAIM(server_step(worker.server, 0) == 1);
}

/* The socket is in a directory of its own, which tests/fuzz/run removes. */
static void set_up_once(void) {
        const char *temporary = getenv("TMPDIR");
        char folder[64];
        struct err e = { 0 };

        if (worker.server)
                return;
        log_set_level(LOG_CRIT);
        worker.stop_fd = eventfd(0, EFD_CLOEXEC);
        worker.source_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        worker.device = (struct virtio_device){
                .ops = &device_ops,
                .features = VIRTIO_QUEUE_FEATURES,
                .num_queues = QUEUES,
                .queue_size_max = { QUEUE_SIZE, QUEUE_SIZE },
                .config_size = 8,
                .num_sources = 1,
                .sources = { { worker.source_fd, EPOLLIN } },
        };
        (void) snprintf(folder, sizeof(folder), "%s/fuzz-XXXXXX", temporary ?: "/tmp");
        CLAIM(mkdtemp(folder));
        worker.address.sun_family = AF_UNIX;
        (void) snprintf(worker.address.sun_path, sizeof(worker.address.sun_path), "%s/socket", folder);
        CLAIM(transport_vhost_user_new(worker.address.sun_path, "fuzz", &worker.transport, &e) == 0);
        CLAIM(server_new(&worker.device, worker.transport, "fuzz", 0, worker.stop_fd, &worker.server, &e) == 0);
        run();
}
