/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/applied.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "config/parse.h"
#include "config/zone_listing.h"

static void path_of(const char *directory, const char *zone, char buffer[PATH_MAX]) {
        snprintf(buffer, PATH_MAX, "%s/%s.conf", directory, zone);
}

int applied_write(const char *directory, const struct zone_spec *z, struct err *e) {
        _cleanup_free_ char *settings = NULL, *text = NULL;
        char path[PATH_MAX];
        int r = zone_spec_format(z, &settings);

        if (r < 0)
                return r;
        if (asprintf(&text, "# %s\n%s", z->path, settings) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        path_of(directory, z->name, path);
        r = mkdir_parents(path);
        if (r == 0)
                r = file_write_atomic(path, text, strlen(text));
        return r < 0 ? err_set(e, r, "%s: %s", path, strerror(-r)) : 0;
}

/* ---- read again ------------------------------------------------------------------------------------- */

/* The next of the leading lines "# /path", or NULL: there is none. */
static char *next_source(const char **text) {
        const char *start = *text + 2, *newline;

        if (strncmp(*text, "# /", 3) != 0 || !(newline = strchr(start, '\n')))
                return NULL;
        *text = newline + 1;
        return strndup(start, (size_t) (newline - start));
}

/* Its place in the copy means nothing to whoever is told of it: the file itself is named. */
static void set_source(struct zone_spec *z, char *path) {
        free(z->path);
        z->path = path;
        free(TAKE_PTR(z->spots.entries));
        z->spots.count = 0;
}

static void take_sources(struct desired *d, struct desired_zone *z, const char *text) {
        char *path;
        int level;

        z->levels = 0;
        while ((path = next_source(&text))) {
                level = zone_dirs_level(&d->dirs, path);
                if (level >= 0)
                        z->levels |= (uint8_t) BIT(level);
                set_source(z->applied, path);
        }
        if (z->levels == 0)
                z->levels = BIT(0); /* written by a version that knew of one directory, or told another */
}

static int load_one(struct desired *d, const char *directory, const struct zone_entry *e) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        struct diagnostics ignored = {};
        struct desired_zone *z = desired_add(d, e->name);
        size_t size;
        int r;

        if (!z || asprintf(&path, "%s/%s", directory, e->file) < 0)
                return -ENOMEM;
        if (z->applied)
                return 0;
        r = file_read(AT_FDCWD, path, CONFIG_FILE_MAX, &text, &size);
        if (r == 0)
                r = zone_spec_parse(z->name, path, text, size, &ignored, &z->applied);
        if (r == 0) {
                zone_spec_identify(z->applied);
                take_sources(d, z, text);
        }
        diagnostics_clear(&ignored);
        return r == -ENOMEM ? r : 0;
}

int applied_load(const char *directory, struct desired *d) {
        _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(zone_listing_clear) struct zone_listing list = {};
        int r;

        if (fd < 0)
                return 0;
        r = zone_listing_add(&list, fd, 0);
        zone_listing_merge(&list);
        for (size_t i = 0; r == 0 && i < list.count; i++)
                if (list.entries[i].is_zone)
                        r = load_one(d, directory, &list.entries[i]);
        return r == -ENOMEM ? r : 0;
}

void applied_remove(const char *directory, const char *zone) {
        char path[PATH_MAX];

        path_of(directory, zone, path);
        (void) unlink(path);
        strncat(path, ".new", sizeof(path) - strlen(path) - 1); /* of a daemon that died while it wrote */
        (void) unlink(path);
}
