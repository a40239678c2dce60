/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `hvisor status` and `hvisor plan` for people: from the JSON of plan/status.h and plan/plan.h. Pure but for
 * @f. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "base/macros.h"

/** status_print() - all zones as a table, and what concerns them all. Return: 0, -ENOMEM. */
int status_print(const json_t *status, FILE *f, bool colour);

/** status_print_zone() - one zone with its devices. Return: 0, -ENOMEM. */
int status_print_zone(const json_t *status, const json_t *zone, FILE *f, bool colour);

/** status_find_zone() - borrowed; ours before a foreign one of the same name; NULL if there is none */
const json_t *status_find_zone(const json_t *status, const char *name);

/** plan_text_print() - actions and notes, one line each */
void plan_text_print(const json_t *plan, FILE *f);
