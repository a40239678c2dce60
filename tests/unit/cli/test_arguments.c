/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macros.h"
#include "cli/verb.h"

static const struct verb verb = {
        .name = "verb",
        .usage = "A [B]",
        .min_words = 1,
        .max_words = 2,
        .options = { { "json", NULL, "" }, { "board", "FILE", "" } },
};

/* What is logged goes through a pipe. */
static void parse(const char *line, struct arguments *a, char *words[16], char *message, size_t size) {
        static char copy[256];
        int pipe_fds[2], saved = dup(STDERR_FILENO);
        size_t n = 0;
        bool good;
        ssize_t got;

        snprintf(copy, sizeof(copy), "%s", line);
        for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
                words[n++] = word;
        assert_int_equal(pipe(pipe_fds), 0);
        dup2(pipe_fds[1], STDERR_FILENO);
        good = arguments_parse(&verb, a, words, n);
        dup2(saved, STDERR_FILENO);
        close(saved);
        close(pipe_fds[1]);
        got = read(pipe_fds[0], message, size - 1);
        close(pipe_fds[0]);
        message[got > 0 ? got : 0] = '\0';
        assert_int_equal(good, message[0] == '\0');
}

static void test_arguments_rows(void **state _unused_) {
        static const struct {
                const char *line, *words, *json, *board, *error;
        } c[] = {
                { "a", "a", NULL, NULL, NULL },
                { "a b", "a b", NULL, NULL, NULL },
                { "--json a", "a", "", NULL, NULL },
                { "a --json b", "a b", "", NULL, NULL },
                { "a --board=x", "a", NULL, "x", NULL },
                { "--board x a", "a", NULL, "x", NULL },
                { "--board --json a", "a", NULL, "--json", NULL },
                { "a --board=", "a", NULL, "", NULL },
                { "-j a", "a", "", NULL, NULL },
                { "a -b x", "a", NULL, "x", NULL },
                { "a -bx", "a", NULL, "x", NULL },
                { "a -board x", "a", NULL, "x", NULL },
                { "a -json", "a", "", NULL, NULL },
                { "a --board=x --board=y", "a", NULL, "y", NULL },
                { "-- --json", "--json", NULL, NULL, NULL },
                { "- a", "- a", NULL, NULL, NULL },
                { "", "", NULL, NULL, "hvisor: an argument is missing: hvisor verb A [B]\n" },
                { "a b c", "", NULL, NULL, "hvisor: too many arguments: hvisor verb A [B]\n" },
                { "a --board", "", NULL, NULL, "hvisor: --board needs a value: --board=FILE\n" },
                { "a --json=yes", "", NULL, NULL, "hvisor: --json takes no value\n" },
                { "a --jsn", "", NULL, NULL, "hvisor: unknown option \"--jsn\"; did you mean \"--json\"?\n" },
                { "a --bord=x", "", NULL, NULL, "hvisor: unknown option \"--bord\"; did you mean \"--board\"?\n" },
                { "a --colour", "", NULL, NULL, "hvisor: unknown option \"--colour\"; see hvisor verb --help\n" },
                { "a -x", "", NULL, NULL, "hvisor: unknown option \"-x\"; see hvisor verb --help\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct arguments a = {};
                char *words[16], message[256], joined[256] = "";

                parse(c[i].line, &a, words, message, sizeof(message));
                assert_string_equal(message, c[i].error ? c[i].error : "");
                if (c[i].error)
                        continue;
                for (size_t j = 0; j < a.num_words; j++)
                        snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s", j > 0 ? " " : "",
                                 a.words[j]);
                assert_string_equal(joined, c[i].words);
                assert_int_equal(a.options[0] != NULL, c[i].json != NULL);
                assert_int_equal(a.options[1] != NULL, c[i].board != NULL);
                if (c[i].board)
                        assert_string_equal(a.options[1], c[i].board);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_arguments_rows) };

        log_open("hvisor");
        return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
