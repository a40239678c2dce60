/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminals that zones of `zone start` get for their consoles: told as hvisor-tool does it, whenever there is a
 * new one. What changes them is seen by inotify(7).
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "config/spec.h"

#define TERMINALS_MAX 64

struct terminal_watch {
        uint32_t zone;    /* its id */
        uint64_t address; /* of the console's window */
        char told[64];    /* the terminal that was told last; "": none is there */
};

struct terminals {
        int events; /* inotify: readable when there is something to look at */
        FILE *out;
        struct terminal_watch list[TERMINALS_MAX];
        size_t count;
};

/** terminals_open() - without any; 0, -errno */
int terminals_open(struct terminals *t, FILE *out);
void terminals_close(struct terminals *t);

/** terminals_add() - more than TERMINALS_MAX are not watched */
void terminals_add(struct terminals *t, uint32_t zone, uint64_t address);

/** terminals_look() - tells what is new; takes the events */
void terminals_look(struct terminals *t);

/** terminals_wait_told() - until each `virtio start` has told of the consoles of this zone, which runs: who started it
 * may look for them in a nohup.out */
void terminals_wait_told(const char *zone);
