/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices that zones' files, board.conf or what describes boards may have changed, and which: what they hold, who
 * reads them finds out. A rename counts at once. A write that was closed does after a settling time, since an editor may write twice,
 * and so does a creation: who reads a file that is still being written gets -EAGAIN (base/fd.h), and its close brings
 * another event. What goes, a lost event and a directory that is made anew have time to become what they will be.
 *
 * All are followed by their paths: any part may be missing, be replaced, be mounted over or be a symlink; every
 * directory on the way is watched for that, and the table of mounts. Where the kernel's limits leave no room for a new
 * watch, that is logged, and all is told as changed every second until there is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "config/zone_dirs.h"

#define SETTLING_TIME (50 * 1000)  /* µs */
#define RETURN_TIME   (500 * 1000) /* µs: a power cut can wait so long */

struct watch;

#define WATCH_BOARDS_MAX 2

/* All absolute and borrowed. */
struct watch_paths {
        struct zone_dirs dirs;
        const char *file; /* board.conf */
        const char
                *boards[WATCH_BOARDS_MAX + 1]; /* directories with descriptions that it may name; NULL after the last */
};

struct watch_changes {
        bool all;                 /* any file of the directories */
        const char *const *files; /* else these; board.conf, or its description, may have changed in either case */
        size_t num_files;
};

/* Return: 0, -errno: it could not be taken in now; all is told again after a second. */
typedef int (*watch_fn)(const struct watch_changes *c, void *userdata);

/**
 * watch_new() - @changed is called from the loop
 * @paths: copied
 */
int watch_new(sd_event *event, const struct watch_paths *paths, watch_fn changed, void *userdata, struct watch **ret);

/** watch_set_settling() - another settling time, µs; it counts from the next event on */
void watch_set_settling(struct watch *w, uint64_t time);
struct watch *watch_free(struct watch *w);
DEFINE_CLEANUP(struct watch *, watch_free);

enum watch_urgency {
        WATCH_IGNORE,
        WATCH_SETTLE, /* after SETTLING_TIME without another event */
        WATCH_GONE,   /* after RETURN_TIME: it may be on its way back */
        WATCH_NOW,
};

/**
 * watch_judge() - what an event in a directory of zones' files means
 * @mask: inotify(7)'s
 * @name: the entry, or NULL/"" for the directory itself
 *
 * Pure. An editor's temporary files and dotfiles are nothing, but for a rename onto "..data": the only event
 * of a Kubernetes ConfigMap.
 */
enum watch_urgency watch_judge(uint32_t mask, const char *name);
