/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <unistd.h>

#include "base/macros.h"
#include "engine/watches.h"

/* The end of a pipe stands for a watch: the other end tells when it is closed. Return: the other end. */
static int keep(struct watches *w, const char *zone, const char *device) {
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        assert_int_equal(watches_keep(w, zone, device, fds[1]), 0);
        return fds[0];
}

static void assert_open(int other) {
        assert_int_equal(poll(&(struct pollfd){ .fd = other }, 1, 0), 0);
}

static void assert_closes(int other) {
        assert_int_equal(poll(&(struct pollfd){ .fd = other }, 1, 10000), 1);
        close(other);
}

static void test_watches_are_open_until_the_next_workers_or_the_end_of_the_zone(void **state _unused_) {
        struct watches *w = watches_new();
        int disk = keep(w, "one", "disk"), console = keep(w, "one", "main"), other = keep(w, "two", "disk"), next;

        next = keep(w, "one", "disk");
        assert_closes(disk);
        assert_open(console);
        assert_open(other);
        assert_open(next);
        watches_drop(w, "one");
        assert_closes(next);
        assert_closes(console);
        assert_open(other);
        assert_null(watches_free(w));
        assert_closes(other);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_watches_are_open_until_the_next_workers_or_the_end_of_the_zone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
