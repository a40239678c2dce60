/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that `hvisor check` looks at, each with its text, so that a message can show the line that it is about. */
#pragma once

#include "config/parse.h"
#include "config/schema.h"
#include "config/zone_dirs.h"

struct check_file {
        char *path;
        enum file_kind kind;
        char *text; /* NULL: could not be read */
        size_t size;
        struct zone_spec *zone;   /* of a zone's file that is right, as far as its text tells */
        struct board_spec *board; /* of a board's file, likewise */
};

struct check_files {
        struct check_file *items;
        size_t count;
};

/** check_files_read() - a file, or every NAME.conf of a directory; what is wrong is added to @d */
void check_files_read(struct check_files *l, const char *path, struct diagnostics *d);

/** check_files_read_one() - a file of that kind, whatever it is called */
void check_files_read_one(struct check_files *l, enum file_kind kind, const char *path, struct diagnostics *d);

/** check_files_read_zones() - of the directories the files that count */
void check_files_read_zones(struct check_files *l, const struct zone_dirs *dirs, struct diagnostics *d);

/** check_files_read_directory() - a directory, also where there is none: that is an error */
void check_files_read_directory(struct check_files *l, const char *path, struct diagnostics *d);

void check_files_clear(struct check_files *l);
