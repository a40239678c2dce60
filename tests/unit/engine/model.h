/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A world in which anything may happen to a few zones, and the rules of how a
 * daemon behaves in it: what files say together (model_files.c), what happens
 * (model_events.c), what must never be done and what has to be so in the end
 * (model_rules.c). test_engine_model.c makes histories of it.
 */
#pragma once

#include "config/parse.h"
#include "engine/machine.h"

#define MODEL_ZONES 3
#define SAY_SIZE    4096

/* ---- what is wanted --------------------------------------------------------------------------------- */

enum entry { ENTRY_NONE, ENTRY_TEXT, ENTRY_MASK };

/* A file, or a drop-in, in one of the directories. */
struct model_file {
        enum entry entry;
        char text[1024];
};

/* What all files of a zone say together. */
enum wanted { NOT_WANTED, MASKED, BADLY_SAID, WANTED };

struct model_zone {
        struct model_file files[MACHINE_DIRS], drop_ins[MACHINE_DIRS];
        enum wanted wanted;
        bool is_frozen;         /* a directory that cannot be seen has some of them: wanted is as before */
        struct zone_spec *spec; /* WANTED */

        /* Since everything was at rest last: */
        bool may_stop;  /* something asked for its end, or for another life */
        bool may_start; /* something asked for it */
        unsigned tries; /* to start it since anything happened that is a reason for one */

        bool asked;     /* for a restart, by a person */
        bool may_rest;  /* its CPUs were lost: not tried again until it changes */
        bool must_rest; /* it ended by itself, and Restart= leaves it so */
};

/* What went wrong, in memory that processes share. */
struct report {
        const char *first; /* the first one's format, the same in each process: which rule it broke; NULL: none */
        char text[SAY_SIZE];
};

struct model {
        struct machine *m;
        struct model_zone zones[MODEL_ZONES];
        struct board_spec *board; /* NULL: none that is good */
        bool lost[MACHINE_DIRS], lost_plainly[MACHINE_DIRS];
        bool slow;                 /* a zone takes its time to go */
        struct hypervisor_ops ops; /* the simulated one's, and an eye on it */
        struct launcher_ops launcher_ops;
        int (*launch)(struct launcher *l, const struct launch_request *q, pid_t *ret_pid, int *ret_pidfd,
                      struct err *e);
        pid_t workers[256]; /* that were ever launched, and for which zone */
        uint8_t whose[256];
        size_t num_workers;
        struct report *report;
};

extern const char *const model_names[MODEL_ZONES];

void model_begin(struct model *o, struct report *report);
void model_end(struct model *o);

/* ---- model_files.c ---------------------------------------------------------------------------------- */

/** model_write() - a file or drop-in becomes what it says in struct model; not in a directory that is lost */
void model_write(struct model *o, unsigned zone, unsigned level, bool is_drop_in, const struct model_file *f);
void model_write_board(struct model *o, unsigned kind);

/** model_lose() - the directory is moved aside; @plainly: nothing is in its place */
void model_lose(struct model *o, unsigned level, bool plainly);
void model_find_again(struct model *o, unsigned level);

/** model_derive() - what the files say now */
void model_derive(struct model *o);

/** model_cookie() - of what zone @i is wanted to be; 0: not known */
uint64_t model_cookie(const struct model *o, unsigned i);

/* ---- model_events.c --------------------------------------------------------------------------------- */

struct event {
        uint8_t what, zone, pause;
        uint32_t value;
};

extern const struct event_kind {
        const char *word;
        void (*happen)(struct model *o, unsigned zone, uint32_t value);
        unsigned weight;
} event_kinds[];
extern const size_t num_event_kinds;

/** model_mend() - nothing fails any more, and all directories and board.conf are there */
void model_mend(struct model *o);

/** end_children() - of this process; @but: workers that serve devices of these are left alone */
void end_children(const struct sim *but);

/* ---- model_rules.c ---------------------------------------------------------------------------------- */

void wrong(struct model *o, const char *format, ...) _printf_(2, 3);

/** model_watch() - from now on what is asked of hypervisor and launcher is looked at */
void model_watch(struct model *o);

/** model_note() - after each event: what may be done from now on; @afresh: all is at rest, what was before is no excuse */
void model_note(struct model *o, bool afresh);

const struct zone_live *model_holder(const struct sim *s, uint64_t cpus, const char *but);

/** model_settle() - there is time for everything */
void model_settle(struct model *o);

/** model_check() - settles; @strict: whatever was held back or rested was asked for by hand */
void model_check(struct model *o, bool strict);
