/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/desired_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/hash.h"
#include "config/file_name.h"
#include "config/parse.h"

/* ---- states ----------------------------------------------------------------------------------------- */

void desired_file_missing(struct desired_zone *z) {
        z->spec = zone_spec_free(z->spec);
        free(TAKE_PTR(z->path));
        free(TAKE_PTR(z->message));
        z->file_state = FILE_MISSING;
        z->unread = false;
        z->files_id = 0;
        z->text_hash = 0;
}

int desired_file_orphaned(struct desired_zone *z, const struct file_look *look) {
        unsigned level = (unsigned) __builtin_ctz(look->drop_levels);

        desired_file_missing(z);
        if (asprintf(&z->message, "%s/%s" ZONE_DROP_IN_SUFFIX ": drop-ins for no zone: there is no %s",
                     look->at.dirs->paths[level], look->at.file, look->at.file) < 0) {
                z->message = NULL;
                return -ENOMEM;
        }
        return 0;
}

void desired_file_keep(struct desired_zone *z) {
        if (z->file_state == FILE_MISSING)
                z->file_state = FILE_LOST;
}

/* Takes @message over. */
static void set_bad(struct desired_zone *z, char *message) {
        z->spec = zone_spec_free(z->spec);
        z->file_state = FILE_BAD;
        z->unread = false;
        free(z->message);
        z->message = message;
}

static void set_good(struct desired_zone *z, struct zone_spec *spec) {
        zone_spec_free(z->spec);
        z->spec = spec;
        free(TAKE_PTR(z->message));
        z->file_state = FILE_GOOD;
        z->unread = false;
}

static void set_masked(struct desired_zone *z) {
        z->spec = zone_spec_free(z->spec);
        free(TAKE_PTR(z->message));
        z->file_state = FILE_MASKED;
        z->unread = false;
        z->files_id = 0;
        z->text_hash = 0;
}

static int set_place(struct desired_zone *z, const struct file_look *look) {
        char *path;

        if (z->path && z->level == look->level && strcmp(strrchr(z->path, '/') + 1, look->at.file) == 0)
                return 0;
        if (asprintf(&path, "%s/%s", look->at.dirs->paths[look->level], look->at.file) < 0)
                return -ENOMEM;
        free(z->path);
        z->path = path;
        z->level = (uint8_t) look->level;
        return 0;
}

int desired_file_refuse(struct desired_zone *z, const struct file_look *look) {
        char *message;

        if (set_place(z, look) < 0 ||
            asprintf(&message, "%s: a zone's name is 1 to %d of A-Z a-z 0-9 . _ -", z->path, NAME_SIZE - 1) < 0)
                return -ENOMEM;
        set_bad(z, message);
        z->text_hash = 0;
        return 0;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static const char *read_error(int error) {
        switch (-error) {
        case ENOENT:
                return "a symlink to nowhere";
        case ELOOP:
                return "a symlink that leads back to itself";
        case EISDIR:
                return "is a directory, not a file";
        case EINVAL:
                return "not a regular file";
        case EFBIG:
                return "too large for a zone's file";
        case ENOTDIR:
                return "is a file, not a directory of drop-ins";
        case E2BIG:
                return "more drop-ins than can be read";
        case EAGAIN:
                return "is being written"; /* and its zone, which is known, goes on */
        }
        return NULL;
}

static int set_unreadable(struct desired_zone *z, const char *path, int error) {
        const char *why = read_error(error);
        char *message;

        if (asprintf(&message, "%s: %s%s", path, why ? "" : "cannot be read: ", why ?: strerror(-error)) < 0)
                return -ENOMEM;
        z->text_hash = 0;
        set_bad(z, message);
        z->unread = error_is_of_medium(error);
        return 0;
}

static int parse(struct desired_zone *z, const struct zone_sources *s) {
        struct diagnostics diagnostics = {};
        struct zone_spec *spec = NULL;
        char first[512], *message;
        int r = zone_spec_merge(z->name, s->items, s->count, &diagnostics, &spec);

        if (r == 0) {
                zone_spec_identify(spec);
                set_good(z, spec);
        } else if (r == -EBADMSG) {
                diagnostics_summary(&diagnostics, first, sizeof(first));
                message = strdup(first);
                r = message ? 0 : -ENOMEM;
                if (message)
                        set_bad(z, message);
        }
        diagnostics_clear(&diagnostics);
        return r;
}

/* The spec knows the paths, so they count as well. */
static uint64_t hash_of(const struct zone_sources *s) {
        uint64_t hash = HASH_INIT;

        for (size_t i = 0; i < s->count; i++) {
                hash = hash_bytes(hash, s->items[i].path, strlen(s->items[i].path) + 1);
                hash = hash_bytes(hash, &s->items[i].size, sizeof(s->items[i].size));
                hash = hash_bytes(hash, s->items[i].text, s->items[i].size);
        }
        return hash;
}

static int take(struct desired_zone *z, const struct zone_sources *s) {
        uint64_t hash = hash_of(s);
        int r;

        if (z->file_state != FILE_MISSING && z->text_hash == hash)
                return 0;
        z->text_hash = 0; /* what is parsed in vain, without memory, is to be parsed again */
        r = parse(z, s);
        if (r == 0)
                z->text_hash = hash;
        return r;
}

/* Of a file that cannot be found. Return: 1: it is gone altogether; 0: it is a link to nowhere; -errno: it cannot be told. */
static int is_gone(const struct zone_source *s) {
        struct stat link;

        if (fstatat(s->directory, s->file, &link, AT_SYMLINK_NOFOLLOW) == 0)
                return 0;
        return errno == ENOENT ? 1 : -errno;
}

/* Which files they are, as stat(2) tells; 0: not known. */
struct files_id {
        uint64_t hash;
        bool known;
};

static void files_id_add(struct files_id *f, const struct zone_source *s, const struct stat *st) {
        const struct file_id id = file_id_of(st);
        const int64_t parts[] = { (int64_t) id.device, (int64_t) id.inode, id.size,           id.modified.tv_sec,
                                  id.modified.tv_nsec, id.changed.tv_sec,  id.changed.tv_nsec };

        f->known &= id.inode != 0;
        f->hash = hash_bytes(f->hash, s->path, strlen(s->path));
        f->hash = hash_bytes(f->hash, parts, sizeof(parts));
}

/*
 * Before they are read: what is written afterwards has a later stamp. Drop-ins that mask or are gone by now are no
 * sources. Return: 0, -errno about s->items[*ret_at].
 */
static int look_at(struct zone_sources *s, uint64_t *ret_id, size_t *ret_at) {
        struct files_id id = { HASH_INIT, true };
        struct stat st;
        size_t i = 0;

        while (i < s->count) {
                const struct zone_source *f = &s->items[i];
                int r = fstatat(f->directory, f->file, &st, 0) < 0 ? -errno : 0;
                int gone = r == -ENOENT ? is_gone(f) : 0;

                if (gone < 0)
                        r = gone;
                if (i > 0 && (gone > 0 || (r == 0 && zone_file_masks(&st)))) {
                        zone_sources_remove(s, i);
                        continue;
                }
                *ret_at = i++;
                if (r == 0 && !S_ISREG(st.st_mode))
                        r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL; /* what is opened may do something, a device say */
                if (r < 0)
                        return r;
                files_id_add(&id, f, &st);
        }
        *ret_id = id.known ? id.hash : 0;
        return 0;
}

static int read_all(struct zone_sources *s, size_t *ret_at) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->count; i++) {
                struct zone_source *f = &s->items[i];

                *ret_at = i;
                r = file_read(f->directory, f->file, CONFIG_FILE_MAX, &f->text, &f->size);
        }
        return r;
}

