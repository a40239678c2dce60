/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "base/log.h"
#include "virtio/server.h"

#define EVENTS_MAX 16

/* What an epoll event is about; the upper half of its data, an index in the lower. */
enum event_kind {
        EVENT_TRANSPORT,
        EVENT_SIGNAL,
        EVENT_KICK,
        EVENT_SOURCE,
};

struct server {
        struct virtio_device *device;
        struct transport *transport;
        const char *name;
        int epoll_fd;

        struct virtqueue_layout layouts[VIRTIO_QUEUES_MAX]; /* of the running queues */
        uint32_t broken;                                    /* queues given up until their reset */

        /* What came in and is not handled yet. */
        bool state_changed;
        bool leave;
        uint32_t kicked;
        uint32_t source_events[VIRTIO_SOURCES_MAX];

        struct log_ratelimit violations;
};

static bool is_elsewhere(const struct server *s, unsigned q) {
        return s->device->driven_elsewhere & BIT(q);
}

static int watch(struct server *s, int fd, uint32_t events, enum event_kind kind, unsigned index) {
        struct epoll_event e = { .events = events, .data.u64 = (uint64_t) kind << 32 | index };

        return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int watch_everything(struct server *s, int signal_fd) {
        int r;

        s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (s->epoll_fd < 0)
                return -errno;
        r = watch(s, s->transport->event_fd, EPOLLIN, EVENT_TRANSPORT, 0);
        if (r >= 0)
                r = watch(s, signal_fd, EPOLLIN, EVENT_SIGNAL, 0);
        for (unsigned i = 0; r >= 0 && i < s->device->num_sources; i++)
                r = watch(s, s->device->sources[i].fd, s->device->sources[i].events, EVENT_SOURCE, i);
        return r;
}

int server_new(struct virtio_device *device, struct transport *transport, const char *name, uint64_t cookie,
               int signal_fd, struct server **ret, struct err *e) {
        _cleanup_(server_freep) struct server *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return err_set(e, -ENOMEM, "out of memory");
        s->device = device;
        s->transport = transport;
        s->name = name;
        s->epoll_fd = -1;
        s->violations = (struct log_ratelimit){ .burst = 5, .seconds = 60 };
        s->state_changed = true; /* look once at what is there already */

        r = transport->ops->attach(transport, device, cookie, e);
        if (r < 0)
                return r;
        device->call_fd = transport->call_fd;
        device->record = &transport->inflight;
        device->record_fd = transport->inflight_fd;
        r = watch_everything(s, signal_fd);
        if (r < 0)
                return err_set(e, r, "cannot wait for events: %s", strerror(-r));
        *ret = TAKE_PTR(s);
        return 0;
}

/* ---- queues come and go ------------------------------------------------------------------------------- */

static void queue_stop(struct server *s, unsigned q) {
        (void) epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->transport->kick_fds[q], NULL);
        if (s->device->ops->queue_stopping)
                s->device->ops->queue_stopping(s->device, q);
        virtqueue_stop(&s->device->queues[q]);
        s->kicked |= ~s->device->driven_elsewhere; /* those that do not run are passed over */
        log_debug("%s: queue %u stopped", s->name, q);
}

/* Only this queue stops; the driver is told, and has to reset the device to get it back (2.1.2). */
static int queue_break(struct server *s, unsigned q) {
        struct virtqueue *queue = &s->device->queues[q];
        unsigned dropped;

        if (log_ratelimit_pass(&s->violations, &dropped)) {
                log_warning("%s: the guest broke queue %u: %s; it is not served until the driver resets it", s->name, q,
                            virtqueue_violation(queue));
                if (dropped > 0)
                        log_warning("%s: %u such lines were left out", s->name, dropped);
        }
        if (virtqueue_running(queue))
                queue_stop(s, q);
        else
                virtqueue_stop(queue);
        s->broken |= BIT(q);
        return s->transport->ops->break_device(s->transport, q);
}

