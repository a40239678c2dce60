/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/utf8.h"
#include "config/printable.h"

char *utf8_printable_copy(const char *s, size_t size) {
        char *copy = malloc(size + 1);

        if (!copy)
                return NULL;
        for (size_t i = 0; i < size;) {
                size_t n = utf8_printable(s + i, size - i);

                if (n == 0)
                        copy[i] = s[i] == '\t' ? ' ' : '?';
                else
                        memcpy(copy + i, s + i, n);
                i += MAX(n, (size_t) 1);
        }
        copy[size] = '\0';
        return copy;
}
