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

static const char *log_program = "hvisor";
static int log_max_level = LOG_INFO;
static struct sink log_sink = { .fd = STDERR_FILENO }, log_fallback = { .fd = -1 };

/* The variable is inherited by shells whose stderr is something else: it names the stream (systemd.exec(5)). */
bool log_is_journal(int fd) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
               st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *program) {
        log_program = program;
        log_sink.levels = log_is_journal(STDERR_FILENO);
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
        const char number[] = { '<', (char) ('0' + level), '>', '\0' };
        char line[LINE_SIZE];
        size_t size = append(line, 0, s->levels ? number : log_program);
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
