/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "config/file_name.h"

static void test_zone_file_stem(void **state _unused_) {
        static const struct {
                const char *file;
                size_t stem;
        } c[] = {
                { "linux2.conf", 6 }, { "a.conf", 1 },   { "a.b.conf", 3 }, { "a b.conf", 3 }, { ".conf", 0 },
                { ".a.conf", 0 },     { "#a.conf#", 0 }, { "#a.conf", 0 },  { "a.conf~", 0 },  { "a.conf.swp", 0 },
                { "a.CONF", 0 },      { "aconf", 0 },    { "", 0 },         { "..data", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++)
                assert_int_equal(zone_file_stem(c[i].file), c[i].stem);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_zone_file_stem) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
