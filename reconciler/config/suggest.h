/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "Did you mean …?": how far two words are apart. Used for keys, sections,
 * values and the command line. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct suggestion {
        const char *word; /* the nearest so far, borrowed; NULL if none was near enough */
        unsigned distance;
};

/** suggestion_offer() - takes @candidate if it is nearer to what was @typed than those before */
void suggestion_offer(struct suggestion *s, const char *typed, size_t size, const char *candidate);
