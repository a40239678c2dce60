/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest to tap. */
#include <errno.h>
#include <string.h>

#include "device/net_card.h"

/* The tap gets a header of our own making. Return: false: a frame that is none. */
static bool take_header(struct net *n, struct iov_span *chain, struct virtio_net_hdr_v1 *ret) {
        (void) iov_take(chain, ret, sizeof(*ret));
        if (chain->size > NET_FRAME_MAX || chain->count > NET_QUEUE_SIZE)
                return false;
        if (!n->sent.checksum) { /* 5.1.6.2: then it has nothing to say */
                memset(ret, 0, sizeof(*ret));
                return true;
        }
        ret->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM; /* 5.1.6.2.2: others are not the driver's to set */
        return net_header_check(ret, &n->sent, chain->size);
}

/*
 * What is no frame, or what the tap does not take, is lost, as on any wire: too short or too long, no memory, the
 * interface is down. A full tap holds the guest up instead.
 */
static int send_frame(struct net *n, struct virtqueue *q, struct net_receiver *to) {
        struct iov_span *frame = &n->chain.readable;
        struct virtio_net_hdr_v1 header;

        if (frame->size < NET_HEADER_SIZE)
                return virtqueue_refuse(q, "frame without a whole header");
        if (!take_header(n, frame, &header))
                return 0;
        n->pieces[0] = (struct iovec){ &header, sizeof(header) };
        memcpy(&n->pieces[1], frame->iov, frame->count * sizeof(*frame->iov));
        while (writev(to->tap_fd, n->pieces, (int) frame->count + 1) < 0) {
                if (errno == EINTR)
                        continue;
                to->tap_full = errno == EAGAIN;
                return net_tap_error(n, errno);
        }
        return 0;
}

int net_transmit(struct net *n, unsigned pair) {
        struct virtqueue *q = &n->base.queues[2 * pair + NET_QUEUE_TRANSMIT];
        struct net_receiver *to = net_transmitter(n, pair);
        unsigned budget = NET_BATCH;
        int r;

        if (!virtqueue_running(q) || to->tap_full)
                return 0;
        virtqueue_suppress_kicks(q);
        do {
                while ((r = virtqueue_next(q, &n->chain)) > 0) {
                        r = send_frame(n, q, to);
                        if (r < 0)
                                return r;
                        if (to->tap_full) {
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
