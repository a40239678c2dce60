/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tap to guest.
 *
 * Without MRG_RXBUF a frame goes into one buffer (5.1.6.3.1), or is dropped. With it a frame takes as many as it
 * needs. Most fit into one, so only that one is offered to the kernel, and what is longer spills over, to
 * be copied into the next; where long ones come one after the other, all buffers are offered that the longest
 * frame could take, and nothing is copied.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "device/net_card.h"

void net_receiver_reset(struct net_receiver *r) {
        r->num_buffers = r->num_pieces = 0;
        r->room = r->size = 0;
        r->large = false;
        r->frames_waiting = true; /* who knows */
}

/* ---- buffers ------------------------------------------------------------------------------------------ */

static uint64_t buffer_room(const struct net_receiver *r, size_t i) {
        return r->buffers[i].size - (i == 0 ? NET_HEADER_SIZE : 0);
}

/* False: there is nothing to wait for, these are all that a frame can have. */
static bool can_hold_more(const struct net *n, const struct net_receiver *r, const struct virtqueue *q) {
        if (r->num_buffers == 0)
                return true;
        return n->mergeable && r->num_buffers < q->size && r->num_pieces + NET_QUEUE_SIZE <= NET_PIECES_MAX;
}

/* Fetches one more. Return: 1, 0 (the driver has no more), -errno. */
static int hold_buffer(struct net *n, struct net_receiver *r, struct virtqueue *q) {
        const struct iov_span *room = &n->chain.writable;
        int got = virtqueue_next(q, &n->chain);

        if (got <= 0)
                return got;
        if (room->size < NET_HEADER_SIZE)
                return virtqueue_refuse(q, "receive buffer without room for a header");
        if (room->count > NET_QUEUE_SIZE)
                return virtqueue_refuse(q, "receive buffer of too many pieces");
        memcpy(&r->pieces[r->num_pieces], room->iov, room->count * sizeof(*room->iov));
        r->num_pieces += room->count;
        r->buffers[r->num_buffers++] = (struct net_buffer){
                .head = n->chain.head,
                .num_pieces = (uint16_t) room->count,
                .size = (uint32_t) room->size,
        };
        r->room += buffer_room(r, r->num_buffers - 1);
        return 1;
}

/* Lets go of the first @count, which were returned. */
static void release_buffers(struct net_receiver *r, size_t count) {
        size_t pieces = 0;

        for (size_t i = 0; i < count; i++)
                pieces += r->buffers[i].num_pieces;
        r->num_buffers -= count;
        r->num_pieces -= pieces;
        memmove(r->buffers, &r->buffers[count], r->num_buffers * sizeof(*r->buffers));
        memmove(r->pieces, &r->pieces[pieces], r->num_pieces * sizeof(*r->pieces));
        r->room = 0;
        for (size_t i = 0; i < r->num_buffers; i++)
                r->room += buffer_room(r, i);
}

/* ---- a frame ------------------------------------------------------------------------------------------ */

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

/* The pieces of the first @count buffers, without the place of the header, between one slot before and one behind. */
static struct iov_span list_pieces(struct net *n, const struct net_receiver *r, size_t count) {
        struct iov_span s = { .iov = &n->pieces[1] };

        for (size_t i = 0; i < count; i++) {
                s.count += r->buffers[i].num_pieces;
                s.size += r->buffers[i].size;
        }
        memcpy(s.iov, r->pieces, s.count * sizeof(*s.iov));
        (void) iov_skip(&s, NET_HEADER_SIZE);
        return s;
}

/*
 * Takes one frame out of the tap: its header, and what fits into the buffers, where they are for it; the rest is
 * spilled. Return: 1, -EAGAIN (there is none), -errno.
 */
static int take_frame(struct net *n, struct net_receiver *r) {
        struct iov_span room = list_pieces(n, r, r->large ? r->num_buffers : 1);
        size_t limit = NET_FRAME_MAX + 1; /* one byte more than may come tells a frame that was cut */
        size_t spare = room.size < limit ? limit - room.size : 0;
        ssize_t size;

        room.iov[-1] = (struct iovec){ &r->header, sizeof(r->header) };
        room.iov[room.count] = (struct iovec){ r->spilled, spare };
        do
                size = readv(r->tap_fd, &room.iov[-1], (int) room.count + (spare > 0 ? 2 : 1));
        while (size < 0 && errno == EINTR);
        if (size < 0)
                return errno == EAGAIN ? -EAGAIN : net_tap_error(n, errno) ?: -errno;
        if ((size_t) size <= NET_HEADER_SIZE)
                return -EAGAIN;
        r->size = (uint64_t) size - NET_HEADER_SIZE;
        r->placed = MIN(r->size, room.size);
        r->large = r->size > buffer_room(r, 0);
        return 1;
}

