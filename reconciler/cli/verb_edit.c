/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvisor edit: a copy is edited in a folder of its own, which is laid over the directories of zones' files: so the zone
 * is checked as it would be, before anything of it is put in place.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/check.h"
#include "cli/edit_text.h"
#include "cli/editor.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/zone_lookup.h"

#define DROP_IN "override.conf"

struct edit {
        const char *zone;
        struct zone_paths found;
        unsigned level; /* where what is edited goes */
        bool is_drop_in;
        char file[NAME_SIZE + 32];  /* below the directory */
        char target[PATH_MAX];      /* with it */
        char folder[64], copy[160]; /* of the copy; "": none was made */
        char *before;               /* what the target has; NULL: nothing is there */
        size_t before_size;
        char *shown; /* what the user began with */
};

/* ---- the copy --------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw _unused_) {
        return remove(path);
}

static void edit_done(struct edit *t) {
        if (t->folder[0])
                (void) nftw(t->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(t->before);
        free(t->shown);
}

static int make_copy(struct edit *t, struct err *e) {
        int r;

        strcpy(t->folder, "/tmp/hvisor-edit-XXXXXX");
        if (!mkdtemp(t->folder)) {
                r = -errno;
                t->folder[0] = '\0';
                return err_set(e, r, "a folder for the copy cannot be made in /tmp: %s", strerror(-r));
        }
        (void) snprintf(t->copy, sizeof(t->copy), "%s/%s", t->folder, t->file);
        r = mkdir_parents(t->copy);
        if (r == 0)
                r = file_write_atomic(t->copy, t->shown, strlen(t->shown));
        return r < 0 ? err_set(e, r, "%s: %s", t->copy, strerror(-r)) : 0;
}

static char *drop_in_text(const struct edit *t) {
        struct zone_sources sources = {};
        struct diagnostics d = {};
        char *text;

        (void) zone_files_read(&zone_dirs_default, t->found.file, t->found.level, &sources, &d);
        for (size_t i = sources.count; i-- > 1;)
                if (strcmp(sources.items[i].path, t->target) == 0)
                        zone_sources_remove(&sources, i); /* it stands above them */
        text = edit_text_drop_in(t->before, &sources);
        zone_sources_clear(&sources);
        diagnostics_clear(&d);
        return text;
}

/* What there is, what is to be overridden, or an example. */
static int make_text(struct edit *t, struct err *e) {
        int r = file_read(AT_FDCWD, t->target, CONFIG_FILE_MAX, &t->before, &t->before_size);

        if (r < 0 && r != -ENOENT)
                return err_set(e, r, "%s cannot be read: %s", t->target, strerror(-r));
        if (t->is_drop_in)
                t->shown = drop_in_text(t);
        else if (t->before)
                t->shown = strdup(t->before);
        else if (t->found.levels == 0)
                t->shown = edit_text_new_zone(t->zone);
        else {
                r = file_read(AT_FDCWD, t->found.path, CONFIG_FILE_MAX, &t->shown, NULL);
                return r < 0 ? err_set(e, r, "%s cannot be read: %s", t->found.path, strerror(-r)) : 0;
        }
        return t->shown ? 0 : -ENOMEM;
}

/* ---- checking --------------------------------------------------------------------------------------- */

/* The copy is spoken of as what it is to become. */
static void rename_in(struct diagnostics *d, const struct edit *t) {
        for (size_t i = 0; i < d->count; i++) {
                char *file = strcmp(d->items[i].file, t->copy) == 0 ? strdup(t->target) : NULL;

                if (!file)
                        continue;
                free(d->items[i].file);
                d->items[i].file = file;
        }
}

/* Return: true if nothing is wrong; else it was said. */
static bool is_right(const struct edit *t) {
        struct zone_dirs dirs = { { t->folder } };
        struct check c = {};
        unsigned levels;
        bool right;

        memcpy(&dirs.paths[1], zone_dirs_default.paths, sizeof(dirs.paths) - sizeof(dirs.paths[0]));
        levels = zone_files_levels(&dirs, t->found.file);
        if (levels == 0) {
                log_error("%s is no longer in any of the directories: a drop-in alone makes no zone", t->found.file);
                return false;
        }
        check_files_read_zone(&c.files, &dirs, (unsigned) __builtin_ctz(levels), t->found.file, &c.d);
        check_all(&c, NULL);
        rename_in(&c.d, t);
        right = c.d.errors == 0;
        if (!right)
                diagnostics_print(&c.d, stderr, colour_wanted(stderr));
        check_done(&c);
        return right;
}

enum answer { ANSWER_AGAIN, ANSWER_KEEP, ANSWER_DISCARD };

static enum answer ask(void) {
        static const char letters[] = { [ANSWER_AGAIN] = 'e', [ANSWER_KEEP] = 'k', [ANSWER_DISCARD] = 'd' };
        char line[64];

