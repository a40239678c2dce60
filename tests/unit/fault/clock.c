/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fault/clock.h"

#include <stdlib.h>

#include "base/macros.h"
#include "fault/fakes.h"
#include "fault/fault.h"

#define TIMERS_MAX 128

static uint64_t skipped; /* µs */
static struct timer {
        sd_event_source *source;
        uint64_t when; /* in the daemon's time */
} timers[TIMERS_MAX];
static size_t num_timers;

static uint64_t real_us(void) {
        struct timespec t;

        __real_clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

uint64_t clock_us(void) {
        return real_us() + skipped;
}

static struct timer *find(const sd_event_source *s) {
        for (size_t i = 0; i < num_timers; i++)
                if (timers[i].source == s)
                        return &timers[i];
        return NULL;
}

static int set(sd_event_source *s, uint64_t when) {
        struct timer *t = find(s);

        if (!t) {
                if (num_timers == TIMERS_MAX)
                        abort();
                t = &timers[num_timers++];
                t->source = s;
        }
        t->when = when;
        return __real_sd_event_source_set_time(s, when > skipped ? when - skipped : 0);
}

bool clock_skip(void) {
        uint64_t next = UINT64_MAX, now = clock_us();

        for (size_t i = 0; i < num_timers; i++) {
                int enabled;

                if (sd_event_source_get_enabled(timers[i].source, &enabled) >= 0 && enabled != SD_EVENT_OFF)
                        next = MIN(next, timers[i].when);
        }
        if (next == UINT64_MAX)
                return false;
        if (next > now)
                skipped += next - now;
        for (size_t i = 0; i < num_timers; i++)
                (void) set(timers[i].source, timers[i].when);
        return true;
}

/* ---- what stands for functions ---------------------------------------------------------------------- */

int fake_clock_gettime(clockid_t clock, struct timespec *ret) {
        uint64_t now = clock_us();

        if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)
                return __real_clock_gettime(clock, ret);
        *ret = (struct timespec){ (time_t) (now / 1000000), (long) (now % 1000000) * 1000 };
        return 0;
}

int fake_sd_event_now(sd_event *e, clockid_t clock, uint64_t *ret) {
        int r = __real_sd_event_now(e, clock, ret);

        *ret += skipped;
        return r;
}

int fake_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t time,
                                    uint64_t accuracy _unused_, sd_event_time_handler_t handler, void *userdata) {
        FAULT_MUTED;
        int r = __real_sd_event_add_time_relative(e, ret, clock, time, 1, handler, userdata);

        if (r >= 0 && ret)
                (void) set(*ret, clock_us() + time);
        return r;
}

int fake_sd_event_source_set_time(sd_event_source *s, uint64_t time) {
        return set(s, time);
}

int fake_sd_event_source_set_time_relative(sd_event_source *s, uint64_t time) {
        return set(s, clock_us() + time);
}

int fake_sd_event_source_set_time_accuracy(sd_event_source *s _unused_, uint64_t accuracy _unused_) {
        return 0;
}

/* Its interval is real time, for which nobody waits here. */
int fake_sd_event_source_set_ratelimit(sd_event_source *s _unused_, uint64_t interval _unused_,
                                       unsigned burst _unused_) {
        return 0;
}

sd_event_source *fake_sd_event_source_disable_unref(sd_event_source *s) {
        struct timer *t = find(s);

        if (s && t)
                *t = timers[--num_timers];
        return __real_sd_event_source_disable_unref(s);
}

int fake_sd_booted(void) {
        return 0;
}
