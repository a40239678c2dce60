/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong, for programs. */
#pragma once

#include <jansson.h>

#include "config/diagnostics.h"

/** diagnostics_to_json() - an array: severity, file, line, column, length, message, source of each; NULL: out of memory */
json_t *diagnostics_to_json(const struct diagnostics *d);
