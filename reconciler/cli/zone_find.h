/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone of the status by what the commands of hvisor-tool call it: its id. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/** zone_find_by_id() - borrowed; one of ours before one that others started; NULL: there is none */
const json_t *zone_find_by_id(const json_t *status, uint32_t id);

bool zone_has_state(const json_t *zone, const char *state);

/** zone_is_transient() - `zone start` made it: its file is in RUN_ZONES_DIR, and that is not somebody's own. Looks at
 * RUN_TRANSIENT_DIR. */
bool zone_is_transient(const json_t *zone);

/** zone_is_up() - it is there until somebody shuts it down, as the hypervisor sees it */
bool zone_is_up(const json_t *zone);
