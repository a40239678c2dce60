/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The man pages that the tables make: of the files from schema/keys.def, of the command from cli/verbs.def. In
 * man(7)'s macros. */
#pragma once

#include <stdio.h>

/** man_write_zone() - hvisor.zone(5): a zone's file */
void man_write_zone(FILE *f);

/** man_write_board() - hvisor.board(5): board.conf */
void man_write_board(FILE *f);

/** man_write_settings() - hvisor.conf(5) */
void man_write_settings(FILE *f);

/** man_write_command() - hvisor(1) */
void man_write_command(FILE *f);
