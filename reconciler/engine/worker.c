/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One device's process. Our own children and those of an earlier daemon are
 * treated alike: a pidfd tells when they end.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/system_calls.h"
#include "engine/internal.h"

#define KILL_AFTER     (2 * SECOND)
#define ATTACH_TIMEOUT (10 * SECOND)

struct worker *zone_worker(struct zone *z, const char *device) {
        struct worker *w;

        for (size_t i = 0; i < z->num_workers; i++)
                if (strcmp(z->workers[i].name, device) == 0)
                        return &z->workers[i];
        if (z->num_workers == ELEMENTSOF(z->workers))
                return NULL;
        w = &z->workers[z->num_workers++];
        *w = (struct worker){ .zone = z, .pidfd = -1 };
        snprintf(w->name, sizeof(w->name), "%s", device);
        return w;
}

bool zone_has_workers(const struct zone *z) {
        for (size_t i = 0; i < z->num_workers; i++)
                if (z->workers[i].pid)
                        return true;
        return false;
}

void worker_forget(struct worker *w) {
        w->exit_source = sd_event_source_disable_unref(w->exit_source);
        w->timer = sd_event_source_disable_unref(w->timer);
        w->pidfd = fd_close(w->pidfd);
        w->pid = 0;
        w->generation = 0;
        w->starting = w->ending = w->found = false;
}

/* ---- the end of one --------------------------------------------------------------------------------- */

static void describe_exit(const struct worker *w, char *buffer, size_t size) {
        siginfo_t info = {};

        if (waitid(P_PIDFD, w->pidfd, &info, WEXITED) < 0 || info.si_pid == 0)
                snprintf(buffer, size, "ended"); /* an earlier daemon's child: its status went to PID 1 */
        else if (info.si_code == CLD_EXITED)
                snprintf(buffer, size, "exited with status %d", info.si_status);
        else
                snprintf(buffer, size, "was killed by signal %d (%s)", info.si_status,
                         sigabbrev_np(info.si_status) ?: "?");
}

static void fail(struct worker *w) {
        struct engine *e = w->zone->engine;
        uint64_t now = engine_now(e);
        bool waits;

        backoff_fail(&w->backoff, &backoff_worker, now);
        waits = backoff_waits(&w->backoff, now);
        engine_record_why(e, LOG_WARNING, waits ? MESSAGE_WORKER_FAILED : MESSAGE_WORKER_ENDED, w->zone->name, w->name,
                          "worker", "failed", w->message, "%s%s", w->message,
                          waits ? "; it fails too often and is started again after a while" : "");
}

static int on_exit_of_worker(sd_event_source *s _unused_, int fd _unused_, uint32_t events _unused_, void *userdata) {
        struct worker *w = userdata;
        struct zone *z = w->zone;
        bool told = w->ending;
        char how[96];

        describe_exit(w, how, sizeof(how));
        if (!told && !w->message[0])
                snprintf(w->message, sizeof(w->message), "worker %d %s%s", (int) w->pid, how,
                         w->starting ? " before it served" : "");
        worker_forget(w);
        if (!told && (!z->task || !task_minds_workers(z->task)))
                fail(w);
        if (z->task)
                task_notice(z->task, w);
        engine_reconcile_soon(z->engine);
        return 0;
}

static int on_kill_time(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        struct worker *w = userdata;

        sys_pidfd_send_signal(w->pidfd, SIGKILL, NULL, 0);
        return 0;
}

static int set_timer(struct worker *w, uint64_t after, sd_event_time_handler_t handler) {
        w->timer = sd_event_source_disable_unref(w->timer);
        return sd_event_add_time_relative(w->zone->engine->config.event, &w->timer, CLOCK_MONOTONIC, after, 100000,
                                          handler, w);
}

void worker_end(struct worker *w) {
        if (!w->pid || w->ending)
                return;
        w->ending = true;
        w->starting = false;
        w->message[0] = '\0';
        if (sys_pidfd_send_signal(w->pidfd, SIGTERM, NULL, 0) < 0 || set_timer(w, KILL_AFTER, on_kill_time) < 0)
                sys_pidfd_send_signal(w->pidfd, SIGKILL, NULL, 0);
}

void worker_stop(struct worker *w, const char *reason) {
        struct engine *e = w->zone->engine;
        struct err err = {};
        int r;

        worker_abandon_opening(w);
        backoff_reset(&w->backoff);
        if (w->pid) {
                engine_record_why(e, LOG_NOTICE, MESSAGE_WORKER_ENDED, w->zone->name, w->name, "worker-stop", "begun",
                                  reason, "worker %d is stopped: %s", (int) w->pid, reason);
                worker_end(w);
                return;
        }
        r = hypervisor_device_withdraw(e->config.hypervisor, w->zone->fd, w->name, &err);
        w->message[0] = '\0';
        if (r < 0 && r != -EBUSY) /* it is not quite gone: an event follows */
                snprintf(w->message, sizeof(w->message), "%.255s", err_text(&err, r));
}

void worker_give_up(struct worker *w, const char *why) {
        if (why)
                snprintf(w->message, sizeof(w->message), "worker %d %s", (int) w->pid, why);
        sys_pidfd_send_signal(w->pidfd, SIGKILL, NULL, 0);
}

/* ---- the beginning of one --------------------------------------------------------------------------- */

static int watch_exit(struct worker *w) {
        return sd_event_add_io(w->zone->engine->config.event, &w->exit_source, w->pidfd, EPOLLIN, on_exit_of_worker, w);
}

static int on_attach_time(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        worker_give_up(userdata, "did not attach to its device in time");
        return 0;
}

