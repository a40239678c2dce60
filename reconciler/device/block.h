/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-blk (virtio 1.2, 5.2) on an image file or a block device.
 *
 * One queue; requests are done one after the other, in the order of the queue. What
 * the guest has flushed is on the image's disk (fdatasync); without FLUSH negotiated
 * every write is. Buffered I/O only: zone RAM has no struct pages.
 */
#pragma once

#include "base/err.h"
#include "virtio/device_model.h"

#define BLOCK_QUEUE_SIZE 256

/**
 * block_new() - a disk
 * @image_fd: the image, open for reading, and for writing unless @read_only; owned by the disk on success
 * @serial: what GET_ID answers, at most 20 bytes are used
 * @ret: owned by the caller, virtio_device_free()
 *
 * The image is measured but not locked: block_image_lock() comes before it. Return: 0 or -errno with @e.
 */
int block_new(int image_fd, bool read_only, const char *serial, struct virtio_device **ret, struct err *e);

/** block_serial() - a serial of at most 20 characters out of both names, different for different names */
void block_serial(const char *zone, const char *device, char ret[static 21]);
