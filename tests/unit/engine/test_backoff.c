/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "engine/backoff.h"

static void test_backoff_doubles_up_to_five_minutes(void **state _unused_) {
        static const uint64_t seconds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300 };
        struct backoff b = {};
        uint64_t now = 7;

        for (size_t i = 0; i < ELEMENTSOF(seconds); i++) {
                backoff_fail(&b, &backoff_zone, now);
                assert_int_equal(b.retry_at - now, seconds[i] * SECOND);
                assert_true(backoff_waits(&b, now));
                now = b.retry_at;
                assert_false(backoff_waits(&b, now));
        }
        for (unsigned i = 0; i < 100; i++)
                backoff_fail(&b, &backoff_zone, now);
        assert_int_equal(b.retry_at - now, 300 * SECOND);
}

static void test_backoff_forgives_after_health_only(void **state _unused_) {
        static const struct {
                uint64_t healthy, wait; /* seconds */
        } c[] = { { 1, 4 }, { 599, 4 }, { 600, 1 }, { 10000, 1 } };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct backoff b = {};
                uint64_t now = 1;

                backoff_fail(&b, &backoff_zone, now);
                backoff_fail(&b, &backoff_zone, now);
                backoff_succeed(&b, now);
                assert_false(backoff_waits(&b, now));
                now += c[i].healthy * SECOND;
                backoff_succeed(&b, now); /* says it again: health counts from the first time */
                backoff_fail(&b, &backoff_zone, now);
                assert_int_equal(b.retry_at - now, c[i].wait * SECOND);
        }
}

static void test_backoff_replaces_a_worker_at_once_at_first(void **state _unused_) {
        struct backoff b = {};

        for (unsigned i = 0; i < 5; i++) {
                backoff_fail(&b, &backoff_worker, 1);
                assert_false(backoff_waits(&b, 1));
        }
        backoff_fail(&b, &backoff_worker, 1);
        assert_int_equal(b.retry_at, 1 + SECOND);
        backoff_reset(&b);
        backoff_fail(&b, &backoff_worker, 1);
        assert_false(backoff_waits(&b, 1));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_backoff_doubles_up_to_five_minutes),
                cmocka_unit_test(test_backoff_forgives_after_health_only),
                cmocka_unit_test(test_backoff_replaces_a_worker_at_once_at_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
