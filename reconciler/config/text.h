/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The syntax of configuration files, before any meaning: lines that are
 * "[Section name]", "Key=value", comments or blank.
 *
 *   - A comment has a line of its own and begins with # or ;. Whitespace around
 *     section, key and value does not count.
 *   - UTF-8; a byte order mark at the start is skipped. Lines end with LF or CRLF.
 *   - Refused: NUL and other control characters but tab, lines of more than
 *     TEXT_LINE_MAX bytes, a backslash at a line's end (there is no continuation),
 *     a value that goes on with " #" or " ;" (a comment meant, surely), no value.
 */
#pragma once

#include "base/macros.h"
#include "config/diagnostics.h"

#define TEXT_LINE_MAX   4096
#define TEXT_ERRORS_MAX 100 /* of a file; the rest is only mentioned */

/* A part of the text, borrowed. */
struct slice {
        const char *text;
        size_t size;
};

/* What a message points at: a part of a line. */
struct place {
        const char *path; /* of the file; NULL: the one that is read */
        unsigned line;    /* 0: the file as a whole */
        struct slice source, part;
};

/* One file after the other while they are read. */
struct source {
        const char *path; /* borrowed, like text and diagnostics */
        struct diagnostics *diagnostics;
        const char *next, *end;
        unsigned line;
        unsigned errors;
        int failed; /* -ENOMEM if a message was lost; what else tells nothing of the text */
};

enum line_kind {
        LINE_END,
        LINE_SECTION,
        LINE_ASSIGNMENT,
};

struct line {
        enum line_kind kind;
        struct place place; /* of the section's name or the key */
        struct slice name;  /* of the section (size 0: a bad one, reported), or key */
        struct slice value; /* or the section's argument; size 0: none */
};

/** source_open() - begins with a file's text; @d gets what is wrong with it */
void source_open(struct source *s, const char *path, const char *text, size_t size, struct diagnostics *d);

/** source_continue() - goes on with another file's */
void source_continue(struct source *s, const char *path, const char *text, size_t size);

/** source_next() - the next line that means something; what is wrong on the way is reported and skipped */
void source_next(struct source *s, struct line *ret);

/** source_error() - @p may be NULL: the file as a whole */
void source_error(struct source *s, const struct place *p, const char *format, ...) _printf_(3, 4);

/* The same line, another part. */
static inline struct place place_of(const struct place *p, struct slice part) {
        return (struct place){ p->path, p->line, p->source, part };
}

/* For "%.*s" of a text that others wrote: bounded. */
#define SLICE_ARGS(s) (int) MIN((s).size, (size_t) 64), (s).text

/** slice_trim() - without the blanks around it */
struct slice slice_trim(struct slice s);

/** slice_is() - true if it is that word, in whatever case */
bool slice_is(struct slice s, const char *word);