        for (;;) {
                const char *letter;

                fputs("(e)dit again, (k)eep it all the same, or (d)iscard it? ", stderr);
                if (!fgets(line, sizeof(line), stdin))
                        return ANSWER_DISCARD;
                letter = memchr(letters, line[0], sizeof(letters));
                if (letter && line[1] == '\n')
                        return (enum answer)(letter - letters);
        }
}

/* Somebody else has written it meanwhile. */
static bool is_as_before(const struct edit *t) {
        _cleanup_free_ char *now = NULL;
        size_t size = 0;
        int r = file_read(AT_FDCWD, t->target, CONFIG_FILE_MAX, &now, &size);

        if (r < 0)
                return r == -ENOENT && !t->before;
        return t->before && size == t->before_size && memcmp(now, t->before, size) == 0;
}

/* ---- putting in place ------------------------------------------------------------------------------- */

static int put_in_place(struct edit *t, const char *text, size_t size, struct err *e) {
        _cleanup_free_ char *real = realpath(t->target, NULL); /* a symlink stays one */
        int r = mkdir_parents(t->target);

        if (r == 0)
                r = file_write_atomic(real ?: t->target, text, size);
        if (r < 0) {
                t->folder[0] = '\0'; /* nobody's work is thrown away */
                return err_set(e, r, "%s cannot be written: %s; what was edited is in %s", t->target, strerror(-r),
                               t->copy);
        }
        printf("%s is written.\n", t->target);
        return 0;
}

/* Return: 1: the user may go on, 0: all done, -errno. */
static int take_in(struct edit *t, struct err *e) {
        _cleanup_free_ char *text = NULL;
        size_t size, kept;
        int r = file_read(AT_FDCWD, t->copy, CONFIG_FILE_MAX, &text, &size);
        bool right;

        if (r < 0)
                return err_set(e, r, "what was edited cannot be read: %s", strerror(-r));
        if (strcmp(text, t->shown) == 0 || (!t->before && edit_text_says_nothing(text, edit_text_kept(text, size)))) {
                printf("Nothing is changed.\n");
                return 0;
        }
        kept = t->is_drop_in ? edit_text_kept(text, size) : size;
        r = file_write_atomic(t->copy, text, kept);
        if (r < 0)
                return err_set(e, r, "%s: %s", t->copy, strerror(-r));
        right = is_right(t);
        if (!is_as_before(t)) {
                log_error("%s was changed by somebody else meanwhile", t->target);
                right = false;
        }
        switch (right ? ANSWER_KEEP : ask()) {
        case ANSWER_AGAIN:
                return 1;
        case ANSWER_KEEP:
                return put_in_place(t, text, kept, e);
        case ANSWER_DISCARD:
                break;
        }
        return err_set(e, -ECANCELED, "discarded; %s is as it was", t->target);
}

static int edit(struct edit *t, struct err *e) {
        int r = make_text(t, e);

        if (r == 0)
                r = make_copy(t, e);
        if (r < 0)
                return r;
        do {
                r = editor_run(t->copy, e);
                if (r == 0)
                        r = take_in(t, e);
        } while (r > 0);
        return r;
}

/* ---- what is meant ---------------------------------------------------------------------------------- */

/* What would be written must count, or the user would wonder. */
static int find_hider(const struct edit *t, struct err *e) {
        unsigned above = zone_files_levels(&zone_dirs_default, t->file) & (BIT(t->level) - 1);

        if (above)
                return err_set(e, -EEXIST, "%s/%s is there and would hide it; without --runtime it is edited",
                               zone_dirs_default.paths[__builtin_ctz(above)], t->file);
        return 0;
}

static int choose(struct edit *t, const struct arguments *a, struct err *e) {
        int r;

        t->zone = a->words[0];
        r = zone_lookup(&zone_dirs_default, t->zone, &t->found, e);
        if (r < 0)
                return r;
        if (t->found.masked)
                return err_set(e, -EPERM, "the zone is masked by %s: remove that first", t->found.path);
        t->level = a->options[EDIT_RUNTIME] ? ZONE_LEVEL_RUN : ZONE_LEVEL_ETC;
        t->is_drop_in = t->found.levels != 0 && !a->options[EDIT_FULL];
        (void) snprintf(t->file, sizeof(t->file), "%s%s", t->found.file,
                        t->is_drop_in ? ZONE_DROP_IN_SUFFIX "/" DROP_IN : "");
        (void) snprintf(t->target, sizeof(t->target), "%s/%s", zone_dirs_default.paths[t->level], t->file);
        return find_hider(t, e);
}

int verb_edit(const struct arguments *a) {
        struct edit t = {};
        struct err e = {};
        int r;

        if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
                log_error("hvisor edit takes a terminal; a script writes a file, runs hvisor check on it, and moves it "
                          "into " ZONES_DIR);
                return EXIT_FAILURE;
        }
        r = choose(&t, a, &e);
        if (r == 0)
                r = edit(&t, &e);
        edit_done(&t);
        if (r < 0)
                log_error("%s", err_text(&e, r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
