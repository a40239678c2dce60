/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"

static const char *log_program = "hvisor";
static int log_max_level = LOG_INFO;
static bool log_to_journal;

/* The variable is inherited by shells whose stderr is something else: it names the stream (systemd.exec(5)). */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
               st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *program) {
        log_program = program;
        log_to_journal = stderr_is_journal();
}

void log_set_level(int level) {
        log_max_level = level;
}

int log_level(void) {
        return log_max_level;
}

void log_at(int level, const char *format, ...) {
        char line[1024];
        va_list ap;
        int n, m;

        if (level > log_max_level)
                return;
        n = log_to_journal ? snprintf(line, sizeof(line), "<%d>", level)
                           : snprintf(line, sizeof(line), "%s: ", log_program);
        va_start(ap, format);
        m = vsnprintf(line + n, sizeof(line) - (size_t) n - 1, format, ap);
        va_end(ap);
        if (m < 0)
                return;
        n = MIN(n + m, (int) sizeof(line) - 2);
        line[n++] = '\n';
        (void) write_all(STDERR_FILENO, line, (size_t) n);
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
