/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between two specs of a zone, in a person's words and by the rows
 * of schema/keys.def: "CPUs changed from 2-3 to 2, [Block data] was added".
 */
#pragma once

#include "config/spec.h"

/**
 * zone_spec_changes() - all that the guest would see differ
 * @ret: owned by the caller, free(); "" if there is nothing
 *
 * Covers what zone_spec_cookie() covers, but for the GIC of a board: names of memory do not count.
 * Pure. Return: 0, -ENOMEM.
 */
int zone_spec_changes(const struct zone_spec *from, const struct zone_spec *to, char **ret);

/** device_spec_changes() - the same of what only a device's worker sees, see device_spec_cookie() */
int device_spec_changes(const struct device_spec *from, const struct device_spec *to, char **ret);

/**
 * zone_change_reason() - why a zone is to be restarted; it says less where it is not known what the zone runs with
 * @had: what was applied last; NULL: not known
 * @runs: the zone runs with just that
 *
 * Pure. Return: owned by the caller, free(); NULL: out of memory.
 */
char *zone_change_reason(const struct zone_spec *had, bool runs, const struct zone_spec *to);

/** device_change_reason() - why a worker is to be replaced; @cookie: device_spec_cookie() of what it serves with */
char *device_change_reason(const struct device_spec *had, uint64_t cookie, const struct device_spec *to);
