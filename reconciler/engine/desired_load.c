/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/desired_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "config/file_name.h"
#include "config/zone_listing.h"
#include "engine/applied.h"
#include "engine/desired_board.h"
#include "engine/desired_file.h"

/* The directories while they are read. */
struct opened {
        struct desired *desired;
        int fds[ZONE_DIRS_MAX]; /* -1: not there, or lost */
        char *lost;             /* why the first that is lost is */
};

static void opened_clear(struct opened *o) {
        for (size_t i = 0; i < ZONE_DIRS_MAX; i++)
                fd_close(o->fds[i]);
        free(o->lost);
}

/* ---- one zone --------------------------------------------------------------------------------------- */

static unsigned lost_levels(const struct desired *d) {
        unsigned levels = 0;

        for (unsigned i = 0; d->dirs.paths[i]; i++)
                levels |= d->directories[i].lost ? BIT(i) : 0;
        return levels;
}

/* Nobody has seen yet what is in them: a mask, perhaps. */
static unsigned unseen_levels(const struct desired *d) {
        unsigned levels = 0;

        for (unsigned i = 0; d->dirs.paths[i]; i++)
                levels |= d->directories[i].lost && d->directories[i].id.inode == 0 ? BIT(i) : 0;
        return levels;
}

static struct file_look look_for(const struct opened *o, const char *file) {
        return (struct file_look){ .at = { &o->desired->dirs, o->fds, file } };
}

/*
 * @levels: of directories that have the file; @drop_levels: likewise, drop-ins. What a lost one had stays as it was, and
 * so does what one that was never seen may hide. A file may go while it is looked for: that below counts then.
 */
static int load_zone(struct opened *o, struct desired_zone *z, const char *file, unsigned levels, unsigned drop_levels,
                     bool trust_id) {
        unsigned lost = lost_levels(o->desired), unseen = unseen_levels(o->desired);
        struct file_look look = look_for(o, file);

        look.drop_levels = drop_levels;
        look.frozen = drop_levels & lost;
        look.trust_id = trust_id;
        z->drop_levels = (uint8_t) drop_levels;
        for (; levels != 0; levels &= levels - 1) {
                int r;

                look.level = (unsigned) __builtin_ctz(levels);
                z->levels = (uint8_t) levels;
                if (lost & BIT(look.level) || unseen & (BIT(look.level) - 1)) {
                        desired_file_keep(z);
                        return 0;
                }
                r = desired_file_load(z, &look);
                if (r != -ENOENT)
                        return r;
        }
        z->levels = 0;
        if (drop_levels & ~lost)
                return desired_file_orphaned(z, &look);
        desired_file_missing(z);
        return 0;
}

/* @lost: the directories among those that had such a file and cannot be seen */
static int refuse_zone(struct opened *o, struct desired_zone *z, const struct zone_entry *e, unsigned lost) {
        struct file_look look = look_for(o, e->file);
        unsigned levels = e->levels | lost;

        z->levels = (uint8_t) levels;
        if (levels == 0)
                desired_file_missing(z);
        else if (lost & BIT(__builtin_ctz(levels)))
                desired_file_keep(z);
        else {
                look.level = (unsigned) __builtin_ctz(levels);
                return desired_file_refuse(z, &look);
        }
        return 0;
}

/* Nothing is left of it: no file, also none that is only not seen, and nothing was ever applied. */
static bool is_empty(const struct desired *d, const struct desired_zone *z) {
        return z->file_state == FILE_MISSING && !z->message && !z->applied &&
               !((z->levels | z->drop_levels) & lost_levels(d));
}

/* ---- all zones -------------------------------------------------------------------------------------- */

