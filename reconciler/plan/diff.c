/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan_make(): see diff.h for its rounds. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plan/diff.h"

/* ---- the list being made ---------------------------------------------------------------------------- */

static char *format(struct diff *d, const char *text, va_list ap) {
        char *s;

        if (vasprintf(&s, text, ap) >= 0)
                return s;
        d->out_of_memory = true;
        return NULL;
}

struct note *diff_new_note(struct diff *d, enum note_kind kind, const char *zone) {
        struct plan *p = d->plan;
        struct note *n;

        if (p->num_notes == d->notes_size) {
                size_t size = MAX(2 * d->notes_size, (size_t) 16);

                n = reallocarray(p->notes, size, sizeof(*n));
                if (!n) {
                        d->out_of_memory = true;
                        return NULL;
                }
                p->notes = n;
                d->notes_size = size;
        }
        n = &p->notes[p->num_notes];
        *n = (struct note){ .kind = kind };
        snprintf(n->zone, sizeof(n->zone), "%s", zone);
        return n;
}

void diff_add_note(struct diff *d, enum note_kind kind, const char *zone, const char *text, ...) {
        struct note *n = diff_new_note(d, kind, zone);
        va_list ap;

        if (!n)
                return;
        va_start(ap, text);
        n->words = format(d, text, ap);
        va_end(ap);
        d->plan->num_notes += n->words != NULL;
}

struct action *diff_add_action(struct diff *d, enum action_kind kind, const struct candidate *c, const char *text,
                               ...) {
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

/* ---- put together ----------------------------------------------------------------------------------- */

static int live_compare(const void *left, const void *right) {
        const struct zone_live *const *a = left, *const *b = right;
        int c = strcmp((*a)->name, (*b)->name);

        return c ? c : (zone_live_state(*a) == ZONE_FOREIGN) - (zone_live_state(*b) == ZONE_FOREIGN);
}

static void add_candidate(struct diff *d, const struct desired_zone *wanted, const struct zone_live *live) {
        struct candidate *c = &d->candidates[d->num_candidates++];

        *c = (struct candidate){ .wanted = wanted, .live = live, .state = zone_live_state(live) };
        if (live)
                d->occupants[d->num_occupants++] = c;
}

/* Two sorted lists become one. */
static void merge(struct diff *d, const struct zone_live **live, size_t num_live) {
        const struct desired *want = d->want;

        for (size_t i = 0, j = 0; i < want->num_zones || j < num_live;) {
                int c = i == want->num_zones ? 1 : j == num_live ? -1 : strcmp(want->zones[i].name, live[j]->name);

                if (c > 0)
                        add_candidate(d, NULL, live[j++]);
                else if (c < 0 || zone_live_state(live[j]) == ZONE_FOREIGN)
                        add_candidate(d, &want->zones[i++], NULL);
                else
                        add_candidate(d, &want->zones[i++], live[j++]);
        }
}

static int collect(struct diff *d) {
        _cleanup_free_ const struct zone_live **live = calloc(d->have->num_zones + 1, sizeof(*live));
        size_t num_live = 0;

        d->candidates = malloc((d->want->num_zones + d->have->num_zones + 1) * sizeof(*d->candidates));
        d->occupants = calloc(d->have->num_zones + 1, sizeof(*d->occupants));
        if (!live || !d->candidates || !d->occupants)
                return -ENOMEM;
        for (size_t i = 0; i < d->have->num_zones; i++)
                if (zone_live_state(&d->have->zones[i]) != ZONE_ABSENT)
                        live[num_live++] = &d->have->zones[i];
        if (num_live)
                qsort(live, num_live, sizeof(*live), live_compare);
        merge(d, live, num_live);
        return 0;
}

static int rank_of_action(const struct action *a) {
        static const int ranks[_ACTION_KIND_MAX] = {
                [ACTION_ZONE_STOP] = 0,   [ACTION_ZONE_CLEAN_UP] = 0, [ACTION_ZONE_RESTART] = 1,
                [ACTION_ZONE_START] = 2,  [ACTION_WORKER_START] = 3,  [ACTION_WORKER_RESTART] = 3,
                [ACTION_WORKER_STOP] = 3,
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
        int r = collect(&d);

        if (r == 0) {
                if (want->lost)
                        diff_add_note(&d, NOTE_LOST, "", "%s; none of its zones is stopped", want->lost);
                for (size_t i = 0; i < d.num_candidates; i++)
                        diff_judge(&d, &d.candidates[i]);
                diff_settle(&d);
                for (size_t i = 0; i < d.num_candidates; i++)
                        diff_emit(&d, &d.candidates[i]);
                if (ret->num_actions)
                        qsort(ret->actions, ret->num_actions, sizeof(*ret->actions), action_compare);
                plan_sort_notes(ret);
                r = d.out_of_memory ? -ENOMEM : 0;
        }
        free(d.candidates);
        free(d.occupants);
        if (r < 0)
                plan_clear(ret);
        return r;
}
