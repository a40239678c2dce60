/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a disk is backed by: a regular file or a block device, as a descriptor that the launcher opened. */
#pragma once

#include "base/err.h"

#define BLOCK_SECTOR_SIZE 512

/**
 * block_image_measure() - how large the disk is
 * @ret_sectors: whole sectors of 512 bytes; what is left over at the end is not part of the disk
 *
 * Return: 0, -EINVAL (neither file nor block device, or no sector), -errno, with @e.
 */
int block_image_measure(int fd, uint64_t *ret_sectors, struct err *e);

/**
 * block_image_lock() - waits for the predecessor's description of the image to go, and fences
 * @read_only: a shared lock is enough
 * @patience_ms: longest wait
 *
 * A killed worker's writes may still be under way when its successor starts: its open file
 * description, and the lock on it, go only after they are done. The lock is released with
 * the last descriptor of this description.
 *
 * Return: 0, -EBUSY (somebody else keeps it), -EBADF (not open for writing), -errno, with @e.
 */
int block_image_lock(int fd, bool read_only, unsigned patience_ms, struct err *e);
