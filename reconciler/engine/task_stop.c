/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone goes: stop, end, destroy. */
#include <errno.h>

#include "engine/task.h"

#define END_TIMEOUT (5 * SECOND) /* longer than a worker has between SIGTERM and SIGKILL */

static int work_stop(void *userdata, struct err *err) {
        const struct task *t = userdata;

        return hypervisor_zone_stop(task_engine(t)->config.hypervisor, t->zone->fd, err);
}

static void done_stop(void *userdata, int result, const struct err *err) {
        struct task *t = userdata;

        if (task_job_failed(t, result, err)) {
                t->error = result;
                task_finish(t);
        } else {
                task_enter(t, STEP_END);
        }
}

static int open_object(struct task *t, struct err *err) {
        int fd, r;

        if (t->zone->fd >= 0)
                return 0;
        r = hypervisor_zone_open(task_engine(t)->config.hypervisor, t->id, &fd, err);
        return r < 0 ? r : zone_watch(t->zone, t->id, fd);
}

void task_enter_stop(struct task *t) {
        int r = open_object(t, &t->err);

        if (r == 0) {
                task_run_job(t, work_stop, done_stop);
                return;
        }
        t->error = r;
        task_finish(t);
}

static int on_end_timeout(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        struct task *t = userdata;

        engine_record(task_engine(t), LOG_WARNING, MESSAGE_WORKER_FAILED, t->zone->name, NULL, "worker-end", "failed",
                      "workers do not end, not even by SIGKILL; their way into the zone is cut off");
        task_enter(t, STEP_DESTROY);
        return 0;
}

void task_enter_end(struct task *t) {
        struct zone *z = t->zone;
        int r;

        for (size_t i = 0; i < z->num_workers; i++)
                worker_end(&z->workers[i]);
        r = zone_has_workers(z) ? sd_event_add_time_relative(task_engine(t)->config.event, &t->timer, CLOCK_MONOTONIC,
                                                             END_TIMEOUT, 100000, on_end_timeout, t)
                                : -ENOENT;
        if (r < 0)
                task_enter(t, STEP_DESTROY);
}

static int work_destroy(void *userdata, struct err *err) {
        const struct task *t = userdata;

        return hypervisor_zone_destroy(task_engine(t)->config.hypervisor, t->zone->fd, err);
}

/*
 * What it had, and its file does not say: a restart with that which fails, or is cut off, is not its end. A start from
 * its file needs no memory.
 */
static bool comes_back(const struct task *t, const struct desired_zone *d) {
        uint64_t had = d && d->applied ? zone_spec_hash(d->applied) : 0;

        if (!had || t->kind == ACTION_ZONE_STOP)
                return false;
        if (d->file_state == FILE_GOOD && zone_spec_hash(d->spec) == had)
                return false;
        return t->kind == ACTION_ZONE_CLEAN_UP || (t->spec && zone_spec_hash(t->spec) == had);
}

/*
 * Before the object goes: should we die in between, our successor finds the object, and does this again. What it
 * finds of a zone without one is of one that comes back.
 */
static void forget_zone(struct task *t) {
        struct engine *e = task_engine(t);

        if (!comes_back(t, desired_find(&e->desired, t->zone->name)))
                forget_applied(e, t->zone);
        launcher_forget(e->config.launcher, t->zone->name,
                        t->kind == ACTION_ZONE_RESTART && !t->undoing ? t->spec : NULL);
}

static void done_destroy(void *userdata, int result, const struct err *err) {
        struct task *t = userdata;
        struct err first = t->err;

        if (task_job_failed(t, result, err)) {
                if (t->undoing)
                        t->err = first;
                else
                        t->error = result;
                task_finish(t);
                return;
        }
        zone_unwatch(t->zone);
        if (t->kind == ACTION_ZONE_RESTART && !t->undoing)
                task_enter(t, STEP_MAKE);
        else
                task_finish(t);
}

void task_enter_destroy(struct task *t) {
        struct err err = {};
        int r = open_object(t, &err);

        forget_zone(t);
        if (r == -ENOENT && t->undoing)
                done_destroy(t, 0, &err);
        else if (r < 0)
                done_destroy(t, r, &err);
        else
                task_run_job(t, work_destroy, done_destroy);
}
