/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process writes to its stderr, cut into lines. The process is not
 * trusted: a line is at most LOG_LINE_MAX long and printable ASCII, what it says
 * of its level ("<4>…", sd-daemon(3)) counts from LOG_ERR on, and there are only so
 * many lines in a time.
 */
#pragma once

#include "base/log.h"

#define LOG_LINE_MAX   800 /* bytes; what is longer ends in "..." */
#define LOG_LINES_MAX  200 /* lines in LOG_LINES_TIME */
#define LOG_LINES_TIME 10  /* seconds */

struct log_lines {
        char text[LOG_LINE_MAX + sizeof("...")];
        size_t length;
        bool cut;
        struct log_ratelimit limit;

        void (*say)(void *userdata, int level, const char *text);
        void *userdata;
};

void log_lines_init(struct log_lines *l, void (*say)(void *userdata, int level, const char *text), void *userdata);

/** log_lines_feed() - calls say() for each line that is complete now */
void log_lines_feed(struct log_lines *l, const char *data, size_t size);

/** log_lines_report() - says how many lines were left out, if any were since it was said last */
void log_lines_report(struct log_lines *l);

/** log_lines_end() - nothing will follow: also what has no line feed is said */
void log_lines_end(struct log_lines *l);
