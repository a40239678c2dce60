/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others are told of the zones: status, counts, plan. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/internal.h"

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
                memcpy(d->message, w->message[0] ? w->message : w->refusal, sizeof(d->message));
                d->starting = w->starting;
                d->failed = !w->pid && backoff_waits(&w->backoff, engine_now(z->engine));
        }
}

/* @ret: history is to be freed; live is what was seen last. */
static int status_input(const struct engine *e, struct status_input *ret) {
        struct zone_history *history = calloc(e->num_zones + 1, sizeof(*history));

        if (!history)
                return -ENOMEM;
        for (size_t i = 0; i < e->num_zones; i++)
                fill_history(e->zones[i], &history[i]);
        *ret = (struct status_input){
                .daemon_running = true,
                .daemon_pid = getpid(),
                .version = e->config.version,
                .desired = &e->desired,
                .live = e->observe_error ? NULL : &e->live,
                .plan = &e->plan,
                .history = history,
                .num_history = e->num_zones,
                .now = engine_now(e),
        };
        return 0;
}

/* What is told of a zone is told of what was observed just now, not at the last pass: it has a plan of its own. */
json_t *engine_status(struct engine *e) {
        struct plan plan = {};
        struct status_input in;
        json_t *j = NULL;
        bool fresh = engine_observe(e) == 0 && engine_make_plan(e, &plan) == 0;

        live_measure(&e->live);
        if (status_input(e, &in) == 0) {
                if (fresh)
                        in.plan = &plan;
                j = status_to_json(&in);
                free((void *) in.history);
        }
        plan_clear(&plan);
        return j;
}

void engine_count(const struct engine *e, struct status_counts *ret) {
        struct status_input in;

        *ret = (struct status_counts){};
        if (status_input(e, &in) < 0)
                return;
        status_count(&in, ret);
        free((void *) in.history);
}

json_t *engine_plan(struct engine *e) {
        struct plan plan = {};
        json_t *j = NULL;
        int r = engine_observe(e);

        if (r == 0)
                r = engine_make_plan(e, &plan);
        for (size_t i = 0; r == 0 && i < e->num_zones; i++)
                if (e->zones[i]->task)
                        r = plan_set_busy(&plan, e->zones[i]->name, task_text(e->zones[i]->task));
        if (r == 0)
                j = plan_to_json(&plan);
        plan_clear(&plan);
        return j;
}
