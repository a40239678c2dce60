/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest for one of our devices, for fuzz_device.c: its RAM is guarded, and each request is followed from when the
 * device fetches it until it gives it back, by standing between device and virtqueue.
 */
#pragma once

#include <endian.h>
#include <linux/virtio_config.h>
#include <sys/eventfd.h>

#include "base/log.h"
#include "base/macros.h"
#include "fuzz/guarded_ram.h"
#include "virtio/server.h"

#define RAM_BASE    UINT64_C(0x40000000)
#define RAM_SIZE    0x20000
#define QUEUE_SIZE  16
#define QUEUE_SPACE 0x400
#define QUEUES_MOST 8
#define DATA        (RAM_BASE + QUEUES_MOST * QUEUE_SPACE)
#define STATUS_OK                                                                                                      \
        (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

/* What the device has of a queue. */
struct followed {
        bool has[VIRTQUEUE_SIZE_MAX];
        uint64_t room[VIRTQUEUE_SIZE_MAX];     /* that it may write to */
        uint16_t in_order[VIRTQUEUE_SIZE_MAX]; /* of fetching */
        unsigned count;
};

static struct {
        struct transport transport;
        struct transport_state state;
        struct guarded_ram ram;
        struct virtio_device *device; /* of this input */
        struct server *server;
        int signal_fd;
        struct followed queues[QUEUES_MOST];
} guest;

/* ---- between device and virtqueue --------------------------------------------------------------------- */

int __real_virtqueue_start(struct virtqueue *q, const struct guest_memory *memory,
                           const struct virtqueue_layout *layout, uint64_t features, struct inflight_queue *inflight);
int __wrap_virtqueue_start(struct virtqueue *q, const struct guest_memory *memory,
                           const struct virtqueue_layout *layout, uint64_t features, struct inflight_queue *inflight);
int __real_virtqueue_next(struct virtqueue *q, struct virtqueue_chain *ret);
int __wrap_virtqueue_next(struct virtqueue *q, struct virtqueue_chain *ret);
void __real_virtqueue_put_back(struct virtqueue *q);
void __wrap_virtqueue_put_back(struct virtqueue *q);
void __real_virtqueue_return(struct virtqueue *q, uint16_t head, uint32_t written);
void __wrap_virtqueue_return(struct virtqueue *q, uint16_t head, uint32_t written);
void __real_virtqueue_return_all(struct virtqueue *q, const struct virtqueue_used *list, size_t count);
void __wrap_virtqueue_return_all(struct virtqueue *q, const struct virtqueue_used *list, size_t count);

static struct followed *followed_of(const struct virtqueue *q) {
        ptrdiff_t n = q - guest.device->queues;

        CLAIM(n >= 0 && n < QUEUES_MOST);
        return &guest.queues[n];
}

static void claim_span(const struct iov_span *s) {
        uint64_t size = 0;

        for (size_t i = 0; i < s->count; i++) {
                CLAIM(s->iov[i].iov_len > 0 && guarded_ram_has(&guest.ram, s->iov[i].iov_base, s->iov[i].iov_len));
                size += s->iov[i].iov_len;
        }
        CLAIM(size == s->size);
}

int __wrap_virtqueue_start(struct virtqueue *q, const struct guest_memory *memory,
                           const struct virtqueue_layout *layout, uint64_t features, struct inflight_queue *inflight) {
        memset(followed_of(q), 0, sizeof(struct followed));
        return __real_virtqueue_start(q, memory, layout, features, inflight);
}

int __wrap_virtqueue_next(struct virtqueue *q, struct virtqueue_chain *ret) {
        struct followed *f = followed_of(q);
        int r = __real_virtqueue_next(q, ret);

        if (r <= 0)
                return r;
        claim_span(&ret->readable);
        claim_span(&ret->writable);
        CLAIM(ret->head < q->size && !f->has[ret->head]);
        f->has[ret->head] = true;
        f->room[ret->head] = ret->writable.size;
        f->in_order[f->count++] = ret->head;
        return r;
}

void __wrap_virtqueue_put_back(struct virtqueue *q) {
        struct followed *f = followed_of(q);

        CLAIM(f->count > 0);
        f->has[f->in_order[--f->count]] = false;
        __real_virtqueue_put_back(q);
}

/* Once each, and nothing is promised that it had no room for. */
static void claim_returned(struct virtqueue *q, const struct virtqueue_used *u) {
        struct followed *f = followed_of(q);
        unsigned n = 0;

        CLAIM(u->head < q->size && f->has[u->head]);
        CLAIM(u->written <= f->room[u->head]);
        f->has[u->head] = false;
        while (f->in_order[n] != u->head)
                n++;
        memmove(&f->in_order[n], &f->in_order[n + 1], (--f->count - n) * sizeof(f->in_order[0]));
}

void __wrap_virtqueue_return(struct virtqueue *q, uint16_t head, uint32_t written) {
        claim_returned(q, &(struct virtqueue_used){ head, written });
        __real_virtqueue_return(q, head, written);
}

void __wrap_virtqueue_return_all(struct virtqueue *q, const struct virtqueue_used *list, size_t count) {
        for (size_t i = 0; i < count; i++)
                claim_returned(q, &list[i]);
        __real_virtqueue_return_all(q, list, count);
}

/* ---- the transport ------------------------------------------------------------------------------------ */

static int attach(struct transport *t _unused_, const struct virtio_device *d _unused_, uint64_t cookie _unused_,
                  struct err *e _unused_) {
        return 0;
}

static int read_state(struct transport *t _unused_, struct transport_state *ret) {
        *ret = guest.state;
        return 0;
}

static bool any_ready(void) {
        bool any = false;

        for (unsigned q = 0; q < guest.device->num_queues; q++)
                any |= guest.state.queues[q].ready;
        return any && (guest.state.status & VIRTIO_CONFIG_S_DRIVER_OK);
}

/* From here on a driver that has taken its queues away has its memory for itself. */
static int acknowledge(struct transport *t, uint64_t sequence) {
        eventfd_t n;

        CLAIM(sequence == guest.state.sequence);
        (void) eventfd_read(t->event_fd, &n);
        guarded_ram_lock(&guest.ram, !any_ready());
        return 0;
}

static int break_device(struct transport *t _unused_, unsigned q) {
        CLAIM(!virtqueue_running(&guest.device->queues[q]));
        guest.state.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
        return 0;
}

static int change_config(struct transport *t _unused_, const struct virtio_device *d) {
        for (size_t i = d->config_size; i < sizeof(d->config); i++)
                CLAIM(d->config[i] == 0);
        return 0;
}

static int call(struct transport *t _unused_, uint32_t queues) {
        CLAIM(queues != 0 && queues < BIT(guest.device->num_queues));
        return 0;
}

static const struct transport_ops transport_ops = {
        .attach = attach,
        .read_state = read_state,
        .acknowledge = acknowledge,
        .break_device = break_device,
        .change_config = change_config,
        .call = call,
};

static void run(void) {
        for (unsigned n = 0; n < 4; n++)
                CLAIM(server_step(guest.server, 0) == 1);
}

static void tell_state(void) {
        guest.state.sequence++;
        CLAIM(eventfd_write(guest.transport.event_fd, 1) == 0);
        run();
}

/* ---- coming and going ------------------------------------------------------------------------------- */

static void guest_set_up_once(void) {
        struct transport *t = &guest.transport;

        if (t->ops)
                return;
        log_set_level(LOG_EMERG);
        t->ops = &transport_ops;
        t->call_fd = -1;
        t->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        guest.signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        for (unsigned q = 0; q < QUEUES_MOST; q++)
                t->kick_fds[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        guarded_ram_new(&guest.ram, RAM_SIZE);
        CLAIM(guest_memory_new(&t->memory) == 0);
        CLAIM(guest_memory_add(t->memory, RAM_BASE, RAM_SIZE, guest.ram.device) == 0);
}

static struct virtqueue_layout usual_layout(unsigned q) {
        uint64_t base = RAM_BASE + q * QUEUE_SPACE;

        return (struct virtqueue_layout){
                .descriptors = base, .available = base + 0x100, .used = base + 0x200, .size = QUEUE_SIZE
        };
}

/* The driver comes up anew, with rings that are empty. */
static void guest_up(uint64_t features) {
        memset(guest.ram.driver, 0, QUEUES_MOST * QUEUE_SPACE);
        guest.state.features = (features & guest.device->features) | VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
        guest.state.status = STATUS_OK;
        for (unsigned q = 0; q < guest.device->num_queues; q++) {
                guest.state.queues[q].layout = usual_layout(q);
                guest.state.queues[q].ready = true;
        }
        tell_state();
}

static void guest_reset(void) {
        for (unsigned q = 0; q < guest.device->num_queues; q++)
                guest.state.queues[q].ready = false;
        guest.state.status = 0;
        tell_state();
        CLAIM(guest.ram.locked);
}

/* @d is the guest's until guest_done(). */
static void guest_serve(struct virtio_device *d) {
        struct err e = { 0 };

        CLAIM(d->num_queues <= QUEUES_MOST);
        guest.device = d;
        guest.state = (struct transport_state){ .sequence = guest.state.sequence + 1 };
        memset(guest.ram.driver, 0, RAM_SIZE);
        CLAIM(server_new(d, &guest.transport, "fuzz", 0, guest.signal_fd, &guest.server, &e) == 0);
        run();
}

static void guest_done(void) {
        server_free(guest.server);
        virtio_device_free(guest.device);
        guest.device = NULL;
}
