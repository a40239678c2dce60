/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "engine/internal.h"

#define POLL_INTERVAL (1 * SECOND)  /* the hypervisor sends no event when a zone ends */
#define POLL_ACCURACY (250 * 1000)  /* µs: let it share a wake-up */
#define RETRY_AFTER   (1 * SECOND)  /* what there was no memory for, or too few descriptors */
#define REREAD_AFTER  (10 * SECOND) /* files that a disk or a server does not give just now */

/* ---- small things ----------------------------------------------------------------------------------- */

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

uint64_t engine_spec_hash(const struct engine *e, const struct zone_spec *z) {
        return z ? zone_spec_hash(z) ^ engine_spec_cookie(e, z) : 0;
}

void engine_record_why(struct engine *e, int level, const char *message_id, const char *zone, const char *device,
                       const char *action, const char *result, const char *reason, const char *format, ...) {
        char text[ERR_TEXT_SIZE + 128];
        struct record record = {
                .level = level,
                .message_id = message_id,
                .zone = zone,
                .device = device,
                .action = action,
                .result = result,
                .reason = reason,
                .text = text,
        };
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (e->config.record)
                e->config.record(e->config.userdata, &record);
}

bool engine_busy(const struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++) {
                if (e->zones[i]->task)
                        return true;
                for (size_t j = 0; j < e->zones[i]->num_workers; j++)
                        if (e->zones[i]->workers[j].starting || e->zones[i]->workers[j].ending ||
                            e->zones[i]->workers[j].opening)
                                return true;
        }
        return false;
}

/* ---- observe ---------------------------------------------------------------------------------------- */

