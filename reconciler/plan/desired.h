/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wanted: every zone that a file names, that file's state, and beside
 * it the spec that was last applied, which a zone keeps while its file is bad.
 * Data only; engine/desired_load.h fills it from directories.
 */
#pragma once

#include "config/spec.h"

enum file_state {
        FILE_MISSING, /* no file: only an applied spec is known */
        FILE_GOOD,
        FILE_BAD, /* does not parse, cannot be read, or asks for the impossible */
        _FILE_STATE_MAX,
};

struct desired_zone {
        char name[NAME_SIZE];
        enum file_state file_state;
        char *path;                /* NULL if the file is missing */
        char *message;             /* FILE_BAD: its first error; else NULL */
        uint64_t text_hash;        /* of the file's bytes */
        struct zone_spec *spec;    /* FILE_GOOD only */
        struct zone_spec *applied; /* last applied; NULL: none known */
};

struct desired {
        struct desired_zone *zones; /* sorted by name */
        size_t num_zones;
        struct board_spec *board; /* NULL: see board_message */
        char *board_message;
        uint64_t board_hash;
        bool seen;  /* the directory could be read at least once */
        char *lost; /* why the directory cannot be seen just now; NULL: it can. Nothing is stopped then. */
};

struct desired_zone *desired_find(const struct desired *d, const char *name);

/** desired_add() - the entry of that name, made (FILE_MISSING) if need be; NULL: out of memory. Moves the
 * others. */
struct desired_zone *desired_add(struct desired *d, const char *name);

/** desired_zone_clear() - frees what an entry holds, its name too; it stays in the list */
void desired_zone_clear(struct desired_zone *z);
void desired_clear(struct desired *d);
