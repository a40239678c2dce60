/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of one zone and what they make of its entry in struct desired. */
#pragma once

#include "config/zone_sources.h"
#include "plan/desired.h"

struct file_look {
        struct zone_search at; /* fds: -1 for directories that are lost, too */
        unsigned level;        /* of the directory that the zone's file is in */
        unsigned drop_levels;  /* BIT() of those that may have drop-ins for it */
        bool frozen;           /* others that cannot be seen had some: the zone stays as it is, unless it is masked */
        bool trust_id;         /* files whose identities did not change are not read; else their bytes decide */
};

/**
 * desired_file_load() - reads the file and its drop-ins into @z, whose name is the file's stem
 *
 * What cannot be taken is marked, with a message, and so is a file that masks.
 * Return: 0, -ENOENT (there is no such file any more), -ENOMEM; @z is as it was then, and will be read again.
 */
int desired_file_load(struct desired_zone *z, const struct file_look *look);

/** desired_file_refuse() - the file's name makes no zone's name: that is its entry's message; 0, -ENOMEM */
int desired_file_refuse(struct desired_zone *z, const struct file_look *look);

/** desired_file_keep() - its files cannot be seen: it stays what it was */
void desired_file_keep(struct desired_zone *z);

/** desired_file_missing() - there is no file */
void desired_file_missing(struct desired_zone *z);

/** desired_file_orphaned() - there is none, only drop-ins in the directories of @look->drop_levels; 0, -ENOMEM */
int desired_file_orphaned(struct desired_zone *z, const struct file_look *look);
