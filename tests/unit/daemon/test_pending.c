/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When what was noticed is to be looked at; the watch's own tests have the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/pending.h"

/* One that was moved aside a moment ago is not taken for gone because something else has to be looked at now. */
static void test_pending_all_waits_for_a_file_that_went(void **state) {
        struct pending p = {};

        (void) state;
        pending_add(&p, NULL, 0, 1000, 1000, true);
        assert_int_equal(pending_next(&p), 1000);
        p = (struct pending){};
        pending_add(&p, "a.conf", 0, 1000, 501000, false);
        pending_add(&p, NULL, 0, 2000, 2000, true);
        assert_true(p.all);
        assert_int_equal(pending_next(&p), 501000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pending_all_waits_for_a_file_that_went),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
