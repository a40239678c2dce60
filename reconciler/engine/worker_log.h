/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What workers say, as records of the daemon. Each worker's stderr is a pipe of
 * its own, read in the loop; the read end is kept in the fd store, so that what is
 * said while the daemon restarts waits in the pipe. Once that is gone, too, the
 * worker goes on by itself (base/worker.h, --log-fd).
 */
#pragma once

#include <systemd/sd-event.h>

#include "engine/fd_store.h"
#include "engine/record.h"

struct worker_logs; /* of all workers */

/** worker_logs_new() - with what the fd store kept of them, which is taken over; @record gets each line */
int worker_logs_new(sd_event *event, void (*record)(const struct record *r), struct stored_fds *stored,
                    struct worker_logs **ret);

/** worker_logs_free() - reads what there is, and leaves the pipes in the fd store */
struct worker_logs *worker_logs_free(struct worker_logs *l);

/**
 * worker_logs_open() - a pipe for a new worker of that device
 *
 * Its predecessor's is closed, after what is left in it was read. Return: the write end,
 * non-blocking and the caller's, or -errno.
 */
int worker_logs_open(struct worker_logs *l, const char *zone, const char *device);
