/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/fd.h"
#include "engine/internal.h"

#define POLL_INTERVAL (1 * SECOND)      /* the hypervisor sends no event when a zone ends */
#define POLL_ACCURACY (250 * 1000)      /* µs: let it share a wake-up */

/* ---- small things --------------------------------------------------------------------------------------- */

uint64_t engine_now(const struct engine *e) {
        struct timespec t;

        if (e->config.now)
                return e->config.now(e->config.userdata);
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * SECOND + t.tv_nsec / 1000;
}

uint64_t engine_spec_cookie(const struct engine *e, const struct zone_spec *z) {
        return z && e->desired.board ? zone_spec_cookie(z, e->desired.board) : 0;
}

void engine_record(struct engine *e, int level, const char *message_id, const char *zone, const char *device,
                   const char *action, const char *result, const char *format, ...) {
        char text[ERR_TEXT_SIZE + 128];
        struct record record = {
                .level = level,
                .message_id = message_id,
                .zone = zone,
                .device = device,
                .action = action,
                .result = result,
                .text = text,
        };
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (e->config.record)
                e->config.record(e->config.userdata, &record);
}

static struct zone *find_zone(const struct engine *e, const char *name) {
        for (size_t i = 0; i < e->num_zones; i++)
                if (strcmp(e->zones[i]->name, name) == 0)
                        return e->zones[i];
        return NULL;
}

struct zone *engine_zone(struct engine *e, const char *name) {
        struct zone *z = find_zone(e, name), **zones;

        if (z)
                return z;
        zones = reallocarray(e->zones, e->num_zones + 1, sizeof(*zones));
        if (!zones)
                return NULL;
        e->zones = zones;
        z = calloc(1, sizeof(*z));
        if (!z)
                return NULL;
        *z = (struct zone){ .engine = e, .fd = -1 };
        snprintf(z->name, sizeof(z->name), "%s", name);
        zones[e->num_zones++] = z;
        return z;
}

static void zone_free(struct zone *z) {
        z->task = task_free(z->task);
        for (size_t i = 0; i < z->num_workers; i++)
                worker_forget(&z->workers[i]);
        zone_unwatch(z);
        free(z->last_note);
        free(z);
}

bool engine_busy(const struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++) {
                if (e->zones[i]->task)
                        return true;
                for (size_t j = 0; j < e->zones[i]->num_workers; j++)
                        if (e->zones[i]->workers[j].starting || e->zones[i]->workers[j].ending)
                                return true;
        }
        return false;
}

static void zone_forgive(struct zone *z) {
        backoff_reset(&z->backoff);
        z->failed = z->hopeless = false;
        z->failed_cookie = 0;
        z->restarts = 0;
        z->message[0] = '\0';
}

/* ---- watching a zone's object --------------------------------------------------------------------------- */

static int on_zone_event(sd_event_source *s _unused_, int fd, uint32_t events, void *userdata) {
        struct zone *z = userdata;

        (void) hypervisor_zone_acknowledge(z->engine->config.hypervisor, fd);
        if (events & (EPOLLHUP | EPOLLERR)) {
                /* The object is gone. A task's thread may be using the descriptor: then the task closes it. */
                z->fd_source = sd_event_source_disable_unref(z->fd_source);
                if (!z->task)
                        zone_unwatch(z);
        }
        if (z->task)
                task_notice(z->task, NULL);
        engine_reconcile_soon(z->engine);
        return 0;
}

int zone_watch(struct zone *z, int fd) {
        int r = sd_event_add_io(z->engine->config.event, &z->fd_source, fd, EPOLLIN, on_zone_event, z);

        if (r < 0) {
                fd_close(fd);
                return r;
        }
        z->fd = fd;
        return 0;
}

void zone_unwatch(struct zone *z) {
        z->fd_source = sd_event_source_disable_unref(z->fd_source);
        z->fd = fd_close(z->fd);
}

/* ---- observe -------------------------------------------------------------------------------------------- */

