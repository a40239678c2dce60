/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program that looks for broken promises needs: it prints a line for each, and at the end how many there were. */
#ifndef RIG_TOOLS_PROMISE_H
#define RIG_TOOLS_PROMISE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOWHERE ((void *) 8)            /* nothing is mapped there */
#define ROOT_RAM 0xa0000000UL

static unsigned promises, broken;

/* @wanted: an errno, or 0 for success. Closes what a call opened by mistake. */
static inline void expect(const char *what, long result, int wanted) {
        int got = result < 0 ? errno : 0;

        promises++;
        if (got == wanted)
                return;
        broken++;
        printf("%s: %s, not %s\n", what, got ? strerrorname_np(got) : "success", wanted ? strerrorname_np(wanted) : "success");
        if (!got && result > 2)
                close((int) result);
}

static inline void expect_true(const char *what, bool it_is) {
        promises++;
        if (it_is)
                return;
        broken++;
        printf("not so: %s\n", what);
}

/* For what a test needs to go on. */
static inline int must(const char *what, long result) {
        if (result < 0) {
                printf("%s: %s\n", what, strerror(errno));
                exit(EXIT_FAILURE);
        }
        return (int) result;
}

static inline int promises_end(void) {
        printf("%u promises, %u broken\n", promises, broken);
        return broken ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
