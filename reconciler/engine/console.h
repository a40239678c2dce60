/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's end of consoles. A console is a pty whose master the daemon
 * keeps, and a memfd with the recent output: both outlive workers, and in
 * systemd's fd store the daemon, too. People find the slave through the link
 * RUN_CONSOLES_DIR/ZONE.DEVICE.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "engine/fd_store.h"

struct consoles; /* all of them */

struct console {
        char zone[NAME_SIZE], device[NAME_SIZE];
        int master;  /* non-blocking, slave is raw */
        int history; /* memfd of WORKER_HISTORY_SIZE */
        char slave[64];
};

/** consoles_new() - with what the fd store kept of them, which is taken over */
int consoles_new(struct stored_fds *stored, struct consoles **ret);
struct consoles *consoles_free(struct consoles *c);

/** consoles_get() - the console of that device, made if there is none; borrowed until consoles_drop() */
int consoles_get(struct consoles *c, const char *zone, const char *device, const struct console **ret, struct err *e);

/** consoles_regain() - there is none, but the worker that runs holds its descriptors: takes copies of them */
void consoles_regain(struct consoles *c, const char *zone, const char *device, pid_t worker, int pidfd);

/** console_watch() - inotify on the slave's node, for one worker; a descriptor, or -errno */
int console_watch(const struct console *c);

/** consoles_drop() - closes the zone's consoles, removes their links */
void consoles_drop(struct consoles *c, const char *zone);
