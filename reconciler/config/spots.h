/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where in its files each setting of a spec was written. The parser keeps it, so
 * that what is found later, with the text gone, has its place all the same.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* 1-based, columns in bytes; all 0: not known. */
struct spot {
        const char *path; /* of the file; borrowed; zone_spot() has it, others leave it NULL */
        unsigned line, column, length;
};

#define SPOT_FILE_BITS 12
#define SPOT_LINE_BITS 20

/* A spot of an object of the spec, named by its offset so that a copied spec needs no new ones. */
struct spot_entry {
        uint16_t object, key; /* key: index in schema_keys; SPOT_HEADER: of the section's own line */
        uint16_t column, length;
        uint32_t file : SPOT_FILE_BITS; /* 0: the zone's own, n: its nth drop-in */
        uint32_t line : SPOT_LINE_BITS;
};

#define SPOT_HEADER UINT16_MAX

struct spots {
        struct spot_entry *entries; /* owned by the spec */
        size_t count;
};

/** spots_find() - of a key's value, or of its section's header; @object: a part of the spec at @base */
struct spot spots_find(const struct spots *s, const void *base, const void *object, const char *key);

struct zone_spec;
struct board_spec;

/**
 * zone_spot() - of a key's value, or of its section's header where it was not given
 * @object: the zone or a part of it: a memory, a device …; NULL: the file as a whole
 * @key: NULL: the section's header
 */
struct spot zone_spot(const struct zone_spec *z, const void *object, const char *key);

/* Where a board has a setting from: its own file, or the description that this names. */
struct board_origin {
        const char *path; /* borrowed; NULL: neither gives it, it has its default */
        struct spot spot;
};

/** board_origin() - of a key; @object: the board, or its part that the key belongs to */
struct board_origin board_origin(const struct board_spec *b, const void *object, const char *key);