int engine_observe(struct engine *e) {
        struct live live = {};
        struct err err = {};
        int r = hypervisor_observe(e->config.hypervisor, &live, &err);

        if (r < 0) {
                if (r != e->observe_error)
                        engine_record(e, LOG_ERR, MESSAGE_ENGINE, NULL, NULL, "observe", "failed", "%s", err_text(&err, r));
                e->observe_error = r;
                return r;
        }
        e->observe_error = 0;
        live_clear(&e->live);
        e->live = live;
        return 0;
}

static bool ours(const struct zone_live *l) {
        enum zone_state state = zone_live_state(l);

        return state != ZONE_FOREIGN && state != ZONE_ABSENT;
}

/* Opens the objects of zones that an earlier daemon made; takes in their workers. */
static bool look_at_zones(struct engine *e) {
        bool found = false;

        for (size_t i = 0; i < e->live.num_zones; i++) {
                const struct zone_live *l = &e->live.zones[i];
                struct zone *z = ours(l) ? engine_zone(e, l->name) : NULL;
                int fd;

                if (!z)
                        continue;
                if (z->fd < 0 && !z->task &&
                    hypervisor_zone_open(e->config.hypervisor, l->id, &fd, NULL) == 0)
                        (void) zone_watch(z, fd);
                found |= workers_look(z, l);
        }
        return found;
}

static void confirm_workers(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++) {
                const struct zone_live *l = live_find(&e->live, e->zones[i]->name);

                workers_confirm(e->zones[i], l ?: &(struct zone_live){});
        }
}

static int observe_all(struct engine *e) {
        int r = engine_observe(e);

        if (r < 0 || !look_at_zones(e))
                return r;
        r = engine_observe(e);
        confirm_workers(e);
        return r;
}

/* ---- tell ----------------------------------------------------------------------------------------------- */

static void tell_ends(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++) {
                struct zone *z = e->zones[i];
                enum zone_state state = zone_live_state(live_find(&e->live, z->name)), before = z->last_state;

                if (z->task)
                        continue;
                z->last_state = state;
                if (state == before || before != ZONE_RUNNING)
                        continue;
                if (state == ZONE_EXITED)
                        engine_record(e, LOG_NOTICE, MESSAGE_ZONE_ENDED, z->name, NULL, "zone", "exited",
                                      "its guest powered off");
                else if (state == ZONE_ERROR)
                        engine_record(e, LOG_ERR, MESSAGE_ZONE_ENDED, z->name, NULL, "zone", "error",
                                      "its guest accessed memory outside its regions");
        }
}

/* True if @text differs from what was told last, which it replaces. */
static bool is_news(char **last, const char *text) {
        char *copy;

        if (*last && text && strcmp(*last, text) == 0)
                return false;
        if (!*last && !text)
                return false;
        copy = text ? strdup(text) : NULL;
        free(*last);
        *last = copy;
        return true;
}

static int note_level(enum note_kind kind) {
        switch (kind) {
        case NOTE_REFUSED:
        case NOTE_BAD_FILE:
        case NOTE_LOST:
                return LOG_ERR;
        case NOTE_WAITING:
                return LOG_WARNING;
        case NOTE_FOREIGN:
        case NOTE_ENDED:
        case _NOTE_KIND_MAX:
                break;
        }
        return LOG_NOTICE;
}

static void tell_notes(struct engine *e) {
        for (size_t i = 0; i < e->plan.num_notes; i++) {
                const struct note *n = &e->plan.notes[i];
                struct zone *z = n->zone[0] ? engine_zone(e, n->zone) : NULL;

                if (n->zone[0] && !z)
                        continue;
                if (is_news(z ? &z->last_note : &e->lost_note, n->text))
                        engine_record(e, note_level(n->kind), MESSAGE_ZONE_NOTE, z ? n->zone : NULL, NULL, "plan",
                                      note_kind_to_string(n->kind), "%s: %s", note_kind_to_string(n->kind), n->text);
        }
        for (size_t i = 0; i < e->num_zones; i++)
                if (!plan_find_note(&e->plan, e->zones[i]->name))
                        (void) is_news(&e->zones[i]->last_note, NULL);
        if (!e->desired.lost)
                (void) is_news(&e->lost_note, NULL);
}

