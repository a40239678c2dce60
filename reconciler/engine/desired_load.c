/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/desired_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/hash.h"
#include "config/file_name.h"
#include "config/board_description.h"
#include "config/parse.h"
#include "engine/desired_file.h"

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

static int set_string(char **to, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        free(*to);
        *to = copy;
        return 0;
}

/* ---- listing ---------------------------------------------------------------------------------------- */

struct entry {
        char name[NAME_SIZE]; /* of the zone */
        bool is_zone;         /* false: the file's name makes none, @name is for show */
        char *file;
};

struct listing {
        struct entry *entries; /* sorted by name, one of each */
        size_t count, size;
};

static void listing_clear(struct listing *l) {
        for (size_t i = 0; i < l->count; i++)
                free(l->entries[i].file);
        free(l->entries);
}

static int listing_add(struct listing *l, const char *file) {
        struct entry *e;

        if (l->count == l->size) {
                size_t size = MAX(2 * l->size, (size_t) 32);

                e = reallocarray(l->entries, size, sizeof(*e));
                if (!e)
                        return -ENOMEM;
                l->entries = e;
                l->size = size;
        }
        e = &l->entries[l->count];
        *e = (struct entry){ .file = strdup(file) };
        if (!e->file)
                return -ENOMEM;
        e->is_zone = zone_file_name(file, e->name);
        if (!e->is_zone)
                zone_file_show_name(file, e->name);
        l->count++;
        return 0;
}

/* Of two that are shown by one name, that which is a zone's comes first. */
static int entry_compare(const void *left, const void *right) {
        const struct entry *a = left, *b = right;
        int c = strcmp(a->name, b->name);

        if (c == 0)
                c = b->is_zone - a->is_zone;
        return c ? c : strcmp(a->file, b->file);
}

static void listing_sort(struct listing *l) {
        size_t kept = 0;

        if (l->count)
                qsort(l->entries, l->count, sizeof(*l->entries), entry_compare);
        for (size_t i = 0; i < l->count; i++)
                if (kept > 0 && strcmp(l->entries[kept - 1].name, l->entries[i].name) == 0)
                        free(l->entries[i].file);
                else
                        l->entries[kept++] = l->entries[i];
        l->count = kept;
}

static int list_directory(int fd, struct listing *ret) {
        _cleanup_(closedirp) DIR *dir = NULL;
        int copy = dup(fd);

        if (copy < 0)
                return -errno;
        dir = fdopendir(copy);
        if (!dir) {
                fd_close(copy);
                return -errno;
        }
        for (;;) {
                struct dirent *entry;

                errno = 0;
                entry = readdir(dir);
                if (!entry && errno)
                        return -errno;
                if (!entry)
                        break;
                if (zone_file_stem(entry->d_name) > 0 && listing_add(ret, entry->d_name) < 0)
                        return -ENOMEM;
        }
        listing_sort(ret);
        return 0;
}

/* ---- the directory ---------------------------------------------------------------------------------- */

static bool any_applied(const struct desired *d) {
        for (size_t i = 0; i < d->num_zones; i++)
                if (d->zones[i].applied)
                        return true;
        return false;
}

static bool any_file(const struct desired *d) {
        for (size_t i = 0; i < d->num_zones; i++)
                if (d->zones[i].file_state != FILE_MISSING)
                        return true;
        return false;
}

static int set_lost(struct desired *d, const char *directory, const char *why) {
        _cleanup_free_ char *message = NULL;

        if (asprintf(&message, "%s: %s", directory, why) < 0)
                return -ENOMEM;
        return set_string(&d->lost, message);
}

/* An entry for each that is listed: one sweep over two sorted lists, however many they are. */
static int add_listed(struct desired *d, const struct listing *l) {
        struct desired_zone *zones = calloc(d->num_zones + l->count + 1, sizeof(*zones));
        size_t n = 0;

        if (!zones)
                return -ENOMEM;
        for (size_t i = 0, j = 0; i < d->num_zones || j < l->count;) {
                int c = i == d->num_zones ? 1 : j == l->count ? -1 : strcmp(d->zones[i].name, l->entries[j].name);

                if (c > 0)
                        memcpy(zones[n++].name, l->entries[j++].name, NAME_SIZE);
                else
                        zones[n++] = d->zones[i++];
                j += c == 0;
        }
        free(d->zones);
        d->zones = zones;
        d->num_zones = n;
        return 0;
}

static int load_listed(struct desired *d, int directory, const struct listing *l, const char *zones_dir) {
        int r = add_listed(d, l);

        for (size_t i = 0, j = 0; r == 0 && i < d->num_zones; i++) {
                struct desired_zone *z = &d->zones[i];
                const struct entry *e =
                        j < l->count && strcmp(z->name, l->entries[j].name) == 0 ? &l->entries[j++] : NULL;

                if (!e)
                        desired_file_missing(z);
                else if (!e->is_zone)
                        r = desired_file_refuse(z, e->file, zones_dir);
                else
                        r = desired_file_load(z, directory, e->file, zones_dir, true);
        }
        return r;
}

/*
 * A directory that was there before is not empty because it cannot be seen, nor because its file system was unmounted.
 * Applied specs prove that it was there, to a daemon that has just started.
 */
