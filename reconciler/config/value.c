/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "config/intervals.h"
#include "config/number.h"
#include "config/spec.h"
#include "config/suggest.h"
#include "config/value.h"

static struct number_rule rule_of(const struct key_schema *k, const char *what) {
        bool hex = k->type == VALUE_ADDRESS || k->type == VALUE_SIZE || k->type == VALUE_REGIONS;

        return (struct number_rule){ what, k->min, k->max, k->align, k->type == VALUE_SIZE, hex };
}

/* ---- one number ------------------------------------------------------------------------------------- */

static int parse_u32(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = rule_of(k, "number");
        uint64_t n;
        int r = number_parse(&rule, v, &n, e);

        if (r >= 0)
                *(uint32_t *) field = (uint32_t) n; /* every row's max fits, see test_schema */
        return r;
}

static int parse_address(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = rule_of(k, "address");

        return number_parse(&rule, v, field, e);
}

static int parse_size(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = rule_of(k, "size");

        return number_parse(&rule, v, field, e);
}

static void write_u32(const void *field, FILE *f) {
        fprintf(f, "%" PRIu32, *(const uint32_t *) field);
}

static void write_address(const void *field, FILE *f) {
        fprintf(f, "0x%" PRIx64, *(const uint64_t *) field);
}

static void write_size(const void *field, FILE *f) {
        uint64_t n = *(const uint64_t *) field;
        const char *suffix = "";

        for (const char *s = "KMG"; *s && n > 0 && n % 1024 == 0; s++) {
                n /= 1024;
                suffix = s;
        }
        fprintf(f, "%" PRIu64 "%.1s", n, suffix);
}

static int parse_percent(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = rule_of(k, "percentage");
        uint64_t n;
        int r;

        if (v.text[v.size - 1] != '%')
                return value_fail(e, v, "\"%.*s\" is not a percentage as 20%%", SLICE_ARGS(v));
        r = number_parse(&rule, (struct slice){ v.text, v.size - 1 }, &n, e);
        if (r >= 0)
                *(uint32_t *) field = (uint32_t) n;
        return r;
}

static void write_percent(const void *field, FILE *f) {
        fprintf(f, "%" PRIu32 "%%", *(const uint32_t *) field);
}

/* ---- lists ------------------------------------------------------------------------------------------ */

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
        const struct number_rule rule = rule_of(k, "CPU");
        uint32_t bits[CPUS_MAX / 32] = {};
        int r = parse_bitmap(&rule, v, bits, e);

        if (r >= 0)
                *(uint64_t *) field = (uint64_t) bits[1] << 32 | bits[0];
        return r;
}

static void write_cpus(const void *field, FILE *f) {
        uint64_t cpus = *(const uint64_t *) field;
        const uint32_t bits[CPUS_MAX / 32] = { (uint32_t) cpus, (uint32_t) (cpus >> 32) };

        intervals_write(bits, CPUS_MAX, f);
}

static int parse_interrupts(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        const struct number_rule rule = rule_of(k, "interrupt");
        uint32_t bits[INTERRUPTS_MAX / 32] = {};
        int r = parse_bitmap(&rule, v, bits, e);

        if (r >= 0)
                memcpy(field, bits, sizeof(bits));
        return r;
}

static void write_interrupts(const void *field, FILE *f) {
        intervals_write(field, INTERRUPTS_MAX, f);
}

/* ---- regions: the count of the board's memory stands beside the array ------------------------------- */

static struct board_spec *board_of(void *field) {
        return (struct board_spec *) ((char *) field - offsetof(struct board_spec, memory));
}

