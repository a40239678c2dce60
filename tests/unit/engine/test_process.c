/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "engine/process.h"

/* What env(1) prints that was started as a worker is. */
static void read_environment(char *ret, size_t size) {
        static char program[] = "/usr/bin/env";
        char *const argv[] = { program, NULL };
        struct process p;
        struct err e = {};
        int output[2], status;
        size_t used = 0;
        ssize_t n;

        assert_int_equal(pipe(output), 0);
        assert_int_equal(process_fork(argv, output[1], NULL, 0, &p, &e), 0);
        close(output[1]);
        process_go(&p.gate);
        while ((n = read(output[0], ret + used, size - 1 - used)) > 0)
                used += (size_t) n;
        ret[used] = '\0';
        close(output[0]);
        assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
        assert_int_equal(status, 0);
        fd_close(p.pidfd);
}

/* The level is the one in force, whatever the daemon's own environment said. */
static void test_process_environment_is_what_the_log_needs(void **state _unused_) {
        static const struct {
                const char *stream;
                int level;
                const char *environment;
        } c[] = {
                { NULL, LOG_INFO, "HVISOR_LOG=info\n" },
                { NULL, LOG_TRACE, "HVISOR_LOG=trace\n" },
                { "8:1234", LOG_DEBUG, "JOURNAL_STREAM=8:1234\nHVISOR_LOG=debug\n" },
                { "8:1234", LOG_CRIT, "JOURNAL_STREAM=8:1234\nHVISOR_LOG=fatal\n" },
        };
        char environment[1024];

        assert_int_equal(setenv("NOTIFY_SOCKET", "/nowhere", 1), 0);
        assert_int_equal(setenv(LOG_ENVIRONMENT, "error", 1), 0);
        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                unsetenv("JOURNAL_STREAM");
                if (c[i].stream)
                        assert_int_equal(setenv("JOURNAL_STREAM", c[i].stream, 1), 0);
                log_set_level(c[i].level);
                read_environment(environment, sizeof(environment));
                assert_string_equal(environment, c[i].environment);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_process_environment_is_what_the_log_needs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