/* An entry for each that is listed: one sweep over two sorted lists, however many they are. */
static int add_listed(struct desired *d, const struct zone_listing *l) {
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

static int load_listed(struct opened *o, const struct zone_listing *l) {
        struct desired *d = o->desired;
        unsigned lost = lost_levels(d);
        int r = add_listed(d, l);

        for (size_t i = 0, j = 0; r == 0 && i < d->num_zones; i++) {
                struct desired_zone *z = &d->zones[i];
                const struct zone_entry *e =
                        j < l->count && strcmp(z->name, l->entries[j].name) == 0 ? &l->entries[j++] : NULL;

                if (e && !e->is_zone)
                        r = refuse_zone(o, z, e, z->levels & lost);
                else
                        r = load_zone(o, z, e ? e->file : "", (e ? e->levels : 0) | (z->levels & lost),
                                      (e ? e->drop_levels : 0) | (z->drop_levels & lost), true);
        }
        return r;
}

static void drop_empty(struct desired *d) {
        size_t kept = 0;

        for (size_t i = 0; i < d->num_zones; i++)
                if (is_empty(d, &d->zones[i]))
                        desired_zone_clear(&d->zones[i]);
                else if (kept++ != i)
                        d->zones[kept - 1] = d->zones[i];
        d->num_zones = kept;
}

/* ---- directories ------------------------------------------------------------------------------------ */

static bool any_file(const struct desired *d, unsigned level) {
        for (size_t i = 0; i < d->num_zones; i++)
                if ((d->zones[i].levels | d->zones[i].drop_levels) & BIT(level))
                        return true;
        return false;
}

static int set_lost(struct opened *o, unsigned level, const char *why) {
        o->desired->directories[level].lost = true;
        o->fds[level] = fd_close(o->fds[level]);
        if (!o->lost && asprintf(&o->lost, "%s: %s", o->desired->dirs.paths[level], why) < 0) {
                o->lost = NULL;
                return -ENOMEM;
        }
        return 0;
}

/*
 * A directory that had files is not empty because it cannot be seen, nor because its file system was unmounted. To a
 * daemon that has just started, the specs last applied tell where there were files.
 */
static int list_directory(struct opened *o, unsigned level, struct zone_listing *list) {
        struct desired *d = o->desired;
        struct desired_directory *directory = &d->directories[level];
        size_t before = list->count;
        struct stat st;
        int r;

        o->fds[level] = open(d->dirs.paths[level], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = o->fds[level] < 0 || fstat(o->fds[level], &st) < 0 ? -errno : zone_listing_add(list, o->fds[level], level);
        directory->unread = error_is_of_medium(r);
        if (error_is_lack(r))
                return r;
        if (r < 0 && (r != -ENOENT || any_file(d, level)))
                return set_lost(o, level, strerror(-r));
        if (r == 0 && directory->id.inode && directory->id.device != st.st_dev && list->count == before &&
            any_file(d, level))
                return set_lost(o, level,
                                "is empty and on another file system than before, as if that had been unmounted "
                                "(restart hvisor-reconciler if this is meant)");
        directory->lost = false;
        directory->id = r < 0 ? (struct file_id){} : (struct file_id){ .device = st.st_dev, .inode = st.st_ino };
        return 0;
}

static void opened_init(struct opened *o, struct desired *d) {
        *o = (struct opened){ .desired = d };
        memset(o->fds, -1, sizeof(o->fds));
}

static int load_zones(struct desired *d) {
        _cleanup_(zone_listing_clear) struct zone_listing list = {};
        _cleanup_(opened_clear) struct opened o;
        int r = 0;

        opened_init(&o, d);
        for (unsigned i = 0; r == 0 && d->dirs.paths[i]; i++)
                r = list_directory(&o, i, &list);
        if (r < 0)
                return r;
        free(d->lost);
        d->lost = TAKE_PTR(o.lost);
        zone_listing_merge(&list);
        return load_listed(&o, &list);
}

bool desired_unread(const struct desired *d) {
        bool any = d->board_unread;

        for (size_t i = 0; i < d->num_zones; i++)
                any |= d->zones[i].unread;
        for (size_t i = 0; d->dirs.paths[i]; i++)
                any |= d->directories[i].unread;
        return any;
}

int desired_load(struct desired *d, const struct desired_paths *paths) {
        int r;

        d->stale = true;
        d->dirs = paths->dirs;
        r = desired_board_load(d, paths->board_path);
        if (r == 0 && paths->specs_dir && !d->applied_known)
                r = applied_load(paths->specs_dir, d);
        if (r == 0)
                r = load_zones(d);
        if (r < 0)
                return r;
        d->applied_known = true;
        drop_empty(d);
        d->stale = false;
        return 0;
}

/* ---- some zones ------------------------------------------------------------------------------------- */

static bool is_same_directory(const struct desired_directory *d, int fd) {
        struct stat st;

        if (fd < 0)
                return errno == ENOENT && d->id.inode == 0;
        return fstat(fd, &st) == 0 && d->id.device == st.st_dev && d->id.inode == st.st_ino;
}

/* False: only a look at all of it tells how things are. */
static bool open_same(struct opened *o) {
        struct desired *d = o->desired;

        if (d->stale || d->lost || !d->applied_known)
                return false;
        for (size_t i = 0; d->dirs.paths[i]; i++) {
                o->fds[i] = open(d->dirs.paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (!is_same_directory(&d->directories[i], o->fds[i]))
                        return false;
        }
        return true;
}

/* What cannot be looked at is not what is not there. */
static int levels_with(const struct opened *o, const char *entry, unsigned *ret) {
        unsigned levels = 0;
        struct stat st;

        for (unsigned i = 0; o->desired->dirs.paths[i]; i++) {
                if (o->fds[i] < 0)
                        continue;
                if (fstatat(o->fds[i], entry, &st, AT_SYMLINK_NOFOLLOW) == 0)
                        levels |= BIT(i);
                else if (errno != ENOENT)
                        return -errno;
        }
        *ret = levels;
        return 0;
}

static int load_named(struct opened *o, const char *file) {
        struct desired *d = o->desired;
        char name[NAME_SIZE], drop_ins[NAME_SIZE + sizeof(".conf" ZONE_DROP_IN_SUFFIX)];
        unsigned levels, drop_levels;
        struct desired_zone *z;
        int r;

        if (!zone_file_name(file, name))
                return -ESTALE; /* there may be another file that is shown by the same name */
        snprintf(drop_ins, sizeof(drop_ins), "%s" ZONE_DROP_IN_SUFFIX, file);
        r = levels_with(o, file, &levels);
        if (r == 0)
                r = levels_with(o, drop_ins, &drop_levels);
        if (r < 0)
                return r;
        z = desired_add(d, name);
        r = z ? load_zone(o, z, file, levels, drop_levels, false) : -ENOMEM;
        if (r == 0 && is_empty(d, z))
                desired_remove(d, z);
        return r;
}

int desired_load_files(struct desired *d, const struct desired_paths *paths, const char *const *files,
                       size_t num_files) {
        _cleanup_(opened_clear) struct opened o;
        int r;

        opened_init(&o, d);
        if (!open_same(&o))
                return desired_load(d, paths);
        r = desired_board_load(d, paths->board_path);
        for (size_t i = 0; r == 0 && i < num_files; i++)
                r = load_named(&o, files[i]);
        if (r == -ESTALE)
                return desired_load(d, paths);
        d->stale = r < 0;
        return r;
}
