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
#include "engine/applied.h"
#include "engine/internal.h"

#define END_TIMEOUT (5 * SECOND) /* longer than a worker has between SIGTERM and SIGKILL */

enum step {
        STEP_CHECK,   /* images readable and fitting; in a job */
        STEP_STOP,    /* the hypervisor's call; in a job */
        STEP_END,     /* workers told to end, and waited for */
        STEP_DESTROY, /* the object, and with it every way into the zone's RAM; in a job */
        STEP_MAKE,    /* zone and device objects, workers launched */
        STEP_ATTACH,  /* until every worker serves */
        STEP_LOAD,    /* images, then the hypervisor's start; in a job */
        _STEP_MAX,
};

struct task {
        struct zone *zone;
        enum action_kind kind;
        enum step step;
        uint32_t id; /* of the object to stop */
        struct zone_spec *spec;
        uint64_t cookie;
        struct job *job;
        sd_event_source *timer;
        bool undoing;
        int error; /* what made it fail; HYPERVISOR_CPUS_LOST, too */
        struct err err;
        uint64_t began;
};

static void enter(struct task *t, enum step step);

static struct engine *engine_of(const struct task *t) {
        return t->zone->engine;
}

struct task *task_free(struct task *t) {
        if (t) {
                t->job = job_cancel(t->job);
                sd_event_source_disable_unref(t->timer);
                zone_spec_free(t->spec);
                free(t);
        }
        return NULL;
}

/* ---- its end -------------------------------------------------------------------------------------------- */

static void tell_success(const struct task *t) {
        unsigned ms = (engine_now(engine_of(t)) - t->began) / 1000;

        if (t->spec)
                engine_record(engine_of(t), LOG_NOTICE, MESSAGE_ZONE_STARTED, t->zone->name, NULL,
                              action_kind_to_string(t->kind), "done", "runs (started in %u ms)", ms);
        else
                engine_record(engine_of(t), LOG_NOTICE, MESSAGE_ZONE_STOPPED, t->zone->name, NULL,
                              action_kind_to_string(t->kind), "done", "is gone (in %u ms)", ms);
}

static void tell_failure(const struct task *t) {
        struct zone *z = t->zone;
        uint64_t now = engine_now(engine_of(t));
        char again[80] = "not tried again until its file changes or it is restarted by hand";

        if (!z->hopeless)
                snprintf(again, sizeof(again), "next try in %u s",
                         (unsigned) ((z->backoff.retry_at - now + SECOND - 1) / SECOND));
        engine_record(engine_of(t), LOG_ERR, MESSAGE_ZONE_FAILED, z->name, NULL, action_kind_to_string(t->kind),
                      "failed", "%s failed: %s; %s", action_kind_to_verb(t->kind), z->message, again);
}

static void fail_for_good(struct task *t) {
        struct zone *z = t->zone;

        z->failed = true;
        z->failed_cookie = t->cookie;
        z->hopeless = t->error == HYPERVISOR_CPUS_LOST;
        backoff_fail(&z->backoff, &backoff_zone, engine_now(engine_of(t)));
        if (z->hopeless) {
                char cpus[128];

                cpus_format(t->spec->cpus, cpus, sizeof(cpus));
                snprintf(z->message, sizeof(z->message), "CPU %s is lost until the board restarts", cpus);
                z->backoff.retry_at = 0;
        } else {
                snprintf(z->message, sizeof(z->message), "%s", err_text(&t->err, t->error));
        }
        tell_failure(t);
}

static void finish(struct task *t) {
        struct zone *z = t->zone;
        struct engine *e = engine_of(t);

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
        z->task = task_free(t);
        if (!z->fd_source)
                zone_unwatch(z); /* its object has gone meanwhile */
        engine_reconcile_soon(e);
}

/* Everything that was made goes again, in reverse order. */
static void undo(struct task *t, int error) {
        t->error = error;
        t->undoing = true;
        if (t->zone->fd >= 0 || zone_has_workers(t->zone))
                enter(t, STEP_END);
        else
                finish(t);
}

