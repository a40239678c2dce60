/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/tap.h"
#include "device/device_type.h"
#include "device/net_card.h"
#include "device/net_vhost.h"

#define SOURCE_TAP 0

#define CONFIG_SIZE offsetof(struct virtio_net_config, speed)

_Static_assert(CONFIG_SIZE == 12, "5.1.4: mac, status, max_virtqueue_pairs, mtu");

static struct net *net_of(struct virtio_device *d) {
        return (struct net *) d;
}

int net_tap_error(struct net *n, int error) {
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

/* ---- what the server calls ---------------------------------------------------------------------------- */

/* The tap outlives drivers, and keeps what it was told last. */
int net_use_offloads(struct net *n) {
        int r;

        n->mergeable = virtio_device_has(&n->base, VIRTIO_NET_F_MRG_RXBUF);
        n->sent = net_offloads_sent(n->base.driver_features);
        n->received = net_offloads_received(n->base.driver_features);
        r = tap_set_offloads(n->tap_fd, net_offloads_tap(&n->received));
        if (r < 0)
                n->base.failure = "its tap does not take the offloads that were agreed on";
        return r == -EBADFD ? net_tap_error(n, EBADFD) : r;
}

static int net_queue_started(struct virtio_device *d, unsigned queue) {
        if (queue != NET_QUEUE_RECEIVE)
                return 0;
        net_receiver_reset(&net_of(d)->receiver);
        return net_use_offloads(net_of(d));
}

static void net_queue_stopping(struct virtio_device *d, unsigned queue) {
        if (queue == NET_QUEUE_RECEIVE)
                net_receiver_reset(&net_of(d)->receiver);
}

static int net_queue_notify(struct virtio_device *d, unsigned queue) {
        return queue == NET_QUEUE_TRANSMIT ? net_transmit(net_of(d)) : net_receive(net_of(d));
}

static int net_source_ready(struct virtio_device *d, unsigned source _unused_, uint32_t events) {
        struct net *n = net_of(d);
        int sent, received;

        if (events & (EPOLLERR | EPOLLHUP))
                return net_tap_error(n, EBADFD);
        if (events & EPOLLOUT)
                n->tap_full = false;
        n->receiver.frames_waiting = true;
        sent = net_transmit(n);
        received = sent < 0 ? sent : net_receive(n);
        return received != 0 ? received : sent;
}

void net_free(struct virtio_device *d) {
        struct net *n = net_of(d);

        net_vhost_free(n->vhost);
        fd_close(n->links_fd);
        fd_close(n->tap_fd);
        free(n);
}

static const struct virtio_device_ops net_ops = {
        .queue_started = net_queue_started,
        .queue_stopping = net_queue_stopping,
        .queue_notify = net_queue_notify,
        .source_ready = net_source_ready,
        .free = net_free,
};

/* ---- making it ---------------------------------------------------------------------------------------- */

static void offer(struct net *n, const struct net_settings *s) {
        struct virtio_net_config config = { .status = htole16(VIRTIO_NET_S_LINK_UP) };

        memcpy(config.mac, s->mac, MAC_SIZE);
        n->base.ops = &net_ops;
        n->base.features = VIRTIO_QUEUE_FEATURES | VIRTIO_FEATURE(VIRTIO_NET_F_MAC) |
                           VIRTIO_FEATURE(VIRTIO_NET_F_STATUS) | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF) |
                           (s->offload ? NET_OFFLOAD_FEATURES : 0);
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

int net_new(const struct net_settings *s, struct virtio_device **ret, struct err *e) {
        struct net *n = calloc(1, sizeof(*n));

        if (!n)
                return err_set(e, -ENOMEM, "out of memory");
        n->tap_fd = s->tap_fd;
        n->links_fd = -1;
        (void) snprintf(n->name, sizeof(n->name), "%s", s->name);
        n->too_long = (struct log_ratelimit){ .burst = 1, .seconds = 60 };
        net_receiver_reset(&n->receiver);
        offer(n, s);
        *ret = &n->base;
        return 0;
}

/* ---- as a worker -------------------------------------------------------------------------------------- */

enum {
        ARGUMENT_TAP,
        ARGUMENT_MAC,
        ARGUMENT_OFFLOAD,
        ARGUMENT_VHOST,
        ARGUMENT_LINKS,
};

static int open_tap(const struct device_arguments *a _unused_, const char *name, int *ret, struct err *e) {
        return tap_open(name, ret, e);
}

static const struct device_option net_options[] = {
        [ARGUMENT_TAP] = { .name = WORKER_OPTION_TAP_FD,
                           .kind = DEVICE_OPTION_FD,
                           .by_name = WORKER_OPTION_TAP,
                           .open = open_tap },
        [ARGUMENT_MAC] = { .name = WORKER_OPTION_MAC_ADDRESS, .kind = DEVICE_OPTION_TEXT },
        [ARGUMENT_OFFLOAD] = { .name = WORKER_OPTION_OFFLOAD, .kind = DEVICE_OPTION_FLAG },
        [ARGUMENT_VHOST] = { .name = WORKER_OPTION_VHOST_FD, .kind = DEVICE_OPTION_MAY_FD, .zones_only = true },
        [ARGUMENT_LINKS] = { .name = WORKER_OPTION_LINKS_FD, .kind = DEVICE_OPTION_MAY_FD, .zones_only = true },
        { 0 },
};

static const struct cage_rule net_rules[] = {
        { __NR_readv, false, 0 },        { __NR_writev, false, 0 }, { __NR_ioctl, true, TUNSETOFFLOAD },
        { __NR_read, false, 0 }, /* what tap_watch() tells */
        { __NR_ioctl, true, TUNGETIFF }, NET_VHOST_RULES,
};

static int net_create(const struct device_arguments *a, struct virtio_device **ret, struct err *e) {
        _cleanup_(virtio_device_freep) struct virtio_device *d = NULL;
        const char *text = a->texts[ARGUMENT_MAC];
        struct net_settings s = { .tap_fd = a->values[ARGUMENT_TAP], .offload = a->values[ARGUMENT_OFFLOAD] };
        char name[80];
        int r;

        (void) snprintf(name, sizeof(name), WORKER_NAME_FORMAT, a->zone, a->device);
        if (!mac_parse(text, strlen(text), s.mac) || mac_is_multicast(s.mac))
                return err_set(e, -EINVAL, "--" WORKER_OPTION_MAC_ADDRESS ": '%s' is not a card's address", text);
        s.name = name;
        if ((a->values[ARGUMENT_VHOST] < 0) != (a->values[ARGUMENT_LINKS] < 0))
                return err_set(e, -EINVAL, "--" WORKER_OPTION_VHOST_FD " and --" WORKER_OPTION_LINKS_FD " go together");
        r = net_new(&s, &d, e);
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
