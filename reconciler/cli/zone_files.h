/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone's file and its drop-ins, for commands that read them as the reconciler does. */
#pragma once

#include "config/diagnostics.h"
#include "config/zone_sources.h"

/** zone_files_levels() - BIT() of each directory that has that entry */
unsigned zone_files_levels(const struct zone_dirs *dirs, const char *entry);

/** zone_files_drop_levels() - of each that has drop-ins for the zone's file */
unsigned zone_files_drop_levels(const struct zone_dirs *dirs, const char *file);

/**
 * zone_files_read() - the zone's file in the directory of that level, then its drop-ins from all, with their texts
 * @file: NAME.conf
 *
 * Return: 0, -errno: @d says what could not be read; @ret has the others.
 */
int zone_files_read(const struct zone_dirs *dirs, const char *file, unsigned level, struct zone_sources *ret,
                    struct diagnostics *d);
