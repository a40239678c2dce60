/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define LINE_SIZE 1024 /* below PIPE_BUF: a line is written into a pipe as a whole or not at all (pipe(7)) */

struct sink {
        int fd;
        bool levels; /* lines carry their level, not the program's name */
};

static const char *program_name = "hvisor";
#ifndef LOG_DEFAULT /* make LOG= */
#define LOG_DEFAULT LOG_INFO
#endif

static int log_max_level = LOG_DEFAULT;
static struct sink log_sink = { .fd = STDERR_FILENO }, log_fallback = { .fd = -1 };

const char *const log_level_words[] = { "trace", "debug", "info", "warn", "error", "fatal" };
static const int levels_of_words[LOG_LEVEL_WORDS] = { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR, LOG_CRIT };

int log_level_parse(const char *word) {
        for (size_t i = 0; i < LOG_LEVEL_WORDS; i++)
                if (strcmp(log_level_words[i], word) == 0)
                        return levels_of_words[i];
        return -EINVAL;
}

const char *log_level_word(int level) {
        for (size_t i = 0; i < LOG_LEVEL_WORDS; i++)
                if (levels_of_words[i] == level)
                        return log_level_words[i];
        return NULL;
}

/* The variable is inherited by shells whose stderr is something else: it names the stream (systemd.exec(5)). */
bool log_is_journal(int fd) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
               st.st_dev == device && st.st_ino == inode;
}

bool log_open(const char *program) {
        const char *word = getenv(LOG_ENVIRONMENT);
        int level = word ? log_level_parse(word) : -ENODATA;

        program_name = program;
        log_sink.levels = log_is_journal(STDERR_FILENO);
        log_max_level = level < 0 ? LOG_DEFAULT : level;
        if (word && level < 0)
                log_warning(LOG_ENVIRONMENT "=%s: one of " LOG_LEVELS " is wanted", word);
        return level >= 0;
}

const char *log_program(void) {
        return program_name;
}

void log_set_fallback(int fd) {
        log_sink.levels = true;
        log_fallback = (struct sink){ .fd = fd, .levels = log_is_journal(fd) };
}

void log_set_level(int level) {
        log_max_level = level;
}

int log_level(void) {
        return log_max_level;
}

/* Leaves room for the line feed. */
static size_t append(char line[static LINE_SIZE], size_t at, const char *text) {
        size_t n = MIN(strlen(text), LINE_SIZE - 1 - at);

        memcpy(line + at, text, n);
        return at + n;
}

static bool put(const struct sink *s, int level, const char *text) {
        const char number[] = { '<', (char) ('0' + MIN(level, LOG_DEBUG)), '>', '\0' };
        char line[LINE_SIZE];
        size_t size = append(line, 0, s->levels ? number : program_name);
        ssize_t n;

        if (!s->levels)
                size = append(line, size, ": ");
        size = append(line, size, text);
        line[size++] = '\n';
        do
                n = write(s->fd, line, size);
        while (n < 0 && errno == EINTR);
        return n >= 0;
}

void log_text(int level, const char *text) {
        if (level > log_max_level)
                return;
        if (!put(&log_sink, level, text) && log_fallback.fd >= 0)
                (void) put(&log_fallback, level, text);
}

void log_at(int level, const char *format, ...) {
        char text[LINE_SIZE];
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (n >= 0)
                log_text(level, text);
}

bool log_ratelimit_pass(struct log_ratelimit *l, unsigned *ret_dropped) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        if (l->window_start == 0 || (uint64_t) now.tv_sec - l->window_start >= l->seconds) {
                l->window_start = (uint64_t) now.tv_sec;
                l->count = 0;
        }
        if (l->count >= l->burst) {
                l->dropped++;
                return false;
        }
        l->count++;
        if (ret_dropped)
                *ret_dropped = l->dropped;
        l->dropped = 0;
        return true;
}
