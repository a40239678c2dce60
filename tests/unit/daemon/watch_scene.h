/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories on disk that a watch is told of, and what it tells. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/watch.h"

struct scene {
        char dir[64], zones[96], board[96];
        struct watch_paths paths;
        sd_event *event;
        struct watch *watch;
        unsigned changes;
        char told[512];      /* of each change its files, or "all"; of one that names none "board" */
        int fail;            /* what a change returns */
        char board_text[16]; /* what could be read of the board at the last change */
};

int watch_scene_setup(void **state);
int watch_scene_teardown(void **state);
#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, watch_scene_setup, watch_scene_teardown)

/** watch_begin() - of the paths, as they are now */
void watch_begin(struct scene *s);

/** watch_put() - writes a file and closes it */
void watch_put(const char *dir, const char *name, const char *text);

/** watch_entry() - the path of what has that name among zones' files */
void watch_entry(const struct scene *s, const char *name, char path[160]);

uint64_t now_ms(void);

/** changes_in() - runs the loop for a while; how many changes were told in it? */
unsigned changes_in(struct scene *s, unsigned ms);

/** expect_change() - runs the loop until a change is told, and what goes with it; on a machine that is busy, too */
void expect_change(struct scene *s);

/** expect_told() - the same, and it is this */
void expect_told(struct scene *s, const char *told);
