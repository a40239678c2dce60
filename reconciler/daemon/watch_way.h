/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of a path, for a view (daemon/watch_view.h) that is being made. */
#pragma once

#include "daemon/watch_view.h"

#define DIRECTORY_EVENTS                                                                                               \
        (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |           \
         IN_MOVE_SELF)

/** view_add_watch() - @ret: -1 if there is no directory at @path. Return: 0, -errno of the kernel's limits. */
int view_add_watch(const struct view *v, const char *path, uint32_t events, int *ret);

/** view_follow() - watches every directory on the way to @path, for the entry that leads on; 0, -errno as above */
int view_follow(struct view *v, const char *path, bool to_file);
