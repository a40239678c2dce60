/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network card whose frames vhost-net moves, one for each pair of queues: what remains of it here. */
#include <errno.h>
#include <sys/epoll.h>

#include "base/tap.h"
#include "device/net_card.h"
#include "device/net_vhost.h"

/* The sources: each pair's errors, and then the link. */
_Static_assert(NET_PAIRS_MAX + 1 <= VIRTIO_SOURCES_MAX, "a source for each");

static struct net *net_of(struct virtio_device *d) {
        return (struct net *) d;
}

/* Which one is the control queue is for the driver to choose (5.1.2). */
static uint32_t driven_elsewhere(const struct net *n) {
        unsigned queue = net_control_queue(n);

        return (BIT(2 * n->num_pairs) - 1) & ~(queue == UINT_MAX ? 0 : BIT(queue));
}

/* No frame comes to a pair without a queue of the tap; it sends by the first. */
static bool has_frames(const struct net *n, unsigned queue) {
        return queue % 2 == NET_QUEUE_TRANSMIT || queue / 2 < n->num_taps;
}

static int accelerated_queue_started(struct virtio_device *d, unsigned queue) {
        struct net *n = net_of(d);
        int r;

        d->driven_elsewhere = driven_elsewhere(n); /* the first queue comes before the control queue */
        r = net_queue_started(d, queue);
        if (r < 0 || !(d->driven_elsewhere & BIT(queue)) || !has_frames(n, queue))
                return r;
        return net_vhost_start(n->vhosts[queue / 2], d, queue);
}

static void accelerated_queue_stopping(struct virtio_device *d, unsigned queue) {
        if (d->driven_elsewhere & BIT(queue))
                net_vhost_stop(net_of(d)->vhosts[queue / 2], queue);
}

static int accelerated_queue_notify(struct virtio_device *d, unsigned queue) {
        return queue == net_control_queue(net_of(d)) ? net_control(net_of(d)) : 0;
}

/* vhost-net does not say which queue it was, nor what: without its tap it has an error, too. */
static int handle_error(struct net *n, unsigned pair) {
        if (tap_is_gone(n->receivers[0].tap_fd))
                return net_tap_error(n, EBADFD);
        for (unsigned q = 2 * pair; q < 2 * pair + 2; q++)
                if (virtqueue_running(&n->base.queues[q]))
                        (void) virtqueue_refuse(&n->base.queues[q], "vhost-net cannot make sense of it or its partner");
        return -EPROTO;
}

static int accelerated_source_ready(struct virtio_device *d, unsigned source, uint32_t events _unused_) {
        struct net *n = net_of(d);

        return source < n->num_vhosts ? handle_error(n, source) : net_follow_link(n);
}

static const struct virtio_device_ops accelerated_ops = {
        .queue_started = accelerated_queue_started,
        .queue_stopping = accelerated_queue_stopping,
        .queue_notify = accelerated_queue_notify,
        .source_ready = accelerated_source_ready,
        .free = net_free,
};

static int add_vhost(struct net *n, unsigned pair, int vhost_fd, struct err *e) {
        const struct net_receiver *tap = &n->receivers[pair < n->num_taps ? pair : 0];
        int r = net_vhost_new(vhost_fd, tap->tap_fd, 2 * pair, &n->vhosts[pair], e);

        if (r < 0)
                return r;
        n->num_vhosts++;
        n->base.features = net_vhost_offer(n->vhosts[pair], n->base.features);
        n->base.sources[pair].fd = net_vhost_error_fd(n->vhosts[pair]);
        n->base.sources[pair].events = EPOLLIN | EPOLLET;
        return 0;
}

int net_accelerate(struct virtio_device *d, const int *vhost_fds, struct err *e) {
        struct net *n = net_of(d);
        int r;

        for (unsigned pair = 0; pair < n->num_pairs; pair++) {
                r = add_vhost(n, pair, vhost_fds[pair], e);
                if (r < 0)
                        return r;
        }
        d->ops = &accelerated_ops;
        d->driven_elsewhere = driven_elsewhere(n);
        d->num_sources = n->num_vhosts;
        if (n->link_fd < 0)
                return 0;
        d->sources[d->num_sources].fd = n->link_fd;
        d->sources[d->num_sources++].events = EPOLLIN;
        return 0;
}