int worker_launch(struct worker *w, const struct device_spec *d, int device_fd, int image_fd, struct err *err) {
        struct engine *e = w->zone->engine;
        struct launch_request request = {
                .zone = w->zone->name,
                .zone_id = w->zone->id,
                .device = d,
                .cookie = device_spec_cookie(d),
                .device_fd = device_fd,
                .image_fd = image_fd,
                .urgent = !w->zone->task,
        };
        int r = launcher_launch(e->config.launcher, &request, &w->pid, &w->pidfd, err);

        if (r < 0) {
                w->pid = 0;
                return r;
        }
        w->starting = true;
        w->message[0] = '\0';
        r = watch_exit(w);
        if (r >= 0)
                r = set_timer(w, e->config.attach_timeout ?: ATTACH_TIMEOUT, on_attach_time);
        if (r < 0) {
                sys_pidfd_send_signal(w->pidfd, SIGKILL, NULL, 0);
                worker_forget(w);
                return err_set(err, r, "watching worker of %s: %s", d->name, strerror(-r));
        }
        return 0;
}

/* What somebody else has to start first (-ENOTCONN) is no failure of the worker's: told once, looked for steadily. */
static void not_started(struct worker *w, int r, const char *why) {
        struct engine *e = w->zone->engine;
        bool known = r == -ENOTCONN && strncmp(w->message, why, sizeof(w->message) - 1) == 0;

        snprintf(w->message, sizeof(w->message), "%.255s", why);
        if (r == -ENOTCONN)
                backoff_wait(&w->backoff, engine_now(e));
        else
                backoff_fail(&w->backoff, &(struct backoff_policy){ .health = backoff_worker.health }, engine_now(e));
        if (!known)
                engine_record_why(e, LOG_ERR, MESSAGE_WORKER_FAILED, w->zone->name, w->name, "worker-start", "failed",
                                  w->message, "%s", w->message);
}

void worker_start(struct worker *w, const struct device_spec *d, int image_fd, int r, const struct err *first) {
        struct engine *e = w->zone->engine;
        _cleanup_close_ int device_fd = -1;
        struct err err = *first;

        if (r == 0)
                r = hypervisor_device_open(e->config.hypervisor, w->zone->fd, d->name, &device_fd, &err);
        if (r == 0)
                r = worker_launch(w, d, device_fd, image_fd, &err);
        if (r < 0)
                not_started(w, r, err_text(&err, r));
}

/* ---- what is observed of them ----------------------------------------------------------------------- */

static void attached(struct worker *w, const struct device_live *d) {
        struct engine *e = w->zone->engine;

        w->starting = false;
        w->timer = sd_event_source_disable_unref(w->timer);
        w->generation = d->generation;
        w->message[0] = '\0';
        backoff_succeed(&w->backoff, engine_now(e));
        engine_record(e, LOG_INFO, MESSAGE_WORKER_STARTED, w->zone->name, w->name, "worker-start", "done",
                      "worker %d serves", (int) w->pid);
}

/* One that hangs has lost its device and may hold its image still: it has to be seen to its end. */
static bool is_there(const struct device_live *d) {
        return (d->attached || d->hung) && d->worker_pid > 0;
}

/*
 * A pid from a list may be another process's by the time that pidfd_open(2) sees
 * it. If the device still has that attachment afterwards, it was not.
 */
static bool find(struct worker *w, const struct device_live *d) {
        w->pidfd = sys_pidfd_open(d->worker_pid, 0);
        w->zone->engine->incomplete |= w->pidfd < 0;
        if (w->pidfd < 0)
                return false;
        w->pid = d->worker_pid;
        w->generation = d->generation;
        w->found = true;
        return true;
}

bool workers_look(struct zone *z, const struct zone_live *l) {
        bool found = false;

        for (size_t i = 0; i < l->num_devices; i++) {
                const struct device_live *d = &l->devices[i];
                struct worker *w = zone_worker(z, d->name);

                if (!w || !is_there(d))
                        continue;
                if (w->found)
                        found = true; /* an earlier second look failed */
                else if (w->pid == 0)
                        found |= find(w, d);
                else if (w->pid == d->worker_pid && w->starting && d->attached)
                        attached(w, d);
        }
        return found;
}

static void adopt(struct worker *w) {
        const struct engine *e = w->zone->engine;
        const struct desired_zone *d = desired_find(&e->desired, w->zone->name);
        const struct adopted_worker adopted = {
                .zone = w->zone->name,
                .device = w->name,
                .settings = d && d->applied ? zone_spec_find_device(d->applied, w->name) : NULL,
                .pid = w->pid,
                .pidfd = w->pidfd,
        };

        launcher_adopt(e->config.launcher, &adopted);
}

void workers_confirm(struct zone *z, const struct zone_live *l) {
        for (size_t i = 0; i < z->num_workers; i++) {
                struct worker *w = &z->workers[i];
                const struct device_live *d = zone_live_find_device(l, w->name);

                if (!w->found)
                        continue;
                if (!d || !is_there(d) || d->worker_pid != w->pid || d->generation != w->generation ||
                    watch_exit(w) < 0) {
                        z->engine->incomplete = true; /* somebody else may serve it by now */
                        worker_forget(w);
                        continue;
                }
                w->found = false;
                backoff_succeed(&w->backoff, engine_now(z->engine));
                adopt(w);
                engine_record(z->engine, LOG_INFO, MESSAGE_WORKER_STARTED, z->name, w->name, "worker-adopt", "done",
                              "worker %d %s", (int) w->pid, d->hung ? "hangs" : "goes on");
        }
}
