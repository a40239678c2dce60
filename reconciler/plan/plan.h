/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The difference between what is wanted and what there is, as a list of
 * actions to take and notes to tell. Pure: no I/O, no clock, no memory of
 * earlier plans. Whether an action is taken now (one at a time per zone,
 * back-off) is the engine's affair.
 */
#pragma once

#include <jansson.h>

#include "live/live.h"
#include "plan/desired.h"

enum action_kind {
        ACTION_ZONE_START,
        ACTION_ZONE_STOP,
        ACTION_ZONE_RESTART,  /* stop, then start from the spec */
        ACTION_ZONE_CLEAN_UP, /* workers and objects of a zone that does not run */
        ACTION_WORKER_START,
        ACTION_WORKER_RESTART,
        ACTION_WORKER_STOP, /* Enabled=no */
        _ACTION_KIND_MAX,
};

struct action {
        enum action_kind kind;
        bool repair; /* something failed: the engine's back-off applies */
        char zone[NAME_SIZE];
        char device[NAME_SIZE];       /* of worker actions, else "" */
        uint32_t id;                  /* of the zone object to stop; 0: none */
        const struct zone_spec *spec; /* borrowed from struct desired; NULL: stop, clean-up */
        char *reason;
};

enum note_kind {
        NOTE_REFUSED,  /* cannot be, until a file changes */
        NOTE_WAITING,  /* cannot be just now: something that runs is in the way */
        NOTE_FOREIGN,  /* runs, not started by us */
        NOTE_BAD_FILE, /* the zone keeps its last good spec, or stays down */
        NOTE_ENDED,    /* exited or in error, and Restart= leaves it so */
        NOTE_HELD,     /* changed, and OnChange= leaves it as it was until its next start */
        NOTE_BUSY,     /* an action of it is under way: the engine's, never plan_make()'s */
        NOTE_LOST,     /* a directory cannot be seen */
        NOTE_IGNORED,  /* there are only drop-ins, no zone's file */
        _NOTE_KIND_MAX,
};

/* Notes are sorted by zone; those of one zone stand in the order in which they were found. */
struct note {
        enum note_kind kind;
        unsigned order; /* among all */
        char zone[NAME_SIZE];
        char *words; /* NULL: @spec claims what @holder has, which is told when somebody asks: note_text() */
        const struct zone_spec *spec, *holder; /* borrowed, as actions do */
};

struct plan {
        struct action *actions;
        size_t num_actions;
        struct note *notes;
        size_t num_notes;
        bool momentary; /* a note hangs on what nobody tells of when it changes: what root Linux uses just now */
};

/**
 * plan_make() - diff(desired, live)
 * @ret: empty before; owned by the caller, plan_clear(). Borrows specs from @want, which must outlive it.
 *
 * Actions come in this order: stops and clean-ups, restarts, starts, workers; by name in each.
 * Return: 0, -ENOMEM.
 */
int plan_make(const struct desired *want, const struct live *have, struct plan *ret);
void plan_clear(struct plan *p);

/** plan_sort_notes() - for who adds to them */
void plan_sort_notes(struct plan *p);

#define NOTE_TEXT_SIZE 512

/** note_text() - @buffer is for those that have no words of their own; valid as long as both are */
const char *note_text(const struct note *n, char *buffer, size_t size);

/** plan_set_busy() - what was planned for a zone is under way: a note instead of its actions; 0, -ENOMEM */
int plan_set_busy(struct plan *p, const char *zone, const char *text);

/** plan_find_note() - the first note about our zone of that name, or NULL */
const struct note *plan_find_note(const struct plan *p, const char *zone);

/** plan_find_foreign_note() - the same about a zone of that name which somebody else started */
const struct note *plan_find_foreign_note(const struct plan *p, const char *zone);

/** plan_to_json() - {"actions":[{"action","zone","device"?,"reason"}],"notes":[{"note","zone","text"}]};
 * NULL: no memory */
json_t *plan_to_json(const struct plan *p);

const char *action_kind_to_string(enum action_kind kind); /* "zone-start" … for records and JSON */
const char *action_kind_to_verb(enum action_kind kind);   /* "start" … for sentences */
const char *note_kind_to_string(enum note_kind kind);