/* ---- steps ---------------------------------------------------------------------------------------------- */

static void run_job(struct task *t, job_work work, job_done done) {
        int r = job_start(engine_of(t)->config.event, work, done, t, &t->job);

        if (r < 0)
                done(t, err_set(&t->err, r, "a thread for it: %s", strerror(-r)), &t->err);
}

/* The job has freed itself; its story, if it failed, is ours now. */
static bool job_failed(struct task *t, int result, const struct err *err) {
        t->job = NULL;
        if (result == 0)
                return false;
        if (err != &t->err)
                t->err = *err;
        return true;
}

static int work_check(void *userdata, struct err *err) {
        const struct task *t = userdata;
        struct diagnostics diagnostics = {};
        char first[400];
        int r = zone_check_images(t->spec, &diagnostics);

        if (r < 0) {
                diagnostics_first_error(&diagnostics, first, sizeof(first));
                err_set(err, r, "%s", first[0] ? first : strerror(-r));
        }
        diagnostics_clear(&diagnostics);
        return r;
}

/* A restart is checked before anything is stopped: a wrong path must not take a running zone down. */
static void done_check(void *userdata, int result, const struct err *err) {
        struct task *t = userdata;

        if (job_failed(t, result, err)) {
                t->error = result;
                finish(t);
        } else {
                enter(t, t->kind == ACTION_ZONE_RESTART ? STEP_STOP : STEP_MAKE);
        }
}

static void enter_check(struct task *t) {
        run_job(t, work_check, done_check);
}

static int work_stop(void *userdata, struct err *err) {
        const struct task *t = userdata;

        return hypervisor_zone_stop(engine_of(t)->config.hypervisor, t->zone->fd, err);
}

static void done_stop(void *userdata, int result, const struct err *err) {
        struct task *t = userdata;

        if (job_failed(t, result, err)) {
                t->error = result;
                finish(t);
        } else {
                enter(t, STEP_END);
        }
}

static int open_object(struct task *t, struct err *err) {
        int fd, r;

        if (t->zone->fd >= 0)
                return 0;
        r = hypervisor_zone_open(engine_of(t)->config.hypervisor, t->id, &fd, err);
        return r < 0 ? r : zone_watch(t->zone, fd);
}

static void enter_stop(struct task *t) {
        int r = open_object(t, &t->err);

        if (r == 0) {
                run_job(t, work_stop, done_stop);
                return;
        }
        t->error = r;
        finish(t);
}

static int on_end_timeout(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        struct task *t = userdata;

        engine_record(engine_of(t), LOG_WARNING, MESSAGE_WORKER_FAILED, t->zone->name, NULL, "worker-end", "failed",
                      "workers do not end, not even by SIGKILL; their way into the zone is cut off");
        enter(t, STEP_DESTROY);
        return 0;
}

static void enter_end(struct task *t) {
        struct zone *z = t->zone;
        int r;

        for (size_t i = 0; i < z->num_workers; i++)
                worker_end(&z->workers[i]);
        r = zone_has_workers(z) ? sd_event_add_time_relative(engine_of(t)->config.event, &t->timer, CLOCK_MONOTONIC,
                                                             END_TIMEOUT, 100000, on_end_timeout, t)
                                : -ENOENT;
        if (r < 0)
                enter(t, STEP_DESTROY);
}

static int work_destroy(void *userdata, struct err *err) {
        const struct task *t = userdata;

        return hypervisor_zone_destroy(engine_of(t)->config.hypervisor, t->zone->fd, err);
}

static void forget_applied(struct task *t) {
        struct desired_zone *d = desired_find(&engine_of(t)->desired, t->zone->name);

        applied_remove(engine_of(t)->config.paths.specs_dir, t->zone->name);
        plan_clear(&engine_of(t)->plan); /* it may borrow the spec */
        if (d)
                d->applied = zone_spec_free(d->applied);
}

