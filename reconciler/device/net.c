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
#include "base/rtnetlink.h"
#include "base/tap.h"
#include "device/device_type.h"
#include "device/net_card.h"
#include "device/net_vhost.h"

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
        r = tap_set_offloads(n->receivers[0].tap_fd, net_offloads_tap(&n->received));
        if (r < 0)
                n->base.failure = "its tap does not take the offloads that were agreed on";
        return r == -EBADFD ? net_tap_error(n, EBADFD) : r;
}

/*
 * 5.1.6.5.5: a driver begins with one pair. One that has said nothing yet to its control queue is at the beginning,
 * whoever serves it; one that has goes on with what it said. MQ is nothing without that queue (5.1.3.1).
 */
int net_queue_started(struct virtio_device *d, unsigned queue) {
        struct net *n = net_of(d);
        int r = 0;

        if (queue == net_control_queue(n))
                return d->queues[queue].next_used == 0 ? net_pairs_use(n, 1) : 0;
        if (queue == NET_QUEUE_RECEIVE) {
                r = net_use_offloads(n);
                if (r >= 0 && (!virtio_device_has(d, VIRTIO_NET_F_MQ) || !virtio_device_has(d, VIRTIO_NET_F_CTRL_VQ)))
                        r = net_pairs_use(n, 1);
        }
        if (queue % 2 == NET_QUEUE_RECEIVE && queue / 2 < n->num_pairs)
                net_receiver_reset(&n->receivers[queue / 2]);
        return r;
}

static void net_queue_stopping(struct virtio_device *d, unsigned queue) {
        if (queue % 2 == NET_QUEUE_RECEIVE && queue / 2 < net_of(d)->num_pairs)
                net_receiver_reset(&net_of(d)->receivers[queue / 2]);
}

static int net_queue_notify(struct virtio_device *d, unsigned queue) {
        struct net *n = net_of(d);

        if (queue == net_control_queue(n))
                return net_control(n);
        if (queue / 2 >= n->num_pairs)
                return 0; /* one that the driver has no use for */
        return queue % 2 == NET_QUEUE_TRANSMIT ? net_transmit(n, queue / 2) : net_receive(n, queue / 2);
}

/* What the link is now, if something has been told of it. */
int net_follow_link(struct net *n) {
        struct virtio_net_config *config = (struct virtio_net_config *) n->base.config;
        enum link_state state = LINK_DOWN;
        bool told = false;
        uint16_t status;
        int r;

        while ((r = link_watch_read(n->link_fd, &state)) > 0)
                told = true;
        if (r < 0) {
                n->base.failure = "it cannot follow its tap's link";
                return r;
        }
        if (told && state == LINK_GONE)
                return net_tap_error(n, EBADFD);
        status = htole16(state == LINK_UP ? VIRTIO_NET_S_LINK_UP : 0);
        if (told && config->status != status) {
                config->status = status;
                n->base.config_changed = true;
        }
        return 0;
}

static int tap_ready(struct net *n, unsigned tap, uint32_t events) {
        struct net_receiver *r = &n->receivers[tap];
        int result = 0;

        if (events & (EPOLLERR | EPOLLHUP))
                return net_tap_error(n, EBADFD);
        if (events & EPOLLOUT)
                r->tap_full = false;
        r->frames_waiting = true;
        for (unsigned pair = 0; pair < n->num_pairs; pair++) {
                int sent = net_transmitter(n, pair) == r ? net_transmit(n, pair) : 0;

                if (sent < 0)
                        return sent;
                result |= sent;
        }
        return net_receive(n, tap) ?: result;
}

static int net_source_ready(struct virtio_device *d, unsigned source, uint32_t events) {
        struct net *n = net_of(d);

        return source < n->num_taps ? tap_ready(n, source, events) : net_follow_link(n);
}

