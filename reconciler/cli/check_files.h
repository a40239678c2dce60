/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that `hvisor check` looks at, each with its text, so that a message can show the line that it is about. */
#pragma once

#include "config/parse.h"
#include "config/schema.h"
#include "config/zone_sources.h"

struct check_file {
        char *path;
        enum file_kind kind;
        struct zone_sources sources; /* itself, with its text (NULL: it could not be read), and a zone's drop-ins */
        struct zone_spec *zone;      /* of a zone's file that is right, as far as its text tells */
        struct board_spec *board;    /* of a board's file, likewise */
};

struct check_files {
        struct check_file *items;
        size_t count;
};

/** check_files_read() - a file, or every NAME.conf of a directory; what is wrong is added to @d
 *
 * A zone's file is read with its drop-ins: those beside it, or those of all directories if it is in one of
 * zone_dirs_default. A drop-in stands for its zone. */
void check_files_read(struct check_files *l, const char *path, struct diagnostics *d);

/** check_files_read_one() - a file of that kind, whatever it is called */
void check_files_read_one(struct check_files *l, enum file_kind kind, const char *path, struct diagnostics *d);

/** check_files_read_zone() - the zone's file @file in the directory of that level, with the drop-ins of all of @dirs;
 * one that masks the zone is a note */
void check_files_read_zone(struct check_files *l, const struct zone_dirs *dirs, unsigned level, const char *file,
                           struct diagnostics *d);

/** check_files_read_zones() - of the directories the files that count */
void check_files_read_zones(struct check_files *l, const struct zone_dirs *dirs, struct diagnostics *d);

/** check_files_read_directory() - a directory, also where there is none: that is an error */
void check_files_read_directory(struct check_files *l, const char *path, struct diagnostics *d);

/** check_files_quote() - gives what was found without the text its line of it */
void check_files_quote(const struct check_files *l, struct diagnostics *d);

void check_files_clear(struct check_files *l);