static void done_destroy(void *userdata, int result, const struct err *err) {
        struct task *t = userdata;
        struct err first = t->err;

        if (job_failed(t, result, err)) {
                if (t->undoing)
                        t->err = first;
                else
                        t->error = result;
                finish(t);
                return;
        }
        zone_unwatch(t->zone);
        forget_applied(t);
        if (t->kind == ACTION_ZONE_RESTART && !t->undoing) {
                enter(t, STEP_MAKE);
                return;
        }
        launcher_forget(engine_of(t)->config.launcher, t->zone->name);
        finish(t);
}

static void enter_destroy(struct task *t) {
        struct err err = {};
        int r = open_object(t, &err);

        if (r == -ENOENT && t->undoing)
                done_destroy(t, 0, &err);
        else if (r < 0)
                done_destroy(t, r, &err);
        else
                run_job(t, work_destroy, done_destroy);
}

static int make_zone(struct task *t) {
        struct engine *e = engine_of(t);
        struct zone_making making = {
                .spec = t->spec,
                .board = e->desired.board,
                .owner_cookie = zone_owner_cookie(t->zone->name),
        };
        int fd, r;

        if (!making.board)
                return err_set(&t->err, -ENODATA, "%s", e->desired.board_message ?: "no board.conf");
        making.spec_cookie = zone_spec_cookie(t->spec, making.board);
        r = hypervisor_zone_create(e->config.hypervisor, &making, &fd, &t->err);
        if (r < 0)
                return r;
        r = zone_watch(t->zone, fd);
        return r < 0 ? err_set(&t->err, r, "watching the zone object: %s", strerror(-r)) : 0;
}

static int make_device(struct task *t, const struct device_spec *d, int *ret_fd) {
        return hypervisor_device_create(engine_of(t)->config.hypervisor, t->zone->fd, d, ret_fd, &t->err);
}

static int launch(struct task *t, const struct device_spec *d, int device_fd) {
        struct worker *w = zone_worker(t->zone, d->name);

        if (!w)
                return err_set(&t->err, -E2BIG, "too many devices");
        backoff_reset(&w->backoff);
        return worker_launch(w, d, device_fd, &t->err);
}

/* Those of the zone's earlier life. One that would not even be killed is no longer ours to wait for. */
static void forget_workers(struct zone *z) {
        for (size_t i = 0; i < z->num_workers; i++)
                worker_forget(&z->workers[i]);
        z->num_workers = 0;
}

static void enter_make(struct task *t) {
        int fds[ZONE_DEVICES_MAX], r = make_zone(t);
        size_t made = 0;

        forget_workers(t->zone);
        t->id = t->spec->id;
        for (; r == 0 && made < t->spec->num_devices; made++) {
                r = make_device(t, &t->spec->devices[made], &fds[made]);
                if (r < 0)
                        break;
        }
        for (size_t i = 0; r == 0 && i < made; i++)
                r = launch(t, &t->spec->devices[i], fds[i]);
        while (made > 0)
                fd_close(fds[--made]);
        if (r < 0)
                undo(t, r);
        else
                enter(t, STEP_ATTACH);
}

static bool all_serve(const struct task *t) {
        for (size_t i = 0; i < t->spec->num_devices; i++) {
                const struct worker *w = zone_worker(t->zone, t->spec->devices[i].name);

                if (!w || !w->pid || w->starting)
                        return false;
        }
        return true;
}

static void look_who_serves(struct task *t) {
        struct engine *e = engine_of(t);
        const struct zone_live *l;

        if (engine_observe(e) < 0)
                return;
        l = live_find(&e->live, t->zone->name);
        if (l)
                workers_look(t->zone, l);
        if (all_serve(t))
                enter(t, STEP_LOAD);
}

