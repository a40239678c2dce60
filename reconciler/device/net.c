/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/tap.h"
#include "device/device_type.h"
#include "device/net.h"
#include "device/net_vhost.h"

#define SOURCE_TAP 0

/* With vhost-net. */
#define SOURCE_ERROR 0
#define SOURCE_LINKS 1

/* How many frames are moved before the loop looks at everything else again. */
#define BATCH 64

#define HEADER_SIZE sizeof(struct virtio_net_hdr_v1)
#define CONFIG_SIZE offsetof(struct virtio_net_config, speed)

_Static_assert(HEADER_SIZE == 12, "5.1.6: with VERSION_1 num_buffers is always there");
_Static_assert(CONFIG_SIZE == 12, "5.1.4: mac, status, max_virtqueue_pairs, mtu");

struct net {
        struct virtio_device base;
        int tap_fd;
        int links_fd;            /* -1: the tap's own descriptor is watched */
        struct net_vhost *vhost; /* NULL: frames are moved here */
        char name[80];
        bool frames_waiting; /* the tap has, or may have, frames for the guest */
        bool tap_full;       /* EPOLLOUT will tell */
        struct log_ratelimit too_long;
        struct virtqueue_chain chain;
        struct iovec pieces[NET_QUEUE_SIZE + 2]; /* of one frame, with what stands before and behind it */
};

static struct net *net_of(struct virtio_device *d) {
        return (struct net *) d;
}

/* What a failed read or write of the tap means. Return: 0: nothing for us, a frame may be dropped over it. */
static int tap_error(struct net *n, int error) {
        switch (error) {
        case EBADFD:
                n->base.failure = "its tap interface was removed";
                return -ENODEV;
        case EFAULT: /* the guest's RAM was taken away */
                return -ESTALE;
        default:
                return 0;
        }
}

/* @first, the frame's pieces in guest memory, and where to put more. Return: how many, 0: too many. */
static int gather(struct net *n, const struct iovec *first, const struct iov_span *frame, const struct iovec *last) {
        size_t count = 0;

        if (frame->count > NET_QUEUE_SIZE)
                return 0;
        n->pieces[count++] = *first;
        memcpy(&n->pieces[count], frame->iov, frame->count * sizeof(*frame->iov));
        count += frame->count;
        if (last)
                n->pieces[count++] = *last;
        return (int) count;
}

/* ---- guest to tap ------------------------------------------------------------------------------------- */

/*
 * The guest's own header is not even read: without an offload negotiated it is all zero (5.1.6.2.1), and
 * the tap is told so, whatever stands there. What the tap does not take is lost, as on any wire: too short
 * or too long for a frame, no memory, the interface is down.
 */
static int send_frame(struct net *n, struct virtqueue *q) {
        static const struct virtio_net_hdr_v1 nothing;
        const struct iovec header = { (void *) &nothing, sizeof(nothing) };
        struct iov_span *frame = &n->chain.readable;
        int count;

        if (iov_skip(frame, HEADER_SIZE) != HEADER_SIZE)
                return virtqueue_refuse(q, "frame without a whole header");
        count = frame->size <= NET_FRAME_MAX ? gather(n, &header, frame, NULL) : 0;
        while (count > 0 && writev(n->tap_fd, n->pieces, count) < 0) {
                if (errno == EINTR)
                        continue;
                n->tap_full = errno == EAGAIN;
                return tap_error(n, errno);
        }
        return 0;
}

static int transmit(struct net *n) {
        struct virtqueue *q = &n->base.queues[NET_QUEUE_TRANSMIT];
        unsigned budget = BATCH;
        int r;

        if (!virtqueue_running(q) || n->tap_full)
                return 0;
        virtqueue_suppress_kicks(q);
        do {
                while ((r = virtqueue_next(q, &n->chain)) > 0) {
                        r = send_frame(n, q);
                        if (r < 0)
                                return r;
                        if (n->tap_full) {
                                virtqueue_put_back(q);
                                return 0;
                        }
                        virtqueue_return(q, n->chain.head, 0);
                        if (--budget == 0)
                                return 1;
                }
        } while (r == 0 && virtqueue_allow_kicks(q));
        return r;
}

/* ---- tap to guest ------------------------------------------------------------------------------------- */

/* A guest that gives small buffers, or an MTU that it does not know of. */
static void tell_too_long(struct net *n, uint64_t room) {
        unsigned dropped;

        if (!log_ratelimit_pass(&n->too_long, &dropped))
                return;
        log_warning("%s: a frame was dropped, longer than the %" PRIu64
                    " bytes of the guest's receive buffer; is the tap's MTU larger than the guest's?",
                    n->name, room);
        if (dropped > 0)
                log_warning("%s: %u such lines were left out", n->name, dropped);
}

