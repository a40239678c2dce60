/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan_make(): one candidate per zone, in three rounds:
 *
 *   1. judge:  what is known of it by itself: its file, the board, what runs.
 *   2. settle: who has which place. Running zones keep theirs; else the first by name has it.
 *   3. emit:   actions and notes.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plan/plan.h"

struct candidate {
        const struct desired_zone *wanted; /* NULL: nothing names it any more */
        const struct zone_live *live;      /* NULL: absent */
        enum zone_state state;
        const struct zone_spec *spec; /* to be brought about; NULL: leave it as it is, or down */
        bool changed;                 /* runs with settings that the guest would see differ from spec's */
        bool devices_changed;         /* runs, and a worker serves with other settings than spec's */
        bool kept;                    /* spec is the last good one */
        bool accepted;                /* has its place */
};

struct diff {
        const struct desired *want;
        const struct live *have;
        struct plan *plan;
        struct candidate *candidates; /* sorted by name but for those that only live has, which come last */
        size_t num_candidates;
        bool out_of_memory;
};

/* ---- the list being made ---------------------------------------------------------------------------- */

static char *format(struct diff *d, const char *text, va_list ap) {
        char *s;

        if (vasprintf(&s, text, ap) >= 0)
                return s;
        d->out_of_memory = true;
        return NULL;
}

_printf_(4, 5) static void add_note(struct diff *d, enum note_kind kind, const char *zone, const char *text, ...) {
        struct plan *p = d->plan;
        struct note *notes = reallocarray(p->notes, p->num_notes + 1, sizeof(*notes));
        va_list ap;

        if (!notes) {
                d->out_of_memory = true;
                return;
        }
        p->notes = notes;
        notes += p->num_notes;
        *notes = (struct note){ .kind = kind };
        snprintf(notes->zone, sizeof(notes->zone), "%s", zone);
        va_start(ap, text);
        notes->text = format(d, text, ap);
        va_end(ap);
        if (notes->text)
                p->num_notes++;
}

_printf_(4, 5) static struct action *add_action(struct diff *d, enum action_kind kind, const struct candidate *c,
                                                const char *text, ...) {
        struct plan *p = d->plan;
        struct action *a = reallocarray(p->actions, p->num_actions + 1, sizeof(*a));
        va_list ap;

        if (!a) {
                d->out_of_memory = true;
                return NULL;
        }
        p->actions = a;
        a += p->num_actions;
        *a = (struct action){ .kind = kind, .id = c->live ? c->live->id : 0 };
        if (kind != ACTION_ZONE_STOP && kind != ACTION_ZONE_CLEAN_UP)
                a->spec = c->spec;
        snprintf(a->zone, sizeof(a->zone), "%s", c->live ? c->live->name : c->spec->name);
        va_start(ap, text);
        a->reason = format(d, text, ap);
        va_end(ap);
        if (!a->reason)
                return NULL;
        p->num_actions++;
        return a;
}

/* ---- 1. judge --------------------------------------------------------------------------------------- */

static bool object_there(const struct candidate *c) {
        return c->state == ZONE_RUNNING || c->state == ZONE_ERROR || c->state == ZONE_EXITED;
}

static bool serves_otherwise(const struct zone_live *l, const struct zone_spec *z) {
        for (size_t i = 0; i < z->num_devices; i++) {
                const struct device_live *d = zone_live_find_device(l, z->devices[i].name);

                if (d && d->cookie != device_spec_cookie(&z->devices[i]))
                        return true;
        }
        return false;
}

/* The settings that a running zone has, if a spec of them is known. */
static const struct zone_spec *last_good(const struct diff *d, const struct candidate *c) {
        const struct zone_spec *z = c->wanted->applied;

        if (!z || !object_there(c))
                return NULL;
        if (d->want->board && zone_spec_cookie(z, d->want->board) != c->live->spec_cookie)
                return NULL;
        return z;
}

/* Keeps what runs as it is, and says why the file's settings are not taken. */
static void keep(struct diff *d, struct candidate *c, enum note_kind kind, const char *why) {
        c->kept = true;
        c->changed = c->devices_changed = false;
        c->spec = last_good(d, c);
        if (object_there(c))
                add_note(d, kind, c->wanted->name, "%s; the zone keeps the settings that it has", why);
        else
                add_note(d, kind == NOTE_BAD_FILE ? NOTE_REFUSED : kind, c->wanted->name, "%s", why);
}

