/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/zone_listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "config/file_name.h"

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

static void truncate_to(struct zone_listing *l, size_t count) {
        while (l->count > count)
                free(l->entries[--l->count].file);
}

void zone_listing_clear(struct zone_listing *l) {
        truncate_to(l, 0);
        free(l->entries);
        *l = (struct zone_listing){};
}

/* @length: of the zone's file, which may have something behind it. */
static int add_file(struct zone_listing *l, const char *file, size_t length, unsigned level) {
        struct zone_entry *e;
        bool is_file = file[length] == '\0';

        if (l->count == l->size) {
                size_t size = MAX(2 * l->size, (size_t) 32);

                e = reallocarray(l->entries, size, sizeof(*e));
                if (!e)
                        return -ENOMEM;
                l->entries = e;
                l->size = size;
        }
        e = &l->entries[l->count];
        *e = (struct zone_entry){ .file = strndup(file, length) };
        if (!e->file)
                return -ENOMEM;
        *(is_file ? &e->levels : &e->drop_levels) = (uint8_t) BIT(level);
        e->is_zone = zone_file_name(e->file, e->name);
        if (!e->is_zone)
                zone_file_show_name(e->file, e->name);
        l->count++;
        return 0;
}

static int add_files(struct zone_listing *l, DIR *dir, unsigned level) {
        for (;;) {
                struct dirent *entry;
                size_t length;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return -errno;
                length = zone_file_length(entry->d_name);
                if (length > 0 && add_file(l, entry->d_name, length, level) < 0)
                        return -ENOMEM;
        }
}

int zone_listing_add(struct zone_listing *l, int directory, unsigned level) {
        _cleanup_(closedirp) DIR *dir = NULL;
        size_t before = l->count;
        int copy = fcntl(directory, F_DUPFD_CLOEXEC, 0), r;

        if (copy < 0)
                return -errno;
        dir = fdopendir(copy);
        if (!dir) {
                r = -errno;
                fd_close(copy);
                return r;
        }
        r = add_files(l, dir, level);
        if (r < 0)
                truncate_to(l, before);
        return r;
}

/* Of two that are shown by one name, that which is a zone's comes first. */
static int entry_compare(const void *left, const void *right) {
        const struct zone_entry *a = left, *b = right;
        int c = strcmp(a->name, b->name);

        if (c == 0)
                c = b->is_zone - a->is_zone;
        return c ? c : strcmp(a->file, b->file);
}

void zone_listing_merge(struct zone_listing *l) {
        size_t kept = 0;

        if (l->count)
                qsort(l->entries, l->count, sizeof(*l->entries), entry_compare);
        for (size_t i = 0; i < l->count; i++) {
                struct zone_entry *e = &l->entries[i], *last = kept > 0 ? &l->entries[kept - 1] : NULL;

                if (!last || strcmp(last->name, e->name) != 0) {
                        l->entries[kept++] = *e;
                        continue;
                }
                if (strcmp(last->file, e->file) == 0) {
                        last->levels |= e->levels;
                        last->drop_levels |= e->drop_levels;
                }
                free(e->file);
        }
        l->count = kept;
}
