/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/zone_dirs.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "base/dirs.h"

const struct zone_dirs zone_dirs_default = {
        .paths = {
                [ZONE_LEVEL_ETC] = ZONES_DIR,
                [ZONE_LEVEL_RUN] = RUN_ZONES_DIR,
                [ZONE_LEVEL_LIB] = LIB_ZONES_DIR,
        },
};

size_t zone_dirs_count(const struct zone_dirs *d) {
        size_t n = 0;

        while (d->paths[n])
                n++;
        return n;
}

int zone_dirs_level(const struct zone_dirs *d, const char *path) {
        for (int i = 0; d->paths[i]; i++) {
                size_t length = strlen(d->paths[i]);

                if (strncmp(path, d->paths[i], length) == 0 && path[length] == '/')
                        return i;
        }
        return -1;
}

bool zone_file_masks(const struct stat *st) {
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3); /* as devices.txt has null */
}