/*
 * Reads one frame into guest memory. The tap's header is caught in a place of ours, and a byte behind the
 * buffer tells a frame that fits from one that was cut: the tap itself does not. Return: bytes, -EAGAIN, -E2BIG
 * (one was lost), -errno.
 */
static ssize_t read_frame(struct net *n, const struct iov_span *room) {
        struct virtio_net_hdr_v1 header;
        uint8_t spare;
        const struct iovec first = { &header, sizeof(header) }, last = { &spare, sizeof(spare) };
        int count = gather(n, &first, room, &last);
        ssize_t size;

        if (count == 0)
                return -EPROTO;
        do
                size = readv(n->tap_fd, n->pieces, count);
        while (size < 0 && errno == EINTR);
        if (size < 0)
                return errno == EAGAIN ? -EAGAIN : tap_error(n, errno) ?: -errno;
        if ((size_t) size <= HEADER_SIZE)
                return -EAGAIN;
        size -= HEADER_SIZE;
        return (uint64_t) size <= room->size ? size : -E2BIG;
}

/*
 * 5.1.6.4.1: flags and gso_type are 0 without an offload negotiated, num_buffers is 1 without MRG_RXBUF. The
 * header may be there before the frame: nothing is the guest's before it is returned.
 */
static int receive_frame(struct net *n, struct virtqueue *q) {
        const struct virtio_net_hdr_v1 header = { .num_buffers = htole16(1) };
        struct iov_span *room = &n->chain.writable;
        ssize_t size;

        if (iov_put(room, &header, sizeof(header)) != sizeof(header))
                return virtqueue_refuse(q, "receive buffer without room for a header");
        size = read_frame(n, room);
        if (size == -EPROTO)
                return virtqueue_refuse(q, "receive buffer of too many pieces");
        if (size > 0) {
                virtqueue_return(q, n->chain.head, (uint32_t) size + HEADER_SIZE);
                return 0;
        }
        virtqueue_put_back(q);
        if (size == -E2BIG)
                tell_too_long(n, room->size);
        n->frames_waiting = size == -E2BIG;
        return size == -E2BIG || size == -EAGAIN ? 0 : (int) size;
}

