/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/virtio_blk.h>
#include <string.h>

#include "device/block.h"
#include "device/block_slots.h"

/*
 * What one operation moves at most. What the page cache has is copied while it is
 * handed over, and the guest of a reset waits so long.
 */
#define STEP_BYTES (256 * 1024)

/* Direct I/O: a buffer's size and alignment; no file system asks for more. */
#define BUFFER_BYTES     (128 * 1024)
#define BUFFER_ALIGNMENT 4096

enum slot_state {
        SLOT_UNUSED,
        SLOT_BUSY,
        SLOT_ABANDONED, /* its queue has stopped: nobody gets an answer */
};

struct block_slot {
        struct block_operation operation; /* first: what is reaped is a slot */
        struct block_slot *next;
        enum slot_state state;
        uint16_t queue, head;
        struct block_request request;
        size_t cut;         /* bytes that the operation's last piece was shortened by */
        uint8_t *buffer;    /* direct I/O: its own */
        struct iovec piece; /* direct I/O: what is left of what the buffer holds */
        unsigned range;     /* the one that is being done */
        union {
                struct iovec iov[BLOCK_QUEUE_SIZE]; /* of request.data */
                struct block_range ranges[BLOCK_RANGES_MAX];
        };
};

/* ---- the pool ----------------------------------------------------------------------------------------- */

int block_slots_init(struct block_slots *s, struct virtio_device *device, struct block_io *io,
                     struct block_io *range_io, bool direct) {
        *s = (struct block_slots){ .device = device, .direct = direct };
        s->count = direct ? BLOCK_SLOTS_DIRECT : BLOCK_SLOTS;
        s->slots = calloc(s->count, sizeof(*s->slots));
        if (direct)
                s->buffers = aligned_alloc(BUFFER_ALIGNMENT, (size_t) s->count * BUFFER_BYTES);
        if (!s->slots || (direct && !s->buffers)) {
                block_slots_done(s);
                return -ENOMEM;
        }
        for (unsigned i = s->count; i-- > 0;) {
                s->slots[i].buffer = direct ? s->buffers + (size_t) i * BUFFER_BYTES : NULL;
                s->slots[i].next = s->unused;
                s->unused = &s->slots[i];
        }
        s->io = io;
        s->range_io = range_io;
        return 0;
}

void block_slots_done(struct block_slots *s) {
        block_io_free(TAKE_PTR(s->io)); /* first: they may be at work on the others */
        block_io_free(TAKE_PTR(s->range_io));
        free(TAKE_PTR(s->slots));
        free(TAKE_PTR(s->buffers));
}

bool block_slots_full(const struct block_slots *s) {
        return !s->unused || s->fences > 0;
}

static struct block_slot *slot_take(struct block_slots *s, unsigned queue) {
        struct block_slot *slot = s->unused;

        s->unused = slot->next;
        slot->state = SLOT_BUSY;
        slot->queue = (uint16_t) queue;
        slot->piece = (struct iovec){ 0 };
        slot->range = 0;
        return slot;
}

static void slot_release(struct block_slots *s, struct block_slot *slot) {
        slot->state = SLOT_UNUSED;
        slot->next = s->unused;
        s->unused = slot;
}

/* True if what it does changes the image's bytes. */
static bool slot_writes(const struct block_slot *slot) {
        return slot->request.kind == BLOCK_REQUEST_WRITE || slot->request.kind == BLOCK_REQUEST_RANGES;
}

/* True if its operation is at guest memory. */
static bool slot_holds_memory(const struct block_slots *s, const struct block_slot *slot) {
        return !s->direct && (slot->request.kind == BLOCK_REQUEST_READ || slot->request.kind == BLOCK_REQUEST_WRITE);
}

/* Who does a slot's operation. */
static struct block_io *io_of(const struct block_slots *s, const struct block_slot *slot) {
        return slot->operation.kind == BLOCK_IO_FALLOCATE && s->range_io ? s->range_io : s->io;
}

