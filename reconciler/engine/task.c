/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One zone's action, step by step:
 *
 *   start:    check, make, attach, load
 *   restart:  check, stop, end, destroy, make, attach, load
 *   stop:     stop, end, destroy
 *   clean-up: end, destroy
 *
 * A start that fails is undone in reverse: end, destroy. The error that began
 * it is the one that is told.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "config/intervals.h"
#include "engine/task.h"

void task_close_images(struct task *t) {
        for (size_t i = 0; i < ELEMENTSOF(t->images); i++)
                t->images[i] = fd_close(t->images[i]);
}

struct task *task_free(struct task *t) {
        if (t) {
                t->job = job_cancel(t->job);
                task_abandon_check(t);
                task_close_images(t);
                boot_close(&t->boot);
                sd_event_source_disable_unref(t->timer);
                zone_spec_free(t->spec);
                free(t);
        }
        return NULL;
}

/* ---- its end ---------------------------------------------------------------------------------------- */

static void tell_success(const struct task *t) {
        unsigned ms = (engine_now(task_engine(t)) - t->began) / 1000;

        if (t->spec)
                engine_record(task_engine(t), LOG_NOTICE, MESSAGE_ZONE_STARTED, t->zone->name, NULL,
                              action_kind_to_string(t->kind), "done", "runs (started in %u ms)", ms);
        else
                engine_record(task_engine(t), LOG_NOTICE, MESSAGE_ZONE_STOPPED, t->zone->name, NULL,
                              action_kind_to_string(t->kind), "done", "is gone (in %u ms)", ms);
}

static void tell_failure(const struct task *t) {
        struct zone *z = t->zone;
        uint64_t now = engine_now(task_engine(t));
        char again[80] = "not tried again until its file changes or it is restarted by hand";

        if (!z->hopeless)
                snprintf(again, sizeof(again), "next try in %u s",
                         (unsigned) ((z->backoff.retry_at - now + SECOND - 1) / SECOND));
        engine_record_why(task_engine(t), LOG_ERR, MESSAGE_ZONE_FAILED, z->name, NULL, action_kind_to_string(t->kind),
                          "failed", z->message, "%s failed: %s; %s", action_kind_to_verb(t->kind), z->message, again);
}

static void fail_for_good(struct task *t) {
        struct zone *z = t->zone;

        z->failed = true;
        z->failed_with = t->hash;
        z->hopeless = t->error == HYPERVISOR_CPUS_LOST;
        backoff_fail(&z->backoff, &backoff_zone, engine_now(task_engine(t)));
        if (z->hopeless) {
                char cpus[CPUS_TEXT_SIZE];

                cpus_format(t->spec->cpus, cpus, sizeof(cpus));
                snprintf(z->message, sizeof(z->message), "CPU %s is lost until the board restarts", cpus);
                z->backoff.retry_at = 0;
        } else {
                snprintf(z->message, sizeof(z->message), "%s", err_text(&t->err, t->error));
        }
        tell_failure(t);
}

static void leave(struct task *t) {
        struct zone *z = t->zone;

        z->task = task_free(t);
        if (!z->fd_source)
                zone_unwatch(z); /* its object has gone meanwhile */
        engine_reconcile_soon(z->engine);
}

void task_finish(struct task *t) {
        struct zone *z = t->zone;
        struct engine *e = task_engine(t);

        if (t->error) {
                fail_for_good(t);
        } else {
                z->failed = z->hopeless = false;
                z->message[0] = '\0';
                if (t->spec) {
                        z->last_state = ZONE_RUNNING;
                        backoff_succeed(&z->backoff, engine_now(e));
                }
                tell_success(t);
        }
        leave(t);
}

/* What its file says now; 0: nothing good. */
static uint64_t file_hash(const struct zone *z) {
        const struct desired_zone *d = desired_find(&z->engine->desired, z->name);

        return d && d->file_state == FILE_GOOD ? engine_spec_hash(z->engine, d->spec) : 0;
}

static bool file_is_gone(const struct zone *z) {
        const struct desired_zone *d = desired_find(&z->engine->desired, z->name);

        return !d || d->file_state == FILE_MISSING || d->file_state == FILE_MASKED;
}

void task_reconsider(struct task *t) {
        struct zone *z = t->zone;

        if (t->step != STEP_CHECK || t->file_hash == file_hash(z))
                return;
        if (file_is_gone(z))
                z->restart_requested = false; /* else it is for the new settings */
        engine_record(task_engine(t), LOG_NOTICE, MESSAGE_ZONE_ABANDONED, z->name, NULL, action_kind_to_string(t->kind),
                      "abandoned", "%s abandoned: its file (or board.conf) has changed while its images were checked",
                      action_kind_to_verb(t->kind));
        leave(t);
}

