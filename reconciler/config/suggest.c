/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <string.h>

#include "base/macros.h"
#include "config/suggest.h"

#define WORD_MAX 32

/* Edits (insert, remove, replace, swap neighbours) from one word to the other, whatever the case. */
static unsigned edit_distance(const char *a, size_t a_size, const char *b, size_t b_size) {
        unsigned rows[3][WORD_MAX + 1];
        unsigned *before = rows[0], *last = rows[1], *now = rows[2];

        for (size_t j = 0; j <= b_size; j++)
                last[j] = (unsigned) j;
        for (size_t i = 1; i <= a_size; i++) {
                unsigned *spare = before;

                now[0] = (unsigned) i;
                for (size_t j = 1; j <= b_size; j++) {
                        int x = tolower((unsigned char) a[i - 1]), y = tolower((unsigned char) b[j - 1]);

                        now[j] = MIN(last[j], now[j - 1]) + 1;
                        now[j] = MIN(now[j], last[j - 1] + (x != y));
                        if (i > 1 && j > 1 && x == tolower((unsigned char) b[j - 2]) &&
                            y == tolower((unsigned char) a[i - 2]))
                                now[j] = MIN(now[j], before[j - 2] + 1);
                }
                before = last;
                last = now;
                now = spare;
        }
        return last[b_size];
}

void suggestion_offer(struct suggestion *s, const char *typed, size_t size, const char *candidate) {
        size_t length = strlen(candidate);
        unsigned distance;

        if (size == 0 || size > WORD_MAX || length > WORD_MAX)
                return;
        distance = edit_distance(typed, size, candidate, length);
        /* A third of the word may be wrong; more is another word. */
        if (distance > MAX(1U, (unsigned) length / 3))
                return;
        if (!s->word || distance < s->distance) {
                s->word = candidate;
                s->distance = distance;
        }
}