static void hand_over(struct block_slots *s, struct block_slot *slot) {
        struct block_io *io = io_of(s, slot);

        s->uncommitted++;
        io->ops->submit(io, &slot->operation);
}

static void commit(struct block_slots *s) {
        s->io->ops->commit(s->io);
        if (s->range_io)
                s->range_io->ops->commit(s->range_io);
        s->uncommitted = 0;
}

/* ---- reading and writing ------------------------------------------------------------------------------ */

/* The front of the data: whole pieces, the last of which may be cut. */
static void step_buffered(struct block_slots *s, struct block_slot *slot) {
        struct block_operation *o = &slot->operation;
        struct iov_span *data = &slot->request.data;
        size_t total = 0;

        o->count = 0;
        while (o->count < data->count && total < STEP_BYTES)
                total += data->iov[o->count++].iov_len;
        slot->cut = total > STEP_BYTES ? total - STEP_BYTES : 0;
        data->iov[o->count - 1].iov_len -= slot->cut;
        o->iov = data->iov;
        s->uncommitted += total - slot->cut;
}

/* The buffer's next filling, or what the last operation left of it. */
static void step_direct(struct block_slot *slot) {
        struct block_operation *o = &slot->operation;
        struct iov_span *data = &slot->request.data;

        if (slot->piece.iov_len == 0) {
                slot->piece.iov_base = slot->buffer;
                slot->piece.iov_len = (size_t) MIN(data->size, (uint64_t) BUFFER_BYTES);
                if (o->kind == BLOCK_IO_WRITE)
                        (void) iov_take(data, slot->buffer, slot->piece.iov_len);
        }
        o->iov = &slot->piece;
        o->count = 1;
}

static void step_transfer(struct block_slots *s, struct block_slot *slot) {
        slot->operation.kind = slot->request.kind == BLOCK_REQUEST_WRITE ? BLOCK_IO_WRITE : BLOCK_IO_READ;
        slot->operation.durable = s->write_through;
        slot->operation.offset = slot->request.offset;
        if (s->direct)
                step_direct(slot);
        else
                step_buffered(s, slot);
        hand_over(s, slot);
}

static void moved_buffered(struct block_slot *slot, uint64_t moved) {
        (void) iov_skip(&slot->request.data, moved);
}

static void moved_direct(struct block_slot *slot, uint64_t moved) {
        if (slot->operation.kind == BLOCK_IO_READ)
                (void) iov_put(&slot->request.data, slot->piece.iov_base, (size_t) moved);
        slot->piece.iov_base = (uint8_t *) slot->piece.iov_base + moved;
        slot->piece.iov_len -= (size_t) moved;
}

/* Return: true if there is more to move. */
static bool transfer_done(struct block_slots *s, struct block_slot *slot) {
        struct block_request *r = &slot->request;
        int64_t moved = slot->operation.result;

        if (!s->direct)
                r->data.iov[slot->operation.count - 1].iov_len += slot->cut;
        if (moved == -EAGAIN || moved == -EINTR)
                return true;
        if (moved <= 0) { /* 0: the image has become shorter than it was */
                r->result = VIRTIO_BLK_S_IOERR;
                return false;
        }
        r->offset += (uint64_t) moved;
        if (slot->operation.kind == BLOCK_IO_READ)
                r->unwritten -= (uint64_t) moved;
        if (s->direct)
                moved_direct(slot, (uint64_t) moved);
        else
                moved_buffered(slot, (uint64_t) moved);
        return r->data.size > 0 || (r->kind == BLOCK_REQUEST_WRITE && slot->piece.iov_len > 0);
}

/* ---- discarding and zeroing --------------------------------------------------------------------------- */

/* What is tried for a range, the cheapest first; 0: nothing more. */
static const int range_ways[_BLOCK_RANGE_KIND_MAX][3] = {
        [BLOCK_RANGE_DISCARD] = { BLOCK_IO_DISCARD, BLOCK_IO_PUNCH, 0 },
        [BLOCK_RANGE_UNMAP] = { BLOCK_IO_PUNCH, BLOCK_IO_ZERO, 0 },
        [BLOCK_RANGE_ZERO] = { BLOCK_IO_ZERO, 0, 0 },
};

