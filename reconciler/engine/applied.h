/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The readable copy of the spec that a zone was last started with,
 * DIR/NAME.conf: what it keeps while its file is bad, also after the daemon
 * was restarted. It is no truth: whether it fits what runs, the cookie tells.
 * Comments before the first section name the files that it was made from.
 */
#pragma once

#include "base/err.h"
#include "plan/desired.h"

/** applied_write() - replaces the zone's copy in @directory, which is made if need be. Return: 0, -errno with @e. */
int applied_write(const char *directory, const struct zone_spec *z, struct err *e);

/**
 * applied_load() - the copies of all zones, into their entries of @d
 *
 * A zone that has one was defined in the directories that it names, so these have (had) files: see desired_zone.levels.
 * What cannot be read is left out. Return: 0, -ENOMEM.
 */
int applied_load(const char *directory, struct desired *d);

/** applied_remove() - the zone has none any more; it need not have had one */
void applied_remove(const char *directory, const char *zone);