/* Everything that was made goes again, in reverse order. */
void task_undo(struct task *t, int error) {
        t->error = error;
        t->undoing = true;
        if (t->zone->fd >= 0 || zone_has_workers(t->zone))
                task_enter(t, STEP_END);
        else
                task_finish(t);
}

/* ---- jobs ------------------------------------------------------------------------------------------- */

void task_run_job(struct task *t, job_work work, job_done done) {
        int r = job_start(task_engine(t)->config.event, work, done, t, &t->job);

        if (r < 0)
                done(t, err_set(&t->err, r, "a thread for it: %s", strerror(-r)), &t->err);
}

/* The job has freed itself; its story, if it failed, is ours now. */
bool task_job_failed(struct task *t, int result, const struct err *err) {
        t->job = NULL;
        if (result == 0)
                return false;
        if (err != &t->err)
                t->err = *err;
        return true;
}

/* ---- the machine ------------------------------------------------------------------------------------ */

static const struct {
        enum zone_phase phase;
        const char *text;
        void (*enter)(struct task *t);
} steps[_STEP_MAX] = {
        [STEP_CHECK] = { PHASE_STARTING, "checking its images", task_enter_check },
        [STEP_STOP] = { PHASE_STOPPING, "being shut down", task_enter_stop },
        [STEP_END] = { PHASE_STOPPING, "waiting for its workers to end", task_enter_end },
        [STEP_DESTROY] = { PHASE_STOPPING, "being taken apart", task_enter_destroy },
        [STEP_MAKE] = { PHASE_STARTING, "being put together", task_enter_make },
        [STEP_ATTACH] = { PHASE_STARTING, "waiting for its workers", task_enter_attach },
        [STEP_LOAD] = { PHASE_STARTING, "loading its images", task_enter_load },
};

void task_enter(struct task *t, enum step step) {
        t->timer = sd_event_source_disable_unref(t->timer);
        t->step = step;
        steps[step].enter(t);
}

enum zone_phase task_phase(const struct task *t) {
        return steps[t->step].phase;
}

const struct zone_spec *task_spec(const struct task *t) {
        return t->spec;
}

const char *task_text(const struct task *t) {
        return t->undoing ? err_text(&t->err, t->error) : steps[t->step].text;
}

bool task_minds_workers(const struct task *t) {
        return t->step != STEP_CHECK && t->step != STEP_LOAD;
}

void task_notice(struct task *t, const struct worker *ended) {
        if (t->step == STEP_END && !zone_has_workers(t->zone))
                task_enter(t, STEP_DESTROY);
        else if (t->step == STEP_ATTACH && ended)
                task_undo(t, err_set(&t->err, -ECHILD, "device %s: %s", ended->name, ended->message));
        else if (t->step == STEP_ATTACH)
                task_enter_attach(t);
}

void task_start(struct zone *z, const struct action *a) {
        static const enum step first[_ACTION_KIND_MAX] = {
                [ACTION_ZONE_START] = STEP_CHECK,
                [ACTION_ZONE_RESTART] = STEP_CHECK,
                [ACTION_ZONE_STOP] = STEP_STOP,
                [ACTION_ZONE_CLEAN_UP] = STEP_END,
        };
        struct task *t = calloc(1, sizeof(*t));
        int r = 0;

        if (!t) {
                z->engine->incomplete = true;
                return;
        }
        *t = (struct task){
                .zone = z, .kind = a->kind, .id = a->id, .boot = BOOT_NONE, .began = engine_now(z->engine)
        };
        memset(t->images, -1, sizeof(t->images));
        t->file_hash = file_hash(z);
        z->task = t;
        engine_record_why(z->engine, LOG_NOTICE, MESSAGE_ZONE_ACTION, z->name, NULL, action_kind_to_string(a->kind),
                          "begun", a->reason, "%s: %s", action_kind_to_verb(a->kind), a->reason);
        if (a->spec) {
                t->spec = zone_spec_copy(a->spec);
                r = t->spec ? 0 : -ENOMEM;
                t->hash = engine_spec_hash(z->engine, a->spec);
        }
        if (r < 0) {
                z->restart_requested = false;
                t->error = r;
                task_finish(t);
                return;
        }
        task_enter(t, first[a->kind]);
}
