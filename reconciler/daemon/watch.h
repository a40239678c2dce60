/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices that something in zones.d or board.conf may have changed. It tells
 * only "look now": what changed, the files' content decides. A rename, a
 * deletion and a lost event count at once; a write that was closed after a
 * settling time, since an editor may write twice, and so does a creation: who
 * reads a file that is still being written gets -EAGAIN (base/fd.h), and its
 * close brings another event.
 *
 * Both are followed by their paths: any part may be missing, be replaced or be a
 * symlink; every directory on the way is watched for that. Where the kernel's
 * limits leave no room for a new watch, that is logged, and @changed is called
 * every second until there is.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/macros.h"

#define SETTLING_TIME (50 * 1000)  /* µs */
#define RETURN_TIME   (500 * 1000) /* µs: what goes may be on its way back, and a power cut can wait so long */

struct watch;

/**
 * watch_new() - @changed is called from the loop
 * @directory, @file: absolute paths; borrowed
 */
int watch_new(sd_event *event, const char *directory, const char *file, void (*changed)(void *userdata), void *userdata,
              struct watch **ret);
struct watch *watch_free(struct watch *w);
DEFINE_CLEANUP(struct watch *, watch_free);

enum watch_urgency {
        WATCH_IGNORE,
        WATCH_SETTLE, /* after SETTLING_TIME without another event */
        WATCH_GONE,   /* after RETURN_TIME, whatever else settles before */
        WATCH_NOW,
};

/**
 * watch_judge() - what an event in the directory means
 * @mask: inotify(7)'s
 * @name: the entry, or NULL/"" for the directory itself
 *
 * Pure. An editor's temporary files and dotfiles are nothing, but for a rename onto "..data": the only event
 * of a Kubernetes ConfigMap.
 */
enum watch_urgency watch_judge(uint32_t mask, const char *name);
