/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/log_lines.h"

#include <stdio.h>
#include <string.h>

void log_lines_init(struct log_lines *l, void (*say)(void *userdata, int level, const char *text), void *userdata) {
        *l = (struct log_lines){
                .limit = { .burst = LOG_LINES_MAX, .seconds = LOG_LINES_TIME },
                .say = say,
                .userdata = userdata,
        };
}

static void say_left_out(struct log_lines *l, unsigned count) {
        char text[64];

        if (count == 0)
                return;
        snprintf(text, sizeof(text), "too much to log: %u lines were left out", count);
        l->say(l->userdata, LOG_WARNING, text);
}

/*
 * A line without a level is not the worker's own, but a library's last word. One
 * of LOG_CRIT and above could be sent to every terminal (journald.conf(5)).
 */
static int take_level(const char **text) {
        const char *t = *text;
        int level;

        if (t[0] != '<' || t[1] < '0' || t[1] > '7' || t[2] != '>')
                return LOG_WARNING;
        level = t[1] - '0';
        *text = t + 3;
        return MAX(level, LOG_ERR);
}

static void end_line(struct log_lines *l) {
        const char *text = l->text;
        unsigned left_out;
        int level;

        strcpy(l->text + l->length, l->cut ? "..." : "");
        l->length = 0;
        l->cut = false;
        level = take_level(&text);
        if (text[0] == '\0' || !log_ratelimit_pass(&l->limit, &left_out))
                return;
        say_left_out(l, left_out);
        l->say(l->userdata, level, text);
}

void log_lines_feed(struct log_lines *l, const char *data, size_t size) {
        for (size_t i = 0; i < size; i++) {
                if (data[i] == '\n')
                        end_line(l);
                else if (l->length == LOG_LINE_MAX)
                        l->cut = true;
                else
                        l->text[l->length++] = data[i] >= ' ' && data[i] <= '~' ? data[i] : '?';
        }
}

void log_lines_report(struct log_lines *l) {
        unsigned left_out = l->limit.dropped;

        l->limit.dropped = 0;
        say_left_out(l, left_out);
}

void log_lines_end(struct log_lines *l) {
        end_line(l);
        log_lines_report(l);
}
