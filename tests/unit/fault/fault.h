/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that fail by number. Every call of a library that a test with
 * "// wrap-table: tests/unit/fault/calls.def" makes goes through fault_decide();
 * those that can fail are counted, from fault_arm() on, over threads and
 * forked processes, and the one with a given number does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_mode {
        FAULT_ONCE,
        FAULT_LASTS, /* from that call on all calls of the same function fail, until fault_disarm() */
};

/* In memory that processes share. */
struct fault_state {
        bool armed;
        enum fault_mode mode;
        unsigned at, variant; /* which call; which of its errnos */
        unsigned count;       /* calls so far */
        char name[48];        /* of the function that failed; "": none has */
        int error;
        char where[256]; /* the place of the call that failed first */
};

/** fault_use() - where the state is; until then nothing fails */
void fault_use(struct fault_state *s);

void fault_arm(enum fault_mode mode, unsigned at, unsigned variant);

/** fault_disarm() - true: a call has failed */
bool fault_disarm(void);

/** fault_text() - "open() = -1 EMFILE in set_raw console.c:92", in a static buffer */
const char *fault_text(void);

/* What is called in this block, by this thread, is the test's own business. */
extern _Thread_local unsigned fault_muted;
static inline void fault_unmute(const int *unused __attribute__((unused))) {
        fault_muted--;
}
#define FAULT_MUTED __attribute__((cleanup(fault_unmute), unused)) const int muted_here = (fault_muted++, 0)

/* ---- for what stands for a function ---------------------------------------------------------------- */

enum fault_returns { MINUS_ONE, NO_POINTER, NEGATIVE, POSITIVE, ZERO };

#define FAULT_ERRNOS_MAX 4

struct fault_row {
        const char *name;
        enum fault_returns returns;
        int errnos[FAULT_ERRNOS_MAX]; /* closed by 0 */
};

struct fault_verdict {
        intptr_t fails, value;
};

/** fault_decide() - counts a call; sets errno if it is to fail */
struct fault_verdict fault_decide(const struct fault_row *row, const void *caller);
