/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON form of a zone's file and of board.conf:
 *
 *   { "Zone": { "Id": 1, "CPUs": [2, 3], … },
 *     "Memory": { "ram": { "PhysicalAddress": 1342177280, … } }, … }
 *
 * Sections that have names are objects by these names; numbers, addresses and
 * sizes are integers, lists are arrays, yes and no are booleans, regions are
 * { "Base", "Size" }; all else is text as in the file. It is what `hvisor check
 * --json` prints; its schema is made from the same table as the parser.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "config/schema.h"
#include "config/spec.h"

/** schema_to_json() - a JSON Schema (draft 2020-12) of that kind of file; NULL: out of memory. The caller decrefs. */
json_t *schema_to_json(enum file_kind kind);

/** schema_write() - the same as text; 0, -1 */
int schema_write(enum file_kind kind, FILE *f);

/** zone_spec_to_json(), board_spec_to_json() - with every default filled in; NULL: out of memory */
json_t *zone_spec_to_json(const struct zone_spec *z);
json_t *board_spec_to_json(const struct board_spec *b);
