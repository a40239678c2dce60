/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that something happened to, each with the time at which it is to be read. From some number of them on, or after
 * what no single file tells, it is all files instead. Pure: times are the caller's, in µs.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PENDING_MAX 64 /* more than a person edits at once: reading them one by one is no gain any more */

/* Files of one name in several directories make one zone: each has its own due, and the name is due when the last is. */
struct pending_file {
        char name[NAME_MAX + 1];
        unsigned part; /* which of them */
        uint64_t due;
};

struct pending {
        struct pending_file files[PENDING_MAX];
        size_t num_files;
        bool all;
        uint64_t all_due;
        uint64_t all_since; /* when it became all: it is not put off for ever */
};

/**
 * pending_add() - @part of @file is due at @due
 * @file: NULL: all of them
 * @sooner: this says all that there is to say of the file, so an earlier event's longer wait is over; else what waits
 * already is not cut short
 */
void pending_add(struct pending *p, const char *file, unsigned part, uint64_t now, uint64_t due, bool sooner);

/** pending_next() - when something is due; UINT64_MAX: nothing waits */
uint64_t pending_next(const struct pending *p);

/**
 * pending_take() - takes out what is due
 * @ret: borrowed from @names, which has room for PENDING_MAX
 *
 * Return: how many names; 0 with @ret_all: all files.
 */
size_t pending_take(struct pending *p, uint64_t now, char names[PENDING_MAX][NAME_MAX + 1], bool *ret_all);
