/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files are held to the board, to root Linux and to each other, as the reconciler would do it. What this machine cannot
 * tell (it is not under hvisor, has no board.conf, lacks an image) is named as not checked.
 */
#pragma once

#include "cli/check_files.h"
#include "check/check.h"

/* Empty as {}. */
struct check {
        struct diagnostics d;
        struct check_files files;
        const struct board_spec *board; /* of the last of the files that is one; NULL: none, or a bad one */
        struct root_facts root;
        bool under_hvisor; /* this machine is one that zones run on */
};

/**
 * check_all() - of what was read into @c->files; @c->d has all that is wrong then, with the lines that it is about
 * @board: file of the board that the zones are for; NULL: one of those that were read, or board.conf
 */
void check_all(struct check *c, const char *board);
void check_done(struct check *c);
