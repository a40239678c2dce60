/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What watch.c has inotify watch: directories of zones' files, those of drop-ins in them, those of boards, a file, and each directory on the way to all
 * of these, symlinks' targets included, as the paths lead just now. When they may lead elsewhere, a new view has to be
 * made; directories of drop-ins that come and go are added and removed one by one.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "daemon/watch.h"

#define VIEW_WAY_MAX 64 /* directories on the way of one path */

/* Of a directory itself, whatever is asked for. */
#define VIEW_SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)

/* One directory above, whose entry @child leads to what we watch. */
struct view_parent {
        int wd;
        bool is_file; /* @child is the file itself: nothing lies behind it */
        bool is_link;
        char child[NAME_MAX + 1];
};

/* What a path leads to. */
struct view_object {
        dev_t device;
        ino_t inode; /* 0: nothing is there */
};

struct view_directory {
        int wd; /* -1: not there */
        struct view_object object;
};

/* A directory NAME.conf.d of one of the directories; two may be the same by a symlink. */
struct view_drop_ins {
        int wd;
        unsigned level;
        char *file; /* NAME.conf */
        struct view_object object;
};

struct view {
        int fd;
        sd_event_source *source;
        struct view_directory directories[ZONE_DIRS_MAX], boards[WATCH_BOARDS_MAX];
        struct view_drop_ins *drop_ins; /* sorted by wd */
        size_t num_drop_ins, drop_ins_size;
        struct view_parent *parents;
        size_t num_parents, parents_size;
        const struct watch_paths *paths; /* borrowed */
        struct view_object file;         /* where it led when the view was made */
};

/**
 * view_new() - watches all of them; what is missing is waited for
 * @paths: borrowed, and must outlive it
 * @handler: called when there is something to read from the view's fd
 *
 * Return: 0, -errno: mostly the kernel's limits (-ENOSPC watches, -EMFILE instances, -ENOMEM).
 */
int view_new(sd_event *event, const struct watch_paths *paths, sd_event_io_handler_t handler, void *userdata,
             struct view **ret);
struct view *view_free(struct view *v);
DEFINE_CLEANUP(struct view *, view_free);

/** view_moves() - may the paths lead elsewhere after this event? */
bool view_moves(const struct view *v, const struct inotify_event *event);

/** view_is_zones(), view_is_boards() - is the watch that of a directory of zones' files, of boards? */
bool view_is_zones(const struct view *v, int wd);
bool view_is_boards(const struct view *v, int wd);

/** view_object_at() - where the path leads now */
struct view_object view_object_at(const char *path);

/** view_drop_ins() - those behind a watch; @ret_count: 0: it is of no directory of drop-ins */
const struct view_drop_ins *view_drop_ins(const struct view *v, int wd, size_t *ret_count);

/**
 * view_renew_drop_ins() - after something happened to the entry NAME.conf.d of the directory of that level
 *
 * Return: 0, -ESTALE (a new view has to be made), -errno of the kernel's limits.
 */
int view_renew_drop_ins(struct view *v, unsigned level, const char *entry);

/** view_is_true() - false: by now the paths lead to other objects than when it was made */
bool view_is_true(const struct view *v);
