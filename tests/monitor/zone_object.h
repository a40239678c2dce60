/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What zone.c (the list), zone_create.c (from config to object) and zone_power.c (start, stop) share. */
#ifndef MONITOR_ZONE_OBJECT_H
#define MONITOR_ZONE_OBJECT_H

#include "board.h"
#include "zone.h"

/* Each zone, ghosts included, keeps at least one CPU: there cannot be more, but for one that is being made. */
#define ZONE_OBJECTS (BOARD_CPUS + 1)

/* Puts a zone at the end of the list; takes it off. Removal panics while somebody holds a reference. */
void zone_list_add(struct zone *z);
void zone_list_remove(struct zone *z);
bool zone_is_listed(const struct zone *z);

/* The listed zone with a reference, or NULL. Waits while one of the zones before it is being shut down. */
struct zone *zone_find(uint64_t id);

/*
 * Makes a zone from a config of the right size and gives it its CPUs; it is not listed yet. Panics where hvisor does.
 * Return: 0, -ABI_EINVAL (id is listed), -ABI_EBUSY (a CPU has a zone).
 */
int64_t zone_create(const struct zone_config *config, struct zone **ret);

#endif
