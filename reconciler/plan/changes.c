/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/changes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/schema.h"
#include "config/value.h"

#define PARTS_MAX (2 + ZONE_MEMORY_MAX + ZONE_IO_MAX + ZONE_DEVICES_MAX) /* [Zone] and [GIC] are one each */

/* A spec as its sections. */
struct part {
        enum section_id section;
        const char *name;   /* "" of a section that has none */
        const void *object; /* what the section's keys are fields of */
        bool paired;        /* the other spec has it, too */
};

struct parts {
        struct part list[PARTS_MAX];
        size_t size;
};

struct writer {
        FILE *file;
        const char *separator;
        enum change_cost cost; /* only keys of this one are told of */
};

static void add_part(struct parts *p, enum section_id section, const char *name, const void *object) {
        p->list[p->size++] = (struct part){ .section = section, .name = name, .object = object };
}

static void take_apart(const struct zone_spec *z, struct parts *ret) {
        ret->size = 0;
        add_part(ret, SECTION_ZONE, "", z);
        for (size_t i = 0; i < z->num_memory; i++)
                add_part(ret, SECTION_MEMORY, z->memory[i].name, &z->memory[i]);
        for (size_t i = 0; i < z->num_io; i++)
                add_part(ret, SECTION_IO, z->io[i].name, &z->io[i]);
        for (size_t i = 0; i < z->num_devices; i++)
                add_part(ret, device_section(&z->devices[i]), z->devices[i].name, &z->devices[i]);
        if (z->gic.version != 0)
                add_part(ret, SECTION_GIC, "", &z->gic);
}

/* ---- keys ------------------------------------------------------------------------------------------- */

/* A value as it would be written, NULL for none; false: out of memory. */
static bool value_text(const struct key_schema *k, const void *object, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;

        *ret = NULL;
        if (!value_present(k, object))
                return true;
        f = open_memstream(&text, &size);
        if (!f)
                return false;
        value_write(k, object, f);
        if (fclose(f) != 0)
                return false;
        *ret = TAKE_PTR(text);
        return true;
}

static bool same_text(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static void write_title(struct writer *w, enum section_id section, const char *name) {
        fprintf(w->file, "[%s%s%s]", schema_sections[section].name, name[0] ? " " : "", name);
}

/* Of @title the section is told, where more than one has such a key. */
static int compare_key(struct writer *w, const struct key_schema *k, const struct part *from, const struct part *to,
                       bool title, bool *ret_same) {
        _cleanup_free_ char *before = NULL, *after = NULL;

        if (!value_text(k, from->object, &before) || !value_text(k, to->object, &after))
                return -ENOMEM;
        *ret_same = same_text(before, after);
        if (*ret_same || !w->file)
                return 0;
        fputs(w->separator, w->file);
        w->separator = ", ";
        if (title) {
                write_title(w, from->section, from->name);
                fputc(' ', w->file);
        }
        fprintf(w->file, "%s changed from %s to %s", k->name, before ?: "none", after ?: "none");
        return 0;
}

/* Tells of all keys that differ, if there is anybody to tell. */
static int compare_parts(struct writer *w, const struct part *from, const struct part *to, bool title, bool *ret_same) {
        int r = 0;

        *ret_same = true;
        for (size_t i = 0; r == 0 && i < schema_num_keys; i++) {
                bool same;

                if (schema_keys[i].section != from->section || schema_keys[i].cost != w->cost)
                        continue;
                r = compare_key(w, &schema_keys[i], from, to, title, &same);
                *ret_same &= r < 0 || same;
        }
        return r;
}

/* ---- sections --------------------------------------------------------------------------------------- */

static void pair(struct part *a, struct part *b) {
        a->paired = b->paired = true;
}

/* Memory has its name for its reader alone: what is the same under another name is no change. */
static int pair_equal_memory(struct writer *w, struct parts *from, struct parts *to) {
        struct writer silent = { .cost = w->cost };

        for (size_t i = 0; i < from->size; i++)
                for (size_t j = 0; j < to->size && !from->list[i].paired; j++) {
                        struct part *a = &from->list[i], *b = &to->list[j];
                        bool same;
                        int r;

                        if (a->section != SECTION_MEMORY || b->section != SECTION_MEMORY || b->paired)
                                continue;
                        r = compare_parts(&silent, a, b, false, &same);
                        if (r < 0)
                                return r;
                        if (same)
                                pair(a, b);
                }
        return 0;
}

static int compare_namesakes(struct writer *w, struct parts *from, struct parts *to) {
        for (size_t i = 0; i < from->size; i++)
                for (size_t j = 0; j < to->size; j++) {
                        struct part *a = &from->list[i], *b = &to->list[j];
                        bool same;
                        int r;

                        if (a->paired || b->paired || a->section != b->section || strcmp(a->name, b->name) != 0)
                                continue;
                        pair(a, b);
                        r = compare_parts(w, a, b, a->section != SECTION_ZONE, &same);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static void write_unpaired(struct writer *w, const struct parts *p, const char *what) {
        for (size_t i = 0; i < p->size; i++) {
                if (p->list[i].paired)
                        continue;
                fputs(w->separator, w->file);
                w->separator = ", ";
                write_title(w, p->list[i].section, p->list[i].name);
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
        struct parts before, after;
        int r;

        if (!w.file)
                return -ENOMEM;
        take_apart(from, &before);
        take_apart(to, &after);
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
        const struct part a = { device_section(from), from->name, from, false };
        const struct part b = { device_section(to), to->name, to, false };
        bool same;

        if (!w.file)
                return -ENOMEM;
        return writer_finish(&w, compare_parts(&w, &a, &b, false, &same), &text, ret);
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
