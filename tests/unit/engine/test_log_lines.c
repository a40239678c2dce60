/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/log_lines.h"

/* All that was said: "LEVEL:text|" for each line. */
struct said {
        char text[16384];
        size_t length;
        unsigned count;
};

static void on_line(void *userdata, int level, const char *text) {
        struct said *s = userdata;

        s->length += (size_t) snprintf(s->text + s->length, sizeof(s->text) - s->length, "%d:%s|", level, text);
        assert_true(s->length < sizeof(s->text));
        s->count++;
}

static void feed(struct log_lines *l, const char *text) {
        log_lines_feed(l, text, strlen(text));
}

static void test_log_lines_takes_lines_with_their_levels(void **state _unused_) {
        static const struct {
                const char *input, *said;
        } rows[] = {
                { "<4>warning\n", "4:warning|" },
                { "<3>a\n<6>b\n<7>c\n", "3:a|6:b|7:c|" },
                { "<0>never to every terminal\n<1>x\n<2>x\n", "3:never to every terminal|3:x|3:x|" },
                { "*** stack smashing detected ***\n", "4:*** stack smashing detected ***|" },
                { "<8>x\n<x>x\n<4x\n<\n<4\n", "4:<8>x|4:<x>x|4:<4x|4:<|4:<4|" },
                { "<4><3>twice\n", "4:<3>twice|" },
                { "\n\n<4>\n", "" },
                { "<4>no line feed", "4:no line feed|" },
                { "", "" },
                { "<6>a\tb\rc\033[31md\177e\303\251\233f\n", "6:a?b?c?[31md?e???f|" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct said whole = {}, bytes = {};
                struct log_lines l;

                log_lines_init(&l, on_line, &whole);
                feed(&l, rows[i].input);
                log_lines_end(&l);
                assert_string_equal(whole.text, rows[i].said);

                /* wherever a read(2) ends */
                log_lines_init(&l, on_line, &bytes);
                for (const char *p = rows[i].input; *p; p++)
                        log_lines_feed(&l, p, 1);
                log_lines_end(&l);
                assert_string_equal(bytes.text, rows[i].said);
        }
}

static void test_log_lines_takes_a_nul_for_what_it_is(void **state _unused_) {
        struct said s = {};
        struct log_lines l;

        log_lines_init(&l, on_line, &s);
        log_lines_feed(&l, "<4>a\0b\n", 7);
        assert_string_equal(s.text, "4:a?b|");
}

static void test_log_lines_cuts_long_lines(void **state _unused_) {
        static const struct {
                size_t length;
                bool cut;
        } rows[] = {
                { LOG_LINE_MAX - 1, false },
                { LOG_LINE_MAX, false },
                { LOG_LINE_MAX + 1, true },
                { 10 * LOG_LINE_MAX, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                size_t length = MIN(rows[i].length, (size_t) LOG_LINE_MAX);
                struct said s = {};
                struct log_lines l;

                log_lines_init(&l, on_line, &s);
                for (size_t n = 0; n < rows[i].length; n++)
                        feed(&l, "x");
                feed(&l, "\n<6>next\n");
                assert_int_equal(strspn(s.text + 2, "x"), length);
                assert_string_equal(s.text + 2 + length, rows[i].cut ? "...|6:next|" : "|6:next|");
        }
}

static void test_log_lines_leaves_out_what_is_too_much(void **state _unused_) {
        struct said s = {};
        struct log_lines l;

        log_lines_init(&l, on_line, &s);
        for (unsigned i = 0; i < LOG_LINES_MAX + 77; i++)
                feed(&l, "<4>flood\n");
        assert_int_equal(s.count, LOG_LINES_MAX);

        s = (struct said){};
        log_lines_report(&l);
        log_lines_report(&l);
        assert_string_equal(s.text, "4:too much to log: 77 lines were left out|");

        /* the next window: what was left out comes first */
        s = (struct said){};
        feed(&l, "<4>flood\n<4>flood\n");
        l.limit.window_start -= LOG_LINES_TIME;
        feed(&l, "<5>calm\n<5>calm\n");
        log_lines_end(&l);
        assert_string_equal(s.text, "4:too much to log: 2 lines were left out|5:calm|5:calm|");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_log_lines_takes_lines_with_their_levels),
                cmocka_unit_test(test_log_lines_takes_a_nul_for_what_it_is),
                cmocka_unit_test(test_log_lines_cuts_long_lines),
                cmocka_unit_test(test_log_lines_leaves_out_what_is_too_much),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