void net_free(struct virtio_device *d) {
        struct net *n = net_of(d);

        for (unsigned i = 0; i < n->num_vhosts; i++)
                net_vhost_free(n->vhosts[i]);
        for (unsigned i = 0; i < n->num_taps; i++)
                fd_close(n->receivers[i].tap_fd);
        fd_close(n->link_fd);
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

/* What says something only with a configuration. */
#define CONFIG_FEATURES                                                                                                \
        (VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | VIRTIO_FEATURE(VIRTIO_NET_F_STATUS) | VIRTIO_FEATURE(VIRTIO_NET_F_MTU))

static void offer(struct net *n, const struct net_settings *s) {
        struct virtio_net_config config = {
                .status = htole16(VIRTIO_NET_S_LINK_UP),
                .mtu = htole16(s->mtu),
        };

        n->base.ops = &net_ops;
        n->base.features = VIRTIO_QUEUE_FEATURES | VIRTIO_FEATURE(VIRTIO_NET_F_MAC) |
                           VIRTIO_FEATURE(VIRTIO_NET_F_STATUS) | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF) |
                           (s->offload ? NET_OFFLOAD_FEATURES : 0) |
                           (s->mtu > 0 ? VIRTIO_FEATURE(VIRTIO_NET_F_MTU) : 0);
        n->base.num_queues = 2;
        if (s->pairs > 1) {
                n->base.features |= VIRTIO_FEATURE(VIRTIO_NET_F_MQ) | VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ);
                n->base.num_queues = 2 * s->pairs + 1;
                config.max_virtqueue_pairs = htole16((uint16_t) s->pairs);
        }
        for (unsigned q = 0; q < n->base.num_queues; q++)
                n->base.queue_size_max[q] = NET_QUEUE_SIZE;
        if (s->no_config) {
                n->base.features &= ~CONFIG_FEATURES;
                return;
        }
        memcpy(config.mac, s->mac, MAC_SIZE);
        n->base.config_size = CONFIG_SIZE;
        memcpy(n->base.config, &config, CONFIG_SIZE);
}

/* Edges: frames may wait for long for a buffer, and there is nearly always room to write. */
static void watch(struct net *n) {
        for (unsigned i = 0; i < n->num_taps; i++) {
                n->base.sources[i].fd = n->receivers[i].tap_fd;
                n->base.sources[i].events = EPOLLIN | EPOLLOUT | EPOLLET;
        }
        n->base.num_sources = n->num_taps;
        if (n->link_fd < 0)
                return;
        n->base.sources[n->base.num_sources].fd = n->link_fd;
        n->base.sources[n->base.num_sources++].events = EPOLLIN;
}

/* @s is known to be right. */
static int set_up(struct net *n, const struct net_settings *s) {
        int r = net_pairs_find(n, s);

        if (r < 0)
                return r;
        for (unsigned i = 0; i < n->num_pairs; i++)
                net_receiver_reset(&n->receivers[i]);
        offer(n, s);
        watch(n);
        r = n->link_fd < 0 ? 0 : net_follow_link(n);
        n->base.config_changed = false; /* nobody has read it yet */
        return r;
}

int net_new(const struct net_settings *s, struct virtio_device **ret, struct err *e) {
        struct net *n;
        int r;

        if (s->num_taps < 1 || s->num_taps > s->pairs || s->pairs > NET_PAIRS_MAX)
                return err_set(e, -EINVAL, "%u queues of a tap for %u pairs of a card", s->num_taps, s->pairs);
        n = calloc(1, sizeof(*n) + s->pairs * sizeof(n->receivers[0]));
        if (!n)
                return err_set(e, -ENOMEM, "out of memory");
        (void) snprintf(n->name, sizeof(n->name), "%s", s->name);
        n->too_long = (struct log_ratelimit){ .burst = 1, .seconds = 60 };
        n->link_fd = s->link_fd;
        r = set_up(n, s);
        if (r < 0) {
                r = err_set(e, r, "%s", n->base.failure ?: strerror(-r));
                free(n);
                return r;
        }
        *ret = &n->base;
        return 0;
}

/* ---- as a worker -------------------------------------------------------------------------------------- */

enum {
        ARGUMENT_TAP,
        ARGUMENT_MAC,
        ARGUMENT_LINK,
        ARGUMENT_PAIRS,
        ARGUMENT_MTU,
        ARGUMENT_OFFLOAD,
        ARGUMENT_VHOST,
};

