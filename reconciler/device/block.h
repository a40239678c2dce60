/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-blk (virtio 1.2, 5.2) on an image file or a block device.
 *
 * Many requests are under way at a time, from several queues, and the loop waits for
 * none of them, but that a write into the page cache is tried at once: see
 * block_io_cached.c for what it may take. What the guest has flushed is on the image's disk (fdatasync);
 * without FLUSH negotiated every write is, before it is answered.
 *
 * Data goes between page cache and guest memory without a copy of ours, or, with
 * direct I/O, through buffers of ours: zone RAM has no struct pages, so the kernel
 * cannot let a device write into it.
 */
#pragma once

#include "base/err.h"
#include "device/block_io.h"
#include "virtio/device_model.h"

#define BLOCK_QUEUE_SIZE  256
#define BLOCK_SERIAL_SIZE 21 /* VIRTIO_BLK_ID_BYTES and a NUL */

struct block_options {
        const char *name;    /* who this is, in log lines; NULL: nobody in particular */
        int image_fd;        /* open for reading, and for writing unless read_only; the disk's on success */
        int image_events_fd; /* inotify on it: its size may have changed; -1: nobody tells. The disk's on success */
        const char *serial;  /* what GET_ID answers, at most 20 bytes are used */
        unsigned num_queues; /* 1 … VIRTIO_QUEUES_MAX */
        unsigned block_size; /* 512, 4096, or 0: the smallest that can be had */
        bool read_only;      /* whatever the guest negotiates */
        bool direct;         /* the image is open with O_DIRECT */
        bool discard;        /* room may be given back to the image's file system */
        bool fixed_size;     /* this process may not write beyond the image's end, wherever that moves */
        struct block_io *io; /* to the image, the disk's on success; NULL: io_uring, or threads where there is none */
};

/**
 * block_new() - a disk
 * @ret: owned by the caller, virtio_device_free()
 *
 * The image is measured but not locked: block_image_lock() comes before it. Return: 0 or -errno with @e.
 */
int block_new(const struct block_options *o, struct virtio_device **ret, struct err *e);

/** block_serial() - a serial of at most 20 characters out of both names, different for different names */
void block_serial(const char *zone, const char *device, char ret[static BLOCK_SERIAL_SIZE]);
