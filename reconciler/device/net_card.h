/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the network card share: net.c makes it, net_transmit.c and net_receive.c move its frames. */
#pragma once

#include <sys/uio.h>

#include "base/log.h"
#include "device/net.h"
#include "device/net_header.h"

/* How many frames are moved before the loop looks at everything else again. */
#define NET_BATCH 64

/* Of the buffers that are held in readiness: room for the longest chain, beside others. */
#define NET_PIECES_MAX (2 * NET_QUEUE_SIZE)

/* A receive buffer that was fetched and not returned yet. */
struct net_buffer {
        uint16_t head;
        uint16_t num_pieces;
        uint32_t size; /* bytes, with the place of a header */
};

/*
 * The receive buffers that are held in readiness, in the order of the queue, and a frame that is on its way into them.
 * The kernel tells how long a frame is only by giving it away: what no buffer is there for waits here.
 */
struct net_receiver {
        bool frames_waiting; /* the tap has, or may have, frames for the guest */
        bool large;          /* the last frame took more than one buffer: so may the next */
        size_t num_buffers;
        size_t num_pieces; /* of all buffers */
        uint64_t room;     /* in all buffers, without the place of the header */
        struct net_buffer buffers[NET_QUEUE_SIZE];
        struct iovec pieces[NET_PIECES_MAX];

        struct virtio_net_hdr_v1 header; /* of the frame on its way */
        uint64_t size;                   /* of that frame; 0: none */
        uint64_t placed;                 /* bytes of it that are in their buffers; the rest is in spilled */
        uint8_t spilled[NET_FRAME_MAX + 1];
};

struct net {
        struct virtio_device base;
        char name[80];
        int tap_fd;
        int links_fd;            /* -1: the tap's own descriptor is watched */
        struct net_vhost *vhost; /* NULL: frames are moved here */
        bool tap_full;           /* EPOLLOUT will tell */
        bool mergeable;
        struct net_offloads sent, received; /* as negotiated */
        struct log_ratelimit too_long;
        struct virtqueue_chain chain;            /* the one that was fetched last */
        struct iovec pieces[NET_PIECES_MAX + 2]; /* of one frame, with what stands before and behind it */
        struct virtqueue_used used[NET_QUEUE_SIZE];
        struct net_receiver receiver;
};

/** net_tap_error() - what a failed read or write of the tap means; 0: nothing for us, a frame may be dropped over it */
int net_tap_error(struct net *n, int error);

/** net_use_offloads() - what the driver agreed to, for here and for the tap; a handler's result */
int net_use_offloads(struct net *n);

void net_free(struct virtio_device *d);

/** net_transmit() - sends what the guest has in its queue; a handler's result (virtio/device_model.h) */
int net_transmit(struct net *n);

/** net_receive() - gives the guest what waits in the tap; a handler's result */
int net_receive(struct net *n);

/** net_receiver_reset() - lets go of all buffers and of a frame on its way */
void net_receiver_reset(struct net_receiver *r);
