/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/zone_files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/parse.h"

unsigned zone_files_levels(const struct zone_dirs *dirs, const char *entry) {
        unsigned levels = 0;
        struct stat st;

        for (unsigned i = 0; dirs->paths[i]; i++) {
                char path[PATH_MAX];

                (void) snprintf(path, sizeof(path), "%s/%s", dirs->paths[i], entry);
                if (lstat(path, &st) == 0)
                        levels |= BIT(i);
        }
        return levels;
}

unsigned zone_files_drop_levels(const struct zone_dirs *dirs, const char *file) {
        char entry[NAME_MAX + sizeof(ZONE_DROP_IN_SUFFIX)];

        (void) snprintf(entry, sizeof(entry), "%s" ZONE_DROP_IN_SUFFIX, file);
        return zone_files_levels(dirs, entry);
}

/* Without those that mask. */
static int read_texts(struct zone_sources *s, struct diagnostics *d) {
        int result = 0;
        size_t i = 0;

        while (i < s->count) {
                struct zone_source *f = &s->items[i];
                struct stat st;
                int r;

                if (i > 0 && stat(f->path, &st) == 0 && zone_file_masks(&st)) {
                        zone_sources_remove(s, i);
                        continue;
                }
                r = config_text_load(f->path, d, &f->text, &f->size);
                if (r < 0 && i > 0)
                        zone_sources_remove(s, i);
                else
                        i++;
                if (r < 0 && result == 0)
                        result = r;
        }
        return result;
}

static int find(const struct zone_search *at, unsigned level, struct zone_sources *ret, struct diagnostics *d) {
        char *bad = NULL;
        int r = zone_sources_add(ret, at, level);

        if (r < 0)
                return r;
        r = zone_sources_add_drop_ins(ret, at, UINT8_MAX, &bad);
        if (r == -E2BIG)
                (void) diagnostics_add(d, SEVERITY_ERROR, bad ?: at->file, 0, 0, 0, NULL, 0,
                                       "more drop-ins than can be read: at most %d", ZONE_DROP_INS_MAX);
        else if (r < 0 && r != -ENOMEM)
                (void) diagnostics_add(d, SEVERITY_ERROR, bad ?: at->file, 0, 0, 0, NULL, 0, "cannot be read: %s",
                                       strerror(-r));
        free(bad);
        return r;
}

int zone_files_read(const struct zone_dirs *dirs, const char *file, unsigned level, struct zone_sources *ret,
                    struct diagnostics *d) {
        int fds[ZONE_DIRS_MAX], r, found;

        zone_dirs_open(dirs, fds);
        found = find(&(struct zone_search){ dirs, fds, file }, level, ret, d);
        zone_dirs_close(fds);
        r = read_texts(ret, d);
        return found < 0 ? found : r;
}
