/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "config/suggest.h"
#include "config/value_ops.h"
#include "config/words.h"

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

static void write_yes_no(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        sink_put(to, *(const bool *) field ? "yes" : "no");
}

/* Which of @words it is, or -EINVAL. */
static int find_word(const struct words *words, struct slice v, struct value_error *e) {
        struct suggestion s = {};
        char list[100] = "";
        const char *word;
        size_t used = 0;

        for (unsigned i = 0; (word = words->to_string(i)); i++) {
                if (strlen(word) == v.size && memcmp(v.text, word, v.size) == 0)
                        return (int) i;
                suggestion_offer(&s, v.text, v.size, word);
                if (used < sizeof(list))
                        used += snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", word);
        }
        if (s.word)
                return value_fail(e, v, "\"%.*s\" is not %s; did you mean \"%s\"?", SLICE_ARGS(v), words->what, s.word);
        return value_fail(e, v, "\"%.*s\" is not one of %s", SLICE_ARGS(v), list);
}

/* ---- enums ------------------------------------------------------------------------------------------ */

static int parse_word(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        int r = find_word(value_words(k->type), v, e);

        if (r >= 0)
                *(unsigned *) field = (unsigned) r;
        return MIN(r, 0);
}

static void write_word(const struct key_schema *k, const void *field, struct sink *to) {
        sink_put(to, value_words(k->type)->to_string(*(const unsigned *) field));
}

/* ---- levels of the log, which are syslog's numbers -------------------------------------------------- */

static const char *nth_log_level(unsigned i) {
        return i < LOG_LEVEL_WORDS ? log_level_words[i] : NULL;
}

static int parse_log_level(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        static const struct words levels = { "a log level", nth_log_level };
        int r = find_word(&levels, v, e);

        if (r >= 0)
                *(int *) field = log_level_parse(log_level_words[r]);
        return MIN(r, 0);
}

static void write_log_level(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        sink_put(to, log_level_word(*(const int *) field) ?: "");
}

const struct value_ops value_yes_no = { parse_yes_no, write_yes_no, NULL, sizeof(bool) };
const struct value_ops value_word = { parse_word, write_word, NULL, sizeof(unsigned) };
const struct value_ops value_log_level = { parse_log_level, write_log_level, NULL, sizeof(int) };
