/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stage 2 translation: guest physical to physical, 39 bits, 4 KiB granule, tables from a pool that the zone owns. */
#ifndef MONITOR_STAGE2_H
#define MONITOR_STAGE2_H

#include "types.h"

#define STAGE2_TABLES 160
#define STAGE2_IPA_SIZE BIT(39)

struct stage2_table {
        uint64_t entries[512];
};

/* tables[0] is the level 1 root; the rest is handed out as mappings need it and never returned singly. */
struct stage2 {
        struct stage2_table tables[STAGE2_TABLES];
        unsigned int used;
        unsigned int vmid;
};

enum stage2_memory {
        STAGE2_NORMAL,
        STAGE2_DEVICE,
        STAGE2_SHARED,          /* as normal, not to be executed */
        STAGE2_READ_ONLY,       /* as shared, not to be written */
};

/* Empties it. No CPU may be using it. */
void stage2_init(struct stage2 *s, unsigned int vmid);

/*
 * Maps [ipa, ipa+size) to [pa, pa+size), both page-aligned. Return: false, with part of it mapped, if some of the
 * range is mapped already. Panics beyond STAGE2_IPA_SIZE and when the tables run out.
 */
bool stage2_map(struct stage2 *s, uint64_t ipa, uint64_t pa, uint64_t size, enum stage2_memory memory);

/* Where the guest's @ipa is. Return: false if nowhere. */
bool stage2_translate(const struct stage2 *s, uint64_t ipa, uint64_t *ret);

/* This CPU translates with it from now on. */
void stage2_activate(struct stage2 *s);

#endif
