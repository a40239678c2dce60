/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From directories to struct desired: zones.d, board.conf, and the copies of
 * the specs last applied. Reads files; never logs.
 */
#pragma once

#include "plan/desired.h"

struct desired_paths {
        const char *zones_dir;  /* ZONES_DIR */
        const char *board_path; /* BOARD_CONF */
        const char *specs_dir;  /* RUN_SPECS_DIR; NULL: none are looked for */
};

/** zone_file_name() - true for NAME.conf that is a zone's file: no dotfile, editor's backup or temporary;
 * @name is its stem */
bool zone_file_name(const char *file, char name[NAME_SIZE]);

/**
 * desired_load() - reads all of it
 * @d: in: empty, or what an earlier call left; out: what there is now. A file whose bytes did not change
 * keeps its spec (the pointer, too); a directory that can no longer be read keeps all zones and sets lost. A
 * directory that was never seen and does not exist is empty.
 *
 * Return: 0 (also with bad files: they are marked), -ENOMEM.
 */
int desired_load(struct desired *d, const struct desired_paths *paths);