static int open_tap(const struct device_arguments *a _unused_, const char *name, int *ret, struct err *e) {
        struct tap t;
        int r = tap_open(name, 1, &t, e);

        if (r >= 0)
                *ret = t.fds[0];
        return r;
}

static const struct device_option net_options[] = {
        [ARGUMENT_TAP] = { .name = WORKER_OPTION_TAP_FDS,
                           .kind = DEVICE_OPTION_FDS,
                           .by_name = WORKER_OPTION_TAP,
                           .open = open_tap },
        [ARGUMENT_MAC] = { .name = WORKER_OPTION_MAC_ADDRESS, .kind = DEVICE_OPTION_TEXT, .assumed = "" },
        [ARGUMENT_LINK] = { .name = WORKER_OPTION_LINK_FD, .kind = DEVICE_OPTION_MAY_FD, .zones_only = true },
        [ARGUMENT_PAIRS] = { .name = WORKER_OPTION_QUEUES, .kind = DEVICE_OPTION_NUMBER, .assumed = "1" },
        [ARGUMENT_MTU] = { .name = WORKER_OPTION_MTU, .kind = DEVICE_OPTION_NUMBER, .assumed = "0" },
        [ARGUMENT_OFFLOAD] = { .name = WORKER_OPTION_OFFLOAD, .kind = DEVICE_OPTION_FLAG },
        [ARGUMENT_VHOST] = { .name = WORKER_OPTION_VHOST_FDS, .kind = DEVICE_OPTION_MAY_FDS, .zones_only = true },
        { 0 },
};

static const struct cage_rule net_rules[] = {
        { __NR_readv, false, 0 },          { __NR_writev, false, 0 },           { __NR_ioctl, true, TUNGETIFF },
        { __NR_ioctl, true, TUNSETQUEUE }, { __NR_ioctl, true, TUNSETOFFLOAD }, NET_VHOST_RULES,
};

static int net_create(const struct device_arguments *a, struct virtio_device **ret, struct err *e) {
        _cleanup_(virtio_device_freep) struct virtio_device *d = NULL;
        const struct device_fds *taps = &a->lists[ARGUMENT_TAP], *vhosts = &a->lists[ARGUMENT_VHOST];
        const char *text = a->texts[ARGUMENT_MAC];
        struct net_settings s = {
                .num_taps = taps->count,
                .link_fd = a->values[ARGUMENT_LINK],
                .pairs = (unsigned) a->values[ARGUMENT_PAIRS],
                .offload = a->values[ARGUMENT_OFFLOAD],
        };
        char name[80];
        int r;

        (void) snprintf(name, sizeof(name), WORKER_NAME_FORMAT, a->zone, a->device);
        s.no_config = *text == '\0';
        if (!s.no_config && (!mac_parse(text, strlen(text), s.mac) || mac_is_multicast(s.mac)))
                return err_set(e, -EINVAL, "--" WORKER_OPTION_MAC_ADDRESS ": '%s' is not a card's address", text);
        if (a->values[ARGUMENT_MTU] > UINT16_MAX)
                return err_set(e, -EINVAL, "--" WORKER_OPTION_MTU ": %d is too large", a->values[ARGUMENT_MTU]);
        s.mtu = (uint16_t) a->values[ARGUMENT_MTU];
        if (taps->count > NET_PAIRS_MAX)
                return err_set(e, -EINVAL, "--" WORKER_OPTION_TAP_FDS ": too many");
        if (vhosts->count > 0 && vhosts->count != s.pairs)
                return err_set(e, -EINVAL, "--" WORKER_OPTION_VHOST_FDS ": %u for %u pairs", vhosts->count, s.pairs);
        memcpy(s.taps, taps->fds, taps->count * sizeof(s.taps[0]));
        s.name = name;
        r = net_new(&s, &d, e);
        if (r >= 0 && vhosts->count > 0)
                r = net_accelerate(d, vhosts->fds, e);
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
