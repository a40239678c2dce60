/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/range.h"

#include "base/macros.h"

/* What @list has from its beginning on, of the one that has most; 0: nothing. */
static uint64_t covered(struct range r, const struct range *list, size_t count) {
        uint64_t most = 0;

        for (size_t i = 0; i < count; i++)
                if (range_contains(list[i].base, list[i].size, r.base, 1))
                        most = MAX(most, list[i].size - (r.base - list[i].base));
        return MIN(most, r.size);
}

bool range_first_gap(struct range r, const struct range *list, size_t count, struct range *ret) {
        uint64_t n;

        while (r.size > 0 && (n = covered(r, list, count)) > 0) {
                r.base += n;
                r.size -= n;
        }
        if (r.size == 0)
                return false;
        for (size_t i = 0; i < count; i++)
                if (list[i].base > r.base && list[i].base - r.base < r.size)
                        r.size = list[i].base - r.base;
        *ret = r;
        return true;
}
