/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers by a seed, each thread its own, and arguments of calls that are right but for a word or two. */
#ifndef RIG_TOOLS_RANDOM_H
#define RIG_TOOLS_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../promise.h"
#include "../valid.h"

extern __thread uint64_t random_state; /* random-calls.c */

static inline void random_begin(uint64_t seed) {
        random_state = seed * 0x9e3779b97f4a7c15 + 1;
}

static inline uint64_t draw(void) {     /* xorshift64* */
        random_state ^= random_state >> 12;
        random_state ^= random_state << 25;
        random_state ^= random_state >> 27;
        return random_state * 0x2545f4914f6cdd1d;
}

static inline uint64_t below(uint64_t n) {
        return (draw() >> 11) % n;
}

static inline uint64_t interesting(void) {
        static const uint64_t values[] = {
                0, 1, 2, 3, 7, 8, 31, 32, 64, 0xff, 0x200, 0xfff, 0x1000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
                VALID_RAM, VALID_RAM + VALID_RAM_SIZE, VALID_KERNEL, ROOT_RAM, 0x8000000, 0x40400000, 1ULL << 32, 1ULL << 48,
                0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX,
        };

        return below(4) ? values[below(sizeof(values) / sizeof(*values))] : draw();
}

/* Return: whether it is spoilt now. */
static inline bool spoil(void *argument, size_t size) {
        if (below(3))
                return false;
        for (uint64_t n = 1 + below(2); n > 0; n--) {
                uint64_t value = interesting();
                size_t width = (size_t) 1 << below(4), at = below(size);

                memcpy((char *) argument + at, &value, width < size - at ? width : size - at);
        }
        return true;
}

#endif
