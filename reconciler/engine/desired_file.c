/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/desired_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

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
        z->file_id = (struct file_id){};
        z->text_hash = 0;
}

/* Takes @message over. */
static void set_bad(struct desired_zone *z, char *message) {
        z->spec = zone_spec_free(z->spec);
        z->file_state = FILE_BAD;
        free(z->message);
        z->message = message;
}

static void set_good(struct desired_zone *z, struct zone_spec *spec) {
        zone_spec_free(z->spec);
        z->spec = spec;
        free(TAKE_PTR(z->message));
        z->file_state = FILE_GOOD;
}

static void set_masked(struct desired_zone *z) {
        z->spec = zone_spec_free(z->spec);
        free(TAKE_PTR(z->message));
        z->file_state = FILE_MASKED;
        z->text_hash = 0;
}

static int set_place(struct desired_zone *z, const struct file_place *at) {
        char *path;

        if (z->path && z->level == at->level && strcmp(strrchr(z->path, '/') + 1, at->file) == 0)
                return 0;
        if (asprintf(&path, "%s/%s", at->path, at->file) < 0)
                return -ENOMEM;
        free(z->path);
        z->path = path;
        z->level = (uint8_t) at->level;
        return 0;
}

int desired_file_refuse(struct desired_zone *z, const struct file_place *at) {
        char *message;

        if (set_place(z, at) < 0 ||
            asprintf(&message, "%s: a zone's name is 1 to %d of A-Z a-z 0-9 . _ -", z->path, NAME_SIZE - 1) < 0)
                return -ENOMEM;
        set_bad(z, message);
        z->text_hash = 0;
        return 0;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

/* What is opened may do something, a device say, so it is looked at first. */
static int read_regular(int directory, const char *file, const struct stat *st, char **ret, size_t *ret_size) {
        if (S_ISDIR(st->st_mode))
                return -EISDIR;
        if (!S_ISREG(st->st_mode))
                return -EINVAL;
        return file_read(directory, file, CONFIG_FILE_MAX, ret, ret_size);
}

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
        case EAGAIN:
                return "is being written"; /* and its zone, which is known, goes on */
        }
        return NULL;
}

static int set_unreadable(struct desired_zone *z, int error) {
        const char *why = read_error(error);
        char *message;

        if (asprintf(&message, "%s: %s%s", z->path, why ? "" : "cannot be read: ", why ?: strerror(-error)) < 0)
                return -ENOMEM;
        z->text_hash = 0;
        set_bad(z, message);
        return 0;
}

static int parse(struct desired_zone *z, const char *text, size_t size) {
        struct diagnostics diagnostics = {};
        struct zone_spec *spec = NULL;
        char first[512], *message;
        int r = zone_spec_parse(z->name, z->path, text, size, &diagnostics, &spec);

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

static int take(struct desired_zone *z, const char *text, size_t size) {
        uint64_t hash = hash_bytes(hash_string(z->path), text, size); /* the spec knows its path */
        int r;

        if (z->file_state != FILE_MISSING && z->text_hash == hash)
                return 0;
        z->text_hash = 0; /* what is parsed in vain, without memory, is to be parsed again */
        r = parse(z, text, size);
        if (r == 0)
                z->text_hash = hash;
        return r;
}

/* Gone altogether, not a link to nowhere. */
static bool is_gone(const struct file_place *at) {
        struct stat link;

        return fstatat(at->directory, at->file, &link, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

int desired_file_load(struct desired_zone *z, const struct file_place *at, bool trust_id) {
        _cleanup_free_ char *text = NULL;
        struct file_id id = {};
        struct stat st;
        size_t size;
        int r = fstatat(at->directory, at->file, &st, 0) < 0 ? -errno : 0;
        bool masks = r == 0 && zone_file_masks(&st);

        if (r == 0 && trust_id && z->file_state != FILE_MISSING && z->level == at->level &&
            file_id_is(&z->file_id, &st))
                return 0;
        z->file_id = (struct file_id){};
        if (r == 0 && !masks) {
                id = file_id_of(&st); /* before it is read: what is written afterwards has a later stamp */
                r = read_regular(at->directory, at->file, &st, &text, &size);
        }
        if (r == -ENOMEM || (r == -ENOENT && is_gone(at)))
                return r;
        /* Stays what it was until its writer closes it, which brings an event. */
        if (r == -EAGAIN && (z->file_state != FILE_MISSING || !z->applied))
                return 0;
        if (set_place(z, at) < 0)
                return -ENOMEM;
        if (r < 0)
                return set_unreadable(z, r);
        if (masks) {
                set_masked(z);
                return 0;
        }
        r = take(z, text, size);
        if (r == 0)
                z->file_id = id;
        return r;
}
