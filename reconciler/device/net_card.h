/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the network card share: net.c makes it, net_transmit.c and net_receive.c move its frames,
 * net_pairs.c has its queues used.
 */
#pragma once

#include <limits.h>
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
 * One queue of the tap, and the receive buffers of its pair that are held in readiness, in the order of the queue, and a
 * frame that is on its way into them.
 * The kernel tells how long a frame is only by giving it away: what no buffer is there for waits here.
 */
struct net_receiver {
        int tap_fd;
        bool on;             /* frames come here, too */
        bool tap_full;       /* EPOLLOUT will tell */
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
        int link_fd;
        unsigned num_pairs; /* offered */
        unsigned num_taps;  /* the first so many of receivers have one */
        unsigned pairs;     /* in use */
        struct net_vhost *vhosts[NET_PAIRS_MAX];
        unsigned num_vhosts; /* one for each pair; 0: frames are moved here */
        bool mergeable;
        struct net_offloads sent, received; /* as negotiated */
        struct log_ratelimit too_long;
        struct virtqueue_chain chain;            /* the one that was fetched last */
        struct iovec pieces[NET_PIECES_MAX + 2]; /* of one frame, with what stands before and behind it */
        struct virtqueue_used used[NET_QUEUE_SIZE];
        struct net_receiver receivers[]; /* one for each pair */
};

/** net_tap_error() - what a failed read or write of the tap means; 0: nothing for us, a frame may be dropped over it */
int net_tap_error(struct net *n, int error);

/** net_use_offloads() - what the driver agreed to, for here and for the tap; a handler's result */
int net_use_offloads(struct net *n);

/** net_queue_started() - the card's part in it, whoever moves the frames; a handler's result */
int net_queue_started(struct virtio_device *d, unsigned queue);

/** net_follow_link() - link_fd has news; a handler's result */
int net_follow_link(struct net *n);

void net_free(struct virtio_device *d);

/** net_transmit() - sends what the guest has in the pair's queue; a handler's result (virtio/device_model.h) */
int net_transmit(struct net *n, unsigned pair);

/** net_receive() - gives the guest what waits in the pair's queue of the tap; a handler's result */
int net_receive(struct net *n, unsigned pair);

/** net_transmitter() - whose tap takes what comes from the pair */
static inline struct net_receiver *net_transmitter(struct net *n, unsigned pair) {
        return &n->receivers[pair < n->pairs && pair < n->num_taps ? pair : 0];
}

/** net_pairs_find() - takes the taps, those that are on first: so many pairs are in use. Return: 0, -errno. */
int net_pairs_find(struct net *n, const struct net_settings *s);

/** net_pairs_use() - 1 … num_pairs; those beyond get no frames. Return: 0, -errno. */
int net_pairs_use(struct net *n, unsigned count);

/** net_control_queue() - its number, as the driver has it; UINT_MAX: there is none */
unsigned net_control_queue(const struct net *n);

/** net_control() - does what the driver says; a handler's result */
int net_control(struct net *n);

/** net_receiver_reset() - lets go of all buffers and of a frame on its way */
void net_receiver_reset(struct net_receiver *r);
