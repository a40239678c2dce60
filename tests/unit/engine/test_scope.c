/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/scope.h"

static void test_scope_name_is_unambiguous(void **state _unused_) {
        static const struct {
                const char *zone, *device, *name;
        } c[] = {
                { "linux2", "root", "hvisor-linux2-root.scope" },
                { "a-b", "c", "hvisor-a\\x2db-c.scope" },
                { "a", "b-c", "hvisor-a-b\\x2dc.scope" },
                { "a.b_c", "d", "hvisor-a.b_c-d.scope" },
        };
        char name[256];

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                assert_int_equal(scope_name(c[i].zone, c[i].device, name, sizeof(name)), 0);
                assert_string_equal(name, c[i].name);
        }
}

static void test_scope_name_refuses_what_does_not_fit(void **state _unused_) {
        char name[256], full[] = "hvisor-linux2-root.scope", dashes[63];

        memset(dashes, '-', sizeof(dashes));
        dashes[sizeof(dashes) - 1] = '\0';
        assert_int_equal(scope_name(dashes, dashes, name, sizeof(name)), -ENAMETOOLONG);
        for (size_t size = 0; size < sizeof(full); size++)
                assert_int_equal(scope_name("linux2", "root", name, size), -ENAMETOOLONG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scope_name_is_unambiguous),
                cmocka_unit_test(test_scope_name_refuses_what_does_not_fit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
