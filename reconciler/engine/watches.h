/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watches (inotify) that workers were given, held here as well. Whoever closes one last waits
 * for the kernel, some 20 ms. A process that is killed would do so before it is gone, and its
 * successor would wait with it.
 */
#pragma once

struct watches; /* of all workers */

/** watches_new() - none yet; NULL: out of memory */
struct watches *watches_new(void);

/**
 * watches_keep() - @fd goes to the device's new worker, and stays open here until the next one's takes its place
 * @fd: taken over on success
 *
 * Its predecessor's is closed, which nobody waits for. Return: 0, -ENOMEM.
 */
int watches_keep(struct watches *w, const char *zone, const char *device, int fd);

/** watches_drop() - the zone is gone, and its workers are */
void watches_drop(struct watches *w, const char *zone);

struct watches *watches_free(struct watches *w);