static int work_load(void *userdata, struct err *err) {
        const struct task *t = userdata;
        const struct image_spec *images[] = { &t->spec->kernel, &t->spec->device_tree, &t->spec->initrd };
        struct hypervisor *h = engine_of(t)->config.hypervisor;

        for (size_t i = 0; i < ELEMENTSOF(images); i++) {
                int r = hypervisor_zone_load(h, t->zone->fd, images[i], err);

                if (r < 0)
                        return r;
        }
        return hypervisor_zone_start(h, t->zone->fd, t->spec, err);
}

static int remember_applied(struct task *t) {
        struct zone_spec *copy = NULL;
        struct desired_zone *d;
        int r = applied_copy(t->spec, &copy, NULL);

        if (r < 0)
                return r;
        plan_clear(&engine_of(t)->plan);
        d = desired_add(&engine_of(t)->desired, t->zone->name);
        if (!d) {
                zone_spec_free(copy);
                return -ENOMEM;
        }
        zone_spec_free(d->applied);
        d->applied = copy;
        return 0;
}

static void done_load(void *userdata, int result, const struct err *err) {
        struct task *t = userdata;

        if (job_failed(t, result, err)) {
                undo(t, result);
                return;
        }
        (void) remember_applied(t);
        finish(t);
}

/* Written before the start: a daemon that dies right after it finds what the zone runs with. */
static void enter_load(struct task *t) {
        int r = applied_write(engine_of(t)->config.paths.specs_dir, t->spec, &t->err);

        if (r < 0)
                undo(t, r);
        else
                run_job(t, work_load, done_load);
}

/* ---- the machine ---------------------------------------------------------------------------------------- */

static const struct {
        enum zone_phase phase;
        const char *text;
        void (*enter)(struct task *t);
} steps[_STEP_MAX] = {
        [STEP_CHECK] = { PHASE_STARTING, "checking its images", enter_check },
        [STEP_STOP] = { PHASE_STOPPING, "being shut down", enter_stop },
        [STEP_END] = { PHASE_STOPPING, "waiting for its workers to end", enter_end },
        [STEP_DESTROY] = { PHASE_STOPPING, "being taken apart", enter_destroy },
        [STEP_MAKE] = { PHASE_STARTING, "being put together", enter_make },
        [STEP_ATTACH] = { PHASE_STARTING, "waiting for its workers", look_who_serves },
        [STEP_LOAD] = { PHASE_STARTING, "loading its images", enter_load },
};

static void enter(struct task *t, enum step step) {
        t->timer = sd_event_source_disable_unref(t->timer);
        t->step = step;
        steps[step].enter(t);
}

enum zone_phase task_phase(const struct task *t) {
        return steps[t->step].phase;
}

const char *task_text(const struct task *t) {
        return t->undoing ? err_text(&t->err, t->error) : steps[t->step].text;
}

void task_notice(struct task *t, const struct worker *ended) {
        if (t->step == STEP_END && !zone_has_workers(t->zone))
                enter(t, STEP_DESTROY);
        else if (t->step == STEP_ATTACH && ended)
                undo(t, err_set(&t->err, -ECHILD, "device %s: %s", ended->name, ended->message));
        else if (t->step == STEP_ATTACH)
                look_who_serves(t);
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

        if (!t)
                return;
        *t = (struct task){ .zone = z, .kind = a->kind, .id = a->id, .began = engine_now(z->engine) };
        z->task = t;
        engine_record(z->engine, LOG_NOTICE, MESSAGE_ZONE_ACTION, z->name, NULL, action_kind_to_string(a->kind), "begun",
                      "%s: %s", action_kind_to_verb(a->kind), a->reason);
        if (a->spec) {
                r = applied_copy(a->spec, &t->spec, &t->err);
                t->cookie = engine_spec_cookie(z->engine, a->spec);
        }
        if (r < 0) {
                t->error = r;
                finish(t);
                return;
        }
        enter(t, first[a->kind]);
}
