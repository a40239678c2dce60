/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone is restarted because a person asked for it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/internal.h"

/* Its file's settings cannot be had just now: refused, or something is in their way. */
static bool is_in_trouble(const struct plan *p, const char *zone) {
        for (size_t i = 0; i < p->num_notes; i++) {
                const struct note *n = &p->notes[i];

                if (strcmp(n->zone, zone) == 0 && n->kind != NOTE_ENDED && n->kind != NOTE_HELD &&
                    n->kind != NOTE_FOREIGN)
                        return true;
        }
        return false;
}

/*
 * What a restart of a zone that runs starts from: its file where that can be had, else what the zone has;
 * NULL: neither.
 */
static const struct zone_spec *restart_spec(const struct engine *e, const char *zone, const struct plan *p) {
        const struct desired_zone *d = desired_find(&e->desired, zone);
        const struct zone_live *l = live_find(&e->live, zone);

        if (!d || !l || !e->desired.board)
                return NULL;
        if (d->file_state == FILE_GOOD && !is_in_trouble(p, zone))
                return d->spec;
        return d->applied && engine_spec_cookie(e, d->applied) == l->spec_cookie ? d->applied : NULL;
}

static bool is_to_start(const struct plan *p, const char *zone) {
        for (size_t i = 0; i < p->num_actions; i++)
                if (p->actions[i].kind == ACTION_ZONE_START && strcmp(p->actions[i].zone, zone) == 0)
                        return true;
        return false;
}

/* What would come to nothing is refused at once, with the reason. */
static int can_restart(struct engine *e, const char *name, struct err *err) {
        enum zone_state state = zone_live_state(live_find(&e->live, name));
        bool there = state == ZONE_RUNNING || state == ZONE_ERROR || state == ZONE_EXITED;
        const struct desired_zone *d = desired_find(&e->desired, name);
        struct plan plan = {};
        char text[NOTE_TEXT_SIZE];
        const struct note *n;
        int r = engine_make_plan(e, &plan);

        if (r < 0)
                return r;
        n = plan_find_note(&plan, name);
        if (there && !restart_spec(e, name, &plan))
                r = err_set(err, -EBADMSG, "%s",
                            n ? note_text(n, text, sizeof(text)) : "its settings are not known: its file is gone");
        else if (!there && n && !is_to_start(&plan, name))
                r = err_set(err, -EBADMSG, "%s", note_text(n, text, sizeof(text)));
        else if (state == ZONE_ABSENT && d && d->file_state == FILE_MASKED)
                r = err_set(err, -EBADMSG, "it is masked by %s", d->path);
        else if (state == ZONE_ABSENT && (!d || d->file_state == FILE_MISSING))
                r = err_set(err, -ENOENT, "there is no zone %s", name);
        plan_clear(&plan);
        return r;
}

int engine_restart(struct engine *e, const char *name, struct err *err) {
        struct zone *z;
        int r;

        if (!zone_name_valid(name))
                return err_set(err, -EINVAL, "\"%s\" is not a zone's name", name);
        r = engine_check_loaded(e, err);
        if (r < 0)
                return r;
        if (live_find_foreign(&e->live, name))
                return err_set(err, -EPERM, "zone %s was not started by the reconciler, which leaves it alone", name);
        if (!desired_find(&e->desired, name) && !live_find(&e->live, name))
                return err_set(err, -ENOENT, "there is no zone %s", name);
        z = engine_zone(e, name);
        if (!z)
                return -ENOMEM;
        r = z->task ? 0 : can_restart(e, name, err);
        if (r < 0)
                return r;
        zone_forgive(z);
        for (size_t i = 0; i < z->num_workers; i++)
                backoff_reset(&z->workers[i].backoff);
        z->restart_requested = true;
        engine_reconcile_soon(e);
        return 0;
}

void restart_what_is_asked_for(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++) {
                struct zone *z = e->zones[i];
                const struct zone_live *l = live_find(&e->live, z->name);
                struct action a = { .kind = ACTION_ZONE_RESTART, .reason = (char *) "asked for by hand" };
                enum zone_state state = zone_live_state(l);

                if (!z->restart_requested || z->task)
                        continue;
                if (state != ZONE_RUNNING && state != ZONE_ERROR && state != ZONE_EXITED) {
                        z->restart_requested = false; /* the plan starts it */
                        continue;
                }
                a.id = l->id;
                a.spec = restart_spec(e, z->name, &e->plan);
                snprintf(a.zone, sizeof(a.zone), "%s", z->name);
                if (a.spec) {
                        task_start(z, &a); /* the request stands until its images are checked */
                        continue;
                }
                z->restart_requested = false;
                engine_record(e, LOG_ERR, MESSAGE_ZONE_FAILED, z->name, NULL, "zone-restart", "refused",
                              "its settings are not known: its file is bad or gone");
        }
}
