/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file of the directory and what it makes of its zone's entry in struct desired. */
#pragma once

#include "plan/desired.h"

/** zone_file_name() - true for NAME.conf that is a zone's file: no dotfile, editor's backup or temporary;
 * @name is its stem */
bool zone_file_name(const char *file, char name[NAME_SIZE]);

/** zone_file_show_name() - for a NAME.conf that makes no zone's name, so that its error can be shown */
void zone_file_show_name(const char *file, char name[NAME_SIZE]);

/**
 * desired_file_load() - reads the file into @z, whose name is its stem
 * @directory: descriptor of @zones_dir
 * @trust_id: a file whose identity did not change is not read; else its bytes decide
 *
 * A file that cannot be taken is marked, with a message; one that is not there leaves FILE_MISSING.
 * Return: 0, -ENOMEM (@z is as it was, and will be read again).
 */
int desired_file_load(struct desired_zone *z, int directory, const char *file, const char *zones_dir, bool trust_id);

/** desired_file_refuse() - the file's name makes no zone's name: that is its entry's message; 0, -ENOMEM */
int desired_file_refuse(struct desired_zone *z, const char *file, const char *zones_dir);

/** desired_file_missing() - there is no file */
void desired_file_missing(struct desired_zone *z);
