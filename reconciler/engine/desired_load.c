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
#include "config/parse.h"

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

bool zone_file_name(const char *file, char name[NAME_SIZE]) {
        size_t length = zone_file_stem(file);

        if (length == 0 || length >= NAME_SIZE)
                return false;
        memcpy(name, file, length);
        name[length] = '\0';
        return zone_name_valid(name);
}

/* A name for a file that has none, so that its error can be shown. */
static void name_for_show(const char *file, char name[NAME_SIZE]) {
        size_t length = MIN(zone_file_stem(file), (size_t) NAME_SIZE - 1);

        for (size_t i = 0; i < length; i++) {
                char one[] = { file[i], '\0' };

                name[i] = i == 0 || zone_name_valid(one) || file[i] == '.' ? file[i] : '_';
        }
        if (length > 0 && !zone_name_valid((char[]){ name[0], '\0' }))
                name[0] = '_';
        name[length] = '\0';
}

/* ---- one file --------------------------------------------------------------------------------------- */

static int set_string(char **to, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        free(*to);
        *to = copy;
        return 0;
}

static int set_bad(struct desired_zone *z, const char *message) {
        z->spec = zone_spec_free(z->spec);
        z->file_state = FILE_BAD;
        return set_string(&z->message, message);
}

static void set_missing(struct desired_zone *z) {
        z->spec = zone_spec_free(z->spec);
        free(TAKE_PTR(z->path));
        free(TAKE_PTR(z->message));
        z->file_state = FILE_MISSING;
}

static int parse_file(struct desired_zone *z, const char *text, size_t size) {
        struct diagnostics diagnostics = {};
        struct zone_spec *spec = NULL;
        char message[512];
        int r = zone_spec_parse(z->name, z->path, text, size, &diagnostics, &spec);

        if (r == -EBADMSG) {
                diagnostics_first_error(&diagnostics, message, sizeof(message));
                r = set_bad(z, message);
        } else if (r == 0) {
                zone_spec_free(z->spec);
                z->spec = spec;
                free(TAKE_PTR(z->message));
                z->file_state = FILE_GOOD;
        }
        diagnostics_clear(&diagnostics);
        return r;
}

static int load_file(struct desired_zone *z, int directory, const char *file, const char *zones_dir) {
        _cleanup_free_ char *text = NULL, *path = NULL, *message = NULL;
        struct stat st;
        size_t size;
        uint64_t hash;
        int r;

        if (asprintf(&path, "%s/%s", zones_dir, file) < 0)
                return -ENOMEM;
        r = set_string(&z->path, path);
        if (r < 0)
                return r;
        r = file_read(directory, file, CONFIG_FILE_MAX, &text, &size);
        if (r == -ENOMEM)
                return r;
        if (r == -ENOENT && fstatat(directory, file, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                set_missing(z); /* it went between readdir() and here */
                return 0;
        }
        /* Stays what it was until its writer closes it, which brings an event. */
        if (r == -EAGAIN && z->file_state != FILE_MISSING)
                return 0;
        if (r == -EAGAIN && !z->applied) {
                set_missing(z);
                return 0;
        }
        if (r < 0) {
                z->text_hash = 0;
                if (asprintf(&message, "%s: %s", path,
                             r == -ENOENT   ? "a symlink to nowhere"
                             : r == -EAGAIN ? "is being written" /* and its zone, which is known, goes on */
                             : r == -EFBIG  ? "too large for a zone's file"
                             : r == -EINVAL ? "not a regular file"
                                            : strerror(-r)) < 0)
                        return -ENOMEM;
                return set_bad(z, message);
        }
        hash = hash_bytes(HASH_INIT, text, size);
        if (z->file_state != FILE_MISSING && z->text_hash == hash)
                return 0;
        z->text_hash = 0; /* what is parsed in vain, without memory, is to be parsed again */
        r = parse_file(z, text, size);
        if (r == 0)
                z->text_hash = hash;
        return r;
}

static int add_nameless(struct desired *d, const char *file, const char *zones_dir) {
        _cleanup_free_ char *path = NULL, *message = NULL;
        char name[NAME_SIZE];
        struct desired_zone *z;

        name_for_show(file, name);
        z = desired_find(d, name);
        if (z && z->file_state == FILE_GOOD)
                return 0;
        z = desired_add(d, name);
        if (!z || asprintf(&path, "%s/%s", zones_dir, file) < 0 ||
            asprintf(&message, "%s: a zone's name is 1 to %d of A-Z a-z 0-9 . _ -", path, NAME_SIZE - 1) < 0)
                return -ENOMEM;
        free(z->path);
        z->path = TAKE_PTR(path);
        return set_bad(z, message);
}

/* ---- directories ------------------------------------------------------------------------------------ */

struct name_list {
        char **names;
        size_t count;
};

static void name_list_clear(struct name_list *l) {
        for (size_t i = 0; i < l->count; i++)
                free(l->names[i]);
        free(l->names);
}

static int list_directory(int fd, struct name_list *ret) {
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
                char **names;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return -errno;
                if (zone_file_stem(entry->d_name) == 0)
                        continue;
                names = reallocarray(ret->names, ret->count + 1, sizeof(*names));
                if (!names)
                        return -ENOMEM;
                ret->names = names;
                names[ret->count] = strdup(entry->d_name);
                if (!names[ret->count++])
                        return -ENOMEM;
        }
}

