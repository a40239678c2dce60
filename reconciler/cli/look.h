/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The zones' files and the board's, as a verb looks at them that asks nobody. Starts as {}; look_done(). */
#pragma once

#include "cli/check_files.h"

struct look {
        struct check_files files;
        struct diagnostics d;
        const struct board_spec *board; /* of files; NULL: not known, or bad */
};

/** look_at_board() - @path: NULL: board.conf, which may be missing */
void look_at_board(struct look *l, const char *path);

/** look_at_zones() - of the zones' directories; what is wrong with them is not kept */
void look_at_zones(struct look *l);

/** look_find_zone() - NULL: none of that name has a file that is right */
const struct zone_spec *look_find_zone(const struct look *l, const char *name);

/** look_tell() - all that was found, on standard error */
void look_tell(struct look *l);

void look_done(struct look *l);
