/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of cli/verbs.def without the functions, which are part of the program only. */
#pragma once

#include <stdint.h>

#include "base/dirs.h"
#include "base/macros.h"
#include "cli/verb.h"

static const struct verb verb_rows[] = {
#define VERB(name, words, min, max, needs, run, help, details, ...)                                                    \
        { name, words, min, max, needs, help, details, { __VA_ARGS__ }, NULL },
#include "cli/verbs.def"
};
