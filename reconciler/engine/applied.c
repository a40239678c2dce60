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

static char *text_of(const struct zone_spec *z) {
        _cleanup_free_ char *settings = NULL;
        char *text = NULL;
        size_t size;
        FILE *f;

        if (zone_spec_format(z, &settings) < 0)
                return NULL;
        f = open_memstream(&text, &size);
        if (!f)
                return NULL;
        fprintf(f, "# %s\n", z->path);
        for (size_t i = 0; i < z->num_drop_ins; i++)
                fprintf(f, "# %s\n", z->drop_ins[i]);
        fputs(settings, f);
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

int applied_write(const char *directory, const struct zone_spec *z, struct err *e) {
        _cleanup_free_ char *text = text_of(z);
        char path[PATH_MAX];
        int r;

        if (!text)
                return -ENOMEM;
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

static uint8_t level_bit(const struct desired *d, const char *path) {
        int level = zone_dirs_level(&d->dirs, path);

        return level < 0 ? 0 : (uint8_t) BIT(level);
}

/* Places in the copy mean nothing to whoever is told of them: the files themselves are named. */
static int take_sources(struct desired *d, struct desired_zone *z, const char *text) {
        struct zone_spec *spec = z->applied;
        char *path = next_source(&text), **drop_ins;

        z->levels = path ? level_bit(d, path) : 0;
        z->drop_levels = 0;
        if (z->levels == 0)
                z->levels = BIT(0); /* written by a version that knew of one directory, or told another */
        if (!path)
                return 0;
        free(spec->path);
        spec->path = path;
        free(TAKE_PTR(spec->spots.entries));
        spec->spots.count = 0;
        while ((path = next_source(&text))) {
                z->drop_levels |= level_bit(d, path);
                drop_ins = reallocarray(spec->drop_ins, spec->num_drop_ins + 1, sizeof(*drop_ins));
                if (!drop_ins) {
                        free(path);
                        return -ENOMEM;
                }
                spec->drop_ins = drop_ins;
                drop_ins[spec->num_drop_ins++] = path;
        }
        return 0;
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
                r = take_sources(d, z, text);
        }
        diagnostics_clear(&ignored);
        return error_is_lack(r) ? r : 0;
}

int applied_load(const char *directory, struct desired *d) {
        _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(zone_listing_clear) struct zone_listing list = {};
        int r;

        if (fd < 0)
                return error_is_lack(-errno) ? -errno : 0;
        r = zone_listing_add(&list, fd, 0);
        zone_listing_merge(&list);
        for (size_t i = 0; r == 0 && i < list.count; i++)
                if (list.entries[i].is_zone)
                        r = load_one(d, directory, &list.entries[i]);
        return error_is_lack(r) ? r : 0;
}

void applied_remove(const char *directory, const char *zone) {
        char path[PATH_MAX];

        path_of(directory, zone, path);
        (void) unlink(path);
        strncat(path, ".new", sizeof(path) - strlen(path) - 1); /* of a daemon that died while it wrote */
        (void) unlink(path);
}
