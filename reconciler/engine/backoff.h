/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When to try again: first after 1 s, then twice as long each time, up to 5
 * minutes; from the start again after a time of health. Pure: the clock is the
 * caller's, in µs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SECOND UINT64_C(1000000)

struct backoff {
        unsigned failures;      /* in a row */
        uint64_t retry_at;      /* 0: nothing to wait for */
        uint64_t healthy_since; /* 0: not healthy */
};

/* What differs between zones and workers. */
struct backoff_policy {
        unsigned free_failures; /* that are followed by no wait */
        uint64_t health;        /* how long it takes until earlier failures are forgiven */
};

extern const struct backoff_policy backoff_zone;   /* 10 min of health, no free failure */
extern const struct backoff_policy backoff_worker; /* 30 s, five: a killed worker is replaced at once */

/** backoff_fail() - it failed at @now; sets retry_at */
void backoff_fail(struct backoff *b, const struct backoff_policy *p, uint64_t now);

/** backoff_wait() - it could not be tried at @now: no failure, but no earlier again than after the first wait */
void backoff_wait(struct backoff *b, uint64_t now);

/** backoff_succeed() - it works since @now */
void backoff_succeed(struct backoff *b, uint64_t now);

/** backoff_reset() - forget everything: somebody changed something */
void backoff_reset(struct backoff *b);

/** backoff_waits() - true until retry_at */
static inline bool backoff_waits(const struct backoff *b, uint64_t now) {
        return b->retry_at > now;
}