static void judge(struct diff *d, struct candidate *c) {
        const struct desired_zone *w = c->wanted;
        struct diagnostics diagnostics = {};
        char text[512];

        if (!w || w->file_state == FILE_MISSING) {
                if (w && d->want->lost)
                        c->spec = last_good(d, c);
                return;
        }
        if (w->file_state == FILE_BAD) {
                keep(d, c, NOTE_BAD_FILE, w->message ?: "its file is bad");
                return;
        }
        if (!d->want->board) {
                keep(d, c, NOTE_REFUSED, d->want->board_message ?: "no board.conf");
                return;
        }
        if (zone_check_board(w->spec, d->want->board, &d->have->root, &diagnostics) < 0) {
                diagnostics_first_error(&diagnostics, text, sizeof(text));
                keep(d, c, NOTE_BAD_FILE, text);
        } else {
                c->spec = w->spec;
                c->changed = object_there(c) && zone_spec_cookie(w->spec, d->want->board) != c->live->spec_cookie;
                c->devices_changed = object_there(c) && !c->changed && serves_otherwise(c->live, w->spec);
        }
        diagnostics_clear(&diagnostics);
}

/* ---- 2. settle -------------------------------------------------------------------------------------- */

static bool conflicts_with_accepted(const struct diff *d, const struct candidate *c, char *text, size_t size) {
        for (size_t i = 0; i < d->num_candidates; i++) {
                const struct candidate *o = &d->candidates[i];

                if (o != c && o->accepted && o->spec && zone_conflict(c->spec, o->spec, text, size))
                        return true;
        }
        return false;
}

enum rank { RANK_UNCHANGED, RANK_CHANGED, RANK_NEW, _RANK_MAX };

static enum rank rank_of(const struct candidate *c) {
        if (!object_there(c))
                return RANK_NEW;
        return c->changed || c->devices_changed ? RANK_CHANGED : RANK_UNCHANGED;
}

static void settle(struct diff *d) {
        char text[256];

        for (enum rank rank = 0; rank < _RANK_MAX; rank++)
                for (size_t i = 0; i < d->num_candidates; i++) {
                        struct candidate *c = &d->candidates[i];

                        if (!c->spec || c->accepted || rank_of(c) != rank)
                                continue;
                        if (rank != RANK_UNCHANGED && conflicts_with_accepted(d, c, text, sizeof(text)))
                                keep(d, c, NOTE_REFUSED, text);
                        c->accepted = c->spec;
                }
}

/* ---- 3. emit ---------------------------------------------------------------------------------------- */

static bool leaves(const struct diff *d, const struct candidate *c) {
        if (c->state == ZONE_HALF_MADE || c->state == ZONE_STOPPED)
                return true;
        if (!object_there(c))
                return false;
        if (!c->wanted || c->wanted->file_state == FILE_MISSING)
                return !d->want->lost;
        return c->changed;
}

/* Does what @o holds at this moment stand in the way of @z? */
static bool holds_claim(const struct candidate *o, const struct zone_spec *z, char *text, size_t size) {
        const struct zone_live *l = o->live;
        uint64_t both = l->cpus & z->cpus;

        if (l->id == z->id) {
                snprintf(text, size, "id %u belongs to zone %s", (unsigned) l->id, l->name);
                return true;
        }
        if (strcmp(l->name, z->name) == 0) {
                snprintf(text, size, "a zone with id %u has its name", (unsigned) l->id);
                return true;
        }
        if (both) {
                snprintf(text, size, "CPU %d belongs to zone %s", __builtin_ctzll(both), l->name);
                return true;
        }
        return o->wanted && o->wanted->applied && zone_conflict(z, o->wanted->applied, text, size);
}

enum obstacle { OBSTACLE_NONE, OBSTACLE_LEAVES, OBSTACLE_STAYS };

/* The worst thing among all that exist now which holds something that @c needs. */
static enum obstacle find_obstacle(const struct diff *d, const struct candidate *c, char *text, size_t size) {
        enum obstacle worst = OBSTACLE_NONE;

