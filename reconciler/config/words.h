/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values that are one of a few words: the enums of config/spec.h. Constant data; any thread. */
#pragma once

#include "config/schema.h"

struct words {
        const char *what;                         /* for messages: "a restart policy" */
        const char *(*to_string)(unsigned value); /* of the enum; NULL beyond the last */
};

/** value_words() - what a value of @type may be; NULL if it is not one of a few words */
const struct words *value_words(enum value_type type);
