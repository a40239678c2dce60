/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wanted: every zone that a file names, that file's state, and beside
 * it the spec that was last applied, which a zone keeps while its file is bad.
 * One that is down has it as long as it is to come back so: its restart failed.
 * Data only; engine/desired_load.h fills it from directories.
 */
#pragma once

#include "base/file_id.h"
#include "config/spec.h"
#include "config/zone_dirs.h"

enum file_state {
        FILE_MISSING, /* no file: only an applied spec is known */
        FILE_GOOD,
        FILE_BAD,    /* does not parse, cannot be read, or asks for the impossible */
        FILE_MASKED, /* it says that there is no such zone */
        FILE_LOST,   /* its directory cannot be seen, and never could: only an applied spec is known */
        _FILE_STATE_MAX,
};

struct desired_zone {
        char name[NAME_SIZE];
        enum file_state file_state;
        uint8_t levels;            /* BIT() of each directory that has a file of its name; one that is lost: had */
        uint8_t level;             /* of the directory that its file is in: the lowest of those bits */
        uint8_t drop_levels;       /* likewise of those that have drop-ins for it */
        uint64_t files_id;         /* of the files as they were read; 0: not known, read them */
        char *path;                /* NULL if the file is missing or lost */
        char *message;             /* FILE_BAD: its first error; FILE_MISSING: drop-ins that do nothing; else NULL */
        bool unread;               /* FILE_BAD, for a reason that is not the file's own: it may pass without a change */
        uint64_t text_hash;        /* of its files' paths and bytes */
        struct zone_spec *spec;    /* FILE_GOOD only */
        struct zone_spec *applied; /* last applied; NULL: none known */
};

_Static_assert(ZONE_DIRS_MAX <= 8, "levels has a bit for each");

struct desired_directory {
        struct file_id id; /* of the directory that was read last; inode 0: none was */
        bool unread;       /* it cannot be seen, for a reason that may pass without a change of it */
        bool lost;         /* it cannot be seen just now, and it had files: they count as they were */
};

struct desired {
        struct desired_zone *zones; /* sorted by name */
        size_t num_zones;
        struct board_spec *board; /* NULL: see board_message */
        char *board_message;
        uint64_t board_hash;
        bool board_unread; /* as of a zone's file */
        struct zone_dirs dirs;
        struct desired_directory directories[ZONE_DIRS_MAX];
        bool applied_known;                      /* the specs last applied were looked for */
        bool stale;                              /* something was read in vain: all is to be looked at */
        char *lost;                              /* why the first of the lost directories is; NULL: all can be seen */
        const struct zone_spec *const *starting; /* borrowed: what starts and restarts under way are to bring about */
        size_t num_starting;
        const char *end; /* borrowed: why all zones are to end, whatever files there are; NULL: they are not */
};

struct desired_zone *desired_find(const struct desired *d, const char *name);

/** desired_find_id() - the zone whose file (a good one) gives it that id, the first by name; NULL: none does */
const struct desired_zone *desired_find_id(const struct desired *d, uint32_t id);

/** desired_add() - the entry of that name, made (FILE_MISSING) if need be; NULL: out of memory. Moves the
 * others. */
struct desired_zone *desired_add(struct desired *d, const char *name);

/** desired_remove() - the entry goes; moves those after it */
void desired_remove(struct desired *d, struct desired_zone *z);

/** desired_zone_clear() - frees what an entry holds, its name too; it stays in the list */
void desired_zone_clear(struct desired_zone *z);
void desired_clear(struct desired *d);
