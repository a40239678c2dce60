/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file of the directories and what it makes of its zone's entry in struct desired. */
#pragma once

#include "plan/desired.h"

/* An entry of one of the directories. */
struct file_place {
        unsigned level;
        int directory;    /* its descriptor */
        const char *path; /* of the directory */
        const char *file;
};

/**
 * desired_file_load() - reads the file into @z, whose name is its stem
 * @trust_id: a file whose identity did not change is not read; else its bytes decide
 *
 * A file that cannot be taken is marked, with a message, and so is one that masks.
 * Return: 0, -ENOENT (it is not there any more), -ENOMEM; @z is as it was then, and will be read again.
 */
int desired_file_load(struct desired_zone *z, const struct file_place *at, bool trust_id);

/** desired_file_refuse() - the file's name makes no zone's name: that is its entry's message; 0, -ENOMEM */
int desired_file_refuse(struct desired_zone *z, const struct file_place *at);

/** desired_file_missing() - there is no file */
void desired_file_missing(struct desired_zone *z);
