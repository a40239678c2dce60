/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of numbers as they are written: "2-3,5". Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "config/sink.h"

struct interval {
        size_t first, last;
};

/** intervals_next() - the first run of ones in @bits at @from or beyond, false if there is none; @size in bits */
bool intervals_next(const uint32_t *bits, size_t size, size_t from, struct interval *ret);

/** intervals_write() - all of them */
void intervals_write(const uint32_t *bits, size_t size, struct sink *to);

/** intervals_format() - the same into a buffer; "" for none, cut off if it is too small. Returns @buffer. */
char *intervals_format(const uint32_t *bits, size_t size, char *buffer, size_t buffer_size);

#define CPUS_TEXT_SIZE 96 /* enough for cpus_format() of any set */

/** cpus_format() - likewise of a bitmap of CPUs */
char *cpus_format(uint64_t cpus, char *buffer, size_t size);
