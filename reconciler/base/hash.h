/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FNV-1a, 64 bit: tells whether a normalized text changed. Not against an
 * adversary: who can write zones.d owns the zones anyway. The value is kept
 * in the kernel across upgrades, so the function may never change.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_INIT UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) {
        const unsigned char *p = data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
        return hash;
}

static inline uint64_t hash_string(const char *s) {
        return hash_bytes(HASH_INIT, s, strlen(s));
}
