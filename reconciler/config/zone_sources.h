/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files that a zone is read from: NAME.conf of the highest directory that has one (config/zone_dirs.h), then its
 * drop-ins, NAME.conf.d/ *.conf of all directories, by file name; of one name that in the highest counts, and one that
 * masks is left out. Never logs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "config/zone_dirs.h"

#define ZONE_DROP_INS_MAX   64
#define ZONE_DROP_IN_SUFFIX ".d" /* of the directory, behind the zone's file */

struct zone_source {
        char *path;
        const char *file; /* the part of @path that is below the directory */
        int directory;    /* its descriptor, borrowed */
        char *text;       /* NULL: not read */
        size_t size;
};

/* Empty as {}. */
struct zone_sources {
        struct zone_source *items;
        size_t count;
};

/* Where they are looked for. */
struct zone_search {
        const struct zone_dirs *dirs;
        const int *fds;   /* of these; -1: is not there */
        const char *file; /* NAME.conf */
};

/** zone_dirs_open() - for a search, -1 where one cannot be opened; zone_dirs_close() ends it */
void zone_dirs_open(const struct zone_dirs *d, int fds[ZONE_DIRS_MAX]);
void zone_dirs_close(int fds[ZONE_DIRS_MAX]);

/** zone_sources_add() - the zone's file in the directory of that level, as the next; 0, -ENOMEM */
int zone_sources_add(struct zone_sources *s, const struct zone_search *at, unsigned level);

/**
 * zone_sources_add_drop_ins() - the drop-ins, also those that mask
 * @levels: BIT() of the directories that are to be looked into; what is not there is none
 * @ret_path: after a failure the path that it was about, free(); NULL: no memory
 *
 * Return: 0, -E2BIG (more than ZONE_DROP_INS_MAX), -ENOTDIR, -ENOMEM, -errno.
 */
int zone_sources_add_drop_ins(struct zone_sources *s, const struct zone_search *at, unsigned levels, char **ret_path);

/** zone_sources_remove() - the one at @i; those after it move up */
void zone_sources_remove(struct zone_sources *s, size_t i);
void zone_sources_clear(struct zone_sources *s);