static bool any_applied(const struct desired *d) {
        for (size_t i = 0; i < d->num_zones; i++)
                if (d->zones[i].applied)
                        return true;
        return false;
}

static int set_lost(struct desired *d, const char *directory, int error) {
        _cleanup_free_ char *message = NULL;

        if (error == -ENOMEM)
                return error;
        if (asprintf(&message, "%s: %s", directory, strerror(-error)) < 0)
                return -ENOMEM;
        return set_string(&d->lost, message);
}

static bool listed(const struct name_list *l, const struct desired_zone *z) {
        const char *file = strrchr(z->path, '/') + 1;

        for (size_t i = 0; i < l->count; i++)
                if (strcmp(l->names[i], file) == 0)
                        return true;
        return false;
}

static int load_listed(struct desired *d, int directory, const struct name_list *l, const char *zones_dir) {
        for (size_t i = 0; i < d->num_zones; i++)
                if (d->zones[i].file_state != FILE_MISSING && !listed(l, &d->zones[i]))
                        set_missing(&d->zones[i]);
        for (size_t i = 0; i < l->count; i++) {
                char name[NAME_SIZE];
                struct desired_zone *z;
                int r;

                if (!zone_file_name(l->names[i], name)) {
                        r = add_nameless(d, l->names[i], zones_dir);
                } else {
                        z = desired_add(d, name);
                        r = z ? load_file(z, directory, l->names[i], zones_dir) : -ENOMEM;
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/*
 * A directory that was there before is not empty because it cannot be seen.
 * Applied specs prove that it was there, to a daemon that has just started.
 */
static int load_zones(struct desired *d, const char *zones_dir) {
        _cleanup_close_ int directory = open(zones_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(name_list_clear) struct name_list names = {};
        int r;

        if (directory < 0) {
                if (errno == ENOENT && !d->seen && !any_applied(d))
                        return 0;
                return set_lost(d, zones_dir, -errno);
        }
        r = list_directory(directory, &names);
        if (r < 0)
                return set_lost(d, zones_dir, r);
        d->seen = true;
        free(TAKE_PTR(d->lost));
        return load_listed(d, directory, &names, zones_dir);
}

static int load_applied(struct desired *d, const char *specs_dir) {
        _cleanup_close_ int directory = open(specs_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(name_list_clear) struct name_list names = {};
        int r;

        if (directory < 0)
                return 0;
        r = list_directory(directory, &names);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (size_t i = 0; i < names.count; i++) {
                _cleanup_free_ char *path = NULL;
                char name[NAME_SIZE];
                struct diagnostics ignored = {};
                struct desired_zone *z;

                if (!zone_file_name(names.names[i], name))
                        continue;
                z = desired_add(d, name);
                if (!z || asprintf(&path, "%s/%s", specs_dir, names.names[i]) < 0)
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
        if (hash == d->board_hash)
                return 0;
        d->board_hash = 0; /* as above */
        r = board_spec_parse(path, text, size, &diagnostics, &board);
        if (r == 0) {
                board_spec_free(d->board);
                d->board = board;
                free(TAKE_PTR(d->board_message));
        } else if (r == -EBADMSG) {
                diagnostics_first_error(&diagnostics, first, sizeof(first));
                r = set_no_board(d, first);
        }
        if (r == 0)
                d->board_hash = hash;
        diagnostics_clear(&diagnostics);
        return r;
}

/* Entries of which nothing is left: no file, and nothing was ever applied. */
static void drop_empty(struct desired *d) {
        size_t kept = 0;

        for (size_t i = 0; i < d->num_zones; i++) {
                struct desired_zone *z = &d->zones[i];

                if (z->file_state == FILE_MISSING && !z->applied)
                        desired_zone_clear(z);
                else
                        d->zones[kept++] = *z;
        }
        d->num_zones = kept;
}

int desired_load(struct desired *d, const struct desired_paths *paths) {
        int r = load_board(d, paths->board_path);

        if (r == 0 && paths->specs_dir && !d->seen)
                r = load_applied(d, paths->specs_dir);
        if (r == 0)
                r = load_zones(d, paths->zones_dir);
        if (r == 0)
                drop_empty(d);
        return r;
}
