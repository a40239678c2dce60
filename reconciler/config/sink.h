/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where values are written to: text that grows, or nothing but its hash, which
 * takes no memory and so cannot fail.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/macros.h"

struct sink {
        uint64_t hash; /* hash_string() of all that was written */
        bool keeps;    /* the text is wanted, too */
        bool failed;   /* there was no memory for it */
        char *text;    /* closed by NUL; NULL: empty, or failed */
        size_t size, room;
};

#define SINK_HASH ((struct sink){ .hash = HASH_INIT })
#define SINK_TEXT ((struct sink){ .hash = HASH_INIT, .keeps = true })

void sink_put(struct sink *s, const char *text);

/** sink_print() - of what has a bound: 127 bytes at a time are taken, what is longer is cut off */
void sink_print(struct sink *s, const char *format, ...) _printf_(2, 3);

/** sink_take() - the text, the caller's from now on; NULL: out of memory */
char *sink_take(struct sink *s);

void sink_clear(struct sink *s);
