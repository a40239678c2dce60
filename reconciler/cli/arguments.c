/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/log.h"
#include "cli/verb.h"
#include "config/suggest.h"

static const struct verb_option *option_find(const struct verb *v, const char *name, size_t length) {
        struct suggestion s = {};

        for (const struct verb_option *o = v->options; o->name; o++) {
                if (strlen(o->name) == length && memcmp(o->name, name, length) == 0)
                        return o;
                suggestion_offer(&s, name, length, o->name);
        }
        if (s.word)
                log_error("unknown option \"--%.*s\"; did you mean \"--%s\"?", (int) length, name, s.word);
        else
                log_error("unknown option \"--%.*s\"; see hvisor %s --help", (int) length, name, v->name);
        return NULL;
}

/* "-f" is the only option that begins with f. */
static const struct verb_option *option_by_letter(const struct verb *v, const char *word) {
        const struct verb_option *found = NULL;

        for (const struct verb_option *o = v->options; o->name; o++) {
                if (o->name[0] != word[1])
                        continue;
                if (found)
                        return NULL;
                found = o;
        }
        return found;
}

/* "-id", as hvisor-tool has it: one dash before the whole name. */
static const struct verb_option *option_by_old_name(const struct verb *v, const char *word) {
        for (const struct verb_option *o = v->options; o->name; o++)
                if (strcmp(o->name, word + 1) == 0)
                        return o;
        return NULL;
}

/* The option that a word begins, and the value that stands in the same word; false: said what is wrong. */
static bool option_read(const struct verb *v, const char *word, const struct verb_option **ret,
                        const char **ret_value) {
        const char *name = word + 2, *equals = strchr(name, '=');

        if (word[1] == '-') {
                *ret = option_find(v, name, equals ? (size_t) (equals - name) : strlen(name));
                *ret_value = equals ? equals + 1 : NULL;
                return *ret;
        }
        *ret = option_by_old_name(v, word);
        *ret_value = NULL;
        if (*ret)
                return true;
        *ret = option_by_letter(v, word);
        *ret_value = word[2] ? word + 2 : NULL;
        if (*ret)
                return true;
        log_error("unknown option \"%s\"; see hvisor %s --help", word, v->name);
        return false;
}

static bool add_value(struct arguments *a, const struct verb_option *o, const char *value) {
        if (a->num_values == ELEMENTSOF(a->values)) {
                log_error("--%s: more than %zu options have a value", o->name, ELEMENTSOF(a->values));
                return false;
        }
        a->values[a->num_values++] = value;
        return true;
}

/* One option, with its value from the same or from the next word; false: said what is wrong. */
static bool option_take(const struct verb *v, struct arguments *a, char **words, size_t count, size_t *i) {
        const struct verb_option *o;
        const char *value;

        if (!option_read(v, words[*i], &o, &value))
                return false;
        if (value && !o->value) {
                log_error("--%s takes no value", o->name);
                return false;
        }
        if (!value && o->value && *i + 1 < count)
                value = words[++*i];
        if (!value && o->value) {
                log_error("--%s needs a value: --%s=%s", o->name, o->name, o->value);
                return false;
        }
        a->options[o - v->options] = value ? value : "";
        return !value || add_value(a, o, value);
}

/* Words move to the front. */
bool arguments_parse(const struct verb *v, struct arguments *a, char **words, size_t count) {
        bool only_words = false;

        a->words = words;
        for (size_t i = 0; i < count; i++) {
                char *word = words[i];

                if (only_words || word[0] != '-' || word[1] == '\0') {
                        a->words[a->num_words++] = word;
                } else if (strcmp(word, "--") == 0) {
                        only_words = true;
                } else if (!option_take(v, a, words, count, &i)) {
                        return false;
                }
        }
        if (a->num_words >= v->min_words && a->num_words <= v->max_words)
                return true;
        log_error("%s: hvisor %s%s%s", a->num_words < v->min_words ? "an argument is missing" : "too many arguments",
                  v->name, v->usage[0] ? " " : "", v->usage);
        return false;
}
