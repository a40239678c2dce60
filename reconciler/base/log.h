/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sentences for people on stderr. Where stderr is the journal each line carries
 * its level ("<4>…", sd-daemon(3)); on a terminal the program's name stands before
 * it. Levels are syslog's (LOG_CRIT … LOG_DEBUG) and below them LOG_TRACE, which
 * is LOG_DEBUG to others. One write(2) a line, cut where it is too long; any
 * thread. Records with fields are the engine's business (engine/journal.h).
 */
#pragma once

#include <syslog.h>

#include "base/macros.h"

#define LOG_TRACE (LOG_DEBUG + 1)

/* Those that people choose from; LOG_LEVELS is the same for a sentence (test_log compares them). */
enum { LOG_LEVEL_WORDS = 6 };
extern const char *const log_level_words[LOG_LEVEL_WORDS];
#define LOG_LEVELS      "trace, debug, info, warn, error or fatal"
#define LOG_ENVIRONMENT "HVISOR_LOG"

/**
 * log_open() - call once, first
 * @program: borrowed for ever
 *
 * Return: true if HVISOR_LOG gave the level; else it is info. A word that is none is told, and counts as not given.
 */
bool log_open(const char *program);
const char *log_program(void);
void log_set_level(int level);

/** log_level_parse() - one of LOG_LEVELS; -EINVAL if @word is none */
int log_level_parse(const char *word);
/** log_level_word() - the word for @level; NULL if none of the six is it */
const char *log_level_word(int level);
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

#define log_fatal(...)   log_at(LOG_CRIT, __VA_ARGS__) /* the program ends */
#define log_error(...)   log_at(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_at(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(LOG_DEBUG, __VA_ARGS__)
#define log_trace(...)   log_at(LOG_TRACE, __VA_ARGS__)

/* At most @burst lines in @seconds for what a guest or a peer can trigger; counts what it drops. */
struct log_ratelimit {
        unsigned burst, seconds;
        uint64_t window_start;
        unsigned count, dropped;
};
/* True if a line may be written now; *ret_dropped (may be NULL) is how many were dropped before it. */
bool log_ratelimit_pass(struct log_ratelimit *l, unsigned *ret_dropped);
