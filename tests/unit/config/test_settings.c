/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "config/settings.h"

static void test_settings_rows(void **state _unused_) {
        static const struct {
                const char *text;
                int level; /* -1: refused */
                uint64_t settle;
                const char *message; /* its beginning */
                unsigned line, column;
        } c[] = {
                { "", 0, 50000, NULL, 0, 0 },
                { "# nothing\n", 0, 50000, NULL, 0, 0 },
                { "[Reconciler]\n", 0, 50000, NULL, 0, 0 },
                { "[Reconciler]\nLogLevel=trace\nSettleSec=2s\n", LOG_TRACE, 2000000, NULL, 0, 0 },
                { "[Reconciler]\nLogLevel=fatal\n", LOG_CRIT, 50000, NULL, 0, 0 },
                { "[Reconciler]\nLogLevel=warn\nSettleSec=1\n", LOG_WARNING, 1000000, NULL, 0, 0 },
                { "[Reconciler]\nSettleSec=0\n", 0, 0, NULL, 0, 0 },
                { "[Reconciler]\nSettleSec=10000ms\n", 0, 10000000, NULL, 0, 0 },
                { "[Reconciler]\nSettleSec=10001ms\n", -1, 0, "SettleSec=: ", 2, 11 },
                { "[Reconciler]\nSettleSec=ms\n", -1, 0, "SettleSec=: ", 2, 11 },
                { "[Reconciler]\nSettleSec=1min\n", -1, 0, "SettleSec=: ", 2, 0 },
                { "[Reconciler]\nLogLevel=warning\n", -1, 0, "LogLevel=: \"warning\" is not one of trace", 2, 10 },
                { "[Reconciler]\nLogLevel=info\nLogLevel=info\n", -1, 0, "LogLevel= is given twice", 3, 1 },
                { "[Reconciler]\nHypervisor=kvm\n", -1, 0, "unknown key \"Hypervisor\"", 2, 1 },
                { "[Zone]\nId=1\n", -1, 0, "[Zone] belongs into a zone's file, not here", 1, 2 },
                { "LogLevel=info\n", -1, 0, "LogLevel= stands before the first [Section]", 1, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct settings s = { .log_level = 42, .settle = 42 };
                struct diagnostics d = {};
                int r = settings_parse("hvisor.conf", c[i].text, strlen(c[i].text), &d, &s);

                if (c[i].level >= 0) {
                        assert_int_equal(r, 0);
                        assert_int_equal(s.log_level, c[i].level);
                        assert_int_equal(s.settle, c[i].settle);
                        assert_int_equal(d.count, 0);
                } else {
                        assert_int_equal(r, -EBADMSG);
                        assert_int_equal(s.log_level, 42); /* the last good ones stay */
                        assert_int_equal(s.settle, 42);
                        assert_true(d.count > 0);
                        if (strncmp(d.items[0].message, c[i].message, strlen(c[i].message)) != 0)
                                fail_msg("row %zu: %s", i, d.items[0].message);
                        assert_int_equal(d.items[0].line, c[i].line);
                        if (c[i].column)
                                assert_int_equal(d.items[0].column, c[i].column);
                }
                diagnostics_clear(&d);
        }
}

static void test_settings_a_missing_file_means_the_defaults(void **state _unused_) {
        struct diagnostics d = {};
        struct settings s = {};

        assert_int_equal(settings_load("/nowhere/hvisor.conf", &d, &s), 0);
        assert_int_equal(s.settle, 50000);
        assert_int_equal(d.count, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_settings_rows),
                cmocka_unit_test(test_settings_a_missing_file_means_the_defaults),
        };

        return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
