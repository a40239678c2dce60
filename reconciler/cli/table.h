/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligned columns for people. Cells are filled row by row; colours are for terminals only. */
#pragma once

#include <stdio.h>

#include "base/macros.h"

enum colour {
        COLOUR_NONE,
        COLOUR_GOOD,
        COLOUR_BUSY, /* on its way, or waits */
        COLOUR_BAD,
        COLOUR_DIM,
        COLOUR_TITLE,
        _COLOUR_MAX,
};

/** colour_begin(), colour_end() - what a terminal wants to see; "" if not @on or COLOUR_NONE */
const char *colour_begin(enum colour c, bool on);
const char *colour_end(enum colour c, bool on);

/** colour_wanted() - @f is a terminal and NO_COLOR (no-color.org) is not set */
bool colour_wanted(FILE *f);

struct column {
        const char *title;
        bool right;
};

struct cell {
        char *text; /* printable */
        enum colour colour;
};

struct table {
        const struct column *columns; /* borrowed */
        size_t num_columns;
        struct cell *cells;
        size_t num_cells;
        bool failed; /* out of memory */
};

/** table_cell() - the next cell; what others wrote is made printable; "" is shown as "-" but in the last
 * column */
void table_cell(struct table *t, enum colour c, const char *format, ...) _printf_(3, 4);

/** table_print() - titles and rows; a column without any text is left out. Return: 0, -ENOMEM. */
int table_print(const struct table *t, FILE *f, bool colour);
void table_clear(struct table *t);
