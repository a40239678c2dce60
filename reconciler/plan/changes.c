/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/changes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/sections.h"
#include "config/value.h"

/* A spec's sections, and which of them the other spec has, too. */
struct parts {
        struct spec_section list[SPEC_SECTIONS_MAX];
        bool paired[SPEC_SECTIONS_MAX];
        size_t size;
};

struct writer {
        FILE *file;
        const char *separator;
        enum change_cost cost; /* only keys of this one are told of */
};

/* ---- keys ------------------------------------------------------------------------------------------- */

/* A value as it would be written, NULL for none; false: out of memory. */
static bool text_of(const struct key_schema *k, const void *object, char **ret) {
        *ret = value_present(k, object) ? value_text(k, object) : NULL;
        return *ret || !value_present(k, object);
}

static bool same_text(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static void write_title(struct writer *w, enum section_id section, const char *name) {
        fprintf(w->file, "[%s%s%s]", schema_sections[section].name, name[0] ? " " : "", name);
}

/* Of @title the section is told, where more than one has such a key. */
static int compare_key(struct writer *w, const struct key_schema *k, const struct spec_section *from,
                       const struct spec_section *to, bool title, bool *ret_same) {
        _cleanup_free_ char *before = NULL, *after = NULL;

        if (!text_of(k, from->object, &before) || !text_of(k, to->object, &after))
                return -ENOMEM;
        *ret_same = same_text(before, after);
        if (*ret_same || !w->file)
                return 0;
        fputs(w->separator, w->file);
        w->separator = ", ";
        if (title) {
                write_title(w, from->id, from->name);
                fputc(' ', w->file);
        }
        fprintf(w->file, "%s changed from %s to %s", k->name, before ?: "none", after ?: "none");
        return 0;
}

/* Tells of all keys that differ, if there is anybody to tell. */
static int compare_sections(struct writer *w, const struct spec_section *from, const struct spec_section *to,
                            bool title, bool *ret_same) {
        int r = 0;

        *ret_same = true;
        for (size_t i = 0; r == 0 && i < schema_num_keys; i++) {
                bool same;

                if (schema_keys[i].section != from->id || schema_keys[i].cost != w->cost)
                        continue;
                r = compare_key(w, &schema_keys[i], from, to, title, &same);
                *ret_same &= r < 0 || same;
        }
        return r;
}

/* ---- sections --------------------------------------------------------------------------------------- */

/* Memory has its name for its reader alone: what is the same under another name is no change. */
static int pair_equal_memory(struct writer *w, struct parts *from, struct parts *to) {
        struct writer silent = { .cost = w->cost };

        for (size_t i = 0; i < from->size; i++)
                for (size_t j = 0; j < to->size && !from->paired[i]; j++) {
                        const struct spec_section *a = &from->list[i], *b = &to->list[j];
                        bool same;
                        int r;

                        if (a->id != SECTION_MEMORY || b->id != SECTION_MEMORY || to->paired[j])
                                continue;
                        r = compare_sections(&silent, a, b, false, &same);
                        if (r < 0)
                                return r;
                        from->paired[i] = to->paired[j] = same;
                }
        return 0;
}

static int compare_namesakes(struct writer *w, struct parts *from, struct parts *to) {
        for (size_t i = 0; i < from->size; i++)
                for (size_t j = 0; j < to->size && !from->paired[i]; j++) {
                        const struct spec_section *a = &from->list[i], *b = &to->list[j];
                        bool same;
                        int r;

                        if (to->paired[j] || a->id != b->id || strcmp(a->name, b->name) != 0)
                                continue;
                        from->paired[i] = to->paired[j] = true;
                        r = compare_sections(w, a, b, a->id != SECTION_ZONE, &same);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static void write_unpaired(struct writer *w, const struct parts *p, const char *what) {
        for (size_t i = 0; i < p->size; i++) {
                if (p->paired[i])
                        continue;
                fputs(w->separator, w->file);
                w->separator = ", ";
                write_title(w, p->list[i].id, p->list[i].name);
                fprintf(w->file, " was %s", what);
        }
}

/* ---- a text of it ----------------------------------------------------------------------------------- */

/* @r: what came of writing; closes the file either way. */
static int writer_finish(struct writer *w, int r, char **text, char **ret) {
        if (fclose(w->file) != 0 && r == 0)
                r = -ENOMEM;
        if (r == 0)
                *ret = TAKE_PTR(*text);
        return r;
}

int zone_spec_changes(const struct zone_spec *from, const struct zone_spec *to, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        struct writer w = { .file = open_memstream(&text, &size), .separator = "", .cost = COST_ZONE };
        struct parts before = {}, after = {};
        int r;

        if (!w.file)
                return -ENOMEM;
        before.size = zone_spec_sections(from, before.list);
        after.size = zone_spec_sections(to, after.list);
        r = pair_equal_memory(&w, &before, &after);
        if (r == 0)
                r = compare_namesakes(&w, &before, &after);
        write_unpaired(&w, &before, "removed");
        write_unpaired(&w, &after, "added");
        return writer_finish(&w, r, &text, ret);
}

int device_spec_changes(const struct device_spec *from, const struct device_spec *to, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        struct writer w = { .file = open_memstream(&text, &size), .separator = "", .cost = COST_WORKER };
        const struct spec_section a = { device_section(from), from->name, from };
        const struct spec_section b = { device_section(to), to->name, to };
        bool same;

        if (!w.file)
                return -ENOMEM;
        return writer_finish(&w, compare_sections(&w, &a, &b, false, &same), &text, ret);
}

/* ---- reasons ---------------------------------------------------------------------------------------- */

char *zone_change_reason(const struct zone_spec *had, bool runs, const struct zone_spec *to) {
        _cleanup_free_ char *text = NULL;

        if (had && zone_spec_changes(had, to, &text) < 0)
                return NULL;
        if (text && text[0] && runs)
                return TAKE_PTR(text);
        /* The file asks for what it asked for before: then it is what the board adds to it. */
        if (text && !text[0] && to->gic.version == 0)
                return strdup("the board's [GIC] changed");
        return strdup("its settings changed");
}

char *device_change_reason(const struct device_spec *had, uint64_t cookie, const struct device_spec *to) {
        char *text;

        if (!had || device_spec_cookie(had) != cookie)
                return strdup("its settings changed");
        return device_spec_changes(had, to, &text) < 0 ? NULL : text;
}
