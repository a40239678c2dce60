/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A span of guest buffers: what a chain's device-readable or device-writable
 * part consists of, eaten up from the front (or from the back, one byte). Virtio
 * 1.2, 2.7.4: a device makes no assumption about how a message is cut into
 * descriptors, so everything goes through these.
 *
 * The span borrows the iovec array and changes it. No function allocates, logs
 * or fails otherwise than by returning fewer bytes than asked.
 */
#pragma once

#include <sys/uio.h>

#include "base/macros.h"

struct iov_span {
        struct iovec *iov;
        size_t count;  /* elements left; none of length 0 */
        uint64_t size; /* bytes left: the sum of them */
};

/** iov_skip() - drops @size bytes (at most all) from the front; returns how many */
uint64_t iov_skip(struct iov_span *s, uint64_t size);

/** iov_take() - copies up to @size bytes from the front to @ret and drops them; returns how many */
size_t iov_take(struct iov_span *s, void *ret, size_t size);

/** iov_put() - copies up to @size bytes from @data to the front and drops them; returns how many */
size_t iov_put(struct iov_span *s, const void *data, size_t size);

/** iov_take_last_byte() - drops the last byte and returns where it is; NULL if the span is empty */
uint8_t *iov_take_last_byte(struct iov_span *s);
