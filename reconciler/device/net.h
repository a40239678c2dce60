/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net (virtio 1.2, 5.1) on a tap interface.
 *
 * Queues (5.1.2): receiveq and transmitq, 0 and 1; with MQ more pairs of them, as many as the zone has CPUs, and the
 * control queue, which takes VQ_PAIRS_SET alone. How many pairs are in use is what queues of the tap are on: that
 * outlives a worker. A tap of one queue serves all pairs; it gives to the first.
 *
 * Features: MAC, STATUS (the link is the tap's), MRG_RXBUF, those of the ring; and where offloads are wanted what a
 * tap can pass on: checksums that are left to be filled in, segments of TCP up to 64 KiB that are left to be cut, with
 * ECN, in both directions. MTU where there is something to be said about it.
 *
 * The configuration (5.1.4) has the fields up to mtu, always: a zone that runs keeps its size when a later worker takes
 * over.
 *
 * Frames are moved by vhost-net where it is given, one for each pair, see net_vhost.h; else by one readv(2) or
 * writev(2) between the tap and guest memory. While the guest gives no receive buffers, frames wait in the tap, as many
 * as its queue holds. A frame that was being sent when a worker was killed is sent again by its successor; one that was
 * being received is lost, as on any wire.
 */
#pragma once

#include "base/err.h"
#include "base/mac.h"
#include "virtio/device_model.h"

#define NET_QUEUE_SIZE 256

#define NET_PAIRS_MAX 7 /* two queues each, and one to control them: VIRTIO_QUEUES_MAX */

/* Of the first pair. */
#define NET_QUEUE_RECEIVE  0
#define NET_QUEUE_TRANSMIT 1

/* An Ethernet frame with a VLAN tag and the largest MTU that Linux knows, or a segment of as many bytes. */
#define NET_FRAME_MAX (14 + 4 + 65535)

/* How a card is wanted. */
struct net_settings {
        const char *name;        /* who this is, in log lines; copied */
        int taps[NET_PAIRS_MAX]; /* queues of one tap, whose frames have a virtio_net_hdr_v1 (base/tap.h) */
        unsigned num_taps;       /* at least 1, at most pairs */
        int link_fd;             /* as link_watch() gives it (base/rtnetlink.h); -1: the link is up */
        unsigned pairs;          /* 1 … NET_PAIRS_MAX */
        bool no_config;          /* address, link and MTU are who attaches it to tell: it has no configuration */
        uint8_t mac[MAC_SIZE];
        uint16_t mtu; /* 0: not told */
        bool offload;
};

/**
 * net_new() - a network card
 * @s: its descriptors are owned by the card on success
 * @ret: owned by the caller, virtio_device_free()
 *
 * Return: 0 or -errno with @e.
 */
int net_new(const struct net_settings *s, struct virtio_device **ret, struct err *e);

/**
 * net_accelerate() - has vhost-net move the frames, before the card is served
 * @d: of net_new()
 * @vhost_fds: /dev/vhost-net, just opened, once for each pair; owned by the card on success
 *
 * Return: 0 or -errno with @e.
 */
int net_accelerate(struct virtio_device *d, const int *vhost_fds, struct err *e);
