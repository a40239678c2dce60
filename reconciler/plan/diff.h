/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of plan_make() share: one candidate per zone, in three rounds:
 *
 *   1. judge:  what is known of it by itself: its file, the board, what runs.        settle.c
 *   2. settle: who has which place. Running zones keep theirs; else the first by name has it.
 *   3. emit:   actions and notes.                                                    emit.c
 *
 * There may be thousands of files, and a board has room for a few zones: whoever has neither a place nor anything that
 * runs costs a look at a bitmap and a note without a text. Searches go through those that run.
 */
#pragma once

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
        struct candidate *candidates; /* sorted by name; a foreign zone comes after ours of its name */
        size_t num_candidates;
        const struct candidate **occupants; /* those that live has */
        size_t num_occupants;
        size_t notes_size;
        bool out_of_memory;
};

/* ---- diff.c ----------------------------------------------------------------------------------------- */

/* A note without words yet, which is counted by the caller once it is whole; NULL: out of memory. */
struct note *diff_new_note(struct diff *d, enum note_kind kind, const char *zone);
void diff_add_note(struct diff *d, enum note_kind kind, const char *zone, const char *text, ...) _printf_(4, 5);
/* Borrowed until the next one; NULL: out of memory. */
struct action *diff_add_action(struct diff *d, enum action_kind kind, const struct candidate *c, const char *text, ...)
        _printf_(4, 5);

/* ---- settle.c --------------------------------------------------------------------------------------- */
void diff_judge(struct diff *d, struct candidate *c);
void diff_settle(struct diff *d);
bool candidate_object_there(const struct candidate *c);
/* The settings that a running zone has, or one that is down is to come back with, if a spec of them is known. */
const struct zone_spec *candidate_last_good(const struct diff *d, const struct candidate *c);

/* ---- emit.c ----------------------------------------------------------------------------------------- */
void diff_emit(struct diff *d, const struct candidate *c);
