/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "config/number.h"

static unsigned digit_value(char c) {
        if (c >= '0' && c <= '9')
                return (unsigned) (c - '0');
        if (c >= 'a' && c <= 'f')
                return (unsigned) (c - 'a') + 10;
        if (c >= 'A' && c <= 'F')
                return (unsigned) (c - 'A') + 10;
        return UINT32_MAX;
}

/* The digits at the start of @text; *ret_used is how many characters they take. */
static int digits_parse(const struct number_rule *rule, struct slice text, size_t *ret_used, uint64_t *ret,
                        struct value_error *e) {
        bool hex = text.size >= 2 && text.text[0] == '0' && (text.text[1] == 'x' || text.text[1] == 'X');
        unsigned base = hex ? 16 : 10;
        size_t begin = hex ? 2 : 0, i = begin;
        uint64_t n = 0;

        if (text.size > 0 && text.text[0] == '-')
                return value_fail(e, text, "\"%.*s\" is negative", SLICE_ARGS(text));
        for (; i < text.size && digit_value(text.text[i]) < base; i++)
                if (__builtin_mul_overflow(n, (uint64_t) base, &n) ||
                    __builtin_add_overflow(n, (uint64_t) digit_value(text.text[i]), &n))
                        return value_fail(e, text, "\"%.*s\" does not fit into 64 bits", SLICE_ARGS(text));
        if (i == begin)
                return value_fail(e, text, "\"%.*s\" is not a valid %s", SLICE_ARGS(text), rule->what);
        if (!hex && i > 1 && text.text[0] == '0')
                return value_fail(e, text, "\"%.*s\" begins with 0; hexadecimal numbers begin with 0x",
                                  SLICE_ARGS(text));
        *ret_used = i;
        *ret = n;
        return 0;
}

static int suffix_apply(const struct number_rule *rule, struct slice text, size_t used, uint64_t *n,
                        struct value_error *e) {
        static const struct {
                char letter;
                uint64_t factor;
        } suffixes[] = { { 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 } };
        struct slice rest = { text.text + used, text.size - used };

        if (rest.size == 0)
                return 0;
        for (size_t i = 0; rule->suffix && rest.size == 1 && i < ELEMENTSOF(suffixes); i++) {
                if (rest.text[0] != suffixes[i].letter)
                        continue;
                if (__builtin_mul_overflow(*n, suffixes[i].factor, n))
                        return value_fail(e, text, "\"%.*s\" does not fit into 64 bits", SLICE_ARGS(text));
                return 0;
        }
        if (rule->suffix)
                return value_fail(e, rest, "unknown suffix \"%.*s\"; K, M and G are known", SLICE_ARGS(rest));
        return value_fail(e, rest, "unexpected \"%.*s\" after the %s", SLICE_ARGS(rest), rule->what);
}

static int range_check(const struct number_rule *rule, struct slice text, uint64_t n, struct value_error *e) {
        const char *word = "larger";
        uint64_t limit = rule->max;

        if (n % rule->align != 0)
                return value_fail(e, text, "%.*s is not a multiple of 0x%" PRIx64, SLICE_ARGS(text), rule->align);
        if (n >= rule->min && n <= rule->max)
                return 0;
        if (rule->min == rule->max)
                return value_fail(e, text, "%.*s is not possible, only %" PRIu64 " is", SLICE_ARGS(text), limit);
        if (n < rule->min) {
                word = "smaller";
                limit = rule->min;
        }
        if (rule->hex)
                return value_fail(e, text, "%.*s is %s than 0x%" PRIx64, SLICE_ARGS(text), word, limit);
        return value_fail(e, text, "%.*s is %s than %" PRIu64, SLICE_ARGS(text), word, limit);
}

int number_parse(const struct number_rule *rule, struct slice text, uint64_t *ret, struct value_error *e) {
        size_t used = 0;
        uint64_t n = 0;
        int r;

        r = digits_parse(rule, text, &used, &n, e);
        if (r < 0)
                return r;
        r = suffix_apply(rule, text, used, &n, e);
        if (r < 0)
                return r;
        r = range_check(rule, text, n, e);
        if (r < 0)
                return r;
        *ret = n;
        return 0;
}

struct number_rule number_rule_of(const struct key_schema *k, const char *what) {
        bool hex = k->type == VALUE_ADDRESS || k->type == VALUE_PLACE || k->type == VALUE_SIZE ||
                   k->type == VALUE_REGIONS || k->type == VALUE_AFFINITIES;

        return (struct number_rule){ what, k->min, k->max, k->align, k->type == VALUE_SIZE, hex };
}

void number_write_size(uint64_t size, struct sink *to) {
        const char *suffix = "";

        for (const char *s = "KMG"; *s && size > 0 && size % 1024 == 0; s++) {
                size /= 1024;
                suffix = s;
        }
        sink_print(to, "%" PRIu64 "%.1s", size, suffix);
}
