/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The little of UTF-8 (RFC 3629) that messages need. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** utf8_sequence() - bytes of the well-formed character at @s, 0 if there is none; @size > 0 */
static inline size_t utf8_sequence(const char *s, size_t size, uint32_t *ret) {
        const unsigned char *p = (const unsigned char *) s;
        size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
        uint32_t c = n == 1 ? p[0] : p[0] & (0x7fU >> n);

        if (n == 0 || n > size)
                return 0;
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        /* Overlong forms, surrogates and what lies beyond Unicode (RFC 3629, section 3). */
        if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) || (c >= 0xd800 && c <= 0xdfff))
                return 0;
        *ret = c;
        return n;
}

/* The same, but 0 also for control characters: C0, DEL, C1, and those that reorder or hide text. */
static inline size_t utf8_printable(const char *s, size_t size) {
        uint32_t c;
        size_t n = utf8_sequence(s, size, &c);

        if (n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
                return 0;
        if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff)
                return 0;
        return n;
}

/* Characters in the first @size bytes of valid text. */
static inline size_t utf8_count(const char *s, size_t size) {
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                n += ((unsigned char) s[i] & 0xc0) != 0x80;
        return n;
}

/* The begin of the character that byte @i of @s belongs to. */
static inline size_t utf8_floor(const char *s, size_t i) {
        while (i > 0 && ((unsigned char) s[i] & 0xc0) == 0x80)
                i--;
        return i;
}