static uint8_t zeroes[64 * 1024] __attribute__((aligned(BUFFER_ALIGNMENT)));
static const struct iovec zeroes_iov[] = {
        { zeroes, sizeof(zeroes) },
        { zeroes, sizeof(zeroes) },
        { zeroes, sizeof(zeroes) },
        { zeroes, sizeof(zeroes) },
};

/* By hand, where the file system knows no other way. */
static void step_zeroes(struct block_slot *slot, const struct block_range *range) {
        struct block_operation *o = &slot->operation;
        uint64_t left = range->size;

        o->kind = BLOCK_IO_WRITE;
        o->durable = false; /* a flush follows, where one is needed */
        if (left < sizeof(zeroes)) {
                slot->piece = (struct iovec){ zeroes, (size_t) left };
                o->iov = &slot->piece;
                o->count = 1;
        } else {
                o->iov = zeroes_iov;
                o->count = (unsigned) MIN(left / sizeof(zeroes), (uint64_t) ELEMENTSOF(zeroes_iov));
        }
}

static void step_ranges(struct block_slots *s, struct block_slot *slot) {
        const struct block_range *range = &slot->ranges[slot->range];
        struct block_operation *o = &slot->operation;

        if (slot->range == slot->request.num_ranges) {
                o->kind = BLOCK_IO_FLUSH;
                hand_over(s, slot);
                return;
        }
        o->offset = range->offset;
        o->length = range->size;
        o->mode = range_ways[range->kind][s->ways[range->kind]];
        o->kind = BLOCK_IO_FALLOCATE;
        if (o->mode == 0)
                step_zeroes(slot, range);
        hand_over(s, slot);
}

/* The way that was taken is none here. Return: true if there is another one. */
static bool another_way(struct block_slots *s, struct block_slot *slot) {
        enum block_range_kind kind = slot->ranges[slot->range].kind;
        uint8_t *way = &s->ways[kind];

        /* Others may have found out meanwhile. */
        if (range_ways[kind][*way] == slot->operation.mode)
                (*way)++;
        if (kind != BLOCK_RANGE_DISCARD || range_ways[kind][*way] != 0)
                return true;
        slot->request.result = VIRTIO_BLK_S_UNSUPP;
        return false;
}

/* Return: true if there is more to do. */
static bool ranges_done(struct block_slots *s, struct block_slot *slot) {
        struct block_range *range = &slot->ranges[slot->range];
        const struct block_operation *o = &slot->operation;

        if (o->result == -EAGAIN || o->result == -EINTR)
                return true;
        if (o->kind == BLOCK_IO_FALLOCATE && (o->result == -EOPNOTSUPP || o->result == -ENOSYS))
                return another_way(s, slot);
        if (o->result < 0 || (o->kind == BLOCK_IO_WRITE && o->result == 0)) {
                slot->request.result = VIRTIO_BLK_S_IOERR;
                return false;
        }
        if (o->kind == BLOCK_IO_FLUSH)
                return false;
        if (o->kind == BLOCK_IO_WRITE && (uint64_t) o->result < range->size) {
                range->offset += (uint64_t) o->result;
                range->size -= (uint64_t) o->result;
                return true;
        }
        return ++slot->range < slot->request.num_ranges || s->write_through;
}

/* ---- a request's life --------------------------------------------------------------------------------- */

static void step(struct block_slots *s, struct block_slot *slot) {
        switch (slot->request.kind) {
        case BLOCK_REQUEST_READ:
        case BLOCK_REQUEST_WRITE:
                step_transfer(s, slot);
                break;
        case BLOCK_REQUEST_RANGES:
                step_ranges(s, slot);
                break;
        case BLOCK_REQUEST_FLUSH:
                slot->operation.kind = BLOCK_IO_FLUSH;
                hand_over(s, slot);
                break;
        case BLOCK_REQUEST_NONE:
                break;
        }
}

