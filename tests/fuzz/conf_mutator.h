/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes .conf files as somebody would who means them: a number becomes another one of the file, or one near it; a line
 * goes, comes twice, or changes places. What single bytes make of a number is hardly ever an address beside another.
 * Include it once; libFuzzer calls it, AFL++ goes without.
 */
#pragma once

#include <inttypes.h>

#include "fuzz/fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);

#define MUTATOR_LINES 256

struct mutator {
        uint64_t random; /* xorshift64* */
        const char *lines[MUTATOR_LINES];
        size_t lengths[MUTATOR_LINES]; /* with the newline */
        unsigned count;
        char *to;
        size_t size, size_max;
};

static inline uint32_t mutator_below(struct mutator *m, uint32_t limit) {
        m->random ^= m->random >> 12;
        m->random ^= m->random << 25;
        m->random ^= m->random >> 27;
        return (uint32_t) (m->random * UINT64_C(2685821657736338717) >> 32) % limit;
}

static inline void mutator_split(struct mutator *m, const char *text, size_t size) {
        const char *end = text + size;

        while (text < end && m->count < MUTATOR_LINES) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));

                m->lines[m->count] = text;
                m->lengths[m->count] = (size_t) ((newline ? newline + 1 : end) - text);
                text += m->lengths[m->count++];
        }
}

static inline void mutator_write(struct mutator *m, const char *text, size_t size) {
        size = size < m->size_max - m->size ? size : m->size_max - m->size;
        memcpy(m->to + m->size, text, size);
        m->size += size;
}

static inline bool mutator_number(const struct mutator *m, unsigned line, uint64_t *ret) {
        const char *equals = memchr(m->lines[line], '=', m->lengths[line]);
        char text[32] = "", *end;
        size_t left;

        if (!equals)
                return false;
        left = m->lengths[line] - (size_t) (equals + 1 - m->lines[line]);
        memcpy(text, equals + 1, left < sizeof(text) - 1 ? left : sizeof(text) - 1);
        *ret = strtoull(text, &end, 0);
        if (end == text)
                return false;
        *ret <<= *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
        return true;
}

/* One that the file has, the sum of two, or one beside such a one. */
static inline uint64_t mutator_choose(struct mutator *m) {
        static const uint64_t steps[] = {
                0, 1, 4, 8, 0x200, 0x1000, 0x1000, 0x2000, 0x10000, 0x20000, UINT64_C(1) << 39
        };
        uint64_t value = mutator_below(m, 8), other, step = steps[mutator_below(m, sizeof(steps) / sizeof(steps[0]))];

        for (unsigned n = 0; n < 8 && !mutator_number(m, mutator_below(m, m->count), &value); n++)
                ;
        if (mutator_below(m, 3) == 0 && mutator_number(m, mutator_below(m, m->count), &other))
                value += mutator_below(m, 2) ? other : -other;
        return value + (mutator_below(m, 2) ? step : -step);
}

static inline void mutator_change_number(struct mutator *m, unsigned line) {
        char text[32];
        uint64_t value;
        const char *equals;

        if (!mutator_number(m, line, &value)) {
                mutator_write(m, m->lines[line], m->lengths[line]);
                return;
        }
        equals = memchr(m->lines[line], '=', m->lengths[line]);
        value = mutator_choose(m);
        (void) snprintf(text, sizeof(text), value < 1024 ? "%" PRIu64 "\n" : "0x%" PRIx64 "\n", value);
        mutator_write(m, m->lines[line], (size_t) (equals + 1 - m->lines[line]));
        mutator_write(m, text, strlen(text));
}

static inline void mutator_edit(struct mutator *m) {
        unsigned line = mutator_below(m, m->count), what = mutator_below(m, 8), other = mutator_below(m, m->count);

        for (unsigned i = 0; i < m->count; i++) {
                if (i == other && (what == 0 || what == 1))
                        mutator_write(m, m->lines[line], m->lengths[line]);
                if (i == line && what > 2)
                        mutator_change_number(m, line);
                else if (i != line || what == 1)
                        mutator_write(m, m->lines[i], m->lengths[i]);
        }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed) {
        struct mutator m = { .random = seed * UINT64_C(2) + 1, .size_max = size_max };
        char *copy;

        if (size == 0 || mutator_below(&m, 4) == 0)
                return LLVMFuzzerMutate(data, size, size_max);
        copy = malloc(size);
        CLAIM(copy);
        memcpy(copy, data, size);
        m.to = (char *) data;
        mutator_split(&m, copy, size);
        mutator_edit(&m);
        free(copy);
        return m.size;
}
