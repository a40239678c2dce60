/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A transport without a hypervisor: the test plays the driver. Set up queues,
 * change the state, kick; then let the server make its steps and look at what came.
 */
#pragma once

#include <errno.h>
#include <linux/virtio_config.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virtio/fake_guest.h"
#include "virtio/server.h"

#define STATUS_OK                                                                                                      \
        (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

#define FAKE_QUEUES 5

/* For fake_driver_up(): a driver whose wishes are told by flags. */
#define NO_EVENT_IDX (~VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX))

struct fake_transport {
        struct transport base;
        struct fake_guest guest;
        struct fake_queue queues[FAKE_QUEUES];
        uint64_t inflight[FAKE_QUEUES][0x4040 / sizeof(uint64_t)]; /* outlives a worker */
        struct transport_state state;
        struct virtio_device *device; /* as attached */
        uint64_t cookie;
        int signal_fd; /* an eventfd in place of the signalfd */
        uint64_t acknowledged;
        unsigned calls;
        uint32_t called; /* mask of queues */
        bool again;      /* the state is another one once it is acknowledged */
        unsigned breaks;
        unsigned config_changes;
        uint8_t config[VIRTIO_CONFIG_MAX]; /* as last told */
        bool stale;
        bool caged; /* the worker cannot read(2): the test drains event_fd itself */
        struct server *server;
};

static inline struct fake_transport *fake_of(struct transport *t) {
        return (struct fake_transport *) t;
}

static int fake_attach(struct transport *t, const struct virtio_device *d, uint64_t cookie, struct err *e) {
        struct fake_transport *f = fake_of(t);

        (void) e;
        f->cookie = cookie;
        for (unsigned q = 0; q < d->num_queues; q++)
                f->base.kick_fds[q] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK); /* kicked once */
        f->base.memory = f->guest.memory;
        return 0;
}

static int fake_read_state(struct transport *t, struct transport_state *ret) {
        struct fake_transport *f = fake_of(t);

        if (f->stale)
                return -ESTALE;
        *ret = f->state;
        return 0;
}

static int fake_acknowledge(struct transport *t, uint64_t sequence) {
        struct fake_transport *f = fake_of(t);
        eventfd_t n;

        __atomic_store_n(&f->acknowledged, sequence, __ATOMIC_RELEASE);
        if (sequence == f->state.sequence && !f->caged)
                (void) eventfd_read(f->base.event_fd, &n);
        if (f->again) {
                f->again = false;
                for (unsigned q = 0; q < f->device->num_queues; q++)
                        f->state.queues[q].ready = true;
                return 1;
        }
        return 0;
}

static int fake_break_device(struct transport *t, unsigned queue) {
        (void) queue;
        fake_of(t)->breaks++;
        return 0;
}

static int fake_change_config(struct transport *t, const struct virtio_device *d) {
        struct fake_transport *f = fake_of(t);

        if (f->stale)
                return -ESTALE;
        f->config_changes++;
        memcpy(f->config, d->config, sizeof(f->config));
        return 0;
}

static int fake_call(struct transport *t, uint32_t queues) {
        fake_of(t)->calls++;
        fake_of(t)->called |= queues;
        return 0;
}

static const struct transport_ops fake_ops = {
        .attach = fake_attach,
        .read_state = fake_read_state,
        .acknowledge = fake_acknowledge,
        .break_device = fake_break_device,
        .change_config = fake_change_config,
        .call = fake_call,
};

/* The driver changes something that the worker has to look at. */
static inline void fake_changed(struct fake_transport *f) {
        f->state.sequence++;
        assert_int_equal(eventfd_write(f->base.event_fd, 1), 0);
}

static inline void fake_init(struct fake_transport *f, uint16_t queue_size) {
        memset(f, 0, sizeof(*f));
        assert_int_equal(inflight_region_attach(&f->base.inflight, f->inflight, sizeof(f->inflight),
                                                ELEMENTSOF(f->queues), VIRTQUEUE_SIZE_MAX),
                         0);
        f->base.ops = &fake_ops;
        f->base.call_fd = -1;
        f->base.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        f->signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        for (unsigned q = 0; q < VIRTIO_QUEUES_MAX; q++)
                f->base.kick_fds[q] = -1;
        fake_guest_init(&f->guest);
        for (unsigned q = 0; q < ELEMENTSOF(f->queues); q++) {
                fake_queue_init(&f->queues[q], &f->guest, q, queue_size);
                f->state.queues[q].layout = f->queues[q].layout;
        }
}

/* Attaches a device (which stays the caller's). */
static inline void fake_serve(struct fake_transport *f, struct virtio_device *d) {
        struct err e = { 0 };

        f->device = d;
        assert_int_equal(server_new(d, &f->base, "zone test: device", 0xc00c1e, f->signal_fd, &f->server, &e), 0);
}

/* The driver enables a queue. */
static inline void fake_enable(struct fake_transport *f, unsigned q) {
        struct inflight_queue *part = inflight_region_queue(&f->base.inflight, q, 0);

        if (part)
                memset(part, 0, inflight_part_size(VIRTQUEUE_SIZE_MAX));
        f->state.queues[q].ready = true;
}

/* What a driver does until DRIVER_OK; @features: which of the offered ones it takes. */
static inline void fake_driver_up(struct fake_transport *f, uint64_t features) {
        for (unsigned q = 0; q < f->device->num_queues; q++)
                fake_enable(f, q);
        f->state.features = f->device->features & features;
        f->state.status = STATUS_OK;
        fake_changed(f);
}

static inline void fake_reset(struct fake_transport *f) {
        for (unsigned q = 0; q < ELEMENTSOF(f->queues); q++)
                f->state.queues[q].ready = false;
        f->state.status = 0;
        f->state.features = 0;
        fake_changed(f);
}

static inline void fake_kick(struct fake_transport *f, unsigned queue) {
        assert_int_equal(eventfd_write(f->base.kick_fds[queue], 1), 0);
}

/* Steps until nothing more happens for @quiet_ms. */
static inline void fake_settle(struct fake_transport *f, int quiet_ms) {
        for (int i = 0; i < 20; i++)
                assert_int_equal(server_step(f->server, quiet_ms), 1);
}

/* The worker goes (as if killed, if its device is not freed in order); rings stay as they are. */
static inline void fake_detach(struct fake_transport *f) {
        server_free(f->server);
        f->server = NULL;
        for (unsigned q = 0; q < VIRTIO_QUEUES_MAX; q++)
                if (f->base.kick_fds[q] >= 0) {
                        close(f->base.kick_fds[q]);
                        f->base.kick_fds[q] = -1;
                }
}

static inline void fake_done(struct fake_transport *f) {
        fake_detach(f);
        close(f->base.event_fd);
        close(f->signal_fd);
        fake_guest_done(&f->guest);
}
