/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of JSON that the daemon, or this program itself, made. Pure. */
#pragma once

#include <jansson.h>

/* Of an object; "" or 0 where there is none of that name and type. Borrowed. */
const char *json_text(const json_t *object, const char *key);
json_int_t json_number(const json_t *object, const char *key);
