/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A console's output as records of the journal: one more cursor through the history,
 * which a successor finds where it got to. Each line is a record with ZONE=, DEVICE= and
 * SYSLOG_IDENTIFIER=ZONE/DEVICE, sent straight to journald: the daemon need not be there.
 *
 * The guest writes what it likes: escape sequences are left out, other control characters and
 * what is no UTF-8 are written as \xNN, a long line is cut with a mark, and there are only so many
 * lines in a time. While journald does not keep up the history holds them; what it cannot hold is
 * counted. The guest never waits.
 */
#pragma once

#include "base/history.h"
#include "base/log.h"

#define CONSOLE_LOG_LINE                                                                                               \
        1024 /* bytes of the guest's in one record; of what is longer the rest is left out, "…" says so */
#define CONSOLE_LOG_LINES 2000 /* in CONSOLE_LOG_TIME */
#define CONSOLE_LOG_TIME  10   /* seconds */

struct console_log {
        int fd;         /* connected to the journal's socket, non-blocking; -1: nothing is logged */
        int event_fd;   /* to be polled for reading: the journal takes more */
        char head[256]; /* the fields that are always the same */
        uint64_t scanned;
        uint64_t lost; /* bytes that the history no longer had, not told yet */
        bool blocked;
        bool in_long_line; /* which was cut: the rest of it is left out */
        struct log_ratelimit limit;
};

/**
 * console_log_open() - before the cage closes
 * @fd: owned on success; -1: there is none, and console_log_run() does nothing
 *
 * Return: 0, -errno.
 */
int console_log_open(struct console_log *l, int fd, const char *zone, const char *device);
void console_log_close(struct console_log *l);

/** console_log_run() - sends the whole lines that were not sent yet, as far as the journal takes them */
void console_log_run(struct console_log *l, struct history *h);

/** console_log_ready() - event_fd became readable: console_log_run() may go on */
void console_log_ready(struct console_log *l);

/**
 * console_log_clean() - one line of the guest's as text
 * @ret: of 4 * @size + 1 bytes at least
 */
void console_log_clean(const char *line, size_t size, char *ret);
