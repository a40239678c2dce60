/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directories of zones' files, one over the other as systemd's: of files with one name, that in the highest counts
 * and hides the others. A symlink to /dev/null masks: it hides them, and there is no such zone. An empty file does not,
 * since a disk that ran full leaves those as well: it is a bad one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define ZONE_DIRS_MAX 8

/* Levels of zone_dirs_default. */
enum { ZONE_LEVEL_ETC, ZONE_LEVEL_RUN, ZONE_LEVEL_LIB };

/* An index into it is a "level": 0 counts most. */
struct zone_dirs {
        const char *paths[ZONE_DIRS_MAX + 1]; /* absolute, borrowed; NULL after the last */
};

extern const struct zone_dirs zone_dirs_default;

size_t zone_dirs_count(const struct zone_dirs *d);

/** zone_dirs_level() - of the directory that the file @path lies in; -1: in none of them. By the text of the path. */
int zone_dirs_level(const struct zone_dirs *d, const char *path);

/** zone_file_masks() - @st is of what the file leads to */
bool zone_file_masks(const struct stat *st);
