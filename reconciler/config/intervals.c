/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "config/intervals.h"

static bool has(const uint32_t *bits, size_t i) {
        return bits[i / 32] & BIT(i % 32);
}

bool intervals_next(const uint32_t *bits, size_t size, size_t from, struct interval *ret) {
        while (from < size && !has(bits, from))
                from++;
        if (from == size)
                return false;
        *ret = (struct interval){ from, from };
        while (ret->last + 1 < size && has(bits, ret->last + 1))
                ret->last++;
        return true;
}

/* One of the list, as snprintf() does it. */
static int interval_print(char *buffer, size_t size, bool is_first, struct interval i) {
        const char *comma = is_first ? "" : ",";

        return i.first == i.last ? snprintf(buffer, size, "%s%zu", comma, i.first)
                                 : snprintf(buffer, size, "%s%zu-%zu", comma, i.first, i.last);
}

void intervals_write(const uint32_t *bits, size_t size, struct sink *to) {
        struct interval i;
        char text[48];
        bool first = true;

        for (size_t from = 0; intervals_next(bits, size, from, &i); from = i.last + 1) {
                (void) interval_print(text, sizeof(text), first, i);
                sink_put(to, text);
                first = false;
        }
}

char *intervals_format(const uint32_t *bits, size_t size, char *buffer, size_t buffer_size) {
        struct interval i;
        size_t used = 0;

        if (buffer_size > 0)
                buffer[0] = '\0';
        for (size_t from = 0; used < buffer_size && intervals_next(bits, size, from, &i); from = i.last + 1)
                used += (size_t) interval_print(buffer + used, buffer_size - used, used == 0, i);
        return buffer;
}

char *cpus_format(uint64_t cpus, char *buffer, size_t size) {
        const uint32_t bits[] = { (uint32_t) cpus, (uint32_t) (cpus >> 32) };

        return intervals_format(bits, 64, buffer, size);
}