static int parse_region(const struct key_schema *k, struct slice item, struct range *ret, struct value_error *e) {
        const struct number_rule base_rule = rule_of(k, "address");
        struct number_rule size_rule = rule_of(k, "size");
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

static void write_regions(const void *field, FILE *f) {
        const struct board_spec *b = board_of((void *) field);

        for (size_t i = 0; i < b->num_memory; i++) {
                fprintf(f, "%s0x%" PRIx64 "+", i > 0 ? " " : "", b->memory[i].base);
                write_size(&b->memory[i].size, f);
        }
}

/* ---- words ------------------------------------------------------------------------------------------ */

static int parse_path(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        char *copy;

        if (v.text[0] == '"' || v.text[0] == '\'')
                return value_fail(e, v, "paths are written without quotes");
        if (v.text[0] != '/')
                return value_fail(e, v, "\"%.*s\" is not an absolute path", SLICE_ARGS(v));
        if (v.size >= PATH_MAX)
                return value_fail(e, v, "path of %zu bytes; at most %d are possible", v.size, PATH_MAX - 1);
        if (v.text[v.size - 1] == '/')
                return value_fail(e, v, "\"%.*s\" is a directory, %s= wants a file", SLICE_ARGS(v), k->name);
        copy = strndup(v.text, v.size);
        if (!copy)
                return -ENOMEM;
        free(*(char **) field);
        *(char **) field = copy;
        return 0;
}

static void write_path(const void *field, FILE *f) {
        fputs(*(char *const *) field, f);
}

static bool slice_is(struct slice v, const char *word) {
        return strlen(word) == v.size && strncasecmp(v.text, word, v.size) == 0;
}

/* As dev_valid_name() of Linux has it; without %, which asks the kernel for a number, and without quotes. */
static int parse_interface(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        if (v.size >= INTERFACE_NAME_SIZE)
                return value_fail(e, v,
                                  "\"%.*s\" is too long for a network interface; at most %d characters are possible",
                                  SLICE_ARGS(v), INTERFACE_NAME_SIZE - 1);
        for (size_t i = 0; i < v.size; i++)
                if (strchr(" \t/:%\"'", v.text[i]))
                        return value_fail(e, (struct slice){ v.text + i, 1 },
                                          "\"%.*s\" is not the name of a network interface", SLICE_ARGS(v));
        if (slice_is(v, ".") || slice_is(v, ".."))
                return value_fail(e, v, "\"%.*s\" is not the name of a network interface", SLICE_ARGS(v));
        if (slice_is(v, TAP_AUTO))
                v = (struct slice){ TAP_AUTO, strlen(TAP_AUTO) };
        memset(field, 0, INTERFACE_NAME_SIZE);
        memcpy(field, v.text, v.size);
        return 0;
}

static void write_text(const void *field, FILE *f) {
        fputs(field, f);
}

static int parse_mac(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        uint8_t mac[MAC_SIZE];

        if (!mac_parse(v.text, v.size, mac))
                return value_fail(e, v, "\"%.*s\" is not an address as 02:00:5e:10:00:01", SLICE_ARGS(v));
        if (mac_is_multicast(mac))
                return value_fail(e, (struct slice){ v.text, 2 },
                                  "%.*s is a group's address; a card's begins with an even number, as in %02x:…",
                                  SLICE_ARGS(v), mac[0] & ~1 & 0xff);
        if (mac_is_zero(mac))
                return value_fail(e, v, "%.*s is nobody's address", SLICE_ARGS(v));
        memcpy(field, mac, sizeof(mac));
        return 0;
}

static void write_mac(const void *field, FILE *f) {
        const uint8_t *mac = field;

        fprintf(f, MAC_FORMAT, MAC_ARGS(mac));
}

static int parse_yes_no(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        static const struct {
                const char *word;
                bool value;
        } words[] = { { "yes", true }, { "true", true },   { "on", true },   { "1", true },
                      { "no", false }, { "false", false }, { "off", false }, { "0", false } };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (slice_is(v, words[i].word)) {
                        *(bool *) field = words[i].value;
                        return 0;
                }
        return value_fail(e, v, "\"%.*s\" is neither yes nor no", SLICE_ARGS(v));
}

static void write_yes_no(const void *field, FILE *f) {
        fputs(*(const bool *) field ? "yes" : "no", f);
}

/* Which of @words it is; @what: "a restart policy". */
static int parse_word(struct slice v, const char *const words[], size_t num_words, const char *what,
                      struct value_error *e) {
        struct suggestion s = {};
        char list[100] = "";
        size_t used = 0;

        for (size_t i = 0; i < num_words; i++) {
                if (strlen(words[i]) == v.size && memcmp(v.text, words[i], v.size) == 0)
                        return (int) i;
                suggestion_offer(&s, v.text, v.size, words[i]);
                if (used < sizeof(list))
                        used += snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", words[i]);
        }
        if (s.word)
                return value_fail(e, v, "\"%.*s\" is not %s; did you mean \"%s\"?", SLICE_ARGS(v), what, s.word);
        return value_fail(e, v, "\"%.*s\" is not one of %s", SLICE_ARGS(v), list);
}

static int parse_restart(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        const char *words[_RESTART_POLICY_MAX];
        int r;

        for (enum restart_policy p = 0; p < _RESTART_POLICY_MAX; p++)
                words[p] = restart_policy_to_string(p);
        r = parse_word(v, words, ELEMENTSOF(words), "a restart policy", e);
        if (r >= 0)
                *(enum restart_policy *) field = (enum restart_policy) r;
        return MIN(r, 0);
}

static void write_restart(const void *field, FILE *f) {
        fputs(restart_policy_to_string(*(const enum restart_policy *) field), f);
}

static int parse_on_change(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        const char *words[_CHANGE_POLICY_MAX];
        int r;

        for (enum change_policy p = 0; p < _CHANGE_POLICY_MAX; p++)
                words[p] = change_policy_to_string(p);
        r = parse_word(v, words, ELEMENTSOF(words), "what a change can do", e);
        if (r >= 0)
                *(enum change_policy *) field = (enum change_policy) r;
        return MIN(r, 0);
}

static void write_on_change(const void *field, FILE *f) {
        fputs(change_policy_to_string(*(const enum change_policy *) field), f);
}

static int parse_cache(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        const char *words[_CACHE_MODE_MAX];
        int r;

        for (enum cache_mode m = 0; m < _CACHE_MODE_MAX; m++)
                words[m] = cache_mode_to_string(m);
        r = parse_word(v, words, ELEMENTSOF(words), "a way of caching", e);
        if (r >= 0)
                *(enum cache_mode *) field = (enum cache_mode) r;
        return MIN(r, 0);
}

static void write_cache(const void *field, FILE *f) {
        fputs(cache_mode_to_string(*(const enum cache_mode *) field), f);
}

static int parse_serial(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        if (v.size >= SERIAL_SIZE)
                return value_fail(e, v, "\"%.*s\" is too long for a disk's serial number; it has at most %d characters",
                                  SLICE_ARGS(v), SERIAL_SIZE - 1);
        for (size_t i = 0; i < v.size; i++)
                if (v.text[i] <= ' ' || v.text[i] > '~')
                        return value_fail(
                                e, (struct slice){ v.text + i, 1 },
                                "a disk's serial number consists of printable ASCII characters without blanks");
        memset(field, 0, SERIAL_SIZE);
        memcpy(field, v.text, v.size);
        return 0;
}

static void write_serial(const void *field, FILE *f) {
        fputs(field, f);
}

static int parse_accelerator(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        const char *words[_ACCELERATOR_MAX];
        int r;

        for (enum accelerator a = 0; a < _ACCELERATOR_MAX; a++)
                words[a] = accelerator_to_string(a);
        r = parse_word(v, words, ELEMENTSOF(words), "an accelerator", e);
        if (r >= 0)
                *(enum accelerator *) field = (enum accelerator) r;
        return MIN(r, 0);
}

static void write_accelerator(const void *field, FILE *f) {
        fputs(accelerator_to_string(*(const enum accelerator *) field), f);
}

static int parse_output_log(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        const char *words[_OUTPUT_LOG_MAX];
        int r;

        for (enum output_log l = 0; l < _OUTPUT_LOG_MAX; l++)
                words[l] = output_log_to_string(l);
        r = parse_word(v, words, ELEMENTSOF(words), "a log of the output", e);
        if (r >= 0)
                *(enum output_log *) field = (enum output_log) r;
        return MIN(r, 0);
}

static void write_output_log(const void *field, FILE *f) {
        fputs(output_log_to_string(*(const enum output_log *) field), f);
}

static int parse_virtio_type(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        const char *words[_VIRTIO_TYPE_MAX];
        int r;

        for (enum virtio_type t = 0; t < _VIRTIO_TYPE_MAX; t++)
                words[t] = virtio_type_to_string(t);
        r = parse_word(v, words, ELEMENTSOF(words), "a type of device", e);
        if (r >= 0)
                *(enum virtio_type *) field = (enum virtio_type) r;
        return MIN(r, 0);
}

static void write_virtio_type(const void *field, FILE *f) {
        fputs(virtio_type_to_string(*(const enum virtio_type *) field), f);
}

static int parse_tag(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        if (v.size > VIRTIO_FS_TAG_MAX)
                return value_fail(e, v, "\"%.*s\" is longer than the %d bytes of a tag", SLICE_ARGS(v),
                                  VIRTIO_FS_TAG_MAX);
        for (size_t i = 0; i < v.size; i++)
                if (v.text[i] <= ' ' || v.text[i] > '~')
                        return value_fail(e, (struct slice){ v.text + i, 1 },
                                          "a tag consists of ASCII letters, digits and signs");
        memset(field, 0, VIRTIO_FS_TAG_MAX + 1);
        memcpy(field, v.text, v.size);
        return 0;
}

static int parse_log_level(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        int r = parse_word(v, log_level_words, LOG_LEVEL_WORDS, "a log level", e);

        if (r >= 0)
                *(int *) field = log_level_parse(log_level_words[r]);
        return MIN(r, 0);
}

static void write_log_level(const void *field, FILE *f) {
        fputs(log_level_word(*(const int *) field) ?: "", f);
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

static void write_time(const void *field, FILE *f) {
        fprintf(f, "%" PRIu64 "ms", *(const uint64_t *) field / 1000);
}

/* ---- the table -------------------------------------------------------------------------------------- */

static const struct {
        int (*parse)(const struct key_schema *k, struct slice v, void *field, struct value_error *e);
        void (*write)(const void *field, FILE *f);
        size_t size; /* of the field; 0: such keys have no default */
} types[_VALUE_TYPE_MAX] = {
        [VALUE_NUMBER] = { parse_u32, write_u32, sizeof(uint32_t) },
        [VALUE_ADDRESS] = { parse_address, write_address, sizeof(uint64_t) },
        [VALUE_SIZE] = { parse_size, write_size, sizeof(uint64_t) },
        [VALUE_PERCENT] = { parse_percent, write_percent, 0 },
        [VALUE_CPUS] = { parse_cpus, write_cpus, sizeof(uint64_t) },
        [VALUE_INTERRUPTS] = { parse_interrupts, write_interrupts, 0 },
        [VALUE_PATH] = { parse_path, write_path, 0 },
        [VALUE_INTERFACE] = { parse_interface, write_text, 0 },
        [VALUE_MAC] = { parse_mac, write_mac, 0 },
        [VALUE_YES_NO] = { parse_yes_no, write_yes_no, sizeof(bool) },
        [VALUE_RESTART] = { parse_restart, write_restart, sizeof(enum restart_policy) },
        [VALUE_OUTPUT_LOG] = { parse_output_log, write_output_log, sizeof(enum output_log) },
        [VALUE_ON_CHANGE] = { parse_on_change, write_on_change, sizeof(enum change_policy) },
        [VALUE_CACHE] = { parse_cache, write_cache, sizeof(enum cache_mode) },
        [VALUE_SERIAL] = { parse_serial, write_serial, 0 },
        [VALUE_ACCELERATOR] = { parse_accelerator, write_accelerator, sizeof(enum accelerator) },
        [VALUE_VIRTIO_TYPE] = { parse_virtio_type, write_virtio_type, 0 },
        [VALUE_TAG] = { parse_tag, write_text, 0 },
        [VALUE_REGIONS] = { parse_regions, write_regions, 0 },
        [VALUE_LOG_LEVEL] = { parse_log_level, write_log_level, sizeof(int) },
        [VALUE_TIME] = { parse_time, write_time, sizeof(uint64_t) },
};

int value_parse(const struct key_schema *k, struct slice value, void *object, struct value_error *e) {
        if (value.size == 0)
                return value_fail(e, value, "no value%s",
                                  k->presence != PRESENCE_OPTIONAL ? "" : "; leave the line out for the default");
        return types[k->type].parse(k, value, schema_field(k, object), e);
}

void value_write(const struct key_schema *k, const void *object, FILE *f) {
        if (value_present(k, object))
                types[k->type].write(schema_field_const(k, object), f);
}

bool value_present(const struct key_schema *k, const void *object) {
        static const uint32_t no_interrupts[INTERRUPTS_MAX / 32];
        const void *field = schema_field_const(k, object);

        if (k->type == VALUE_PATH)
                return *(char *const *) field != NULL;
        if (k->type == VALUE_INTERFACE || k->type == VALUE_SERIAL || k->type == VALUE_TAG)
                return *(const char *) field != '\0';
        if (k->type == VALUE_MAC)
                return !mac_is_zero(field);
        if (k->type == VALUE_PERCENT)
                return *(const uint32_t *) field != 0;
        /* A size that may be left out and has no default: none is 0, which no row allows to be written. */
        if (k->type == VALUE_SIZE && k->presence == PRESENCE_OPTIONAL && !k->default_value)
                return *(const uint64_t *) field != 0;
        if (k->type == VALUE_INTERRUPTS)
                return memcmp(field, no_interrupts, sizeof(no_interrupts)) != 0;
        /* An address that goes with a path is there if the path is. */
        if (k->with)
                return value_present(schema_find_key(k->section, k->with, strlen(k->with)), object);
        return true;
}

bool value_is_default(const struct key_schema *k, const void *object) {
        union {
                uint64_t number; /* larger than any type that has a default, see test_schema */
                unsigned char bytes[sizeof(uint64_t)];
        } value = {};
        struct value_error e;

        if (!k->default_value || k->default_value[0] == '=')
                return false;
        if (types[k->type].parse(k, (struct slice){ k->default_value, strlen(k->default_value) }, &value, &e) < 0)
                return false;
        return memcmp(value.bytes, schema_field_const(k, object), types[k->type].size) == 0;
}