/* ---- execute -------------------------------------------------------------------------------------------- */

/* It ended by failure: when to try again is settled once, at the first sight of it. */
static void note_failure(struct zone *z, const struct action *a, uint64_t cookie) {
        z->failed = true;
        z->failed_cookie = cookie;
        snprintf(z->message, sizeof(z->message), "%s", a->reason);
        backoff_fail(&z->backoff, &backoff_zone, engine_now(z->engine));
}

static void execute_zone(struct engine *e, const struct action *a) {
        struct zone *z = engine_zone(e, a->zone);
        uint64_t cookie = engine_spec_cookie(e, a->spec);

        if (!z || z->task)
                return;
        if (z->failed && cookie != z->failed_cookie)
                zone_forgive(z);
        if (a->repair && !z->failed)
                note_failure(z, a, cookie);
        if (z->failed && (z->hopeless || backoff_waits(&z->backoff, engine_now(e))))
                return;
        if (z->failed && a->spec)
                z->restarts++;
        task_start(z, a);
}

static const struct device_spec *find_device(const struct zone_spec *z, const char *name) {
        for (size_t i = 0; i < z->num_devices; i++)
                if (strcmp(z->devices[i].name, name) == 0)
                        return &z->devices[i];
        return NULL;
}

static void execute_worker(struct engine *e, const struct action *a) {
        struct zone *z = engine_zone(e, a->zone);
        const struct device_spec *d = find_device(a->spec, a->device);
        struct worker *w = z ? zone_worker(z, a->device) : NULL;

        if (!w || !d || z->task || z->fd < 0 || w->starting || w->ending || w->found)
                return;
        if (w->pid && a->repair) {
                /* Without its device it is of no use; often it is dying already, and how will be told. */
                worker_give_up(w, a->kind == ACTION_WORKER_RESTART ? a->reason : "");
        } else if (w->pid) {
                engine_record(e, LOG_NOTICE, MESSAGE_WORKER_ENDED, z->name, w->name, action_kind_to_string(a->kind), "begun",
                              "worker %d is replaced: %s", (int) w->pid, a->reason);
                worker_end(w);
        } else if (!backoff_waits(&w->backoff, engine_now(e))) {
                worker_start(w, d);
        }
}

static bool is_worker_action(const struct action *a) {
        return a->kind == ACTION_WORKER_START || a->kind == ACTION_WORKER_RESTART;
}

/* What a person's restart starts from: the file where it can be had, else what the zone has. */
static const struct zone_spec *restart_spec(const struct engine *e, const struct zone *z, const struct zone_live *l) {
        const struct desired_zone *d = desired_find(&e->desired, z->name);
        const struct note *n = plan_find_note(&e->plan, z->name);

        if (!d)
                return NULL;
        if (d->file_state == FILE_GOOD && (!n || n->kind == NOTE_ENDED))
                return d->spec;
        return engine_spec_cookie(e, d->applied) == l->spec_cookie ? d->applied : NULL;
}

static void execute_requests(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++) {
                struct zone *z = e->zones[i];
                const struct zone_live *l = live_find(&e->live, z->name);
                struct action a = { .kind = ACTION_ZONE_RESTART, .reason = (char *) "asked for by hand" };
                enum zone_state state = zone_live_state(l);

                if (!z->restart_requested || z->task)
                        continue;
                z->restart_requested = false;
                if (state != ZONE_RUNNING && state != ZONE_ERROR && state != ZONE_EXITED)
                        continue; /* the plan starts it */
                a.id = l->id;
                a.spec = restart_spec(e, z, l);
                snprintf(a.zone, sizeof(a.zone), "%s", z->name);
                if (a.spec)
                        task_start(z, &a);
                else
                        engine_record(e, LOG_ERR, MESSAGE_ZONE_FAILED, z->name, NULL, "zone-restart", "refused",
                                      "its settings are not known: its file is bad or gone");
        }
}

