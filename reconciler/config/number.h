/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as they are written: decimal or 0x hex, with K, M, G (1024) where they are sizes. Pure. */
#pragma once

#include "config/value.h"

/* Numbers of one key: its range, and if suffixes are understood. */
struct number_rule {
        const char *what; /* "number", "address", "size", "CPU" … for messages */
        uint64_t min, max, align;
        bool suffix;
        bool hex; /* limits are shown in hex */
};

int number_parse(const struct number_rule *rule, struct slice text, uint64_t *ret, struct value_error *e);

/** value_fail() - fills @e, returns -EINVAL */
int value_fail(struct value_error *e, struct slice part, const char *format, ...) _printf_(3, 4);
