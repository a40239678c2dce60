/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells by stat(2) alone whether a file is the one that was read, unchanged. The kernel's stamps are as coarse as its
 * tick: a file that changed in the tick in which it was looked at may change once more and keep its stamps, so such a
 * look gives no identity.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

struct file_id {
        dev_t device;
        ino_t inode; /* 0: not known */
        off_t size;
        struct timespec modified, changed;
};

static inline bool timespec_equal(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/** file_id_of() - @st is of just now */
static inline struct file_id file_id_of(const struct stat *st) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        if (st->st_ctim.tv_sec > now.tv_sec || (st->st_ctim.tv_sec == now.tv_sec && st->st_ctim.tv_nsec >= now.tv_nsec))
                return (struct file_id){};
        return (struct file_id){ st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim };
}

/** file_id_is() - false also if it is not known */
static inline bool file_id_is(const struct file_id *id, const struct stat *st) {
        return id->inode != 0 && id->inode == st->st_ino && id->device == st->st_dev && id->size == st->st_size &&
               timespec_equal(&id->modified, &st->st_mtim) && timespec_equal(&id->changed, &st->st_ctim);
}
