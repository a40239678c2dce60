/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker with two queues over RAM that is guarded, for fuzz_ring.c: its device does with requests what the input
 * says, and claims of each what must hold; its transport is told by the driver through guest.state.
 */
#pragma once

#include <endian.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <sys/eventfd.h>

#include "base/log.h"
#include "base/macros.h"
#include "fuzz/guarded_ram.h"
#include "virtio/server.h"

#define QUEUES      2
#define LOW_BASE    UINT64_C(0x40000000)
#define LOW_SIZE    0x8000
#define HIGH_BASE   (LOW_BASE + LOW_SIZE + 0x1000) /* a hole between them */
#define HIGH_SIZE   0x1000
#define QUEUE_SPACE 0x2000
#define RECORD_PART 0x4040 /* inflight_part_size() of the largest queue */
#define RECORD_SIZE 0x9000
#define RECORD_AT   (RECORD_SIZE - QUEUES * RECORD_PART) /* it ends where nobody may touch anything */
#define STATUS_OK                                                                                                      \
        (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

/* What the device does with a request. */
enum habit {
        HABIT_RETURN,
        HABIT_HOLD,
        HABIT_PUT_BACK, /* every other time */
        HABIT_REFUSE,
        _HABIT_MAX,
};

struct ring {
        bool broken;                       /* the transport was told to ask for a reset */
        uint16_t used;                     /* as far as it was looked at */
        uint16_t held[VIRTQUEUE_SIZE_MAX]; /* in the order of fetching */
        unsigned num_held;
        bool is_held[VIRTQUEUE_SIZE_MAX]; /* fetched */
        bool is_due[VIRTQUEUE_SIZE_MAX];  /* given to virtqueue_return(), not published yet */
};

static struct fuzz_guest {
        struct transport transport;
        struct transport_state state;
        uint32_t told_status;
        bool has_status; /* hvisor's transport: that a reset is needed stands there; vhost-user: the queue knows */
        struct virtio_device device;
        struct guarded_ram low, high;
        struct guarded_ram record; /* of what is in flight */
        struct server *server;
        int signal_fd;

        struct ring rings[QUEUES];
        enum habit habit;
        unsigned turn;
        struct virtqueue_chain chain;
} guest;

/* ---- the device --------------------------------------------------------------------------------------- */

/* Every buffer is RAM, and no longer than it; all of it may be touched. */
static void claim_span(const struct iov_span *s, bool write) {
        uint64_t size = 0;

        for (size_t i = 0; i < s->count; i++) {
                volatile uint8_t *base = s->iov[i].iov_base;
                size_t length = s->iov[i].iov_len;

                CLAIM(length > 0);
                CLAIM(guarded_ram_has(&guest.low, (void *) base, length) ||
                      guarded_ram_has(&guest.high, (void *) base, length));
                size += length;
                if (write)
                        base[0] = base[length - 1] = 0xdd;
                else
                        (void) (base[0] + base[length - 1]);
        }
        CLAIM(size == s->size);
}

/* What was published is what was given back, once each. */
static void claim_used(unsigned q) {
        const struct virtqueue *v = &guest.device.queues[q];
        struct ring *r = &guest.rings[q];

        for (; r->used != v->next_used; r->used++) {
                uint32_t head = le32toh(v->used->ring[r->used & (v->size - 1)].id);

                CLAIM(head < v->size && r->is_due[head]);
                r->is_due[head] = false;
        }
        CLAIM(le16toh(v->used->idx) == v->next_used);
}

static uint16_t take_held(struct ring *r, unsigned n) {
        uint16_t head = r->held[n];

        memmove(&r->held[n], &r->held[n + 1], (--r->num_held - n) * sizeof(r->held[0]));
        r->is_held[head] = false;
        r->is_due[head] = true;
        return head;
}

static void return_held(unsigned q, unsigned which, unsigned count) {
        struct virtqueue_used list[VIRTQUEUE_SIZE_MAX];
        struct ring *r = &guest.rings[q];
        unsigned n = 0;

        for (; n < count && r->num_held > 0; n++)
                list[n] = (struct virtqueue_used){ take_held(r, which % r->num_held), n };
        if (n == 0)
                return;
        virtqueue_return_all(&guest.device.queues[q], list, n);
        claim_used(q);
}

static int serve_one(unsigned q) {
        struct virtqueue *v = &guest.device.queues[q];
        struct ring *r = &guest.rings[q];
        uint16_t head = guest.chain.head;

        CLAIM(head < v->size && !r->is_held[head] && !r->is_due[head]);
        CLAIM(guest.chain.readable.count + guest.chain.writable.count <= v->size);
        claim_span(&guest.chain.readable, false);
        claim_span(&guest.chain.writable, true);
        if (guest.habit == HABIT_PUT_BACK && guest.turn++ % 2 == 0) {
                virtqueue_put_back(v);
                return 1;
        }
        if (guest.habit == HABIT_REFUSE)
                return virtqueue_refuse(v, "no request of this device");
        r->held[r->num_held++] = head;
        r->is_held[head] = true;
        if (guest.habit != HABIT_HOLD)
                return_held(q, r->num_held - 1, 1);
        return 0;
}

static int queue_notify(struct virtio_device *d, unsigned q) {
        unsigned most = 2U * d->queues[q].size + 2;
        int r;

        CLAIM(!guest.rings[q].broken);
        do {
                virtqueue_suppress_kicks(&d->queues[q]);
                while ((r = virtqueue_next(&d->queues[q], &guest.chain)) > 0) {
                        r = serve_one(q);
                        if (r != 0)
                                return r;
                        if (--most == 0)
                                return 1; /* others are to be served, too */
                }
                CLAIM((r == -EPROTO) == (virtqueue_violation(&d->queues[q]) != NULL));
        } while (r == 0 && virtqueue_allow_kicks(&d->queues[q]) && --most > 0);
        return r;
}

static int queue_started(struct virtio_device *d, unsigned q) {
        struct ring *r = &guest.rings[q];

        CLAIM(!r->broken && r->num_held == 0);
        CLAIM(!(guest.told_status & VIRTIO_CONFIG_S_NEEDS_RESET)); /* 2.1.2 */
        memset(r->is_due, 0, sizeof(r->is_due));
        r->used = d->queues[q].next_used;
        return 0;
}

static void queue_stopping(struct virtio_device *d _unused_, unsigned q) {
        struct ring *r = &guest.rings[q];

        memset(r->is_held, 0, sizeof(r->is_held));
        r->num_held = 0;
}

static const struct virtio_device_ops device_ops = {
        .queue_started = queue_started,
        .queue_stopping = queue_stopping,
        .queue_notify = queue_notify,
};

/* ---- the transport ------------------------------------------------------------------------------------ */

static int attach(struct transport *t _unused_, const struct virtio_device *d _unused_, uint64_t cookie _unused_,
                  struct err *e _unused_) {
        return 0;
}

static int read_state(struct transport *t _unused_, struct transport_state *ret) {
        *ret = guest.state;
        guest.told_status = ret->status;
        return 0;
}

static bool any_ready(void) {
        bool any = false;

        for (unsigned q = 0; q < QUEUES; q++)
                any |= guest.state.queues[q].ready;
        return any && (guest.state.status & VIRTIO_CONFIG_S_DRIVER_OK);
}

static bool any_running(void) {
        bool any = false;

        for (unsigned q = 0; q < QUEUES; q++)
                any |= virtqueue_running(&guest.device.queues[q]);
        return any;
}

static void lock_memory(bool on) {
        guarded_ram_lock(&guest.low, on);
        guarded_ram_lock(&guest.high, on);
}

/* From here on a driver that has taken its queues away has its memory for itself. */
static int acknowledge(struct transport *t, uint64_t sequence) {
        eventfd_t n;

        CLAIM(sequence == guest.state.sequence);
        (void) eventfd_read(t->event_fd, &n);
        lock_memory(!any_ready());
        return 0;
}

static int break_device(struct transport *t _unused_, unsigned q) {
        CLAIM(!virtqueue_running(&guest.device.queues[q]) && !guest.rings[q].broken);
        guest.rings[q].broken = true;
        if (guest.has_status)
                guest.state.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
        return 0;
}

static int change_config(struct transport *t _unused_, const struct virtio_device *d _unused_) {
        return 0;
}

static int call(struct transport *t _unused_, uint32_t queues) {
        CLAIM(queues != 0 && queues < 1U << QUEUES);
        for (unsigned q = 0; q < QUEUES; q++)
                CLAIM(!(queues & BIT(q)) || virtqueue_running(&guest.device.queues[q]));
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
        for (unsigned q = 0; q < QUEUES; q++)
                CLAIM(!guest.rings[q].broken || !virtqueue_running(&guest.device.queues[q]));
        if (!any_running())
                lock_memory(true);
}

static void tell_state(void) {
        guest.state.sequence++;
        CLAIM(eventfd_write(guest.transport.event_fd, 1) == 0);
        run();
}

/* ---- coming and going ------------------------------------------------------------------------------- */

static void worker_comes(void) {
        struct err e = { 0 };

        memset(guest.device.queues, 0, sizeof(guest.device.queues));
        CLAIM(server_new(&guest.device, &guest.transport, "fuzz", 0, guest.signal_fd, &guest.server, &e) == 0);
        guest.state.sequence++;
        run();
}

/* Its rings stay as they are. What it knew, and did not tell, goes with it. */
static void worker_goes(void) {
        server_free(guest.server);
        for (unsigned q = 0; q < QUEUES; q++)
                guest.rings[q].broken &= guest.has_status;
}

static void set_up_once(void) {
        struct transport *t = &guest.transport;

        if (t->ops)
                return;
        log_set_level(LOG_CRIT);
        t->ops = &transport_ops;
        t->call_fd = -1;
        t->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        guest.signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        for (unsigned q = 0; q < QUEUES; q++)
                t->kick_fds[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        guarded_ram_new(&guest.low, LOW_SIZE);
        guarded_ram_new(&guest.high, HIGH_SIZE);
        guarded_ram_new(&guest.record, RECORD_SIZE);
        CLAIM(guest_memory_new(&t->memory) == 0);
        CLAIM(guest_memory_add(t->memory, LOW_BASE, LOW_SIZE, guest.low.device) == 0);
        CLAIM(guest_memory_add(t->memory, HIGH_BASE, HIGH_SIZE, guest.high.device) == 0);
        guest.device.ops = &device_ops;
        guest.device.features = VIRTIO_QUEUE_FEATURES;
        guest.device.num_queues = QUEUES;
        guest.device.queue_size_max[0] = guest.device.queue_size_max[1] = VIRTQUEUE_SIZE_MAX;
}