static bool plan_acts_on(const struct plan *p, const char *zone) {
        for (size_t i = 0; i < p->num_actions; i++)
                if (!is_worker_action(&p->actions[i]) && strcmp(p->actions[i].zone, zone) == 0)
                        return true;
        return false;
}

/* What failed is no longer wanted: nothing is to be told or tried again. */
static void drop_failures(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++) {
                struct zone *z = e->zones[i];

                if (!z->failed || z->task || plan_acts_on(&e->plan, z->name))
                        continue;
                z->failed = z->hopeless = false;
                z->backoff.retry_at = 0;
                z->message[0] = '\0';
        }
}

/* A task that ends at once may empty the plan: then there is nothing left to do here, and a new pass comes. */
static void execute(struct engine *e) {
        execute_requests(e);
        for (size_t i = 0; i < e->plan.num_actions; i++) {
                const struct action *a = &e->plan.actions[i];

                if (is_worker_action(a))
                        execute_worker(e, a);
                else
                        execute_zone(e, a);
        }
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

/* Zones of which nothing is left: no file, no object, no process. */
static void forget_zones(struct engine *e) {
        size_t kept = 0;

        for (size_t i = 0; i < e->num_zones; i++) {
                struct zone *z = e->zones[i];

                if (z->task || zone_has_workers(z) || desired_find(&e->desired, z->name) ||
                    live_find(&e->live, z->name) || live_find_foreign(&e->live, z->name))
                        e->zones[kept++] = z;
                else
                        zone_free(z);
        }
        e->num_zones = kept;
}

/* What lies in the past waits for nothing that a clock could bring. */
static void earlier(uint64_t *when, uint64_t other, uint64_t now) {
        if (other > now && other < *when)
                *when = other;
}

static void set_timer(struct engine *e) {
        uint64_t now = engine_now(e), when = UINT64_MAX, accuracy = 1000;

        for (size_t i = 0; i < e->num_zones; i++) {
                const struct zone *z = e->zones[i];

                if (z->failed && !z->task)
                        earlier(&when, z->backoff.retry_at, now);
                for (size_t j = 0; j < z->num_workers; j++)
                        if (!z->workers[j].pid)
                                earlier(&when, z->workers[j].backoff.retry_at, now);
        }
        for (size_t i = 0; i < e->live.num_zones || e->observe_error; i++)
                if (e->observe_error || e->live.zones[i].listed) {
                        if (when > now + POLL_INTERVAL)
                                accuracy = POLL_ACCURACY;
                        earlier(&when, now + POLL_INTERVAL, now);
                        break;
                }
        if (when == UINT64_MAX) {
                sd_event_source_set_enabled(e->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time_relative(e->timer, when - now);
        sd_event_source_set_time_accuracy(e->timer, accuracy);
        sd_event_source_set_enabled(e->timer, SD_EVENT_ONESHOT);
}

void engine_reconcile(struct engine *e) {
        if (observe_all(e) == 0) {
                plan_clear(&e->plan);
                if (plan_make(&e->desired, &e->live, &e->plan) == 0) {
                        tell_ends(e);
                        tell_notes(e);
                        drop_failures(e);
                        execute(e);
                }
                forget_zones(e);
        }
        set_timer(e);
        if (e->config.changed)
                e->config.changed(e->config.userdata);
}

static int on_reconcile(sd_event_source *s _unused_, void *userdata) {
        engine_reconcile(userdata);
        return 0;
}

static int on_timer(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        engine_reconcile(userdata);
        return 0;
}

void engine_reconcile_soon(struct engine *e) {
        sd_event_source_set_enabled(e->reconcile_source, SD_EVENT_ONESHOT);
}

int engine_reload(struct engine *e) {
        int r;

        plan_clear(&e->plan); /* it borrows specs */
        r = desired_load(&e->desired, &e->config.paths);
        if (r < 0)
                return r;
        engine_reconcile(e);
        return 0;
}

/* ---- asked from outside --------------------------------------------------------------------------------- */

int engine_restart(struct engine *e, const char *name, struct err *err) {
        struct zone *z;

        if (!zone_name_valid(name))
                return err_set(err, -EINVAL, "\"%s\" is not a zone's name", name);
        if (live_find_foreign(&e->live, name))
                return err_set(err, -EPERM, "zone %s was not started by the reconciler, which leaves it alone", name);
        if (!desired_find(&e->desired, name) && !live_find(&e->live, name))
                return err_set(err, -ENOENT, "there is no zone %s", name);
        z = engine_zone(e, name);
        if (!z)
                return -ENOMEM;
        zone_forgive(z);
        for (size_t i = 0; i < z->num_workers; i++)
                backoff_reset(&z->workers[i].backoff);
        z->restart_requested = true;
        engine_reconcile_soon(e);
        return 0;
}

static void fill_history(const struct zone *z, struct zone_history *h) {
        *h = (struct zone_history){
                .phase = z->task ? task_phase(z->task) : PHASE_IDLE,
                .failed = z->failed,
                .restarts = z->restarts,
                .retry_at = z->failed && !z->task ? z->backoff.retry_at : 0,
                .num_devices = z->num_workers,
        };
        memcpy(h->name, z->name, sizeof(h->name));
        snprintf(h->message, sizeof(h->message), "%s", z->task ? task_text(z->task) : z->message);
        for (size_t i = 0; i < z->num_workers; i++) {
                const struct worker *w = &z->workers[i];
                struct device_history *d = &h->devices[i];

                memcpy(d->name, w->name, sizeof(d->name));
                memcpy(d->message, w->message, sizeof(d->message));
                d->starting = w->starting;
                d->failed = !w->pid && backoff_waits(&w->backoff, engine_now(z->engine));
        }
}

json_t *engine_status(struct engine *e) {
        _cleanup_free_ struct zone_history *history = calloc(e->num_zones + 1, sizeof(*history));
        struct status_input in = {
                .daemon_running = true,
                .daemon_pid = getpid(),
                .version = e->config.version,
                .desired = &e->desired,
                .plan = &e->plan,
                .history = history,
                .num_history = e->num_zones,
                .now = engine_now(e),
        };

        if (!history)
                return NULL;
        if (engine_observe(e) == 0)
                in.live = &e->live;
        for (size_t i = 0; i < e->num_zones; i++)
                fill_history(e->zones[i], &history[i]);
        return status_to_json(&in);
}

json_t *engine_plan(struct engine *e) {
        struct plan plan = {};
        json_t *j = NULL;

        if (engine_observe(e) == 0 && plan_make(&e->desired, &e->live, &plan) == 0)
                j = plan_to_json(&plan);
        plan_clear(&plan);
        return j;
}

/* ---- life ----------------------------------------------------------------------------------------------- */

int engine_new(const struct engine_config *config, struct engine **ret) {
        struct engine *e = calloc(1, sizeof(*e));
        int r;

        if (!e)
                return -ENOMEM;
        e->config = *config;
        r = sd_event_add_defer(config->event, &e->reconcile_source, on_reconcile, e);
        if (r >= 0)
                r = sd_event_source_set_enabled(e->reconcile_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(config->event, &e->timer, CLOCK_MONOTONIC, 0, 0, on_timer, e);
        if (r >= 0)
                r = sd_event_source_set_enabled(e->timer, SD_EVENT_OFF);
        if (r < 0) {
                engine_free(e);
                return r;
        }
        *ret = e;
        return 0;
}

struct engine *engine_free(struct engine *e) {
        if (!e)
                return NULL;
        for (size_t i = 0; i < e->num_zones; i++)
                zone_free(e->zones[i]);
        free(e->zones);
        plan_clear(&e->plan);
        live_clear(&e->live);
        desired_clear(&e->desired);
        free(e->lost_note);
        sd_event_source_disable_unref(e->reconcile_source);
        sd_event_source_disable_unref(e->timer);
        free(e);
        return NULL;
}
