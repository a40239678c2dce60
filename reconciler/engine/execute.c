/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the plan to deeds: which of its actions are begun now, and which wait. */
#include <stdio.h>
#include <string.h>

#include "engine/internal.h"

/* It ended by failure: when to try again is settled once, at the first sight of it. */
static void note_failure(struct zone *z, const struct action *a, uint64_t hash) {
        z->failed = true;
        z->failed_with = hash;
        snprintf(z->message, sizeof(z->message), "%s", a->reason);
        backoff_fail(&z->backoff, &backoff_zone, engine_now(z->engine));
}

static void execute_zone(struct engine *e, const struct action *a) {
        struct zone *z = engine_zone(e, a->zone);
        uint64_t hash = engine_spec_hash(e, a->spec);

        e->incomplete |= !z;
        if (!z || z->task)
                return;
        if (z->failed && hash != z->failed_with)
                zone_forgive(z);
        if (a->repair && !z->failed)
                note_failure(z, a, hash);
        if (z->failed && (z->hopeless || backoff_waits(&z->backoff, engine_now(e))))
                return;
        if (z->failed && a->spec)
                z->restarts++;
        task_start(z, a);
}

/* What failed with other settings says nothing about these. */
static void forgive_worker(struct worker *w, const struct action *a) {
        uint64_t wanted = device_spec_cookie(zone_spec_find_device(a->spec, a->device));

        if (w->tried != wanted)
                backoff_reset(&w->backoff);
        w->tried = wanted;
}

static void execute_worker(struct engine *e, const struct action *a) {
        struct zone *z = engine_zone(e, a->zone);
        struct worker *w = z ? zone_worker(z, a->device) : NULL;
        const struct zone_live *l = live_find(&e->live, a->zone);
        const struct device_live *d = l ? zone_live_find_device(l, a->device) : NULL;

        e->incomplete |= !z;
        if (!w || !d || z->task || z->fd < 0 || w->starting || w->ending || w->found)
                return;
        if (a->kind == ACTION_WORKER_STOP) {
                worker_stop(w, a->reason);
                return;
        }
        forgive_worker(w, a);
        if (w->pid &&
            a->repair) /* without its device it is of no use; often it is dying already, and how will be told */
                worker_give_up(w, a->kind == ACTION_WORKER_RESTART ? a->reason : NULL);
        else if (w->pid || !backoff_waits(&w->backoff, engine_now(e)))
                worker_open_image(w, a, d->cookie);
}

static bool is_worker_action(const struct action *a) {
        return a->kind == ACTION_WORKER_START || a->kind == ACTION_WORKER_RESTART || a->kind == ACTION_WORKER_STOP;
}

static bool plan_acts_on(const struct plan *p, const char *zone) {
        for (size_t i = 0; i < p->num_actions; i++)
                if (!is_worker_action(&p->actions[i]) && strcmp(p->actions[i].zone, zone) == 0)
                        return true;
        return false;
}

static void drop_checks(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++)
                if (e->zones[i]->task)
                        task_reconsider(e->zones[i]->task);
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

/* The file asks again for what the device has: there is no more to complain of, and nothing to wait for. */
static void drop_changes(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++)
                for (size_t j = 0; j < e->zones[i]->num_workers; j++) {
                        struct worker *w = &e->zones[i]->workers[j];

                        if ((!w->refusal[0] && !w->opening) ||
                            plan_acts_on_device(&e->plan, e->zones[i]->name, w->name))
                                continue;
                        w->refusal[0] = '\0';
                        worker_abandon_opening(w);
                }
}

/* A task that ends at once may empty the plan: then there is nothing left to do here, and a new pass comes.
 */
void execute(struct engine *e) {
        drop_checks(e);
        drop_failures(e);
        drop_changes(e);
        restart_what_is_asked_for(e);
        for (size_t i = 0; i < e->plan.num_actions; i++) {
                const struct action *a = &e->plan.actions[i];

                if (is_worker_action(a))
                        execute_worker(e, a);
                else
                        execute_zone(e, a);
        }
}
