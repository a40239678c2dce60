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

/** number_rule_of() - the rule of a key's row, for the number in its value that is called @what */
struct number_rule number_rule_of(const struct key_schema *k, const char *what);

/** number_parse() - 0, -EINVAL: @e says what; @ret is untouched then */
int number_parse(const struct number_rule *rule, struct slice text, uint64_t *ret, struct value_error *e);

/** number_write_size() - bytes, with the largest suffix that leaves a whole number */
void number_write_size(uint64_t size, struct sink *to);
