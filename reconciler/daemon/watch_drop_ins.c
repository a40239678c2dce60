/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/watch_drop_ins.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/file_name.h"
#include "daemon/watch_way.h"

/* Where that watch's begin, or would. */
static size_t position(const struct view *v, int wd) {
        size_t low = 0, high = v->num_drop_ins;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (v->drop_ins[middle].wd < wd)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const struct view_drop_ins *view_drop_ins(const struct view *v, int wd, size_t *ret_count) {
        size_t first = position(v, wd), n = first;

        while (n < v->num_drop_ins && v->drop_ins[n].wd == wd)
                n++;
        *ret_count = n - first;
        return &v->drop_ins[first];
}

static int insert(struct view *v, int wd, unsigned level, const char *file, size_t length,
                  const struct view_object *object) {
        size_t at = position(v, wd);
        char *copy;

        if (v->num_drop_ins == v->drop_ins_size) {
                size_t size = MAX(2 * v->drop_ins_size, (size_t) 8);
                struct view_drop_ins *grown = reallocarray(v->drop_ins, size, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                v->drop_ins = grown;
                v->drop_ins_size = size;
        }
        copy = strndup(file, length);
        if (!copy)
                return -ENOMEM;
        memmove(&v->drop_ins[at + 1], &v->drop_ins[at], (v->num_drop_ins++ - at) * sizeof(*v->drop_ins));
        v->drop_ins[at] = (struct view_drop_ins){ wd, level, copy, *object };
        return 0;
}

void view_free_drop_ins(struct view *v) {
        for (size_t i = 0; i < v->num_drop_ins; i++)
                free(v->drop_ins[i].file);
        free(v->drop_ins);
}

/* @ret_is_link: its target may be exchanged, so the way to it is watched, too */
static int add(struct view *v, unsigned level, const char *entry, bool *ret_is_link) {
        struct view_object object;
        char path[PATH_MAX];
        struct stat st;
        int r = 0, wd;

        if (snprintf(path, sizeof(path), "%s/%s", v->paths->dirs.paths[level], entry) >= (int) sizeof(path))
                return 0;
        *ret_is_link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
        if (*ret_is_link)
                r = view_follow(v, path, false);
        if (r >= 0)
                r = view_add_watch(v, path, DIRECTORY_EVENTS, &wd);
        if (r < 0 || wd < 0)
                return r;
        object = view_object_at(path);
        return insert(v, wd, level, entry, zone_file_length(entry), &object);
}

/* Its name is that of a directory of drop-ins. */
static bool is_drop_ins(const char *entry) {
        size_t length = zone_file_length(entry);

        return length > 0 && entry[length] != '\0';
}

int view_add_all_drop_ins(struct view *v, unsigned level) {
        DIR *dir = opendir(v->paths->dirs.paths[level]);
        struct dirent *entry;
        bool is_link;
        int r = 0;

        if (!dir)
                return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
        while (r >= 0 && (entry = readdir(dir)))
                if (is_drop_ins(entry->d_name))
                        r = add(v, level, entry->d_name, &is_link);
        closedir(dir);
        return r;
}

static bool is_used(const struct view *v, int wd) {
        size_t n;

        (void) view_drop_ins(v, wd, &n);
        for (size_t i = 0; n == 0 && i < v->num_parents; i++)
                n += v->parents[i].wd == wd;
        return n > 0 || view_is_zones(v, wd) || view_is_boards(v, wd);
}

static void forget(struct view *v, unsigned level, const char *entry) {
        size_t length = zone_file_length(entry);

        for (size_t i = 0; i < v->num_drop_ins; i++) {
                struct view_drop_ins d = v->drop_ins[i];

                if (d.level != level || strlen(d.file) != length || memcmp(d.file, entry, length) != 0)
                        continue;
                memmove(&v->drop_ins[i], &v->drop_ins[i + 1], (--v->num_drop_ins - i) * sizeof(*v->drop_ins));
                if (!is_used(v, d.wd))
                        (void) inotify_rm_watch(v->fd, d.wd); /* it may have gone by itself */
                free(d.file);
                return;
        }
}

int view_renew_drop_ins(struct view *v, unsigned level, const char *entry) {
        bool is_link = false;
        int r;

        if (!is_drop_ins(entry))
                return 0;
        forget(v, level, entry);
        r = add(v, level, entry, &is_link);
        return r == 0 && is_link ? -ESTALE : r;
}
