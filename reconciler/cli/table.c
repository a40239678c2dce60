/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cli/table.h"
#include "base/utf8.h"
#include "config/printable.h"

#define COLUMNS_MAX 16

static const char *const colours[_COLOUR_MAX] = {
        [COLOUR_NONE] = "",          [COLOUR_GOOD] = "\033[32m", [COLOUR_BUSY] = "\033[33m",
        [COLOUR_BAD] = "\033[1;31m", [COLOUR_DIM] = "\033[2m",   [COLOUR_TITLE] = "\033[4m",
};

const char *colour_begin(enum colour c, bool on) {
        return on ? colours[c] : "";
}

const char *colour_end(enum colour c, bool on) {
        return on && c != COLOUR_NONE ? "\033[0m" : "";
}

bool colour_wanted(FILE *f) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return isatty(fileno(f)) && !(no_color && no_color[0]) && !(term && strcmp(term, "dumb") == 0);
}

void table_cell(struct table *t, enum colour c, const char *format, ...) {
        _cleanup_free_ char *raw = NULL;
        struct cell *grown;
        va_list ap;
        char *text;
        int n;

        va_start(ap, format);
        n = vasprintf(&raw, format, ap);
        va_end(ap);
        if (n < 0)
                raw = NULL;
        text = raw ? utf8_printable_copy(raw, (size_t) n) : NULL;
        grown = text ? reallocarray(t->cells, t->num_cells + 1, sizeof(*grown)) : NULL;
        if (!grown) {
                free(text);
                t->failed = true;
                return;
        }
        t->cells = grown;
        t->cells[t->num_cells++] = (struct cell){ text, c };
}

static size_t text_width(const char *s) {
        return utf8_count(s, strlen(s));
}

/* 0: no cell of it says anything. */
static size_t column_width(const struct table *t, size_t column) {
        size_t width = 0;

        for (size_t i = column; i < t->num_cells; i += t->num_columns)
                width = MAX(width, text_width(t->cells[i].text));
        return width > 0 ? MAX(width, text_width(t->columns[column].title)) : 0;
}

static void print_padding(FILE *f, size_t n) {
        fprintf(f, "%*s", (int) n, "");
}

static void print_row(const struct table *t, const struct cell *row, const size_t *widths, FILE *f, bool colour) {
        size_t last = t->num_columns - 1, pending = 0;
        bool first = true;

        for (size_t i = 0; i < t->num_columns; i++) {
                const char *text = row[i].text[0] || i == last ? row[i].text : "-";
                size_t padding = widths[i] - MIN(widths[i], text_width(text));

                if (widths[i] == 0)
                        continue;
                if (text[0] == '\0')
                        break; /* the last one, empty: no spaces at the line's end */
                pending += first ? 0 : 2;
                first = false;
                print_padding(f, pending + (t->columns[i].right ? padding : 0));
                fprintf(f, "%s%s%s", colour_begin(row[i].colour, colour), text, colour_end(row[i].colour, colour));
                pending = t->columns[i].right ? 0 : padding;
        }
        fputc('\n', f);
}

int table_print(const struct table *t, FILE *f, bool colour) {
        size_t widths[COLUMNS_MAX];
        struct cell titles[COLUMNS_MAX];

        if (t->failed || t->num_columns > COLUMNS_MAX)
                return -ENOMEM;
        for (size_t i = 0; i < t->num_columns; i++) {
                widths[i] = column_width(t, i);
                titles[i] = (struct cell){ (char *) t->columns[i].title, COLOUR_TITLE };
        }
        print_row(t, titles, widths, f, colour);
        for (size_t i = 0; i + t->num_columns <= t->num_cells; i += t->num_columns)
                print_row(t, t->cells + i, widths, f, colour);
        return 0;
}

void table_clear(struct table *t) {
        for (size_t i = 0; i < t->num_cells; i++)
                free(t->cells[i].text);
        free(t->cells);
        t->cells = NULL;
        t->num_cells = 0;
}
