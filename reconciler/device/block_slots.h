/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests under way: each has a slot from when it is taken from its queue until it
 * is returned, and takes it through as many operations on the image as it needs.
 * All slots are there from the beginning; those used last are used first, so that
 * no more memory is touched than requests come at a time.
 */
#pragma once

#include "device/block_io.h"
#include "device/block_request.h"
#include "virtio/device_model.h"

#define BLOCK_SLOTS        256
#define BLOCK_SLOTS_DIRECT 64 /* with a buffer each */

struct block_slot;

struct block_slots {
        struct virtio_device *device;
        struct block_io *io, *range_io; /* range_io: of BLOCK_IO_FALLOCATE; NULL: io does that, too */
        bool direct;
        bool write_through; /* FLUSH is not negotiated: 5.2.6.2, a write is stable when it is done */

        struct block_slot *slots;
        unsigned count;
        uint8_t *buffers; /* direct: count of them */
        struct block_slot *unused;

        uint64_t uncommitted;                /* bytes, and one for each operation, since the last commit */
        unsigned fences;                     /* operations of stopped queues that still change the image */
        unsigned holding;                    /* operations of stopping queues that still hold guest memory */
        uint8_t ways[_BLOCK_RANGE_KIND_MAX]; /* the first that is worth a try */
        struct virtqueue_chain chain;        /* of the request that is being taken */
};

/** block_slots_init() - @io and @range_io become theirs on success. Return: 0, -ENOMEM */
int block_slots_init(struct block_slots *s, struct virtio_device *device, struct block_io *io,
                     struct block_io *range_io, bool direct);
void block_slots_done(struct block_slots *s);

/**
 * block_slots_full() - no request can be begun just now
 *
 * All slots are in use, or a stopped queue's request still changes the image: a
 * new driver's writes must not be overtaken by an old one's.
 */
bool block_slots_full(const struct block_slots *s);

/** block_slots_begin() - begins the next request of a queue. Return: 1, 0 (there is none), -EPROTO. Not if full. */
int block_slots_begin(struct block_slots *s, unsigned queue, const struct block_limits *limits);

/** block_slots_turn() - hands over what was begun, goes on with what is done. Return: true if that left more to hand
 * over: come again */
bool block_slots_turn(struct block_slots *s);

/**
 * block_slots_stop() - lets go of the queue's memory
 *
 * Reads and writes that are between the page cache and guest memory are waited for, what has not
 * begun is called off. All else goes on without a guest behind it, see block_slots_full().
 */
void block_slots_stop(struct block_slots *s, unsigned queue);
