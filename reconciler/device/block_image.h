/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a disk is backed by: a regular file or a block device, as a descriptor that the launcher opened. */
#pragma once

#include "base/err.h"

#define BLOCK_SECTOR_SIZE  512
#define BLOCK_SIZE_LARGEST 4096 /* no more than a page, which is what drivers take */

/* What the image lies on, as far as the guest can make use of it. Bytes; 0: not known. */
struct block_topology {
        uint32_t physical; /* what the storage writes at once; a power of two */
        uint32_t offset;   /* of the first such block that is whole */
        uint32_t smallest; /* preferred smallest transfer */
        uint32_t best;     /* preferred transfer */
};

/**
 * block_image_block_size() - in which units the disk can be read and written
 * @wanted: 512 or 4096, or 0: the smallest that there is
 * @direct: the image is open with O_DIRECT, which has wishes of its own
 *
 * Return: 0, -EINVAL (neither file nor block device, or no such blocks with direct I/O), -errno, with @e.
 */
int block_image_block_size(int fd, uint32_t wanted, bool direct, uint32_t *ret, struct err *e);

/**
 * block_image_measure() - how large the disk is now
 * @block_size: what is left over at the end is not part of it
 * @ret_sectors: of 512 bytes
 *
 * Return: 0, -EINVAL (no block), -errno, with @e.
 */
int block_image_measure(int fd, uint32_t block_size, uint64_t *ret_sectors, struct err *e);

/** block_image_topology() - never fails: what cannot be told is 0 */
struct block_topology block_image_topology(int fd);

/**
 * block_image_lock() - waits for the predecessor's description of the image to go, and fences
 * @read_only: a shared lock is enough
 * @patience_ms: longest wait
 *
 * A killed worker's writes may still be under way when its successor starts: its open file
 * description, and the lock on it, go only after they are done; a ring holds a reference of its
 * own to it. The lock is released with the last descriptor of this description.
 *
 * Return: 0, -EBUSY (somebody else keeps it), -EBADF (not open for writing), -errno, with @e.
 */
int block_image_lock(int fd, bool read_only, unsigned patience_ms, struct err *e);