/* Its operation is done. Return: true if it needs another one. */
static bool step_done(struct block_slots *s, struct block_slot *slot) {
        switch (slot->request.kind) {
        case BLOCK_REQUEST_READ:
        case BLOCK_REQUEST_WRITE:
                return transfer_done(s, slot);
        case BLOCK_REQUEST_RANGES:
                return ranges_done(s, slot);
        case BLOCK_REQUEST_FLUSH:
                if (slot->operation.result < 0)
                        slot->request.result = VIRTIO_BLK_S_IOERR;
                return false;
        case BLOCK_REQUEST_NONE:
                break;
        }
        return false;
}

static void answer(struct block_slots *s, struct block_slot *slot) {
        const struct block_request *r = &slot->request;

        *r->status = r->result;
        virtqueue_return(&s->device->queues[slot->queue], slot->head, block_request_written(r));
        slot_release(s, slot);
}

static void reaped(struct block_slots *s, struct block_slot *slot) {
        if (slot->state == SLOT_ABANDONED) {
                if (slot_holds_memory(s, slot))
                        s->holding--;
                else if (slot_writes(slot))
                        s->fences--;
                slot_release(s, slot);
        } else if (step_done(s, slot)) {
                step(s, slot);
        } else {
                answer(s, slot);
        }
}

static void reap_from(struct block_slots *s, struct block_io *io) {
        struct block_operation *o;

        while ((o = io->ops->reap(io)))
                reaped(s, (struct block_slot *) o);
}

static void reap_all(struct block_slots *s) {
        reap_from(s, s->io);
        if (s->range_io)
                reap_from(s, s->range_io);
}

int block_slots_begin(struct block_slots *s, unsigned queue, const struct block_limits *limits) {
        struct virtqueue *q = &s->device->queues[queue];
        struct block_range ranges[BLOCK_RANGES_MAX];
        struct block_request request;
        struct block_slot *slot;
        int r;

        r = virtqueue_next(q, &s->chain);
        if (r > 0)
                r = block_request_parse(limits, q, &s->chain, &request, ranges) ?: 1;
        if (r <= 0)
                return r;
        slot = slot_take(s, queue);
        slot->head = s->chain.head;
        slot->request = request;
        if (request.kind == BLOCK_REQUEST_RANGES)
                memcpy(slot->ranges, ranges, request.num_ranges * sizeof(ranges[0]));
        if (request.kind == BLOCK_REQUEST_READ || request.kind == BLOCK_REQUEST_WRITE) {
                memcpy(slot->iov, request.data.iov, request.data.count * sizeof(slot->iov[0]));
                slot->request.data.iov = slot->iov;
        }
        if (request.kind == BLOCK_REQUEST_NONE)
                answer(s, slot);
        else
                step(s, slot);
        return 1;
}

bool block_slots_turn(struct block_slots *s) {
        if (s->uncommitted > 0)
                commit(s);
        reap_all(s);
        return s->uncommitted > 0;
}

void block_slots_stop(struct block_slots *s, unsigned queue) {
        for (unsigned i = 0; i < s->count; i++) {
                struct block_slot *slot = &s->slots[i];
                struct block_io *io = io_of(s, slot);

                if (slot->state != SLOT_BUSY || slot->queue != queue)
                        continue;
                slot->state = SLOT_ABANDONED;
                if (slot_holds_memory(s, slot))
                        s->holding++;
                else if (slot_writes(slot))
                        s->fences++;
                io->ops->cancel(io, &slot->operation);
        }
        /* What holds guest memory is read or written: range_io has none of that. */
        while (s->holding > 0) {
                s->io->ops->wait(s->io);
                reap_all(s);
        }
        /* What goes on without a guest, or is another queue's, has to get to its end; a turn of that queue follows. */
        commit(s);
}
