/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/watch_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/zone_sources.h"
#include "daemon/watch_drop_ins.h"
#include "daemon/watch_way.h"

/* ---- views ------------------------------------------------------------------------------------------ */

struct view_object view_object_at(const char *path) {
        struct stat st;

        return stat(path, &st) < 0 ? (struct view_object){} : (struct view_object){ st.st_dev, st.st_ino };
}

static bool is_same(const struct view_object *a, const struct view_object *b) {
        return a->device == b->device && a->inode == b->inode;
}

struct view *view_free(struct view *v) {
        if (v) {
                sd_event_source_disable_unref(v->source);
                fd_close(v->fd);
                view_free_drop_ins(v);
                free(v->parents);
                free(v);
        }
        return NULL;
}

static int watch_directory(struct view *v, const char *path, struct view_directory *d) {
        int r = view_follow(v, path, false);

        if (r >= 0)
                r = view_add_watch(v, path, DIRECTORY_EVENTS, &d->wd);
        d->object = view_object_at(path);
        return r;
}

static int watch_zones(struct view *v, unsigned level) {
        struct view_directory *d = &v->directories[level];
        int r = watch_directory(v, v->paths->dirs.paths[level], d);

        return r >= 0 && d->wd >= 0 ? view_add_all_drop_ins(v, level) : r;
}

int view_new(sd_event *event, const struct watch_paths *paths, sd_event_io_handler_t handler, void *userdata,
             struct view **ret) {
        _cleanup_(view_freep) struct view *v = calloc(1, sizeof(*v));
        int r = 0;

        if (!v)
                return -ENOMEM;
        v->paths = paths;
        v->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (v->fd < 0)
                return -errno;
        for (unsigned i = 0; r >= 0 && paths->dirs.paths[i]; i++)
                r = watch_zones(v, i);
        for (unsigned i = 0; r >= 0 && paths->boards[i]; i++)
                r = watch_directory(v, paths->boards[i], &v->boards[i]);
        if (r >= 0)
                r = view_follow(v, paths->file, true);
        if (r >= 0)
                r = sd_event_add_io(event, &v->source, v->fd, EPOLLIN, handler, userdata);
        if (r < 0)
                return r;
        v->file = view_object_at(paths->file);
        *ret = TAKE_PTR(v);
        return 0;
}

bool view_is_zones(const struct view *v, int wd) {
        for (size_t i = 0; v->paths->dirs.paths[i]; i++)
                if (v->directories[i].wd == wd)
                        return true;
        return false;
}

bool view_is_boards(const struct view *v, int wd) {
        for (size_t i = 0; v->paths->boards[i]; i++)
                if (v->boards[i].wd == wd)
                        return true;
        return false;
}

static bool is_symlink(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Or one of the directories themselves; those of drop-ins are told by the events of the directory that has them. */
static bool is_on_the_way(const struct view *v, int wd) {
        if (view_is_zones(v, wd) || view_is_boards(v, wd))
                return true;
        for (size_t i = 0; i < v->num_parents; i++)
                if (v->parents[i].wd == wd)
                        return true;
        return false;
}

bool view_moves(const struct view *v, const struct inotify_event *event) {
        if (event->mask & IN_Q_OVERFLOW)
                return true;
        if (event->mask & VIEW_SELF_EVENTS && is_on_the_way(v, event->wd))
                return true;
        for (size_t i = 0; i < v->num_parents; i++) {
                const struct view_parent *p = &v->parents[i];

                if (event->wd != p->wd || !event->len || strcmp(event->name, p->child) != 0)
                        continue;
                if (!p->is_file || p->is_link ||
                    (event->mask & (IN_CREATE | IN_MOVED_TO) && is_symlink(v->paths->file)))
                        return true;
        }
        return false;
}

static bool leads_to(const char *path, const struct view_object *object) {
        const struct view_object now = view_object_at(path);

        return is_same(&now, object);
}

static bool leads_to_drop_ins(const struct view *v, const struct view_drop_ins *d) {
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/%s" ZONE_DROP_IN_SUFFIX, v->paths->dirs.paths[d->level], d->file);
        return leads_to(path, &d->object);
}

bool view_is_true(const struct view *v) {
        bool is_true = leads_to(v->paths->file, &v->file);

        for (size_t i = 0; is_true && v->paths->dirs.paths[i]; i++)
                is_true = leads_to(v->paths->dirs.paths[i], &v->directories[i].object);
        for (size_t i = 0; is_true && v->paths->boards[i]; i++)
                is_true = leads_to(v->paths->boards[i], &v->boards[i].object);
        for (size_t i = 0; is_true && i < v->num_drop_ins; i++)
                is_true = leads_to_drop_ins(v, &v->drop_ins[i]);
        return is_true;
}
