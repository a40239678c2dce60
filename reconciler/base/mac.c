/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/hash.h"
#include "base/mac.h"

#define MAC_TEXT_SIZE (3 * MAC_SIZE - 1)

static int hex_digit(char c) {
        static const char digits[] = "0123456789abcdef";
        const char *p = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

        return p ? (int) (p - digits) : -1;
}

bool mac_parse(const char *text, size_t size, uint8_t ret[static MAC_SIZE]) {
        uint8_t mac[MAC_SIZE];

        if (size != MAC_TEXT_SIZE)
                return false;
        for (size_t i = 0; i < MAC_SIZE; i++) {
                int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);

                if (high < 0 || low < 0 || (i + 1 < MAC_SIZE && text[3 * i + 2] != ':'))
                        return false;
                mac[i] = (uint8_t) (high << 4 | low);
        }
        memcpy(ret, mac, sizeof(mac));
        return true;
}

bool mac_is_zero(const uint8_t mac[static MAC_SIZE]) {
        static const uint8_t zero[MAC_SIZE];

        return memcmp(mac, zero, sizeof(zero)) == 0;
}

/* The names with their NULs: "a", "bc" is not "ab", "c". */
void mac_derive(const void *seed, size_t seed_size, const char *zone, const char *device,
                uint8_t ret[static MAC_SIZE]) {
        uint64_t hash = hash_bytes(HASH_INIT, seed, seed_size);

        hash = hash_bytes(hash, zone, strlen(zone) + 1);
        hash = hash_bytes(hash, device, strlen(device) + 1);
        for (size_t i = 0; i < MAC_SIZE; i++)
                ret[i] = (uint8_t) (hash >> 8 * i);
        ret[0] = (uint8_t) ((ret[0] & ~1) | 2);
}
