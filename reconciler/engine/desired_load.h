/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From directories to struct desired: zones' files, board.conf, and the copies of
 * the specs last applied. Reads files; never logs.
 */
#pragma once

#include "plan/desired.h"

struct desired_paths {
        struct zone_dirs dirs;  /* zone_dirs_default */
        const char *board_path; /* BOARD_CONF */
        const char *specs_dir;  /* RUN_SPECS_DIR; NULL: none are looked for */
};

/**
 * desired_load() - looks at all of it
 * @d: in: empty, or what an earlier call left; out: what there is now. Files are read that stat(2) shows to be others
 * than before; one whose bytes did not change keeps its spec (the pointer, too). A directory that had files and can no
 * longer be read, or whose file system went, sets lost, and what came from it stays as it was. One that had none and does
 * not exist is empty.
 *
 * Return: 0 (also with bad files: they are marked), -errno that error_is_lack(): what was looked at may be new, the rest is
 * as it was, and the next look is at all of it.
 */
int desired_load(struct desired *d, const struct desired_paths *paths);

/** desired_unread() - something could not be read that may be readable without having changed */
bool desired_unread(const struct desired *d);

/**
 * desired_load_files() - the same where it is known which files may have changed
 * @files: NAME.conf, also where it is a drop-in of that which may have changed, in whichever of the directories; board.conf is always looked at
 *
 * Costs what these files cost, unless it turns out that all has to be looked at.
 */
int desired_load_files(struct desired *d, const struct desired_paths *paths, const char *const *files,
                       size_t num_files);