static void drop_frame(struct net_receiver *r) {
        r->size = 0;
}

/* Copies what was spilled to where it belongs, once there is room for all of it. */
static void place_spilled(struct net *n, struct net_receiver *r) {
        struct iov_span room = list_pieces(n, r, r->num_buffers);

        (void) iov_skip(&room, r->placed);
        (void) iov_put(&room, r->spilled, r->size - r->placed);
}

/*
 * Gives the frame, whose bytes are all in their place, to the guest with the buffers that it takes. 5.1.6.4.1:
 * num_buffers is 1 without MRG_RXBUF. The driver sees all buffers of a frame or none.
 */
static void give_frame(struct net *n, struct net_receiver *r, struct virtqueue *q) {
        struct iov_span first = { .iov = r->pieces, .count = r->buffers[0].num_pieces, .size = r->buffers[0].size };
        uint64_t left = r->size + NET_HEADER_SIZE;
        size_t count = 0;

        while (left > 0) {
                const struct net_buffer *b = &r->buffers[count];
                uint32_t written = (uint32_t) MIN(left, (uint64_t) b->size);

                n->used[count++] = (struct virtqueue_used){ .head = b->head, .written = written };
                left -= written;
        }
        r->header.num_buffers = htole16((uint16_t) count);
        (void) iov_put(&first, &r->header, sizeof(r->header));
        virtqueue_return_all(q, n->used, count);
        release_buffers(r, count);
        r->size = 0;
}

/* ---- frames ------------------------------------------------------------------------------------------- */

/* Holds buffers for so many bytes, but one at least. Return: 1; 0: the driver has no more; -ENOBUFS: nor can it
 * have, ever; -errno. */
static int hold_buffers(struct net *n, struct net_receiver *r, struct virtqueue *q, uint64_t bytes) {
        while (r->num_buffers == 0 || r->room < bytes) {
                int got = can_hold_more(n, r, q) ? hold_buffer(n, r, q) : -ENOBUFS;

                if (got <= 0)
                        return got;
        }
        return 1;
}

/* The next frame, if there is no other on its way. What a driver before this one had agreed on, it need not know. */
static int begin_frame(struct net *n, struct net_receiver *r, struct virtqueue *q) {
        int got;

        if (r->size > 0)
                return 1;
        got = hold_buffers(n, r, q, r->large ? NET_FRAME_MAX : 0);
        if (r->num_buffers == 0 || (got < 0 && got != -ENOBUFS))
                return got;
        got = take_frame(n, r);
        if (got > 0 && (r->size > NET_FRAME_MAX || !net_header_check(&r->header, &n->received, r->size)))
                drop_frame(r);
        return got;
}

/* Return: 1 (one was moved, or dropped), 0 (it waits for buffers), -EAGAIN (the tap has none), -errno. */
static int receive_frame(struct net *n, struct net_receiver *r, struct virtqueue *q) {
        int got = begin_frame(n, r, q);

        if (got <= 0 || r->size == 0)
                return got;
        got = hold_buffers(n, r, q, r->size);
        if (got == -ENOBUFS) {
                tell_too_long(n, r->room);
                drop_frame(r);
                return 1;
        }
        if (got <= 0)
                return got;
        if (r->placed < r->size)
                place_spilled(n, r);
        give_frame(n, r, q);
        return 1;
}

/* Kicks matter only while frames wait for buffers: the driver may add them unheard otherwise. */
int net_receive(struct net *n, unsigned pair) {
        struct virtqueue *q = &n->base.queues[2 * pair + NET_QUEUE_RECEIVE];
        struct net_receiver *r = &n->receivers[pair];

        if (!virtqueue_running(q) || !r->on)
                return 0;
        virtqueue_suppress_kicks(q);
        for (unsigned budget = NET_BATCH; r->frames_waiting; budget--) {
                int got;

                if (budget == 0)
                        return 1;
                got = receive_frame(n, r, q);
                if (got == -EAGAIN)
                        r->frames_waiting = false;
                else if (got < 0)
                        return got;
                else if (got == 0 && !virtqueue_allow_kicks(q))
                        return 0;
        }
        return 0;
}
