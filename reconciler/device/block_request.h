/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request as the driver has put it (virtio 1.2, 5.2.6): taken apart, and held
 * against what the disk is. No I/O.
 */
#pragma once

#include "device/block_io.h"
#include "virtio/virtqueue.h"

/* Ranges of one discard or write-zeroes request; what is offered as max_…_seg. */
#define BLOCK_RANGES_MAX 16

/* Of one such range, in sectors (128 MiB): so much at a time others of the guest's requests may have to wait for. */
#define BLOCK_RANGE_SECTORS_MAX (UINT32_C(1) << 18)

enum block_request_kind {
        BLOCK_REQUEST_NONE, /* nothing to do but to answer */
        BLOCK_REQUEST_READ,
        BLOCK_REQUEST_WRITE,
        BLOCK_REQUEST_FLUSH,
        BLOCK_REQUEST_RANGES, /* discard, write zeroes */
};

/* What it makes of a range; the first that works is what was meant. */
enum block_range_kind {
        BLOCK_RANGE_DISCARD, /* its contents do not matter any more */
        BLOCK_RANGE_UNMAP,   /* zeroes, and room may be given back */
        BLOCK_RANGE_ZERO,    /* zeroes, and the room stays */
        _BLOCK_RANGE_KIND_MAX,
};

struct block_range {
        uint64_t offset, size; /* bytes */
        enum block_range_kind kind;
};

/* The disk, as far as requests are concerned. */
struct block_limits {
        uint64_t sectors;
        uint32_t block_size; /* bytes; requests are multiples of it */
        bool read_only;
        bool discard, write_zeroes; /* negotiated */
        bool unmap;                 /* offered with write zeroes */
        const char *serial;         /* VIRTIO_BLK_ID_BYTES, padded with zeroes */
};

struct block_request {
        enum block_request_kind kind;
        uint8_t result;       /* VIRTIO_BLK_S_…: what comes before anything has been done */
        uint8_t *status;      /* the last byte, in guest memory */
        uint64_t room;        /* bytes of the writable part, the status byte among them */
        struct iov_span data; /* read, write: in the chain that it was taken from */
        uint64_t offset;      /* read, write: bytes */
        uint64_t unwritten;   /* bytes of the writable part that have nothing in them yet, without the status byte */
        unsigned num_ranges;
};

/**
 * block_request_parse() - what the driver wants
 * @c: eaten up
 * @ret: borrows from @c
 * @ret_ranges: of a discard or write-zeroes request
 *
 * Whatever the disk refuses is a request of kind NONE with its result. Return: 0, -EPROTO (header or status byte
 * is missing: virtqueue_refuse() was called on @q).
 */
int block_request_parse(const struct block_limits *l, struct virtqueue *q, struct virtqueue_chain *c,
                        struct block_request *ret, struct block_range ret_ranges[static BLOCK_RANGES_MAX]);

/** block_request_written() - how many bytes the used element promises, from the first on (2.7.8.2) */
uint32_t block_request_written(const struct block_request *r);
