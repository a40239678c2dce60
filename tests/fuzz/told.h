/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzzers claim of messages about files, and of a zone that was read from one. */
#pragma once

#include <errno.h>

#include "config/parse.h"
#include "fuzz/zones.h"

struct told_file {
        const char *path;
        struct input text;
};

static inline const struct input *file_of(const struct diagnostic *item, const struct told_file *files, size_t count) {
        for (size_t i = 0; i < count; i++)
                if (strcmp(item->file, files[i].path) == 0)
                        return &files[i].text;
        CLAIM(!"about a file that was read");
        return NULL;
}

static inline size_t line_length(const struct input *text, unsigned line, bool *ret_exists) {
        const uint8_t *at = text->at, *end = NULL;

        for (unsigned n = 1; n <= line; n++) {
                if (n > 1 && !end) {
                        *ret_exists = false;
                        return 0;
                }
                at = n > 1 ? end + 1 : at;
                end = at < text->end ? memchr(at, '\n', (size_t) (text->end - at)) : NULL;
        }
        *ret_exists = true;
        return (size_t) ((end ?: text->end) - at);
}

static inline void claim_place(const struct diagnostic *item, const struct input *text) {
        bool exists;
        size_t length;

        if (item->line == 0) {
                CLAIM(item->column == 0);
                return;
        }
        length = line_length(text, item->line, &exists);
        CLAIM(exists);
        CLAIM(item->column <= length + 1);
        CLAIM(item->column == 0 || item->column - 1 + (size_t) item->length <= MAX(length, (size_t) item->column));
        CLAIM(!item->source || strlen(item->source) <= length);
}

static inline void claim_printable(const struct diagnostics *d) {
        _cleanup_free_ char *text = NULL;
        char first[128];
        size_t size;
        FILE *f = open_memstream(&text, &size);

        CLAIM(f);
        diagnostics_print(d, f, false);
        fclose(f);
        CLAIM(strlen(text) == size);
        for (const char *p = text; *p; p++)
                CLAIM(((unsigned char) *p >= 0x20 && *p != 0x7f) || *p == '\n');
        diagnostics_first_error(d, first, sizeof(first));
        CLAIM((first[0] != '\0') == (d->errors > 0));
}

/* Empties @d. All of it is about one of the @count files that were read. */
static inline void claim_told(struct diagnostics *d, const struct told_file *files, size_t count) {
        size_t errors = 0;

        for (size_t i = 0; i < d->count; i++) {
                errors += d->items[i].severity == SEVERITY_ERROR;
                claim_place(&d->items[i], file_of(&d->items[i], files, count));
        }
        CLAIM(errors == d->errors);
        claim_printable(d);
        diagnostics_clear(d);
}

static inline struct input input_of(const char *text) {
        return (struct input){ (const uint8_t *) text, (const uint8_t *) text + strlen(text) };
}

static inline struct zone_spec *parse_zone(const char *name, const struct input *text) {
        struct diagnostics d = {};
        struct zone_spec *z = NULL;
        int r = zone_spec_parse(name, "x.conf", (const char *) text->at, input_left(text), &d, &z);

        CLAIM(r == 0 ? z && d.errors == 0 : r == -EBADMSG && !z && d.errors > 0);
        claim_told(&d, &(struct told_file){ "x.conf", *text }, 1);
        return z;
}

/* Written and read again it is the same. */
static inline void claim_round_trip(const struct zone_spec *z) {
        _cleanup_(zone_spec_freep) struct zone_spec *again = NULL;
        _cleanup_free_ char *text = NULL, *text_again = NULL;
        struct input in;

        CLAIM(zone_spec_format(z, &text) == 0);
        in = input_of(text);
        again = parse_zone(z->name, &in);
        CLAIM(again);
        claim_equal(z, again);
        CLAIM(zone_spec_format(again, &text_again) == 0);
        CLAIM(strcmp(text, text_again) == 0);
}