/* Kicks matter only while frames wait for buffers: the driver may add them unheard otherwise. */
static int receive(struct net *n) {
        struct virtqueue *q = &n->base.queues[NET_QUEUE_RECEIVE];

        if (!virtqueue_running(q))
                return 0;
        virtqueue_suppress_kicks(q);
        for (unsigned budget = BATCH; n->frames_waiting; budget--) {
                int r;

                if (budget == 0)
                        return 1;
                r = virtqueue_next(q, &n->chain);
                if (r > 0)
                        r = receive_frame(n, q);
                else if (r == 0 && !virtqueue_allow_kicks(q))
                        return 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- what the server calls ---------------------------------------------------------------------------- */

static int net_queue_notify(struct virtio_device *d, unsigned queue) {
        return queue == NET_QUEUE_TRANSMIT ? transmit(net_of(d)) : receive(net_of(d));
}

static int net_source_ready(struct virtio_device *d, unsigned source _unused_, uint32_t events) {
        struct net *n = net_of(d);
        int sent, received;

        if (events & (EPOLLERR | EPOLLHUP))
                return tap_error(n, EBADFD);
        if (events & EPOLLOUT)
                n->tap_full = false;
        n->frames_waiting = true;
        sent = transmit(n);
        received = sent < 0 ? sent : receive(n);
        return received != 0 ? received : sent;
}

static void net_free(struct virtio_device *d) {
        struct net *n = net_of(d);

        net_vhost_free(n->vhost);
        fd_close(n->links_fd);
        fd_close(n->tap_fd);
        free(n);
}

static const struct virtio_device_ops net_ops = {
        .queue_notify = net_queue_notify,
        .source_ready = net_source_ready,
        .free = net_free,
};

/* ---- with vhost-net ----------------------------------------------------------------------------------- */

static int accelerated_queue_started(struct virtio_device *d, unsigned queue) {
        return net_vhost_start(net_of(d)->vhost, d, queue);
}

static void accelerated_queue_stopping(struct virtio_device *d, unsigned queue) {
        net_vhost_stop(net_of(d)->vhost, queue);
}

/* vhost-net does not say which queue it was, nor what: without its tap it has an error, too. */
static int accelerated_error(struct net *n) {
        if (tap_is_gone(n->tap_fd))
                return tap_error(n, EBADFD);
        for (unsigned q = 0; q < n->base.num_queues; q++)
                if (virtqueue_running(&n->base.queues[q]))
                        (void) virtqueue_refuse(&n->base.queues[q], "vhost-net cannot make sense of it or its partner");
        return -EPROTO;
}

static int accelerated_source_ready(struct virtio_device *d, unsigned source, uint32_t events _unused_) {
        struct net *n = net_of(d);
        char news[4096];

        if (source == SOURCE_ERROR)
                return accelerated_error(n);
        while (read(n->links_fd, news, sizeof(news)) >= 0 || errno == ENOBUFS || errno == EINTR)
                ;
        return tap_is_gone(n->tap_fd) ? tap_error(n, EBADFD) : 0;
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

/* ---- making it ---------------------------------------------------------------------------------------- */

static void offer(struct net *n, const uint8_t mac[static MAC_SIZE]) {
        struct virtio_net_config config = { .status = htole16(VIRTIO_NET_S_LINK_UP) };

        memcpy(config.mac, mac, MAC_SIZE);
        n->base.ops = &net_ops;
        n->base.features = VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
                           VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | VIRTIO_FEATURE(VIRTIO_NET_F_STATUS);
        n->base.num_queues = 2;
        n->base.queue_size_max[NET_QUEUE_RECEIVE] = NET_QUEUE_SIZE;
        n->base.queue_size_max[NET_QUEUE_TRANSMIT] = NET_QUEUE_SIZE;
        n->base.config_size = CONFIG_SIZE;
        memcpy(n->base.config, &config, CONFIG_SIZE);
        n->base.num_sources = 1;
        /* Edges: frames may wait for long for a buffer, and there is nearly always room to write. */
        n->base.sources[SOURCE_TAP].fd = n->tap_fd;
        n->base.sources[SOURCE_TAP].events = EPOLLIN | EPOLLOUT | EPOLLET;
}

int net_new(int tap_fd, const uint8_t mac[static MAC_SIZE], const char *name, struct virtio_device **ret,
            struct err *e) {
        struct net *n = calloc(1, sizeof(*n));

        if (!n)
                return err_set(e, -ENOMEM, "out of memory");
        n->tap_fd = tap_fd;
        n->links_fd = -1;
        (void) snprintf(n->name, sizeof(n->name), "%s", name);
        n->too_long = (struct log_ratelimit){ .burst = 1, .seconds = 60 };
        offer(n, mac);
        *ret = &n->base;
        return 0;
}

/* ---- as a worker -------------------------------------------------------------------------------------- */

enum {
        ARGUMENT_TAP,
        ARGUMENT_MAC,
        ARGUMENT_VHOST,
        ARGUMENT_LINKS,
};

static const struct device_option net_options[] = {
        [ARGUMENT_TAP] = { WORKER_OPTION_TAP_FD, DEVICE_OPTION_FD },
        [ARGUMENT_MAC] = { WORKER_OPTION_MAC_ADDRESS, DEVICE_OPTION_TEXT },
        [ARGUMENT_VHOST] = { WORKER_OPTION_VHOST_FD, DEVICE_OPTION_OPTIONAL_FD },
        [ARGUMENT_LINKS] = { WORKER_OPTION_LINKS_FD, DEVICE_OPTION_OPTIONAL_FD },
        { 0 },
};

static const struct cage_rule net_rules[] = {
        { __NR_readv, false, 0 },        { __NR_writev, false, 0 },
        { __NR_read, false, 0 }, /* what tap_watch() tells */
        { __NR_ioctl, true, TUNGETIFF }, NET_VHOST_RULES,
};

static int net_create(const struct device_arguments *a, struct virtio_device **ret, struct err *e) {
        _cleanup_(virtio_device_freep) struct virtio_device *d = NULL;
        const char *text = a->texts[ARGUMENT_MAC];
        uint8_t mac[MAC_SIZE];
        char name[80];
        int r;

        (void) snprintf(name, sizeof(name), WORKER_NAME_FORMAT, a->zone, a->device);
        if (!mac_parse(text, strlen(text), mac) || mac_is_multicast(mac))
                return err_set(e, -EINVAL, "--" WORKER_OPTION_MAC_ADDRESS ": '%s' is not a card's address", text);
        if ((a->values[ARGUMENT_VHOST] < 0) != (a->values[ARGUMENT_LINKS] < 0))
                return err_set(e, -EINVAL, "--" WORKER_OPTION_VHOST_FD " and --" WORKER_OPTION_LINKS_FD " go together");
        r = net_new(a->values[ARGUMENT_TAP], mac, name, &d, e);
        if (r >= 0 && a->values[ARGUMENT_VHOST] >= 0)
                r = net_accelerate(d, a->values[ARGUMENT_VHOST], a->values[ARGUMENT_LINKS], e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

const struct device_type net_device_type = {
        .name = "net",
        .comm = "virtio-net",
        .options = net_options,
        .rules = net_rules,
        .num_rules = ELEMENTSOF(net_rules),
        .create = net_create,
};
