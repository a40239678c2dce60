/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first two rounds: what is to be brought about of each zone, and who has its place. */
#include <string.h>

#include "check/claims.h"
#include "check/conflict.h"
#include "plan/diff.h"

/* ---- 1. judge --------------------------------------------------------------------------------------- */

bool candidate_object_there(const struct candidate *c) {
        return c->state == ZONE_RUNNING || c->state == ZONE_ERROR || c->state == ZONE_EXITED;
}

static bool serves_otherwise(const struct zone_live *l, const struct zone_spec *z) {
        for (size_t i = 0; i < z->num_devices; i++) {
                const struct device_live *d = zone_live_find_device(l, z->devices[i].name);

                if (d && !device_live_serves(d, &z->devices[i]))
                        return true;
        }
        return false;
}

/* Would @z have a place on the board if root Linux used nothing of it? */
static bool only_root_is_in_the_way(const struct zone_spec *z, const struct board_spec *board) {
        struct diagnostics diagnostics = {};
        bool yes = zone_check_board(z, board, NULL, &diagnostics) == 0;

        diagnostics_clear(&diagnostics);
        return yes;
}

/* What root Linux uses of the board may change without anybody telling. */
static bool has_place(const struct diff *d, const struct zone_spec *z) {
        struct diagnostics ignored = {};
        bool yes = zone_check_board(z, d->want->board, &d->have->root, &ignored) == 0;

        diagnostics_clear(&ignored);
        d->plan->momentary |= !yes && only_root_is_in_the_way(z, d->want->board);
        return yes;
}

/* Of a zone that is down it is only known while it is to come back as it was: its restart has failed, or was cut off. */
const struct zone_spec *candidate_last_good(const struct diff *d, const struct candidate *c) {
        const struct zone_spec *z = c->wanted->applied;

        if (z && c->state == ZONE_ABSENT)
                return d->want->board && has_place(d, z) ? z : NULL;
        if (!z || !candidate_object_there(c))
                return NULL;
        if (d->want->board && zone_spec_cookie(z, d->want->board) != c->live->spec_cookie)
                return NULL;
        return z;
}

/* Keeps what runs as it is, and says why the file's settings are not taken. */
static void keep(struct diff *d, struct candidate *c, enum note_kind kind, const char *why) {
        c->kept = true;
        c->changed = c->devices_changed = false;
        c->spec = candidate_last_good(d, c);
        if (candidate_object_there(c))
                diff_add_note(d, kind, c->wanted->name, "%s; the zone keeps the settings that it has", why);
        else if (c->spec)
                diff_add_note(d, kind, c->wanted->name, "%s; the zone is to have the settings again that it had", why);
        else
                diff_add_note(d, kind == NOTE_BAD_FILE ? NOTE_REFUSED : kind, c->wanted->name, "%s", why);
}

void diff_judge(struct diff *d, struct candidate *c) {
        const struct desired_zone *w = c->wanted;
        struct diagnostics diagnostics = {};
        char text[512];

        if (w && w->file_state == FILE_MISSING && w->message)
                diff_add_note(d, NOTE_IGNORED, w->name, "%s", w->message);
        if (!w || w->file_state == FILE_MISSING || w->file_state == FILE_MASKED)
                return;
        if (w->file_state == FILE_LOST) {
                c->kept = true;
                c->spec = candidate_last_good(d, c);
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
                diagnostics_summary(&diagnostics, text, sizeof(text));
                keep(d, c, NOTE_BAD_FILE, text);
                d->plan->momentary |= only_root_is_in_the_way(w->spec, d->want->board);
        } else {
                c->spec = w->spec;
                c->changed =
                        candidate_object_there(c) && zone_spec_cookie(w->spec, d->want->board) != c->live->spec_cookie;
                c->devices_changed = candidate_object_there(c) && !c->changed && serves_otherwise(c->live, w->spec);
        }
        diagnostics_clear(&diagnostics);
}

/* ---- 2. settle -------------------------------------------------------------------------------------- */

/* Whoever takes what another has comes after that one, if it is to keep it. */
enum rank { RANK_UNCHANGED, RANK_CHANGED, RANK_TAKES, RANK_NEW, _RANK_MAX };

static bool claim_the_same(const struct zone_spec *a, const struct zone_spec *b) {
        struct conflict ignored;

        return a && b && zone_conflict_find(a, b, &ignored);
}

/* Two that exchange what they have do not take it from each other. */
static bool takes_from(const struct diff *d, const struct candidate *c, const struct candidate *o) {
        return o != c && o->spec && claim_the_same(c->spec, o->spec) &&
               claim_the_same(c->spec, candidate_last_good(d, o)) &&
               !claim_the_same(o->spec, candidate_last_good(d, c));
}

static enum rank rank_of(const struct diff *d, const struct candidate *c) {
        if (!candidate_object_there(c)) /* who is to come back as it was is not new in its place */
                return c->kept ? RANK_CHANGED : RANK_NEW;
        if (!c->changed && !c->devices_changed)
                return RANK_UNCHANGED;
        for (size_t i = 0; i < d->num_occupants; i++)
                if (takes_from(d, c, d->occupants[i]))
                        return RANK_TAKES;
        return RANK_CHANGED;
}

static bool is_starting(const struct diff *d, const struct zone_spec *z) {
        for (size_t i = 0; i < d->want->num_starting; i++)
                if (d->want->starting[i] == z)
                        return true;
        return false;
}

static void refuse(struct diff *d, struct candidate *c, const struct zone_spec *holder) {
        char text[NOTE_TEXT_SIZE];
        struct note *n;

        if (candidate_object_there(c)) {
                (void) zone_conflict_tell(c->spec, holder, text, sizeof(text));
                keep(d, c, NOTE_REFUSED, text);
                return;
        }
        if (is_starting(d, holder)) { /* it may be gone before the note is read */
                (void) zone_conflict_tell(c->spec, holder, text, sizeof(text));
                diff_add_note(d, NOTE_REFUSED, c->wanted->name, "%s", text);
        } else if ((n = diff_new_note(d, NOTE_REFUSED, c->wanted->name))) {
                n->spec = c->spec;
                n->holder = holder;
                d->plan->num_notes++;
        }
        c->kept = true;
        c->spec = candidate_last_good(d, c);
}

/* A zone that is being started, or started again, has its place, whatever there is of it at this moment. */
static void claim_for_starts(struct diff *d, struct claims *claims) {
        for (size_t i = 0; i < d->want->num_starting; i++)
                if (claims_add(claims, d->want->starting[i]) < 0)
                        d->out_of_memory = true;
}

void diff_settle(struct diff *d) {
        struct claims claims = {};

        claim_for_starts(d, &claims);
        for (enum rank rank = 0; rank < _RANK_MAX; rank++)
                for (size_t i = 0; i < d->num_candidates; i++) {
                        struct candidate *c = &d->candidates[i];
                        const struct zone_spec *holder;

                        if (!c->spec || c->accepted || rank_of(d, c) != rank)
                                continue;
                        holder = rank == RANK_UNCHANGED ? NULL : claims_find(&claims, c->spec);
                        if (holder)
                                refuse(d, c, holder);
                        if (holder && c->state == ZONE_ABSENT && c->spec && claims_find(&claims, c->spec))
                                c->spec = NULL;
                        c->accepted = c->spec;
                        if (c->accepted && claims_add(&claims, c->spec) < 0)
                                d->out_of_memory = true;
                }
        claims_clear(&claims);
}
