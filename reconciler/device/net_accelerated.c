/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network card whose frames vhost-net moves: what remains of it here. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/tap.h"
#include "device/net_card.h"
#include "device/net_vhost.h"

#define SOURCE_ERROR 0
#define SOURCE_LINKS 1

static struct net *net_of(struct virtio_device *d) {
        return (struct net *) d;
}

static int accelerated_queue_started(struct virtio_device *d, unsigned queue) {
        int r = queue == NET_QUEUE_RECEIVE ? net_use_offloads(net_of(d)) : 0;

        return r < 0 ? r : net_vhost_start(net_of(d)->vhost, d, queue);
}

static void accelerated_queue_stopping(struct virtio_device *d, unsigned queue) {
        net_vhost_stop(net_of(d)->vhost, queue);
}

/* vhost-net does not say which queue it was, nor what: without its tap it has an error, too. */
static int handle_error(struct net *n) {
        if (tap_is_gone(n->tap_fd))
                return net_tap_error(n, EBADFD);
        for (unsigned q = 0; q < n->base.num_queues; q++)
                if (virtqueue_running(&n->base.queues[q]))
                        (void) virtqueue_refuse(&n->base.queues[q], "vhost-net cannot make sense of it or its partner");
        return -EPROTO;
}

static int accelerated_source_ready(struct virtio_device *d, unsigned source, uint32_t events _unused_) {
        struct net *n = net_of(d);
        char news[4096];

        if (source == SOURCE_ERROR)
                return handle_error(n);
        while (read(n->links_fd, news, sizeof(news)) >= 0 || errno == ENOBUFS || errno == EINTR)
                ;
        return tap_is_gone(n->tap_fd) ? net_tap_error(n, EBADFD) : 0;
}

static const struct virtio_device_ops accelerated_ops = {
        .queue_started = accelerated_queue_started,
        .queue_stopping = accelerated_queue_stopping,
        .source_ready = accelerated_source_ready,
        .free = net_free,
};

int net_accelerate(struct virtio_device *d, int vhost_fd, int links_fd, struct err *e) {
        struct net *n = net_of(d);
        int r = net_vhost_new(vhost_fd, n->tap_fd, NET_QUEUE_RECEIVE, &n->vhost, e);

        if (r < 0)
                return r;
        n->links_fd = links_fd;
        d->ops = &accelerated_ops;
        d->features = net_vhost_offer(n->vhost, d->features);
        d->driven_elsewhere = BIT(NET_QUEUE_RECEIVE) | BIT(NET_QUEUE_TRANSMIT);
        d->sources[SOURCE_ERROR].fd = net_vhost_error_fd(n->vhost);
        d->sources[SOURCE_ERROR].events = EPOLLIN | EPOLLET;
        d->sources[SOURCE_LINKS].fd = links_fd;
        d->sources[SOURCE_LINKS].events = EPOLLIN;
        d->num_sources = 2;
        return 0;
}
