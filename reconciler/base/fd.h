/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors and small files. Descriptors are -1 when empty; every function
 * opens with O_CLOEXEC. Return: 0 or a descriptor, or -errno. Never logs.
 */
#pragma once

#include <unistd.h>

#include "base/macros.h"

/* As in "fd = fd_close(fd)"; an empty one is left alone. */
static inline int fd_close(int fd) {
        if (fd >= 0)
                close(fd);
        return -1;
}

static inline void fd_closep(int *fd) {
        *fd = fd_close(*fd);
}
#define _cleanup_close_ _cleanup_(fd_closep)

/**
 * file_read() - a whole regular file in memory, NUL terminated
 * @dirfd: directory that @path is relative to, or AT_FDCWD
 * @max: largest size that is taken, bytes
 * @ret: owned by the caller, free(); @ret_size without the NUL, may be NULL
 *
 * Half of what somebody is writing is not taken: while it is open for writing, and that can be told, it is -EAGAIN.
 *
 * Return: 0, -EAGAIN (being written), -EFBIG (larger than @max), -EISDIR/-EINVAL (not a regular file), -errno.
 */
int file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);

/**
 * file_write_atomic() - replaces @path by @size bytes at once, or leaves it as it was
 *
 * Written beside it as PATH.new, synced, renamed: one writer at a time. Mode and owner are those of before; a new
 * file has mode 0644.
 */
int file_write_atomic(const char *path, const void *data, size_t size);

/** write_all() - writes all of @size bytes to a blocking descriptor */
int write_all(int fd, const void *data, size_t size);

/** mkdir_parents() - makes the directories above @path, mode 0755 */
int mkdir_parents(const char *path);
