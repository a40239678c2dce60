/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "config/diagnostics.h"
#include "base/utf8.h"
#include "config/printable.h"

static const struct {
        const char *word, *colour;
} severities[_SEVERITY_MAX] = {
        [SEVERITY_ERROR] = { "error", "\033[1;31m" },
        [SEVERITY_WARNING] = { "warning", "\033[1;33m" },
        [SEVERITY_NOTE] = { "note", "\033[1;36m" },
};

static int diagnostic_fill(struct diagnostic *item, const char *file, const char *source, size_t source_length,
                           const char *format, va_list ap) {
        _cleanup_free_ char *raw = NULL;
        int n = vasprintf(&raw, format, ap);

        if (n < 0) {
                raw = NULL;
                return -ENOMEM;
        }
        item->file = utf8_printable_copy(file, strlen(file));
        item->message = utf8_printable_copy(raw, (size_t) n);
        item->source = source ? utf8_printable_copy(source, source_length) : NULL;
        return !item->file || !item->message || (source && !item->source) ? -ENOMEM : 0;
}

static void diagnostic_clear(struct diagnostic *item) {
        free(item->file);
        free(item->message);
        free(item->source);
}

int diagnostics_add(struct diagnostics *d, enum severity severity, const char *file, unsigned line, unsigned column,
                    unsigned length, const char *source, size_t source_length, const char *format, ...) {
        struct diagnostic item = { .severity = severity, .line = line, .column = column, .length = length };
        struct diagnostic *grown;
        va_list ap;
        int r;

        if (severity == SEVERITY_ERROR)
                d->errors++;
        va_start(ap, format);
        r = diagnostic_fill(&item, file, source, source_length, format, ap);
        va_end(ap);
        grown = r < 0 ? NULL : reallocarray(d->items, d->count + 1, sizeof(*grown));
        if (!grown) {
                diagnostic_clear(&item);
                return -ENOMEM;
        }
        d->items = grown;
        d->items[d->count++] = item;
        return 0;
}

void diagnostics_clear(struct diagnostics *d) {
        for (size_t i = 0; i < d->count; i++)
                diagnostic_clear(&d->items[i]);
        free(d->items);
        *d = (struct diagnostics){};
}

static bool stands_before(const struct diagnostic *a, const struct diagnostic *b) {
        int c = strcmp(a->file, b->file);

        if (c != 0)
                return c < 0;
        return a->line < b->line || (a->line == b->line && a->column <= b->column);
}

void diagnostics_sort(struct diagnostics *d, size_t first) {
        for (size_t i = first; i < d->count; i++) {
                struct diagnostic item = d->items[i];
                size_t j = i;

                for (; j > first; j--) {
                        const struct diagnostic *before = &d->items[j - 1];

                        if (stands_before(before, &item))
                                break;
                        d->items[j] = *before;
                }
                d->items[j] = item;
        }
}

/* Without its end; NULL: there are not so many lines. */
static const char *find_line(const char *text, size_t size, unsigned line, size_t *ret_size) {
        const char *end = text + size, *newline;

        for (; --line > 0; text = newline + 1) {
                newline = memchr(text, '\n', (size_t) (end - text));
                if (!newline)
                        return NULL;
        }
        newline = memchr(text, '\n', (size_t) (end - text));
        *ret_size = (size_t) ((newline ? newline : end) - text);
        if (*ret_size > 0 && text[*ret_size - 1] == '\r')
                (*ret_size)--;
        return text;
}

void diagnostics_quote(struct diagnostics *d, const char *file, const char *text, size_t size) {
        for (size_t i = 0; text && i < d->count; i++) {
                struct diagnostic *item = &d->items[i];
                const char *line;
                size_t length;

                if (item->source || item->line == 0 || item->column == 0 || strcmp(item->file, file) != 0)
                        continue;
                line = find_line(text, size, item->line, &length);
                if (line)
                        item->source = utf8_printable_copy(line, length); /* without memory: none is shown */
        }
}

const char *severity_to_string(enum severity severity) {
        return severities[severity].word;
}

static void print_position(const struct diagnostic *item, FILE *f) {
        fputs(item->file, f);
        if (item->line > 0)
                fprintf(f, ":%u", item->line);
        if (item->line > 0 && item->column > 0)
                fprintf(f, ":%u", item->column);
        fputs(": ", f);
}

static void repeat(FILE *f, char c, size_t n) {
        while (n-- > 0)
                fputc(c, f);
}

/* A long line is shown around the offending part only. */
#define SOURCE_SHOWN 100

static void print_source(const struct diagnostic *item, FILE *f, const char *colour, const char *plain) {
        size_t size = strlen(item->source);
        size_t column = item->column > 0 ? MIN((size_t) item->column - 1, size) : 0;
        size_t length = MIN((size_t) item->length, size - column);
        size_t from = 0, to = size;

        if (size > SOURCE_SHOWN) {
                from = column > SOURCE_SHOWN / 2 ? utf8_floor(item->source, column - SOURCE_SHOWN / 2) : 0;
                to = utf8_floor(item->source, MIN(size, from + SOURCE_SHOWN));
                length = MIN(length, to - column);
        }
        fprintf(f, "%5u | %s%.*s%s\n", item->line, from > 0 ? "…" : "", (int) (to - from), item->source + from,
                to < size ? "…" : "");
        if (item->column == 0)
                return;
        fputs("      | ", f);
        repeat(f, ' ', (from > 0) + utf8_count(item->source + from, column - from));
        fprintf(f, "%s^", colour);
        length = utf8_count(item->source + column, length);
        repeat(f, '~', length > 0 ? length - 1 : 0);
        fprintf(f, "%s\n", plain);
}

void diagnostics_print(const struct diagnostics *d, FILE *f, bool colour) {
        const char *plain = colour ? "\033[0m" : "";

        for (size_t i = 0; i < d->count; i++) {
                const struct diagnostic *item = &d->items[i];
                const char *on = colour ? severities[item->severity].colour : "";

                print_position(item, f);
                fprintf(f, "%s%s:%s %s\n", on, severities[item->severity].word, plain, item->message);
                if (item->source)
                        print_source(item, f, on, plain);
        }
}

char *diagnostic_text(const struct diagnostic *item, char *buffer, size_t size) {
        if (item->line > 0 && item->column > 0)
                (void) snprintf(buffer, size, "%s:%u:%u: %s", item->file, item->line, item->column, item->message);
        else if (item->line > 0)
                (void) snprintf(buffer, size, "%s:%u: %s", item->file, item->line, item->message);
        else
                (void) snprintf(buffer, size, "%s: %s", item->file, item->message);
        return buffer;
}

void diagnostics_first_error(const struct diagnostics *d, char *buffer, size_t size) {
        if (size == 0)
                return;
        buffer[0] = '\0';
        for (size_t i = 0; i < d->count; i++) {
                if (d->items[i].severity != SEVERITY_ERROR)
                        continue;
                (void) diagnostic_text(&d->items[i], buffer, size);
                return;
        }
        if (d->errors > 0)
                (void) snprintf(buffer, size, "out of memory");
}

void diagnostics_summary(const struct diagnostics *d, char *buffer, size_t size) {
        size_t used;

        diagnostics_first_error(d, buffer, size);
        used = size > 0 ? strlen(buffer) : 0;
        if (d->errors > 1 && used < size)
                (void) snprintf(buffer + used, size - used, " (and %zu more: hvisor check tells all)", d->errors - 1);
}
