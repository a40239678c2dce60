/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All that is wrong with a file, in one go, as a compiler would say it:
 *
 *   /etc/hvisor/zones.d/linux2.conf:4:6: error: unknown key "CPUS" in [Zone]; did you mean "CPUs"?
 *       4 | CPUS=2-3
 *         | ^~~~
 *
 * A struct diagnostics is owned by the caller, starts as {} and is emptied by
 * diagnostics_clear(). Positions are 1-based, columns in bytes; line 0 means the
 * file as a whole.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/macros.h"

enum severity {
        SEVERITY_ERROR,
        SEVERITY_WARNING,
        SEVERITY_NOTE, /* what could not be checked here */
        _SEVERITY_MAX,
};

struct diagnostic {
        enum severity severity;
        char *file;
        unsigned line, column, length;
        char *message;
        char *source; /* the offending line, without its newline; NULL if there is none */
};

struct diagnostics {
        struct diagnostic *items;
        size_t count;
        size_t errors; /* how many of them are errors */
};

/**
 * diagnostics_add() - one more finding; everything is copied, with "?" for what a terminal must not see
 * @source: the offending line, @source_length bytes, or NULL
 *
 * Return: 0, -ENOMEM (errors is counted all the same, so nothing bad passes for good).
 */
int diagnostics_add(struct diagnostics *d, enum severity severity, const char *file, unsigned line, unsigned column,
                    unsigned length, const char *source, size_t source_length, const char *format, ...) _printf_(9, 10);

void diagnostics_clear(struct diagnostics *d);

/** diagnostics_sort() - by file and position, from item @first on; equal ones stay in order */
void diagnostics_sort(struct diagnostics *d, size_t first);

/** diagnostics_quote() - gives those about @file that lack it the line that they are about; @text: NULL: none has any */
void diagnostics_quote(struct diagnostics *d, const char *file, const char *text, size_t size);

/** severity_to_string() - "error", "warning", "note" */
const char *severity_to_string(enum severity severity);

/** diagnostics_print() - all of them in order, with caret lines; colours only if @colour */
void diagnostics_print(const struct diagnostics *d, FILE *f, bool colour);

/** diagnostic_text() - one line "file:line:column: message", as much of the place as is known; @buffer */
char *diagnostic_text(const struct diagnostic *item, char *buffer, size_t size);

/** diagnostics_first_error() - diagnostic_text() of it, for a status; "" if none */
void diagnostics_first_error(const struct diagnostics *d, char *buffer, size_t size);

/** diagnostics_summary() - the same, and how many more there are */
void diagnostics_summary(const struct diagnostics *d, char *buffer, size_t size);
