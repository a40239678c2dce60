/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which file a path leads to, whatever it is called: by a symlink, a hard link,
 * through /proc, or as another node of the same block device. A file's time of
 * birth counts where the file system tells it, so that a new file which got the
 * number of one that is gone is not taken for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct file_identity {
        uint64_t device, inode; /* a block device: its own number, and 0 */
        int64_t born;           /* ns since 1970; 0: not known */
        bool known;
};

/**
 * file_identity_get() - of a path, or with "" of the open file @fd
 * @fd: AT_FDCWD with a path
 *
 * Looks at the file only; does not mount, and does not ask a server what is known here. Not known, errno says why,
 * where it cannot be looked at.
 */
struct file_identity file_identity_get(int fd, const char *path);

/** file_identity_equal() - false also where one of them is not known */
bool file_identity_equal(const struct file_identity *a, const struct file_identity *b);

struct zone_spec;

/**
 * zone_spec_identify() - looks up which files the disks' images are; once after a file was loaded
 *
 * A file system that does not answer holds the caller up for 200 ms, once: as long as it does not, nothing is
 * looked up. What is not known is compared by path alone, and by the lock of whoever serves it.
 */
void zone_spec_identify(struct zone_spec *z);
