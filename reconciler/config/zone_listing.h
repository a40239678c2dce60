/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which zones' files there are in directories that lie one over the other (config/zone_dirs.h). Never logs. */
#pragma once

#include "config/spec.h"

struct zone_entry {
        char name[NAME_SIZE]; /* of the zone */
        bool is_zone;         /* false: the file's name makes none, @name is for show */
        uint8_t levels;       /* BIT() of each directory that has the file */
        uint8_t drop_levels;  /* likewise, that has drop-ins for it */
        char *file;           /* without a directory */
};

/* Empty as {}. */
struct zone_listing {
        struct zone_entry *entries;
        size_t count, size;
};

/** zone_listing_add() - what the directory has, read by a copy of its descriptor; -errno: none of it was added */
int zone_listing_add(struct zone_listing *l, int directory, unsigned level);

/** zone_listing_merge() - after the last directory: entries are sorted by name then, and there is one of each */
void zone_listing_merge(struct zone_listing *l);
void zone_listing_clear(struct zone_listing *l);