static int load_zones(struct desired *d, const char *zones_dir) {
        _cleanup_close_ int directory = open(zones_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(listing_clear) struct listing list = {};
        struct stat st;
        int r;

        if (directory < 0 && errno == ENOENT && !d->seen && !any_applied(d))
                return 0;
        r = directory < 0 || fstat(directory, &st) < 0 ? -errno : list_directory(directory, &list);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return set_lost(d, zones_dir, strerror(-r));
        if (d->seen && st.st_dev != d->directory_id.device && list.count == 0 && any_file(d))
                return set_lost(d, zones_dir,
                                "is empty and on another file system than before, as if that had been unmounted "
                                "(restart hvisor-reconciler if this is meant)");
        d->seen = true;
        d->directory_id = (struct file_id){ .device = st.st_dev, .inode = st.st_ino };
        free(TAKE_PTR(d->lost));
        return load_listed(d, directory, &list, zones_dir);
}

static int load_applied(struct desired *d, const char *specs_dir) {
        _cleanup_close_ int directory = open(specs_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(listing_clear) struct listing list = {};
        int r;

        if (directory < 0)
                return 0;
        r = list_directory(directory, &list);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (size_t i = 0; i < list.count; i++) {
                _cleanup_free_ char *path = NULL;
                struct diagnostics ignored = {};
                struct desired_zone *z;

                if (!list.entries[i].is_zone)
                        continue;
                z = desired_add(d, list.entries[i].name);
                if (!z || asprintf(&path, "%s/%s", specs_dir, list.entries[i].file) < 0)
                        return -ENOMEM;
                if (!z->applied)
                        (void) zone_spec_load(path, &ignored, &z->applied);
                diagnostics_clear(&ignored);
        }
        return 0;
}

/* ---- board.conf ------------------------------------------------------------------------------------- */

/* Without a good one nobody knows what the board has: zones go on, none starts. */
static int set_no_board(struct desired *d, const char *message) {
        d->board = board_spec_free(d->board);
        return set_string(&d->board_message, message);
}

static int load_board(struct desired *d, const char *path) {
        _cleanup_free_ char *text = NULL, *message = NULL;
        struct diagnostics diagnostics = {};
        struct board_spec *board = NULL;
        char first[512];
        uint64_t hash;
        size_t size;
        int r = file_read(AT_FDCWD, path, CONFIG_FILE_MAX, &text, &size);

        if (r == -ENOMEM)
                return r;
        if (r == -EAGAIN && d->board)
                return 0; /* stays until its writer closes it, which brings an event */
        if (r < 0) {
                d->board_hash = 0;
                if (asprintf(&message,
                             "%s: %s; it tells which CPUs and memory the board has, and no zone starts "
                             "without it",
                             path, strerror(-r)) < 0)
                        return -ENOMEM;
                return set_no_board(d, message);
        }
        hash = hash_bytes(HASH_INIT, text, size);
        if (hash == d->board_hash && d->board && board_description_is_current(d->board))
                return 0;
        d->board_hash = 0; /* as above */
        r = board_spec_parse(path, text, size, &diagnostics, &board);
        if (r == 0) {
                board_spec_free(d->board);
                d->board = board;
                free(TAKE_PTR(d->board_message));
        } else if (r == -EBADMSG) {
                diagnostics_summary(&diagnostics, first, sizeof(first));
                r = set_no_board(d, first);
        }
        if (r == 0)
                d->board_hash = hash;
        diagnostics_clear(&diagnostics);
        return r;
}

/* ---- put together ----------------------------------------------------------------------------------- */

/* Nothing is left of it: no file, and nothing was ever applied. */
static bool is_empty(const struct desired_zone *z) {
        return z->file_state == FILE_MISSING && !z->applied;
}

static void drop_empty(struct desired *d) {
        size_t kept = 0;

        for (size_t i = 0; i < d->num_zones; i++)
                if (is_empty(&d->zones[i]))
                        desired_zone_clear(&d->zones[i]);
                else if (kept++ != i)
                        d->zones[kept - 1] = d->zones[i];
        d->num_zones = kept;
}

int desired_load(struct desired *d, const struct desired_paths *paths) {
        int r;

        d->stale = true;
        r = load_board(d, paths->board_path);
        if (r == 0 && paths->specs_dir && !d->seen)
                r = load_applied(d, paths->specs_dir);
        if (r == 0)
                r = load_zones(d, paths->zones_dir);
        if (r < 0)
                return r;
        drop_empty(d);
        d->stale = false;
        return 0;
}

/* False: only a look at all of it tells how things are. */
static bool is_same_directory(const struct desired *d, int directory) {
        struct stat st;

        return directory >= 0 && d->seen && !d->stale && !d->lost && fstat(directory, &st) == 0 &&
               d->directory_id.device == st.st_dev && d->directory_id.inode == st.st_ino;
}

static int load_named(struct desired *d, int directory, const char *file, const char *zones_dir) {
        char name[NAME_SIZE];
        struct desired_zone *z;
        int r;

        if (!zone_file_name(file, name))
                return -ESTALE; /* there may be another file that is shown by the same name */
        z = desired_add(d, name);
        r = z ? desired_file_load(z, directory, file, zones_dir, false) : -ENOMEM;
        if (r == 0 && is_empty(z))
                desired_remove(d, z);
        return r;
}

int desired_load_files(struct desired *d, const struct desired_paths *paths, const char *const *files,
                       size_t num_files) {
        _cleanup_close_ int directory = open(paths->zones_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (!is_same_directory(d, directory))
                return desired_load(d, paths);
        r = load_board(d, paths->board_path);
        for (size_t i = 0; r == 0 && i < num_files; i++)
                r = load_named(d, directory, files[i], paths->zones_dir);
        if (r == -ESTALE)
                return desired_load(d, paths);
        d->stale = r < 0;
        return r;
}
