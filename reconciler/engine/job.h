/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One blocking piece of work in a thread of its own, so that the event loop
 * never waits: @work runs in the thread, @done later in the loop.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"

struct job;

typedef int (*job_work)(void *userdata, struct err *e);
typedef void (*job_done)(void *userdata, int result, const struct err *e);

/**
 * job_start() - begins it
 * @userdata: @work alone may touch what it uses of it until @done
 * @ret: stays valid until @done was called or job_cancel(); the job frees itself after @done
 *
 * Return: 0, -errno (nothing was begun, @done is not called).
 */
int job_start(sd_event *event, job_work work, job_done done, void *userdata, struct job **ret);

/** job_cancel() - waits for the thread to end; @done is not called. NULL is allowed. */
struct job *job_cancel(struct job *j);

/**
 * job_abandon() - nobody waits for it any more, however long it takes
 * @left: where those are kept; jobs_finish() it before the event loop goes
 * @discard: called once the thread has ended, instead of @done
 */
void job_abandon(struct job *j, struct job **left, void (*discard)(void *userdata));

/** jobs_finish() - waits for all that were left there, and discards them */
void jobs_finish(struct job **left);
