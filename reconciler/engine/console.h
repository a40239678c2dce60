/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's end of consoles. A console is a pty whose master the daemon
 * keeps, also in systemd's fd store, and a directory of files that both sides
 * find by their names (base/console_dir.h): all outlive workers and the daemon.
 */
#pragma once

#include <sys/types.h>

#include <stdbool.h>

#include "base/err.h"
#include "engine/fd_store.h"

struct consoles; /* all of them */

struct console {
        char zone[NAME_SIZE], device[NAME_SIZE];
        int master; /* non-blocking, slave is raw */
        int input;  /* the FIFO, only kept open: what was typed waits in it for the next worker */
        char slave[64];
};

/** consoles_new() - with what the fd store kept of them, which is taken over */
int consoles_new(struct stored_fds *stored, struct consoles **ret);
struct consoles *consoles_free(struct consoles *c);

/** consoles_get() - the console of that device, made if there is none; borrowed until consoles_drop() */
int consoles_get(struct consoles *c, const char *zone, const char *device, const struct console **ret, struct err *e);

/** consoles_regain() - there is none, but the worker that runs holds the pty's master: takes a copy of it */
void consoles_regain(struct consoles *c, const char *zone, const char *device, pid_t worker, int pidfd);

/** console_watch() - inotify on the slave's node, for one worker; a descriptor, or -errno */
int console_watch(const struct console *c);

/** console_history(), console_input() - opened anew, for one worker; a descriptor, or -errno */
int console_history(const struct console *c);
int console_input(const struct console *c);

/** consoles_drop() - closes the zone's consoles that are not in @keep (NULL: all), removes their directories */
void consoles_drop(struct consoles *c, const char *zone, const struct zone_spec *keep);