        for (size_t i = 0; i < d->num_candidates && worst != OBSTACLE_STAYS; i++) {
                const struct candidate *o = &d->candidates[i];
                char claim[256];

                if (o == c || !o->live || !holds_claim(o, c->spec, claim, sizeof(claim)))
                        continue;
                worst = leaves(d, o) ? OBSTACLE_LEAVES : OBSTACLE_STAYS;
                snprintf(text, size, "%s%s", claim, o->state == ZONE_FOREIGN ? " (not started by the reconciler)" : "");
        }
        return worst;
}

static void emit_start(struct diff *d, struct candidate *c) {
        char text[320];

        if (find_obstacle(d, c, text, sizeof(text)) != OBSTACLE_NONE)
                add_note(d, NOTE_WAITING, c->spec->name, "%s", text);
        else
                add_action(d, ACTION_ZONE_START, c, "%s asks for it", c->wanted->path);
}

/* @spec: NULL: not known what they should serve */
static void emit_workers(struct diff *d, const struct candidate *c, const struct zone_spec *spec) {
        for (size_t i = 0; spec && i < spec->num_devices; i++) {
                const struct device_spec *s = &spec->devices[i];
                const struct device_live *l = zone_live_find_device(c->live, s->name);
                struct action *a = NULL;

                if (!l)
                        continue;
                if (l->hung)
                        a = add_action(d, ACTION_WORKER_RESTART, c, "did not let go of the device's queues in time");
                else if (!l->attached)
                        a = add_action(d, ACTION_WORKER_START, c, "the device has no worker");
                else if (l->cookie != device_spec_cookie(s))
                        a = add_action(d, ACTION_WORKER_RESTART, c, "the device's settings changed");
                if (!a)
                        continue;
                a->spec = spec;
                snprintf(a->device, sizeof(a->device), "%s", s->name);
                a->repair = l->hung || !l->attached;
        }
}

/*
 * Two zones that exchange CPUs would wait for each other for ever if each kept
 * running until the other has made room: so such a zone makes room first. A
 * change may fail or wait for long: until then its workers are looked after.
 */
static void emit_change(struct diff *d, struct candidate *c) {
        const struct zone_spec *until_then = c->state == ZONE_EXITED ? NULL : last_good(d, c);
        char text[320];

        switch (find_obstacle(d, c, text, sizeof(text))) {
        case OBSTACLE_NONE:
                add_action(d, ACTION_ZONE_RESTART, c, "its settings changed");
                emit_workers(d, c, until_then);
                break;
        case OBSTACLE_LEAVES:
                add_action(d, ACTION_ZONE_STOP, c, "its settings changed, and %s: it makes room first", text);
                break;
        case OBSTACLE_STAYS:
                add_note(d, NOTE_WAITING, c->spec->name, "its settings changed, but %s; it runs on as it was", text);
                emit_workers(d, c, until_then);
                break;
        }
}

/* Another zone's file may have given an image up, and its worker not yet. */
static bool image_in_use(const struct diff *d, const struct candidate *c, char *text, size_t size) {
        for (size_t i = 0; i < d->num_candidates; i++) {
                const struct candidate *o = &d->candidates[i];

                if (o != c && o->live && o->wanted && o->wanted->applied &&
                    zone_conflict(c->spec, o->wanted->applied, text, size))
                        return true;
        }
        return false;
}

static void emit_devices(struct diff *d, struct candidate *c) {
        char text[256];

        if (c->devices_changed && image_in_use(d, c, text, sizeof(text))) {
                add_note(d, NOTE_WAITING, c->spec->name, "its devices' settings changed, but %s; it runs on as it was",
                         text);
                emit_workers(d, c, last_good(d, c));
        } else {
                emit_workers(d, c, c->spec);
        }
}

