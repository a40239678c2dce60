/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/check_files.h"

/* The kind is known before the text is read. */
static void test_check_files_kind_follows_from_the_name(void **state _unused_) {
        static const struct {
                const char *path;
                enum file_kind kind;
        } c[] = {
                { "/etc/hvisor/hvisor.conf", SETTINGS_FILE }, { "/nowhere/etc/hvisor/hvisor.conf", SETTINGS_FILE },
                { "nowhere/hvisor.conf", SETTINGS_FILE },     { "/nowhere/etc/hvisor/board.conf", BOARD_FILE },
                { "nowhere/board.conf.example", BOARD_FILE }, { "nowhere/xhvisor.conf", ZONE_FILE },
                { "nowhere/linux2.conf", ZONE_FILE },         { "/nowhere/zones.d/hvisor.conf", ZONE_FILE },
                { "zones.d/board.conf", ZONE_FILE },          { "/nowhere/xzones.d/board.conf", BOARD_FILE },
                { "zones.d/board.conf.example", BOARD_FILE }, { "xzones.d/board.conf", BOARD_FILE },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct check_files files = {};
                struct diagnostics d = {};

                check_files_read(&files, c[i].path, &d);
                assert_int_equal(files.count, 1);
                assert_int_equal(files.items[0].kind, c[i].kind);
                check_files_clear(&files);
                diagnostics_clear(&d);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_check_files_kind_follows_from_the_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
