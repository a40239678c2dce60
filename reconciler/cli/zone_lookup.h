/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone by its name, as its files in the directories have it. */
#pragma once

#include <limits.h>

#include "base/err.h"
#include "cli/zone_files.h"
#include "config/spec.h"

struct zone_paths {
        char file[NAME_SIZE + 8]; /* NAME.conf */
        unsigned levels, drop_levels;
        unsigned level;      /* of the file that counts, if @levels is not 0 */
        char path[PATH_MAX]; /* its */
        bool masked;         /* by it */
};

/** zone_lookup() - 0, also if there is none: then @ret->levels is 0; -EINVAL: it is no zone's name */
int zone_lookup(const struct zone_dirs *dirs, const char *name, struct zone_paths *ret, struct err *e);

/** zone_say_none() - logs that there is no such zone, and what may be meant; @z: as zone_lookup() found it */
void zone_say_none(const struct zone_dirs *dirs, const struct zone_paths *z, const char *name);

/** zone_suggest() - a zone that there is and whose name is near; free(), NULL: none is */
char *zone_suggest(const struct zone_dirs *dirs, const char *name);
