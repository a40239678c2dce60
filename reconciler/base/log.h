/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sentences for people on stderr. Where stderr is the journal each line carries
 * its level ("<4>…", sd-daemon(3)); on a terminal the program's name stands before
 * it. Levels are syslog's (LOG_ERR … LOG_DEBUG). One write(2) a line, cut where it is
 * too long; any thread. Records with fields are the daemon's business
 * (daemon/journal.h).
 */
#pragma once

#include <syslog.h>

#include "base/macros.h"

/** log_open() - call once, first; @program is borrowed for ever */
void log_open(const char *program);
void log_set_level(int level);
int log_level(void);

/**
 * log_set_fallback() - stderr is a pipe to the daemon, which knows levels
 * @fd: where a line goes that the pipe does not take: nobody reads it any more, or it is full
 *
 * Call once, after log_open(), with SIGPIPE ignored before the first line.
 */
void log_set_fallback(int fd);

/** log_is_journal() - true if @fd is the stream that systemd connected to the journal */
bool log_is_journal(int fd);

/** log_text() - one line as it is; async-signal-safe */
void log_text(int level, const char *text);

void log_at(int level, const char *format, ...) _printf_(2, 3);

#define log_error(...)   log_at(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_at(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(LOG_DEBUG, __VA_ARGS__)

/* At most @burst lines in @seconds for what a guest or a peer can trigger; counts what it drops. */
struct log_ratelimit {
        unsigned burst, seconds;
        uint64_t window_start;
        unsigned count, dropped;
};
/* True if a line may be written now; *ret_dropped (may be NULL) is how many were dropped before it. */
bool log_ratelimit_pass(struct log_ratelimit *l, unsigned *ret_dropped);
