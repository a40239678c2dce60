/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The readable copy of the spec that a zone was last started with,
 * DIR/NAME.conf: what it keeps while its file is bad, also after the daemon
 * was restarted. It is no truth: whether it fits what runs, the cookie tells.
 */
#pragma once

#include "base/err.h"
#include "config/spec.h"

/** applied_write() - replaces the zone's copy in @directory, which is made if need be. Return: 0, -errno with @e. */
int applied_write(const char *directory, const struct zone_spec *z, struct err *e);
/** applied_remove() - the zone has none any more; it need not have had one */
void applied_remove(const char *directory, const char *zone);
