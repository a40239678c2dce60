/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "config/number.h"
#include "config/value_ops.h"

static int parse_u32(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = number_rule_of(k, "number");
        uint64_t n;
        int r = number_parse(&rule, v, &n, e);

        if (r >= 0)
                *(uint32_t *) field = (uint32_t) n; /* every row's max fits, see test_schema */
        return r;
}

static int parse_address(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = number_rule_of(k, "address");

        return number_parse(&rule, v, field, e);
}

static int parse_size(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = number_rule_of(k, "size");

        return number_parse(&rule, v, field, e);
}

static void write_u32(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        sink_print(to, "%" PRIu32, *(const uint32_t *) field);
}

static void write_address(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        sink_print(to, "0x%" PRIx64, *(const uint64_t *) field);
}

static void write_size(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        number_write_size(*(const uint64_t *) field, to);
}

/* Where it may be left out; no row allows 0 to be written. */
static bool is_no_size(const void *field) {
        return *(const uint64_t *) field == 0;
}

static int parse_percent(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = number_rule_of(k, "percentage");
        uint64_t n;
        int r;

        if (v.text[v.size - 1] != '%')
                return value_fail(e, v, "\"%.*s\" is not a percentage as 20%%", SLICE_ARGS(v));
        r = number_parse(&rule, (struct slice){ v.text, v.size - 1 }, &n, e);
        if (r >= 0)
                *(uint32_t *) field = (uint32_t) n;
        return r;
}

static void write_percent(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        sink_print(to, "%" PRIu32 "%%", *(const uint32_t *) field);
}

static bool is_no_percent(const void *field) {
        return *(const uint32_t *) field == 0;
}

/* "2s", "50ms"; a number alone is of seconds, as in systemd's files. */
static int parse_time(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        static const struct {
                const char *suffix;
                uint64_t factor; /* µs */
        } units[] = { { "ms", 1000 }, { "s", 1000000 }, { "", 1000000 } };

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                size_t length = strlen(units[i].suffix);
                struct slice digits = { v.text, v.size - MIN(length, v.size) };
                const struct number_rule rule = { "time", k->min, k->max / units[i].factor, 1, false, false };
                uint64_t n;
                int r;

                if (v.size < length || memcmp(digits.text + digits.size, units[i].suffix, length) != 0)
                        continue;
                r = number_parse(&rule, digits, &n, e);
                if (r >= 0)
                        *(uint64_t *) field = n * units[i].factor;
                return r;
        }
        return value_fail(e, v, "\"%.*s\" is not a time", SLICE_ARGS(v));
}

static void write_time(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        sink_print(to, "%" PRIu64 "ms", *(const uint64_t *) field / 1000);
}

const struct value_ops value_number = { parse_u32, write_u32, NULL, sizeof(uint32_t) };
const struct value_ops value_address = { parse_address, write_address, NULL, sizeof(uint64_t) };
const struct value_ops value_place = { parse_address, write_address, is_no_size, 0 };
const struct value_ops value_size = { parse_size, write_size, is_no_size, sizeof(uint64_t) };
const struct value_ops value_percent = { parse_percent, write_percent, is_no_percent, 0 };
const struct value_ops value_time = { parse_time, write_time, NULL, sizeof(uint64_t) };
