/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "config/intervals.h"
#include "config/number.h"
#include "config/spec.h"
#include "config/value_ops.h"

/* The next item between commas and whitespace; false at the end. */
static bool next_item(struct slice *rest, struct slice *ret) {
        static const char separators[] = ", \t";
        size_t n = 0;

        while (rest->size > 0 && strchr(separators, rest->text[0])) {
                rest->text++;
                rest->size--;
        }
        while (n < rest->size && !strchr(separators, rest->text[n]))
                n++;
        *ret = (struct slice){ rest->text, n };
        rest->text += n;
        rest->size -= n;
        return n > 0;
}

static bool bit_test(const uint32_t *bits, uint64_t i) {
        return bits[i / 32] & BIT(i % 32);
}

/* "5" or "2-3" into @bits, which has room for every number up to the rule's max. */
static int parse_interval(const struct number_rule *rule, struct slice item, uint32_t *bits, struct value_error *e) {
        const char *dash = memchr(item.text + 1, '-', item.size - 1);
        struct slice from = { item.text, dash ? (size_t) (dash - item.text) : item.size }, to = from;
        uint64_t first, last;
        int r;

        if (dash)
                to = (struct slice){ dash + 1, item.size - from.size - 1 };
        r = number_parse(rule, from, &first, e);
        if (r < 0)
                return r;
        r = number_parse(rule, to, &last, e);
        if (r < 0)
                return r;
        if (first > last)
                return value_fail(e, item, "%.*s runs backwards", SLICE_ARGS(item));
        for (uint64_t i = first; i <= last; i++) {
                if (bit_test(bits, i))
                        return value_fail(e, item, "%s %" PRIu64 " is given twice", rule->what, i);
                bits[i / 32] |= BIT(i % 32);
        }
        return 0;
}

static int parse_bitmap(const struct number_rule *rule, struct slice v, uint32_t *bits, struct value_error *e) {
        struct slice rest = v, item;
        bool any = false;

        for (; next_item(&rest, &item); any = true) {
                int r = parse_interval(rule, item, bits, e);

                if (r < 0)
                        return r;
        }
        return any ? 0 : value_fail(e, v, "no %s in the list", rule->what);
}

static int parse_cpus(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = number_rule_of(k, "CPU");
        uint32_t bits[CPUS_MAX / 32] = {};
        int r = parse_bitmap(&rule, v, bits, e);

        if (r >= 0)
                *(uint64_t *) field = (uint64_t) bits[1] << 32 | bits[0];
        return r;
}

static void write_cpus(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        uint64_t cpus = *(const uint64_t *) field;
        const uint32_t bits[CPUS_MAX / 32] = { (uint32_t) cpus, (uint32_t) (cpus >> 32) };

        intervals_write(bits, CPUS_MAX, to);
}

static int parse_interrupts(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = number_rule_of(k, "interrupt");
        uint32_t bits[INTERRUPTS_MAX / 32] = {};
        int r = parse_bitmap(&rule, v, bits, e);

        if (r >= 0)
                memcpy(field, bits, sizeof(bits));
        return r;
}

static void write_interrupts(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        intervals_write(field, INTERRUPTS_MAX, to);
}

static bool are_no_interrupts(const void *field) {
        static const uint32_t none[INTERRUPTS_MAX / 32];

        return memcmp(field, none, sizeof(none)) == 0;
}

/* ---- affinities, by the CPUs' numbers ---------------------------------------------------------------- */

static int parse_affinities(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = number_rule_of(k, "MPIDR");
        struct cpu_affinities all = {};
        struct slice rest = v, item;

        while (next_item(&rest, &item)) {
                uint64_t n;
                int r = number_parse(&rule, item, &n, e);

                if (r < 0)
                        return r;
                if (all.count == CPUS_MAX)
                        return value_fail(e, item, "more than %d CPUs", CPUS_MAX);
                for (uint32_t i = 0; i < all.count; i++)
                        if (all.of[i] == n)
                                return value_fail(e, item, "0x%" PRIx64 " is CPU %" PRIu32 "'s", n, i);
                all.of[all.count++] = (uint32_t) n; /* the row's max fits */
        }
        if (all.count == 0)
                return value_fail(e, v, "no MPIDR in the list");
        memcpy(field, &all, sizeof(all));
        return 0;
}

static void write_affinities(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        const struct cpu_affinities *all = field;

        for (uint32_t i = 0; i < all->count; i++)
                sink_print(to, "%s0x%" PRIx32, i > 0 ? "," : "", all->of[i]);
}

static bool are_no_affinities(const void *field) {
        return ((const struct cpu_affinities *) field)->count == 0;
}

/* ---- regions: the count of the board's memory stands beside the array ------------------------------- */

static struct board_spec *board_of(void *field) {
        return (struct board_spec *) ((char *) field - offsetof(struct board_spec, memory));
}

static int parse_region(const struct key_schema *k, struct slice item, struct range *ret, struct value_error *e) {
        const struct number_rule base_rule = number_rule_of(k, "address");
        struct number_rule size_rule = number_rule_of(k, "size");
        const char *plus = memchr(item.text, '+', item.size);
        struct slice base, size;
        int r;

        if (!plus)
                return value_fail(e, item, "\"%.*s\" is not BASE+SIZE", SLICE_ARGS(item));
        base = (struct slice){ item.text, (size_t) (plus - item.text) };
        size = (struct slice){ plus + 1, item.size - base.size - 1 };
        size_rule.min = k->align;
        size_rule.suffix = true;
        r = number_parse(&base_rule, base, &ret->base, e);
        if (r < 0)
                return r;
        r = number_parse(&size_rule, size, &ret->size, e);
        if (r < 0)
                return r;
        if (ret->size - 1 > k->max - ret->base)
                return value_fail(e, item, "%.*s ends beyond 0x%" PRIx64, SLICE_ARGS(item), k->max);
        return 0;
}

static int parse_regions(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        struct board_spec *b = board_of(field);
        struct slice rest = v, item;
        size_t n = b->num_memory;

        while (next_item(&rest, &item)) {
                struct range region;
                int r = parse_region(k, item, &region, e);

                if (r < 0)
                        return r;
                if (n == BOARD_MEMORY_MAX)
                        return value_fail(e, item, "more than %d regions", BOARD_MEMORY_MAX);
                for (size_t i = 0; i < n; i++)
                        if (range_overlaps(b->memory[i].base, b->memory[i].size, region.base, region.size))
                                return value_fail(e, item, "%.*s overlaps the region at 0x%" PRIx64, SLICE_ARGS(item),
                                                  b->memory[i].base);
                b->memory[n++] = region;
        }
        if (n == b->num_memory)
                return value_fail(e, v, "no region in the list");
        b->num_memory = n;
        return 0;
}

static void write_regions(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        const struct board_spec *b = board_of((void *) field);

        for (size_t i = 0; i < b->num_memory; i++) {
                sink_print(to, "%s0x%" PRIx64 "+", i > 0 ? " " : "", b->memory[i].base);
                number_write_size(b->memory[i].size, to);
        }
}

const struct value_ops value_cpus = { parse_cpus, write_cpus, NULL, sizeof(uint64_t) };
const struct value_ops value_interrupts = { parse_interrupts, write_interrupts, are_no_interrupts, 0 };
const struct value_ops value_affinities = { parse_affinities, write_affinities, are_no_affinities, 0 };
const struct value_ops value_regions = { parse_regions, write_regions, NULL, 0 };
