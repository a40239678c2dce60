/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/backoff.h"

#include "base/macros.h"

#define DELAY_FIRST   (1 * SECOND)
#define DELAY_LONGEST (300 * SECOND)

const struct backoff_policy backoff_zone = { .free_failures = 0, .health = 600 * SECOND };
const struct backoff_policy backoff_worker = { .free_failures = 5, .health = 30 * SECOND };

void backoff_fail(struct backoff *b, const struct backoff_policy *p, uint64_t now) {
        unsigned doublings;

        if (b->healthy_since && now - b->healthy_since >= p->health)
                b->failures = 0;
        b->healthy_since = 0;
        b->failures++;
        if (b->failures <= p->free_failures) {
                b->retry_at = 0;
                return;
        }
        doublings = MIN(b->failures - p->free_failures - 1, 16U);
        b->retry_at = now + MIN(DELAY_FIRST << doublings, DELAY_LONGEST);
}

void backoff_wait(struct backoff *b, uint64_t now) {
        b->healthy_since = 0;
        b->retry_at = now + DELAY_FIRST;
}

void backoff_succeed(struct backoff *b, uint64_t now) {
        b->retry_at = 0;
        if (!b->healthy_since)
                b->healthy_since = now;
}

void backoff_reset(struct backoff *b) {
        *b = (struct backoff){};
}
