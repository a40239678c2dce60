/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/look.h"

#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "cli/table.h"

void look_at_board(struct look *l, const char *path) {
        if (!path && access(BOARD_CONF, F_OK) < 0)
                return;
        check_files_read_one(&l->files, BOARD_FILE, path ?: BOARD_CONF, &l->d);
        l->board = l->files.count > 0 ? l->files.items[l->files.count - 1].board : NULL;
}

void look_at_zones(struct look *l) {
        struct diagnostics others = {};

        check_files_read_zones(&l->files, &zone_dirs_default, &others);
        diagnostics_clear(&others);
}

const struct zone_spec *look_find_zone(const struct look *l, const char *name) {
        for (size_t i = 0; i < l->files.count; i++)
                if (l->files.items[i].zone && strcmp(l->files.items[i].zone->name, name) == 0)
                        return l->files.items[i].zone;
        return NULL;
}

void look_tell(struct look *l) {
        check_files_quote(&l->files, &l->d);
        diagnostics_print(&l->d, stderr, colour_wanted(stderr));
}

void look_done(struct look *l) {
        check_files_clear(&l->files);
        diagnostics_clear(&l->d);
}
