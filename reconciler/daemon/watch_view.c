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

#define DIRECTORY_EVENTS                                                                                               \
        (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |           \
         IN_MOVE_SELF)
#define PARENT_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ATTRIB)

/* ---- following the paths ---------------------------------------------------------------------------- */

/* @ret: -1 if there is nothing at @path that could be watched. Return: 0, -errno of the kernel's limits. */
static int add_watch(const struct view *v, const char *path, uint32_t events, int *ret) {
        *ret = inotify_add_watch(v->fd, path, events | IN_ONLYDIR | IN_MASK_ADD);
        return *ret < 0 && (errno == ENOSPC || errno == ENOMEM) ? -errno : 0;
}

/* A path on its way: @here was reached without a symlink ("" is the root), @rest is to go. */
struct walk {
        char here[PATH_MAX], rest[PATH_MAX];
};

static bool is_at_end(const struct walk *walk) {
        return walk->rest[strspn(walk->rest, "/")] == '\0';
}

/* Takes the first name off the rest; false: there is none. */
static bool next_name(struct walk *walk, char name[NAME_MAX + 1]) {
        char *start = walk->rest + strspn(walk->rest, "/");
        size_t length = strcspn(start, "/");

        if (length == 0 || length > NAME_MAX)
                return false;
        memcpy(name, start, length);
        name[length] = '\0';
        memmove(walk->rest, start + length, strlen(start + length) + 1);
        return true;
}

/* Goes on to @name; if that is a symlink its target is to go first. Return: false if that is too long. */
static bool enter(struct walk *walk, const char *name, bool *ret_is_link) {
        char path[PATH_MAX], rest[PATH_MAX], target[PATH_MAX];
        ssize_t n;

        if (snprintf(path, sizeof(path), "%s/%s", walk->here, name) >= (int) sizeof(path))
                return false;
        n = readlink(path, target, sizeof(target) - 1);
        *ret_is_link = n >= 0;
        if (n < 0) {
                strcpy(walk->here, path);
                return true;
        }
        target[n] = '\0';
        if (snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest) >= (int) sizeof(rest))
                return false;
        strcpy(walk->rest, rest);
        if (target[0] == '/')
                walk->here[0] = '\0';
        return true;
}

static void leave(struct walk *walk) {
        char *slash = strrchr(walk->here, '/');

        if (slash)
                *slash = '\0';
}

/* Counted by the caller once it is whole; NULL: out of memory. */
static struct view_parent *parent_new(struct view *v) {
        if (v->num_parents == v->parents_size) {
                size_t size = v->parents_size + VIEW_WAY_MAX;
                struct view_parent *parents = reallocarray(v->parents, size, sizeof(*parents));

                if (!parents)
                        return NULL;
                v->parents = parents;
                v->parents_size = size;
        }
        v->parents[v->num_parents] = (struct view_parent){};
        return &v->parents[v->num_parents];
}

/*
 * Every directory on the way of @path, symlinks' targets included, each for the entry that leads on. It is
 * watched before the entry is looked at, so whatever becomes of that entry afterwards is told.
 */
static int follow(struct view *v, const char *path, bool to_file) {
        struct walk walk = {};
        char name[NAME_MAX + 1];

        if (snprintf(walk.rest, sizeof(walk.rest), "%s", path) >= (int) sizeof(walk.rest))
                return 0;
        /* The bound is also the end of symlinks in a circle. */
        for (unsigned i = 0; i < VIEW_WAY_MAX && next_name(&walk, name);) {
                struct view_parent *p;
                int r;

                if (strcmp(name, ".") == 0)
                        continue;
                if (strcmp(name, "..") == 0) {
                        leave(&walk);
                        continue;
                }
                p = parent_new(v);
                if (!p)
                        return -ENOMEM;
                p->is_file = to_file && is_at_end(&walk);
                r = add_watch(v, walk.here[0] ? walk.here : "/", PARENT_EVENTS | (p->is_file ? IN_CLOSE_WRITE : 0),
                              &p->wd);
                if (r < 0 || p->wd < 0)
                        return r;
                strcpy(p->child, name);
                v->num_parents++;
                i++;
                if (!enter(&walk, name, &p->is_link))
                        return 0;
        }
        return 0;
}

/* ---- views ------------------------------------------------------------------------------------------ */

static struct view_object object_at(const char *path) {
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
                free(v->parents);
                free(v);
        }
        return NULL;
}

static int watch_directory(struct view *v, const char *path, struct view_directory *d) {
        int r = follow(v, path, false);

        if (r >= 0)
                r = add_watch(v, path, DIRECTORY_EVENTS, &d->wd);
        d->object = object_at(path);
        return r;
}

int view_new(sd_event *event, const struct zone_dirs *dirs, const char *file, sd_event_io_handler_t handler,
             void *userdata, struct view **ret) {
        _cleanup_(view_freep) struct view *v = calloc(1, sizeof(*v));
        int r = 0;

        if (!v)
                return -ENOMEM;
        v->dirs = dirs;
        v->file_path = file;
        v->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (v->fd < 0)
                return -errno;
        for (size_t i = 0; r >= 0 && dirs->paths[i]; i++)
                r = watch_directory(v, dirs->paths[i], &v->directories[i]);
        if (r >= 0)
                r = follow(v, file, true);
        if (r >= 0)
                r = sd_event_add_io(event, &v->source, v->fd, EPOLLIN, handler, userdata);
        if (r < 0)
                return r;
        v->file = object_at(file);
        *ret = TAKE_PTR(v);
        return 0;
}

static bool is_symlink(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

bool view_moves(const struct view *v, const struct inotify_event *event) {
        if (event->mask & (IN_Q_OVERFLOW | VIEW_SELF_EVENTS))
                return true;
        for (size_t i = 0; i < v->num_parents; i++) {
                const struct view_parent *p = &v->parents[i];

                if (event->wd != p->wd || !event->len || strcmp(event->name, p->child) != 0)
                        continue;
                if (!p->is_file || p->is_link || (event->mask & (IN_CREATE | IN_MOVED_TO) && is_symlink(v->file_path)))
                        return true;
        }
        return false;
}

bool view_is_true(const struct view *v) {
        struct view_object now = object_at(v->file_path);
        bool is_true = is_same(&now, &v->file);

        for (size_t i = 0; v->dirs->paths[i]; i++) {
                now = object_at(v->dirs->paths[i]);
                is_true &= is_same(&now, &v->directories[i].object);
        }
        return is_true;
}
