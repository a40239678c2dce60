/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzzers share: libFuzzer's entry, an input that is eaten up as
 * numbers, and a claim that ends the run as a crash does.
 *
 * An input that is a list of steps is read with the functions below: past its end
 * they give 0, so that every cut of a good input is one as well.
 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer calls it with each input. Return: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input. */
#define CLAIM(condition)                                                                                               \
        do {                                                                                                           \
                if (!(condition)) {                                                                                    \
                        fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                 \
                        abort();                                                                                       \
                }                                                                                                      \
        } while (0)

struct input {
        const uint8_t *at, *end;
};

static inline size_t input_left(const struct input *i) {
        return (size_t) (i->end - i->at);
}

static inline void input_take(struct input *i, void *ret, size_t size) {
        size_t n = size < input_left(i) ? size : input_left(i);

        memset(ret, 0, size);
        if (n > 0)
                memcpy(ret, i->at, n);
        i->at += n;
}

static inline uint8_t input_u8(struct input *i) {
        uint8_t v;

        input_take(i, &v, sizeof(v));
        return v;
}

static inline uint16_t input_u16(struct input *i) {
        uint16_t v;

        input_take(i, &v, sizeof(v));
        return v;
}

static inline uint32_t input_u32(struct input *i) {
        uint32_t v;

        input_take(i, &v, sizeof(v));
        return v;
}

static inline uint64_t input_u64(struct input *i) {
        uint64_t v;

        input_take(i, &v, sizeof(v));
        return v;
}

/* The part of a text before the next form feed, which no file of ours has in it; and what follows it. */
static inline struct input input_part(struct input *i) {
        const uint8_t *end = input_left(i) > 0 ? memchr(i->at, '\f', input_left(i)) : NULL;
        struct input part = { i->at, end ? end : i->end };

        i->at = end ? end + 1 : i->end;
        return part;
}

/* How many descriptors this process has open. */
static inline unsigned count_fds(void) {
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        CLAIM(d);
        while (readdir(d))
                n++;
        closedir(d);
        return n;
}
