/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/watch_way.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARENT_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ATTRIB)

int view_add_watch(const struct view *v, const char *path, uint32_t events, int *ret) {
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
int view_follow(struct view *v, const char *path, bool to_file) {
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
                r = view_add_watch(v, walk.here[0] ? walk.here : "/", PARENT_EVENTS | (p->is_file ? IN_CLOSE_WRITE : 0),
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
