/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What zones that have their place claim, all together. CPUs are exclusive and every zone has one, so at most
 * CPUS_MAX zones have a place at once however many files there are, and nearly all others are settled by one look
 * at a bitmap.
 */
#pragma once

#include "config/spec.h"

struct claims {
        uint64_t cpus;
        const struct zone_spec *cpu_holders[CPUS_MAX]; /* of each bit in cpus */
        const struct zone_spec **holders;              /* in the order in which they came */
        size_t num_holders;
};

/** claims_add() - @z, which is borrowed, has its place, whoever else claims it; 0, -ENOMEM */
int claims_add(struct claims *c, const struct zone_spec *z);
void claims_clear(struct claims *c);

/** claims_find() - another zone that has something which @z claims too (zone_conflict() says what), or NULL; zones are
 * told apart by their names */
const struct zone_spec *claims_find(const struct claims *c, const struct zone_spec *z);