int engine_observe(struct engine *e) {
        struct live live = {};
        struct err err = {};
        int r = hypervisor_observe(e->config.hypervisor, &live, &err);

        if (r < 0) {
                if (r != e->observe_error)
                        engine_record(e, LOG_ERR, MESSAGE_ENGINE, NULL, NULL, "observe", "failed", "%s",
                                      err_text(&err, r));
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

static int open_zone(struct zone *z, uint32_t id) {
        int fd, r = hypervisor_zone_open(z->engine->config.hypervisor, id, &fd, NULL);

        return r < 0 ? r : zone_watch(z, id, fd);
}

/* Opens the objects of zones that an earlier daemon made; takes in their workers. */
static bool look_at_zones(struct engine *e) {
        bool found = false;

        for (size_t i = 0; i < e->live.num_zones; i++) {
                const struct zone_live *l = &e->live.zones[i];
                struct zone *z = ours(l) ? engine_zone(e, l->name) : NULL;

                e->incomplete |= ours(l) && !z;
                if (!z)
                        continue;
                if (z->fd < 0 && !z->task)
                        e->incomplete |= open_zone(z, l->id) < 0;
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
        if (r == 0)
                confirm_workers(e);
        return r;
}

/* An event may have come when nothing could be observed: who waited for it has missed it. */
static void notice_all(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++)
                if (e->zones[i]->task)
                        task_notice(e->zones[i]->task, NULL);
}

/* ---- plan ------------------------------------------------------------------------------------------- */

int engine_check_loaded(const struct engine *e, struct err *err) {
        if (e->desired.applied_known || e->desired.end)
                return 0;
        return err_set(err, -EAGAIN, "the zones' files could not be read yet: %s; they are read again every second",
                       strerror(-e->read_error));
}

int engine_make_plan(struct engine *e, struct plan *ret) {
        _cleanup_free_ const struct zone_spec **starting = calloc(e->num_zones + 1, sizeof(*starting));
        int r = engine_check_loaded(e, NULL);

        if (r < 0)
                return r;
        if (!starting)
                return -ENOMEM;
        e->desired.num_starting = 0;
        for (size_t i = 0; i < e->num_zones; i++)
                if (e->zones[i]->task && task_spec(e->zones[i]->task))
                        starting[e->desired.num_starting++] = task_spec(e->zones[i]->task);
        e->desired.starting = starting;
        r = plan_make(&e->desired, &e->live, ret);
        e->desired.starting = NULL;
        e->desired.num_starting = 0;
        return r;
}

/* ---- the loop --------------------------------------------------------------------------------------- */

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

static bool any_listed(const struct live *l) {
        for (size_t i = 0; i < l->num_zones; i++)
                if (l->zones[i].listed)
                        return true;
        return false;
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
        if (e->read_at)
                earlier(&when, MAX(e->read_at, now + 1), now);
        e->only_polls = when == UINT64_MAX && !e->observe_error;
        if (e->observe_error || e->incomplete || e->others_busy || e->plan.momentary || any_listed(&e->live)) {
                if (when > now + POLL_INTERVAL)
                        accuracy = POLL_ACCURACY;
                earlier(&when, now + POLL_INTERVAL, now);
        }
        if (when == UINT64_MAX) {
                sd_event_source_set_enabled(e->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time_relative(e->timer, when - now);
        sd_event_source_set_time_accuracy(e->timer, accuracy);
        sd_event_source_set_enabled(e->timer, SD_EVENT_ONESHOT);
}

/* Others make a zone, or take one down: its object comes and goes, and the list does not tell. */
static bool others_are_busy(const struct live *l) {
        for (size_t i = 0; i < l->num_zones; i++)
                if (!l->zones[i].listed && zone_live_state(&l->zones[i]) == ZONE_FOREIGN)
                        return true;
        return false;
}

static void act(struct engine *e) {
        plan_clear(&e->plan);
        forget_what_is_gone(e);
        if (engine_make_plan(e, &e->plan) < 0) {
                e->incomplete = true;
                return;
        }
        tell_ends(e);
        e->incomplete |= tell_notes(e) < 0;
        remember_what_was_taken(e);
        execute(e);
        upgrade_step(e);
}

void engine_reconcile(struct engine *e) {
        if (engine_check_loaded(e, NULL) < 0) {
                set_timer(e);
                return;
        }
        e->incomplete = false;
        if (observe_all(e) == 0) {
                e->listing = live_listing(&e->live);
                e->others_busy = others_are_busy(&e->live);
                notice_all(e);
                act(e);
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

/*
 * Nothing is under way, wanted or waited for: only a zone that comes, ends or goes wrong makes a difference. Notes may
 * stand for ever: files, the board, and devices and workers of ours tell of their changes, and the list of all zones.
 */
static bool settled(const struct engine *e) {
        return e->only_polls && !e->incomplete && e->plan.num_actions == 0 && !e->plan.momentary && !e->others_busy &&
               !engine_busy(e);
}

static bool listing_changed(struct engine *e) {
        struct live live = {};
        bool yes =
                hypervisor_observe_listed(e->config.hypervisor, &live, NULL) < 0 || live_listing(&live) != e->listing;

        live_clear(&live);
        return yes;
}

static int on_timer(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        struct engine *e = userdata;

        if (e->read_at && engine_now(e) >= e->read_at)
                (void) engine_reload(e); /* it has said what is wrong */
        else if (settled(e) && !listing_changed(e))
                set_timer(e);
        else
                engine_reconcile(e);
        return 0;
}

void engine_reconcile_soon(struct engine *e) {
        sd_event_source_set_enabled(e->reconcile_source, SD_EVENT_ONESHOT);
}

/* Nobody else would have them read again: no event tells that there is memory. */
static int loaded(struct engine *e, int r) {
        uint64_t again = r < 0 ? RETRY_AFTER : desired_unread(&e->desired) ? REREAD_AFTER : 0;

        if (r < 0 && r != e->read_error)
                engine_record(e, LOG_ERR, MESSAGE_ENGINE, NULL, NULL, "read", "failed",
                              "the zones' files cannot be read: %s; they are read again every second", strerror(-r));
        e->read_error = r;
        e->read_at = again ? engine_now(e) + again : 0;
        engine_reconcile(e); /* zones and workers end, whether files can be read or not */
        return r;
}

int engine_reload(struct engine *e) {
        plan_clear(&e->plan); /* it borrows specs */
        return loaded(e, desired_load(&e->desired, &e->config.paths));
}

int engine_reload_files(struct engine *e, const char *const *files, size_t num_files) {
        plan_clear(&e->plan);
        return loaded(e, desired_load_files(&e->desired, &e->config.paths, files, num_files));
}

void engine_end_all(struct engine *e, const char *reason) {
        plan_clear(&e->plan);
        desired_clear(&e->desired);
        e->desired.end = reason;
        engine_reconcile(e);
}

/* ---- life ------------------------------------------------------------------------------------------- */

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
        jobs_finish(&e->abandoned);
        upgrade_free(e);
        plan_clear(&e->plan);
        live_clear(&e->live);
        desired_clear(&e->desired);
        free(e->told);
        sd_event_source_disable_unref(e->reconcile_source);
        sd_event_source_disable_unref(e->timer);
        free(e);
        return NULL;
}