static int set_bad_source(struct desired_zone *z, const struct file_look *look, const char *path, int error) {
        z->files_id = 0;
        if (!path || set_place(z, look) < 0)
                return -ENOMEM;
        return set_unreadable(z, path, error);
}

static int load_sources(struct desired_zone *z, const struct file_look *look, struct zone_sources *s) {
        uint64_t id = 0;
        size_t at = 0;
        int r = look_at(s, &id, &at), gone = 0;

        if (r == 0 && look->trust_id && id != 0 && id == z->files_id)
                return 0;
        z->files_id = 0;
        if (r == 0)
                r = read_all(s, &at);
        if (r == -ENOENT && at == 0)
                gone = is_gone(&s->items[0]);
        if (gone < 0)
                r = gone;
        if (gone > 0 || error_is_lack(r))
                return r;
        /* Stays what it was until its writer closes it, which brings an event. */
        if (r == -EAGAIN && (z->file_state != FILE_MISSING || !z->applied))
                return 0;
        if (r < 0)
                return set_bad_source(z, look, s->items[at].path, r);
        if (set_place(z, look) < 0)
                return -ENOMEM;
        r = take(z, s);
        if (r == 0)
                z->files_id = id;
        return r;
}

int desired_file_load(struct desired_zone *z, const struct file_look *look) {
        _cleanup_(zone_sources_clear) struct zone_sources s = {};
        _cleanup_free_ char *bad = NULL;
        struct stat st;
        int r, looked;

        looked = fstatat(look->at.fds[look->level], look->at.file, &st, 0) < 0 ? -errno : 0;
        if (error_is_lack(looked))
                return looked;
        if (looked == 0 && zone_file_masks(&st)) {
                r = set_place(z, look);
                if (r == 0)
                        set_masked(z);
                return r;
        }
        if (look->frozen) {
                desired_file_keep(z);
                return 0;
        }
        r = zone_sources_add(&s, &look->at, look->level);
        if (r < 0)
                return r;
        if (error_is_of_medium(looked))
                return set_bad_source(z, look, s.items[0].path, looked);
        r = zone_sources_add_drop_ins(&s, &look->at, look->drop_levels, &bad);
        if (r < 0 && !error_is_lack(r))
                r = set_bad_source(z, look, bad, r);
        else if (r == 0)
                r = load_sources(z, look, &s);
        return r;
}
