/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

/* What was written into a pipe, whose write end is not in use any more. */
static const char *read_all(int fd) {
        static char text[8192];
        size_t size = 0;
        ssize_t n;

        while ((n = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
                size += (size_t) n;
        text[size] = '\0';
        return text;
}

/* Runs @say with stderr a pipe as a worker has it, and a fallback. */
static void run_worker(void (*say)(int pipe_read_end), int ret[2]) {
        int standard[2], fallback[2];
        int status;
        pid_t pid;

        assert_int_equal(pipe2(standard, O_NONBLOCK), 0);
        assert_int_equal(pipe(fallback), 0);
        pid = fork();
        if (pid == 0) {
                signal(SIGPIPE, SIG_IGN);
                dup2(standard[1], STDERR_FILENO);
                close(standard[1]);
                close(fallback[0]);
                log_open("worker");
                log_set_fallback(fallback[1]);
                say(standard[0]);
                _exit(0);
        }
        close(standard[1]);
        close(fallback[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        ret[0] = standard[0];
        ret[1] = fallback[0];
}

static void assert_said(const int fds[2], const char *standard, const char *fallback) {
        assert_string_equal(read_all(fds[0]), standard);
        assert_string_equal(read_all(fds[1]), fallback);
        close(fds[0]);
        close(fds[1]);
}

static void say_levels(int reader _unused_) {
        log_warning("one %d", 1);
        log_debug("not wanted");
        log_text(LOG_INFO, "100 %s");
}

static void test_log_gives_levels_to_the_daemon(void **state _unused_) {
        int fds[2];

        run_worker(say_levels, fds);
        assert_said(fds, "<4>one 1\n<6>100 %s\n", "");
}

static void say_to_nobody(int reader _unused_) {
        int broken[2];

        log_warning("first");
        assert_int_equal(pipe(broken), 0);
        close(broken[0]);
        dup2(broken[1], STDERR_FILENO);
        log_warning("second");
        log_warning("third");
}

static void test_log_goes_elsewhere_where_nobody_reads(void **state _unused_) {
        int fds[2];

        run_worker(say_to_nobody, fds);
        assert_said(fds, "<4>first\n", "worker: second\nworker: third\n");
}

static void say_too_much(int reader) {
        char page[4096];
        size_t left = 0;

        memset(page, 'x', sizeof(page));
        while (write(STDERR_FILENO, page, sizeof(page)) > 0)
                left += sizeof(page);
        log_warning("does not fit");
        while (left > 0)
                left -= (size_t) read(reader, page, sizeof(page));
        log_warning("fits again");
}

static void test_log_waits_for_no_full_pipe(void **state _unused_) {
        int fds[2];

        run_worker(say_too_much, fds);
        assert_said(fds, "<4>fits again\n", "worker: does not fit\n");
}

static void say_long(int reader _unused_) {
        char text[3000];

        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        log_warning("%s", text);
        log_text(LOG_WARNING, text);
}

static void test_log_cuts_long_lines(void **state _unused_) {
        const char *text, *second;
        int fds[2];

        run_worker(say_long, fds);
        text = read_all(fds[0]);
        second = strchr(text, '\n') + 1;
        assert_int_equal(second - text, 1024);
        assert_int_equal(strlen(second), 1024);
        assert_memory_equal(second, "<4>xxx", 6);
        close(fds[0]);
        close(fds[1]);
}

static void test_log_levels(void **state _unused_) {
        static const char *const words[] = { "fatal", "error", "warn", "info", "debug", "trace" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                int pipe_fds[2], saved = dup(STDERR_FILENO);
                size_t lines = 0;

                assert_int_equal(pipe(pipe_fds), 0);
                dup2(pipe_fds[1], STDERR_FILENO);
                close(pipe_fds[1]);
                assert_int_equal(setenv(LOG_ENVIRONMENT, words[i], 1), 0);
                assert_true(log_open("levels"));
                log_fatal("1");
                log_error("2");
                log_warning("3");
                log_info("4");
                log_debug("5");
                log_trace("6");
                dup2(saved, STDERR_FILENO);
                close(saved);
                for (const char *p = read_all(pipe_fds[0]); *p; p++)
                        lines += *p == '\n';
                close(pipe_fds[0]);
                assert_int_equal(lines, i + 1);
        }
        for (int level = LOG_EMERG; level <= LOG_TRACE; level++)
                if (log_level_word(level))
                        assert_int_equal(log_level_parse(log_level_word(level)), level);
        assert_null(log_level_word(LOG_NOTICE));
        assert_int_equal(log_level_parse("warning"), -EINVAL);
        assert_int_equal(log_level_parse(""), -EINVAL);
}

static void test_log_levels_of_a_sentence_are_those_of_the_table(void **state _unused_) {
        char sentence[100] = "";

        for (size_t i = 0; i < LOG_LEVEL_WORDS; i++) {
                size_t n = strlen(sentence);

                assert_true(log_level_parse(log_level_words[i]) >= 0);
                snprintf(sentence + n, sizeof(sentence) - n, "%s%s",
                         i == 0                    ? ""
                         : i + 1 < LOG_LEVEL_WORDS ? ", "
                                                   : " or ",
                         log_level_words[i]);
        }
        assert_string_equal(sentence, LOG_LEVELS);
}

/* The settings' LogLevel= counts where the environment gave none. */
static void test_log_level_counts_as_given_only_if_it_is_one(void **state _unused_) {
        static const struct {
                const char *word;
                bool given;
                int level;
        } c[] = {
                { NULL, false, LOG_INFO },      { "", false, LOG_INFO },    { "verbose", false, LOG_INFO },
                { "warning", false, LOG_INFO }, { "info", true, LOG_INFO }, { "warn", true, LOG_WARNING },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                unsetenv(LOG_ENVIRONMENT);
                if (c[i].word)
                        assert_int_equal(setenv(LOG_ENVIRONMENT, c[i].word, 1), 0);
                assert_int_equal(log_open("levels"), c[i].given);
                assert_int_equal(log_level(), c[i].level);
        }
        unsetenv(LOG_ENVIRONMENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_log_levels),
                cmocka_unit_test(test_log_levels_of_a_sentence_are_those_of_the_table),
                cmocka_unit_test(test_log_level_counts_as_given_only_if_it_is_one),
                cmocka_unit_test(test_log_gives_levels_to_the_daemon),
                cmocka_unit_test(test_log_goes_elsewhere_where_nobody_reads),
                cmocka_unit_test(test_log_waits_for_no_full_pipe),
                cmocka_unit_test(test_log_cuts_long_lines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