static void emit_ended(struct diff *d, struct candidate *c) {
        bool error = c->state == ZONE_ERROR;
        const char *what = error ? "its guest accessed memory outside its regions" : "its guest powered off";
        enum restart_policy policy = c->spec ? c->spec->restart : RESTART_NO;
        struct action *a;

        if (c->spec && (policy == RESTART_ALWAYS || (error && policy == RESTART_ON_FAILURE))) {
                a = add_action(d, ACTION_ZONE_RESTART, c, "%s", what);
                if (a)
                        a->repair = true;
                return;
        }
        if (c->spec)
                add_note(d, NOTE_ENDED, c->live->name, "%s; Restart=%s leaves it so", what,
                         restart_policy_to_string(policy));
        else
                add_note(d, NOTE_ENDED, c->live->name, "%s", what);
        if (error)
                emit_devices(d, c);
}

static void emit(struct diff *d, struct candidate *c) {
        switch (c->state) {
        case ZONE_FOREIGN:
                add_note(d, NOTE_FOREIGN, c->live->name, "runs, but was not started by the reconciler: left alone");
                return;
        case ZONE_HALF_MADE:
                add_action(d, ACTION_ZONE_CLEAN_UP, c, "left over from a start that was cut off");
                return;
        case ZONE_STOPPED:
                add_action(d, ACTION_ZONE_CLEAN_UP, c, "left over from a stop that was cut off");
                return;
        case ZONE_ABSENT:
                if (c->spec && c->accepted && !c->kept)
                        emit_start(d, c);
                return;
        case ZONE_RUNNING:
        case ZONE_ERROR:
        case ZONE_EXITED:
                break;
        case _ZONE_STATE_MAX:
                return;
        }

        if (leaves(d, c) && !c->changed)
                add_action(d, ACTION_ZONE_STOP, c, "its file was removed");
        else if (c->changed)
                emit_change(d, c);
        else if (c->state != ZONE_RUNNING)
                emit_ended(d, c);
        else
                emit_devices(d, c);
}

/* ---- put together ----------------------------------------------------------------------------------- */

static int collect(struct diff *d) {
        size_t n = d->want->num_zones + d->have->num_zones;

        d->candidates = calloc(n ? n : 1, sizeof(*d->candidates));
        if (!d->candidates)
                return -ENOMEM;
        for (size_t i = 0; i < d->want->num_zones; i++) {
                struct candidate *c = &d->candidates[d->num_candidates++];

                c->wanted = &d->want->zones[i];
                c->live = live_find(d->have, c->wanted->name);
                c->state = zone_live_state(c->live);
        }
        for (size_t i = 0; i < d->have->num_zones; i++) {
                const struct zone_live *l = &d->have->zones[i];
                enum zone_state state = zone_live_state(l);

                if (state == ZONE_ABSENT || (state != ZONE_FOREIGN && desired_find(d->want, l->name)))
                        continue;
                d->candidates[d->num_candidates++] = (struct candidate){ .live = l, .state = state };
        }
        return 0;
}

static int rank_of_action(const struct action *a) {
        static const int ranks[_ACTION_KIND_MAX] = {
                [ACTION_ZONE_STOP] = 0,  [ACTION_ZONE_CLEAN_UP] = 0, [ACTION_ZONE_RESTART] = 1,
                [ACTION_ZONE_START] = 2, [ACTION_WORKER_START] = 3,  [ACTION_WORKER_RESTART] = 3,
        };

        return ranks[a->kind];
}

static int action_compare(const void *left, const void *right) {
        const struct action *a = left, *b = right;
        int c = rank_of_action(a) - rank_of_action(b);

        if (c == 0)
                c = strcmp(a->zone, b->zone);
        return c ? c : strcmp(a->device, b->device);
}

int plan_make(const struct desired *want, const struct live *have, struct plan *ret) {
        struct diff d = { .want = want, .have = have, .plan = ret };

        if (collect(&d) < 0)
                return -ENOMEM;
        if (want->lost)
                add_note(&d, NOTE_LOST, "", "%s; nothing is stopped", want->lost);
        for (size_t i = 0; i < d.num_candidates; i++)
                judge(&d, &d.candidates[i]);
        settle(&d);
        for (size_t i = 0; i < d.num_candidates; i++)
                emit(&d, &d.candidates[i]);
        if (ret->num_actions)
                qsort(ret->actions, ret->num_actions, sizeof(*ret->actions), action_compare);
        free(d.candidates);
        if (!d.out_of_memory)
                return 0;
        plan_clear(ret);
        return -ENOMEM;
}
