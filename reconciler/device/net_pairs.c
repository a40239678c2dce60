/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several pairs of queues, and the queue that says how many are used (5.1.6.5). */
#include <endian.h>
#include <errno.h>

#include "base/fd.h"
#include "base/tap.h"
#include "device/net_card.h"

/* Which queues of the tap are on is the kernel's to remember: what the driver said to a worker before this one. */
int net_pairs_find(struct net *n, const struct net_settings *s) {
        struct tap_identity id;
        unsigned last = s->num_taps;

        n->num_pairs = s->pairs;
        n->num_taps = s->num_taps;
        for (unsigned i = 0; i < s->num_taps; i++) {
                int r = s->num_taps > 1 ? tap_identify(s->taps[i], &id) : 0;
                struct net_receiver *to;

                if (r < 0)
                        return r;
                to = s->num_taps == 1 || id.on ? &n->receivers[n->pairs++] : &n->receivers[--last];
                to->tap_fd = s->taps[i];
                to->on = to < &n->receivers[n->pairs];
        }
        return n->pairs > 0 ? 0 : net_pairs_use(n, 1);
}

int net_pairs_use(struct net *n, unsigned count) {
        for (unsigned i = 0; i < n->num_taps; i++) {
                struct net_receiver *of = &n->receivers[i];
                int r = of->on == (i < count) ? 0 : tap_queue_enable(of->tap_fd, i < count);

                if (r < 0)
                        return r == -EBADFD ? net_tap_error(n, EBADFD) : r;
                of->on = i < count;
        }
        n->pairs = count;
        return 0;
}

/* 5.1.2: behind all pairs; behind the first if there are no others. */
unsigned net_control_queue(const struct net *n) {
        if (!virtio_device_has(&n->base, VIRTIO_NET_F_CTRL_VQ))
                return UINT_MAX;
        return 2 * (virtio_device_has(&n->base, VIRTIO_NET_F_MQ) ? n->num_pairs : 1);
}

/* Return: 0, -EINVAL (no such command, or not so), another -errno (a failure of ours). */
static int carry_out(struct net *n, struct iov_span *command) {
        struct virtio_net_ctrl_hdr header;
        struct virtio_net_ctrl_mq mq;
        unsigned pairs;

        if (iov_take(command, &header, sizeof(header)) != sizeof(header) || header.class != VIRTIO_NET_CTRL_MQ ||
            header.cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET || !virtio_device_has(&n->base, VIRTIO_NET_F_MQ) ||
            command->size != sizeof(mq))
                return -EINVAL;
        (void) iov_take(command, &mq, sizeof(mq));
        pairs = le16toh(mq.virtqueue_pairs);
        if (pairs < 1 || pairs > n->num_pairs)
                return -EINVAL;
        return net_pairs_use(n, pairs) < 0 ? -EIO : 0;
}

int net_control(struct net *n) {
        struct virtqueue *q = &n->base.queues[net_control_queue(n)];
        unsigned budget = NET_BATCH;
        int r;

        do {
                while ((r = virtqueue_next(q, &n->chain)) > 0) {
                        uint8_t ack;

                        if (n->chain.writable.size < sizeof(ack))
                                return virtqueue_refuse(q, "command without room for its result");
                        r = carry_out(n, &n->chain.readable);
                        if (r < 0 && r != -EINVAL)
                                return r;
                        ack = r < 0 ? VIRTIO_NET_ERR : VIRTIO_NET_OK;
                        (void) iov_put(&n->chain.writable, &ack, sizeof(ack));
                        virtqueue_return(q, n->chain.head, sizeof(ack));
                        if (--budget == 0)
                                return 1;
                }
        } while (r == 0 && virtqueue_allow_kicks(q));
        return r;
}
