/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ranges [base, base + size) of 64-bit addresses, compared by subtraction: no
 * sum that can wrap. A range that reaches beyond 2^64 contains what is below it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
        uint64_t base;
        uint64_t size;
};

/* True if base + size does not wrap. */
static inline bool range_valid(uint64_t base, uint64_t size) {
        return size == 0 || size - 1 <= UINT64_MAX - base;
}

/* True if [addr, addr+len) lies inside [base, base+size). */
static inline bool range_contains(uint64_t base, uint64_t size, uint64_t addr, uint64_t len) {
        return addr >= base && addr - base <= size && len <= size - (addr - base);
}

/* True if the two have at least one byte in common. Both must be valid. */
static inline bool range_overlaps(uint64_t base, uint64_t size, uint64_t other, uint64_t other_size) {
        if (size == 0 || other_size == 0)
                return false;
        return base >= other ? base - other < other_size : other - base < size;
}

/** range_first_gap() - the first part of @r that none of @list has; false: they have all of it, together */
bool range_first_gap(struct range r, const struct range *list, size_t count, struct range *ret);
