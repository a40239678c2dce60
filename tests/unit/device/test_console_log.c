/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The output line by line in the journal. */
#include "device/console_fixture.h"

/* ---- the journal -------------------------------------------------------------------------------------- */

static void with_journal(struct fixture *f) {
        end_worker(f);
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, f->journal), 0);
        start_worker(f);
        fake_settle(&f->t, 0);
}

/* NULL: there is no record. */
static void assert_record(struct fixture *f, const char *message) {
        static const char head[] = "ZONE=zone\nDEVICE=main\nSYSLOG_IDENTIFIER=zone/main\nPRIORITY=6\nMESSAGE=";
        char record[8192];
        ssize_t n = recv(f->journal[1], record, sizeof(record) - 1, 0);

        if (!message) {
                assert_int_equal(n, -1);
                return;
        }
        assert_true(n > 0);
        record[n] = '\0';
        assert_memory_equal(record, head, strlen(head));
        assert_int_equal(record[n - 1], '\n');
        record[n - 1] = '\0';
        assert_string_equal(record + strlen(head), message);
}

static void test_console_log_has_a_record_for_each_line(void **state) {
        struct fixture *f = *state;

        with_journal(f);
        guest_says(f, "one\ntw");
        assert_record(f, "one");
        assert_record(f, NULL);
        guest_says(f, "o\r\n\r\nthree\n");
        assert_record(f, "two");
        assert_record(f, "three");
        guest_says(f, "PRIORITY=0\nlogin: ");
        assert_record(f, "PRIORITY=0");
        assert_record(f, NULL);
}

static void test_console_log_is_text(void **state) {
        static const struct {
                const char *line, *text;
        } rows[] = {
                { "plain\ttext", "plain\ttext" },
                { "\xc3\xbcn\xc3\xaf", "\xc3\xbcn\xc3\xaf" },
                { "\033[1;31mred\033[0m and \033[?25lhidden", "red and hidden" },
                { "\033]0;title\abody\033]8;;x\033\\end", "bodyend" },
                { "\033(Bcharset\033=\0337keys", "charsetkeys" },
                { "a\bb\001\177\xff", "a\\x08b\\x01\\x7f\\xff" },
                { "\xc2\x9b"
                  "31m",
                  "\\xc2\\x9b31m" }, /* C1 */
                { "\xe2\x80\xae"
                  "turned",
                  "\\xe2\\x80\\xaeturned" },
                { "cut \033[12", "cut " },
                { "cut \033", "cut " },
                { "cut \033(", "cut " },
                { "cut \xe2\x82", "cut \\xe2\\x82" },
                { "", "" },
        };
        char text[256];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *line = malloc(strlen(rows[i].line) + 1); /* exactly: a byte beyond it is the sanitizer's */

                memcpy(line, rows[i].line, strlen(rows[i].line));
                console_log_clean(line, strlen(rows[i].line), text);
                assert_string_equal(text, rows[i].text);
                free(line);
        }
}

static void test_console_log_cuts_long_lines_with_a_mark(void **state) {
        struct fixture *f = *state;
        char line[5000], cut[CONSOLE_LOG_LINE + 8];

        with_journal(f);
        memset(line, 'l', sizeof(line));
        line[sizeof(line) - 1] = '\n';
        guest_writes(f, line, sizeof(line));
        guest_says(f, "short\n");
        (void) snprintf(cut, sizeof(cut), "%.*s\u2026", CONSOLE_LOG_LINE, line);
        assert_record(f, cut);
        assert_record(f, "short");
        assert_record(f, NULL);
        memset(line, 'm', CONSOLE_LOG_LINE); /* just not too long */
        line[CONSOLE_LOG_LINE] = '\n';
        guest_writes(f, line, CONSOLE_LOG_LINE + 1);
        line[CONSOLE_LOG_LINE] = '\0';
        assert_record(f, line);
        assert_record(f, NULL);
}

/* A journal that does not read gets all later, as far as the history reaches; the guest does not wait. */
static void test_console_log_waits_for_the_journal_and_the_guest_does_not(void **state) {
        struct fixture *f = *state;
        char line[32];

        with_journal(f);
        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(line, sizeof(line), "line %u\n", i);
                guest_says(f, line);
        }
        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(line, sizeof(line), "line %u", i);
                assert_record(f, line);
                fake_settle(&f->t, 0);
        }
        assert_record(f, NULL);
}

static void test_console_log_says_what_was_too_much(void **state) {
        struct fixture *f = *state;
        unsigned long long lost;

        with_journal(f);
        fill_with_lines(f, 0, 6000); /* 22 bytes each: twice the ring */
        for (unsigned i = 0;; i++) {
                char record[8192];
                ssize_t n = recv(f->journal[1], record, sizeof(record) - 1, 0);

                assert_true(n > 0 && i < 6000);
                record[n] = '\0';
                fake_settle(&f->t, 0);
                if (sscanf(strstr(record, "MESSAGE="), "MESSAGE=[%llu bytes of output were too much]", &lost) == 1)
                        break;
        }
        assert_true(lost > 6000 * 22 - 2 * WORKER_HISTORY_RING && lost < 6000 * 22);
}

static void test_console_log_goes_on_where_the_last_worker_was(void **state) {
        struct fixture *f = *state;

        with_journal(f);
        guest_says(f, "one\ntw");
        assert_record(f, "one");
        end_worker(f);
        start_worker(f);
        fake_settle(&f->t, 0);
        guest_says(f, "o\n");
        assert_record(f, "two");
        assert_record(f, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_console_log_has_a_record_for_each_line),
                cmocka_unit_test(test_console_log_is_text),
                TEST(test_console_log_cuts_long_lines_with_a_mark),
                TEST(test_console_log_waits_for_the_journal_and_the_guest_does_not),
                TEST(test_console_log_says_what_was_too_much),
                TEST(test_console_log_goes_on_where_the_last_worker_was),
        };

        return cmocka_run_group_tests_name("console, log", tests, NULL, NULL);
}
