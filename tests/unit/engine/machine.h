/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine's tests stand on: directories with files, a simulated
 * hypervisor (sim.h), an engine that may be replaced, and a clock that can be
 * moved. Each test gets a machine of its own, its *state.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "sim.h"

#define MACHINE_DIRS 3 /* of zones' files, the first counts most */

struct machine {
        char dir[64], zones[96], board[96], specs[96];
        char lower[MACHINE_DIRS - 1][96]; /* directories of zones' files below that of zones; not there at first */
        struct sim *sim;
        sd_event *event;
        struct engine *engine;
        uint64_t skipped; /* µs by which the clock was moved */
        char records[65536];
};

int machine_setup(void **state);
int machine_teardown(void **state);
#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, machine_setup, machine_teardown)

/** engine_begin() - a daemon starts: a new engine reads the files and makes its first pass */
void engine_begin(struct machine *m);

/** engine_make() - the new engine alone, which has read nothing */
void engine_make(struct machine *m);

/* ---- files ------------------------------------------------------------------------------------------ */
void write_file(const char *dir, const char *name, const char *text);
void write_disk(struct machine *m, const char *name);

/** write_zone() - the file of a zone with a console and a read-only disk; @more: lines of [Zone] */
void write_zone(struct machine *m, const char *name, unsigned id, const char *cpus, const char *more);

/** want_zone() - the same, and the engine reads it */
void want_zone(struct machine *m, const char *name, unsigned id, const char *cpus, const char *more);

/** want_disk() - a zone with one writable disk and no console; @kernel, @image: files in the machine's folder */
void want_disk(struct machine *m, const char *name, unsigned id, const char *kernel, const char *image,
               const char *more);
void unwant_zone(struct machine *m, const char *name);
bool applied_exists(struct machine *m, const char *zone);

/* ---- time ------------------------------------------------------------------------------------------- */
void pump(struct machine *m, uint64_t ms);
void pump_until_idle(struct machine *m);
void pump_until_state(struct machine *m, const char *zone, const char *state);

/** pass_time() - the clock jumps, and the engine looks */
void pass_time(struct machine *m, uint64_t seconds);

/* ---- what there is ---------------------------------------------------------------------------------- */
/** status() - a member of one zone's status as text, in a static buffer; "" if there is none */
const char *status(struct machine *m, const char *name, const char *key);
/** count_children() - processes that are ours, workers that their daemon left behind among them */
unsigned count_children(void);
bool any_worker_runs(struct machine *m, const char *zone);

/** served() - the settings that the zone's disk is served with */
uint64_t served(struct machine *m, const char *zone);
void pump_until_served_otherwise(struct machine *m, const char *zone, uint64_t than);
