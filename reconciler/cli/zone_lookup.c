/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/zone_lookup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/suggest.h"
#include "config/zone_listing.h"

int zone_lookup(const struct zone_dirs *dirs, const char *name, struct zone_paths *ret, struct err *e) {
        struct stat st;

        *ret = (struct zone_paths){};
        if (!zone_name_valid(name))
                return err_set(e, -EINVAL, "\"%s\" is no zone's name: 1 to %d of A-Z a-z 0-9 . _ -, no dot first", name,
                               NAME_SIZE - 1);
        (void) snprintf(ret->file, sizeof(ret->file), "%s.conf", name);
        ret->levels = zone_files_levels(dirs, ret->file);
        ret->drop_levels = zone_files_drop_levels(dirs, ret->file);
        if (ret->levels == 0)
                return 0;
        ret->level = (unsigned) __builtin_ctz(ret->levels);
        (void) snprintf(ret->path, sizeof(ret->path), "%s/%s", dirs->paths[ret->level], ret->file);
        ret->masked = stat(ret->path, &st) == 0 && zone_file_masks(&st);
        return 0;
}

char *zone_suggest(const struct zone_dirs *dirs, const char *name) {
        struct zone_listing list = {};
        struct suggestion s = {};
        int fds[ZONE_DIRS_MAX];
        char *word;

        zone_dirs_open(dirs, fds);
        for (unsigned i = 0; dirs->paths[i]; i++)
                if (fds[i] >= 0)
                        (void) zone_listing_add(&list, fds[i], i);
        zone_dirs_close(fds);
        for (size_t i = 0; i < list.count; i++)
                if (list.entries[i].is_zone && list.entries[i].levels)
                        suggestion_offer(&s, name, strlen(name), list.entries[i].name);
        word = s.word ? strdup(s.word) : NULL;
        zone_listing_clear(&list);
        return word;
}

void zone_say_none(const struct zone_dirs *dirs, const struct zone_paths *z, const char *name) {
        _cleanup_free_ char *near = zone_suggest(dirs, name);

        if (z->drop_levels)
                log_error("there is no %s, only drop-ins for it: %s/%s" ZONE_DROP_IN_SUFFIX, z->file,
                          dirs->paths[__builtin_ctz(z->drop_levels)], z->file);
        else if (near)
                log_error("no zone \"%s\"; did you mean \"%s\"?", name, near);
        else
                log_error("no zone \"%s\"; hvisor status shows them all", name);
}
