/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>

#include "base/dirs.h"
#include "base/macros.h"
#include "cli/verb.h"

const struct verb verbs[] = {
#define VERB(name, words, min, max, needs, run, help, details, ...)                                                    \
        { name, words, min, max, needs, help, details, { __VA_ARGS__ }, run },
#include "cli/verbs.def"
};

const size_t num_verbs = ELEMENTSOF(verbs);
