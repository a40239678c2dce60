/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies between a person (or a pipe) and a console, both ways, until one of them has had enough. */
#pragma once

#include "cli/console_client.h"

#define RELAY_ESCAPE 0x1d /* Ctrl-] */

enum relay_end {
        RELAY_LEFT,      /* the escape key */
        RELAY_CLOSED,    /* the console went away */
        RELAY_SILENT,    /* input ended, and the console was silent for long enough, or talks on and on */
        RELAY_STALLED,   /* the console took no more of the input, for as long as that */
        RELAY_BUSY,      /* there was input, but another client writes, for as long as that */
        RELAY_NO_READER, /* nobody reads our output */
        RELAY_SIGNAL,    /* told to end */
};

struct relay {
        int in, out;                    /* borrowed, as the rest; if out is a terminal its size is the console's */
        int notes;                      /* for sentences to a person, who writes; -1: none */
        struct console_client *console; /* its input is claimed when it is needed */
        bool interactive;               /* a person: claims the input at once, or when it becomes free; the escape key
                                         * counts, always; what the console does not take is lost, and an end of
                                         * input is the end */
        bool watch;                     /* never writes; of the input only a person's escape key counts, so that a
                                         * pipe's watching goes on until it is ended */
        unsigned silence_ms;            /* not interactive: what is enough of it after the end of input, or (at least
                                         * a second) while the console takes none; ten times as long ends it anyway */
};

/** relay_run() - Return: enum relay_end, -errno. SIGTERM, SIGHUP, SIGINT and SIGQUIT end it meanwhile. */
int relay_run(const struct relay *relay, struct err *e);
