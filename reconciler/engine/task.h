/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of one zone's action: task.c is the machine, checking.c, task_start.c
 * and task_stop.c are its steps.
 */
#pragma once

#include "engine/internal.h"

enum step {
        STEP_CHECK,   /* images readable and fitting; in a job */
        STEP_STOP,    /* the hypervisor's call; in a job */
        STEP_END,     /* workers told to end, and waited for */
        STEP_DESTROY, /* the object, and with it every way into the zone's RAM; in a job */
        STEP_MAKE,    /* zone and device objects, workers launched */
        STEP_ATTACH,  /* until every worker serves */
        STEP_LOAD,    /* images, then the hypervisor's start; in a job */
        _STEP_MAX,
};

struct task {
        struct zone *zone;
        enum action_kind kind;
        enum step step;
        uint32_t id; /* of the object to stop */
        struct zone_spec *spec;
        uint64_t hash;                /* of its settings, engine_spec_hash() */
        uint64_t file_hash;           /* of what its file said at the beginning; 0: no good file */
        struct checking *checking;    /* under way */
        int images[ZONE_DEVICES_MAX]; /* opened for the workers; -1: none */
        struct boot boot;             /* what it boots from */
        struct board_spec board;      /* what of the board it was checked with: only what such a zone is made of */
        bool has_board;
        struct job *job;
        sd_event_source *timer;
        bool undoing;
        int error; /* what made it fail; HYPERVISOR_CPUS_LOST, too */
        struct err err;
        uint64_t began;
};

static inline struct engine *task_engine(const struct task *t) {
        return t->zone->engine;
}

/* ---- task.c ----------------------------------------------------------------------------------------- */
void task_enter(struct task *t, enum step step);
/* The end, good or bad (t->error); frees the task. */
void task_finish(struct task *t);
/* Everything that was made goes again, in reverse order; then the end. */
void task_undo(struct task *t, int error);
void task_close_images(struct task *t);
void task_run_job(struct task *t, job_work work, job_done done);
/* First thing in a job_done: takes the error's story over. */
bool task_job_failed(struct task *t, int result, const struct err *err);

/* ---- checking.c ------------------------------------------------------------------------------------- */
void task_enter_check(struct task *t);
void task_abandon_check(struct task *t);

/* ---- task_start.c ----------------------------------------------------------------------------------- */
void task_enter_make(struct task *t);
void task_enter_attach(struct task *t); /* also whenever somebody attached */
void task_enter_load(struct task *t);

/* ---- task_stop.c ------------------------------------------------------------------------------------ */
void task_enter_stop(struct task *t);
void task_enter_end(struct task *t);
void task_enter_destroy(struct task *t);