/* Sorts a handler's result out: -EPROTO is the guest's fault and breaks the queue that it was found on. */
static int settle(struct server *s, int r) {
        if (r != -EPROTO)
                return r;
        r = 0;
        for (unsigned q = 0; r >= 0 && q < s->device->num_queues; q++)
                if (virtqueue_violation(&s->device->queues[q]))
                        r = queue_break(s, q);
        return r;
}

/*
 * NULL for a queue that is driven elsewhere: who does it keeps the record by himself, or goes by the used ring alone,
 * and what an earlier worker left there says nothing about the next one's queue.
 */
static struct inflight_queue *record_of(struct server *s, unsigned q, uint16_t size) {
        struct inflight_queue *record = inflight_region_queue(&s->transport->inflight, q, size);

        if (!is_elsewhere(s, q))
                return record;
        if (record && !s->device->recorded_elsewhere)
                inflight_forget(record);
        return NULL;
}

static int queue_start(struct server *s, unsigned q, const struct virtqueue_layout *layout) {
        int r = virtqueue_start(&s->device->queues[q], s->transport->memory, layout, s->device->driver_features,
                                record_of(s, q, layout->size));

        /*
         * Each write to an eventfd is an edge of its own, so a kick need not be read: it
         * costs the one epoll_wait(). The counter cannot overflow into a lost edge.
         */
        if (r >= 0 && !is_elsewhere(s, q))
                r = watch(s, s->transport->kick_fds[q], EPOLLIN | EPOLLET, EVENT_KICK, q);
        s->device->kick_fds[q] = s->transport->kick_fds[q];
        if (r >= 0 && s->device->ops->queue_started)
                r = s->device->ops->queue_started(s->device, q);
        if (r < 0)
                return settle(s, r);
        s->layouts[q] = *layout;
        if (!is_elsewhere(s, q))
                s->kicked |= BIT(q); /* requests may be there already, whoever was notified of them */
        log_debug("%s: queue %u of %u runs", s->name, q, layout->size);
        return 0;
}

static bool layout_equal(const struct virtqueue_layout *a, const struct virtqueue_layout *b) {
        return a->descriptors == b->descriptors && a->available == b->available && a->used == b->used &&
               a->size == b->size;
}

static void stop_queues_that_went(struct server *s, const struct transport_state *state) {
        bool driver_ok = state->status & VIRTIO_CONFIG_S_DRIVER_OK;
        bool same_features = s->device->driver_features == (state->features & s->device->features);

        for (unsigned q = 0; q < s->device->num_queues; q++) {
                bool ready = driver_ok && state->queues[q].ready;

                if (!ready)
                        s->broken &= ~BIT(q);
                if (virtqueue_running(&s->device->queues[q]) &&
                    (!ready || !same_features || !layout_equal(&s->layouts[q], &state->queues[q].layout)))
                        queue_stop(s, q);
        }
}

