/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the plan to deeds: which of its actions are begun now, and which wait. */
#include <stdio.h>
#include <string.h>

#include "engine/internal.h"

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

/* What the device serves, or did until its worker ended, if that is known. */
static const struct device_spec *earlier_device(const struct engine *e, const struct action *a, uint64_t cookie) {
        const struct desired_zone *wanted = desired_find(&e->desired, a->zone);
        const struct device_spec *d = wanted && wanted->applied ? find_device(wanted->applied, a->device) : NULL;

        return d && device_spec_cookie(d) == cookie ? d : NULL;
}

/* False: the image that the device is to have cannot be had. Told once. */
static bool image_is_good(struct engine *e, struct worker *w, const struct action *a, const struct device_spec *d) {
        struct diagnostics diagnostics = {};
        char first[160], refusal[sizeof(w->refusal)];
        bool good = zone_check_disk(a->spec, d, &diagnostics) == 0;

        diagnostics_first_error(&diagnostics, first, sizeof(first));
        diagnostics_clear(&diagnostics);
        if (good)
                return true;
        snprintf(refusal, sizeof(refusal), "%s; the device keeps the image that it has", first);
        if (strcmp(w->refusal, refusal) != 0)
                engine_record(e, LOG_ERR, MESSAGE_WORKER_FAILED, a->zone, a->device, action_kind_to_string(a->kind),
                              "refused", "%s", refusal);
        memcpy(w->refusal, refusal, sizeof(refusal));
        return false;
}

/*
 * A wrong path must not take a running disk away: a new image is looked at
 * before the worker that serves the old one is ended, and that one goes on, or
 * comes back. Return: what to serve; NULL: leave the worker that there is.
 */
static const struct device_spec *device_to_serve(struct engine *e, struct worker *w, const struct action *a) {
        const struct device_spec *d = find_device(a->spec, a->device);
        const struct zone_live *zone = live_find(&e->live, a->zone);
        const struct device_live *l = zone ? zone_live_find_device(zone, a->device) : NULL;

        if (!d || !l || device_spec_cookie(d) == l->cookie || image_is_good(e, w, a, d))
                return d;
        return w->pid && !a->repair ? NULL : earlier_device(e, a, l->cookie) ?: d;
}

static void execute_worker(struct engine *e, const struct action *a) {
        struct zone *z = engine_zone(e, a->zone);
        struct worker *w = z ? zone_worker(z, a->device) : NULL;
        const struct device_spec *d;

        if (!w || z->task || z->fd < 0 || w->starting || w->ending || w->found)
                return;
        d = device_to_serve(e, w, a);
        if (!d)
                return;
        if (w->pid && a->repair) {
                /* Without its device it is of no use; often it is dying already, and how will be told. */
                worker_give_up(w, a->kind == ACTION_WORKER_RESTART ? a->reason : NULL);
        } else if (w->pid) {
                engine_record(e, LOG_NOTICE, MESSAGE_WORKER_ENDED, z->name, w->name, action_kind_to_string(a->kind),
                              "begun", "worker %d is replaced: %s", (int) w->pid, a->reason);
                worker_end(w);
        } else if (!backoff_waits(&w->backoff, engine_now(e))) {
                worker_start(w, d);
        }
}

static bool is_worker_action(const struct action *a) {
        return a->kind == ACTION_WORKER_START || a->kind == ACTION_WORKER_RESTART;
}

const struct zone_spec *restart_spec(const struct engine *e, const char *zone, const struct plan *p) {
        const struct desired_zone *d = desired_find(&e->desired, zone);
        const struct zone_live *l = live_find(&e->live, zone);
        const struct note *n = plan_find_note(p, zone);

        if (!d || !l || !e->desired.board)
                return NULL;
        if (d->file_state == FILE_GOOD && (!n || n->kind == NOTE_ENDED))
                return d->spec;
        return d->applied && engine_spec_cookie(e, d->applied) == l->spec_cookie ? d->applied : NULL;
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
                a.spec = restart_spec(e, z->name, &e->plan);
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

static bool plan_acts_on_device(const struct plan *p, const char *zone, const char *device) {
        for (size_t i = 0; i < p->num_actions; i++)
                if (strcmp(p->actions[i].zone, zone) == 0 && strcmp(p->actions[i].device, device) == 0)
                        return true;
        return false;
}

/* The file asks again for what the device has: there is no more to complain of. */
static void drop_refusals(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++)
                for (size_t j = 0; j < e->zones[i]->num_workers; j++) {
                        struct worker *w = &e->zones[i]->workers[j];

                        if (w->refusal[0] && !plan_acts_on_device(&e->plan, e->zones[i]->name, w->name))
                                w->refusal[0] = '\0';
                }
}

/* A task that ends at once may empty the plan: then there is nothing left to do here, and a new pass comes.
 */
void execute(struct engine *e) {
        drop_failures(e);
        drop_refusals(e);
        execute_requests(e);
        for (size_t i = 0; i < e->plan.num_actions; i++) {
                const struct action *a = &e->plan.actions[i];

                if (is_worker_action(a))
                        execute_worker(e, a);
                else
                        execute_zone(e, a);
        }
}
