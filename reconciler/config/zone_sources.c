/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/zone_sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "config/file_name.h"

/* ---- directories ------------------------------------------------------------------------------------ */

void zone_dirs_open(const struct zone_dirs *d, int fds[ZONE_DIRS_MAX]) {
        memset(fds, -1, ZONE_DIRS_MAX * sizeof(*fds));
        for (size_t i = 0; d->paths[i]; i++)
                fds[i] = open(d->paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void zone_dirs_close(int fds[ZONE_DIRS_MAX]) {
        for (size_t i = 0; i < ZONE_DIRS_MAX; i++)
                fds[i] = fd_close(fds[i]);
}

/* ---- the list --------------------------------------------------------------------------------------- */

static void source_clear(struct zone_source *s) {
        free(s->path);
        free(s->text);
}

void zone_sources_clear(struct zone_sources *s) {
        for (size_t i = 0; i < s->count; i++)
                source_clear(&s->items[i]);
        free(s->items);
        *s = (struct zone_sources){};
}

void zone_sources_remove(struct zone_sources *s, size_t i) {
        source_clear(&s->items[i]);
        memmove(&s->items[i], &s->items[i + 1], (--s->count - i) * sizeof(*s->items));
}

/* @path is taken over. */
static int add(struct zone_sources *s, const struct zone_search *at, unsigned level, char *path) {
        struct zone_source *items = path ? reallocarray(s->items, s->count + 1, sizeof(*items)) : NULL;

        if (!items) {
                free(path);
                return -ENOMEM;
        }
        s->items = items;
        items[s->count++] = (struct zone_source){
                .path = path,
                .file = path + strlen(at->dirs->paths[level]) + 1,
                .directory = at->fds[level],
        };
        return 0;
}

static char *join(const char *directory, const char *file, const char *suffix, const char *below) {
        char *path;

        if (asprintf(&path, "%s/%s%s%s%s", directory, file, suffix, below ? "/" : "", below ?: "") < 0)
                return NULL;
        return path;
}

int zone_sources_add(struct zone_sources *s, const struct zone_search *at, unsigned level) {
        return add(s, at, level, join(at->dirs->paths[level], at->file, "", NULL));
}

/* ---- drop-ins --------------------------------------------------------------------------------------- */

struct drop_in {
        char *name;
        unsigned level;
};

struct drop_ins {
        struct drop_in items[ZONE_DIRS_MAX * ZONE_DROP_INS_MAX];
        size_t count;
};

static void drop_ins_freep(struct drop_ins **l) {
        for (size_t i = 0; *l && i < (*l)->count; i++)
                free((*l)->items[i].name);
        free(*l);
}

static int list_directory(struct drop_ins *l, int fd, unsigned level) {
        size_t before = l->count;
        struct dirent *entry;
        int r = 0;
        DIR *dir;

        dir = fdopendir(fd);
        if (!dir) {
                r = -errno;
                fd_close(fd);
                return r;
        }
        while (r == 0 && (errno = 0, entry = readdir(dir))) {
                if (zone_file_stem(entry->d_name) == 0)
                        continue;
                if (l->count - before == ZONE_DROP_INS_MAX) {
                        r = -E2BIG;
                        break;
                }
                l->items[l->count] = (struct drop_in){ strdup(entry->d_name), level };
                if (!l->items[l->count++].name)
                        r = -ENOMEM;
        }
        if (r == 0)
                r = -errno;
        closedir(dir);
        return r;
}

static int drop_in_compare(const void *left, const void *right) {
        const struct drop_in *a = left, *b = right;
        int c = strcmp(a->name, b->name);

        return c ? c : (int) a->level - (int) b->level;
}

static int add_sorted(struct zone_sources *s, const struct zone_search *at, struct drop_ins *l) {
        size_t kept = 0;

        if (l->count > 0)
                qsort(l->items, l->count, sizeof(*l->items), drop_in_compare);
        for (size_t i = 0; i < l->count; i++) {
                const struct drop_in *d = &l->items[i];
                int r;

                if (i > 0 && strcmp(l->items[i - 1].name, d->name) == 0)
                        continue;
                if (++kept > ZONE_DROP_INS_MAX)
                        return -E2BIG;
                r = add(s, at, d->level, join(at->dirs->paths[d->level], at->file, ZONE_DROP_IN_SUFFIX, d->name));
                if (r < 0)
                        return r;
        }
        return 0;
}

int zone_sources_add_drop_ins(struct zone_sources *s, const struct zone_search *at, unsigned levels, char **ret_path) {
        _cleanup_(drop_ins_freep) struct drop_ins *l = NULL;
        char name[NAME_MAX + sizeof(ZONE_DROP_IN_SUFFIX)];
        unsigned level = 0;
        struct stat st;
        int r = 0;

        *ret_path = NULL;
        snprintf(name, sizeof(name), "%s" ZONE_DROP_IN_SUFFIX, at->file);
        for (unsigned i = 0; r == 0 && at->dirs->paths[i]; i++) {
                int fd;

                if (!(levels & BIT(i)) || at->fds[i] < 0)
                        continue;
                level = i;
                fd = openat(at->fds[i], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0 && errno == ENOENT) {
                        bool is_there = fstatat(at->fds[i], name, &st, AT_SYMLINK_NOFOLLOW) == 0;

                        if (!is_there && errno == ENOENT)
                                continue;
                        r = is_there ? -ENOENT
                                     : -errno; /* a symlink to nowhere: what it stands for is not known just now */
                        break;
                }
                if (fd >= 0 && !l && !(l = calloc(1, sizeof(*l)))) {
                        fd_close(fd);
                        return -ENOMEM;
                }
                r = fd < 0 ? -errno : list_directory(l, fd, i);
        }
        if (r == 0 && l)
                r = add_sorted(s, at, l);
        if (r < 0 && r != -ENOMEM)
                *ret_path = join(at->dirs->paths[level], at->file, ZONE_DROP_IN_SUFFIX, NULL);
        return r;
}