/* No queue is started while a reset is needed: 2.1.2, the driver has to reset the device first. */
static int start_queues_that_came(struct server *s, const struct transport_state *state) {
        if (!(state->status & VIRTIO_CONFIG_S_DRIVER_OK) || (state->status & VIRTIO_CONFIG_S_NEEDS_RESET))
                return 0;
        s->device->driver_features = state->features & s->device->features;
        for (unsigned q = 0; q < s->device->num_queues; q++) {
                int r;

                if (!state->queues[q].ready || virtqueue_running(&s->device->queues[q]) || (s->broken & BIT(q)))
                        continue;
                r = queue_start(s, q, &state->queues[q].layout);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The guest waits for the acknowledgement: let go first, acknowledge, then see to what is new. */
static int handle_state(struct server *s) {
        struct transport_state state;
        int r;

        s->state_changed = false;
        r = s->transport->ops->read_state(s->transport, &state);
        if (r < 0)
                return r;
        stop_queues_that_went(s, &state);
        r = s->transport->ops->acknowledge(s->transport, state.sequence);
        if (r < 0)
                return r;
        s->state_changed = r > 0;
        return start_queues_that_came(s, &state);
}

/* ---- the loop ----------------------------------------------------------------------------------------- */

static void note_event(struct server *s, const struct epoll_event *e) {
        unsigned index = (unsigned) (e->data.u64 & UINT32_MAX);

        switch ((enum event_kind)(e->data.u64 >> 32)) {
        case EVENT_TRANSPORT:
                s->state_changed = true;
                if (e->events & (EPOLLHUP | EPOLLERR))
                        s->leave = true;
                break;
        case EVENT_SIGNAL:
                s->leave = true;
                break;
        case EVENT_KICK:
                s->kicked |= BIT(index);
                break;
        case EVENT_SOURCE:
                s->source_events[index] |= e->events;
                break;
        }
}

static bool work_left(const struct server *s) {
        bool left = s->state_changed || s->kicked != 0;

        for (unsigned i = 0; i < s->device->num_sources; i++)
                left |= s->source_events[i] != 0;
        return left;
}

static int serve_sources(struct server *s) {
        for (unsigned i = 0; i < s->device->num_sources; i++) {
                uint32_t events = s->source_events[i];
                int r;

                if (events == 0)
                        continue;
                s->source_events[i] = 0;
                r = settle(s, s->device->ops->source_ready(s->device, i, events));
                if (r < 0)
                        return r;
                if (r > 0)
                        s->source_events[i] |= EPOLLIN;
        }
        return 0;
}

static int serve_queues(struct server *s) {
        uint32_t kicked = s->kicked;

        s->kicked = 0;
        for (unsigned q = 0; q < s->device->num_queues; q++) {
                int r;

                if (!(kicked & BIT(q)) || !virtqueue_running(&s->device->queues[q]))
                        continue;
                r = settle(s, s->device->ops->queue_notify(s->device, q));
                if (r < 0)
                        return r;
                if (r > 0)
                        s->kicked |= BIT(q);
        }
        return 0;
}

/* Once for all that was returned in this round, whatever the queue. */
static int call_guest(struct server *s) {
        uint32_t wanted = 0;

        for (unsigned q = 0; q < s->device->num_queues; q++)
                if (virtqueue_running(&s->device->queues[q]) && virtqueue_take_call(&s->device->queues[q]))
                        wanted |= BIT(q);
        return wanted ? s->transport->ops->call(s->transport, wanted) : 0;
}

/* Before the interrupt for what was used: whoever takes it finds the device as it is now. */
static int tell_config(struct server *s) {
        if (!s->device->config_changed)
                return 0;
        s->device->config_changed = false;
        return s->transport->ops->change_config(s->transport, s->device);
}

static int handle_all(struct server *s) {
        int r = 0;

        if (s->state_changed)
                r = handle_state(s);
        if (r >= 0)
                r = serve_sources(s);
        if (r >= 0)
                r = serve_queues(s);
        if (r >= 0)
                r = tell_config(s);
        if (r >= 0)
                r = call_guest(s);
        return r;
}

int server_step(struct server *s, int timeout_ms) {
        struct epoll_event events[EVENTS_MAX];
        int n, r;

        n = epoll_wait(s->epoll_fd, events, EVENTS_MAX, work_left(s) ? 0 : timeout_ms);
        if (n < 0 && errno != EINTR)
                return -errno;
        for (int i = 0; i < n; i++)
                note_event(s, &events[i]);
        if (s->leave)
                return 0;
        r = handle_all(s);
        if (r == -ESTALE)
                return 0;
        return r < 0 ? r : 1;
}

int server_run(struct server *s) {
        int r;

        do
                r = server_step(s, -1);
        while (r > 0);
        return r;
}

void server_free(struct server *s) {
        if (!s)
                return;
        for (unsigned q = 0; q < s->device->num_queues; q++)
                if (virtqueue_running(&s->device->queues[q]))
                        queue_stop(s, q);
        fd_close(s->epoll_fd);
        free(s);
}
