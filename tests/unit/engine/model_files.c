/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the model's world say: config/zone_dirs.h's rules once more, in the simplest way. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/model.h"

#define DROP_IN "50-more.conf"

static const char *directory_of(const struct model *o, unsigned level) {
        return level == 0 ? o->m->zones : o->m->lower[level - 1];
}

/* ---- written ---------------------------------------------------------------------------------------- */

void model_write(struct model *o, unsigned zone, unsigned level, bool is_drop_in, const struct model_file *f) {
        struct model_zone *z = &o->zones[zone];
        char directory[160], file[32], path[256];

        if (o->lost[level])
                return;
        snprintf(directory, sizeof(directory), "%s", directory_of(o, level));
        (void) mkdir(directory, 0755);
        snprintf(file, sizeof(file), "%s.conf", model_names[zone]);
        if (is_drop_in) {
                snprintf(path, sizeof(path), "%s/%s.d", directory, file);
                (void) mkdir(path, 0755);
                snprintf(directory, sizeof(directory), "%.150s", path);
                snprintf(file, sizeof(file), DROP_IN);
        }
        (is_drop_in ? z->drop_ins : z->files)[level] = *f;
        snprintf(path, sizeof(path), "%s/%s", directory, file);
        switch (f->entry) {
        case ENTRY_TEXT:
                write_file(directory, file, f->text);
                return;
        case ENTRY_MASK:
                (void) unlink(path);
                assert_int_equal(symlink("/dev/null", path), 0);
                return;
        case ENTRY_NONE:
                (void) unlink(path);
                if (is_drop_in)
                        (void) rmdir(directory);
                return;
        }
}

void model_write_board(struct model *o, unsigned kind) {
        static const char *const kinds[] = { "CPUs=0-3", "CPUs=0-2", "CPUs=0-3\nBogus=1", NULL };
        struct diagnostics ignored = {};
        char text[512];

        o->board = board_spec_free(o->board);
        (void) unlink(o->m->board);
        if (!kinds[kind % 4])
                return;
        snprintf(text, sizeof(text),
                 "[Board]\n%s\nMemory=0x50000000+0x70000000\n[GIC]\nVersion=3\nDistributorAddress=0x8000000\n"
                 "DistributorSize=0x10000\nRedistributorAddress=0x80a0000\nRedistributorSize=%#x\n",
                 kinds[kind % 4], kind / 4 % 2 ? 0xf40000 : 0xf60000);
        write_file(o->m->dir, "board.conf", text);
        (void) board_spec_parse(o->m->board, text, strlen(text), &ignored, &o->board);
        diagnostics_clear(&ignored);
}

void model_lose(struct model *o, unsigned level, bool plainly) {
        const char *path = directory_of(o, level);
        char aside[160];

        snprintf(aside, sizeof(aside), "%s.aside", path);
        if (o->lost[level] || rename(path, aside) < 0)
                return;
        if (!plainly)
                assert_int_equal(symlink(path, path), 0); /* a circle */
        o->lost[level] = true;
        o->lost_plainly[level] = plainly;
}

void model_find_again(struct model *o, unsigned level) {
        const char *path = directory_of(o, level);
        char aside[160];

        if (!o->lost[level])
                return;
        snprintf(aside, sizeof(aside), "%s.aside", path);
        (void) unlink(path);
        assert_int_equal(rename(aside, path), 0);
        o->lost[level] = false;
}

/* ---- what they say together ------------------------------------------------------------------------- */

/* The first of the files that there is; NULL: none. */
static const struct model_file *first_of(const struct model_file *files, unsigned *ret_level) {
        for (*ret_level = 0; *ret_level < MACHINE_DIRS; ++*ret_level)
                if (files[*ret_level].entry != ENTRY_NONE)
                        return &files[*ret_level];
        return NULL;
}

static bool any_lost(const struct model *o, const struct model_file *files) {
        for (unsigned i = 0; i < MACHINE_DIRS; i++)
                if (o->lost[i] && files[i].entry != ENTRY_NONE)
                        return true;
        return false;
}

static void merge(struct model_zone *z, const char *name, const struct model_file *file,
                  const struct model_file *drop_in) {
        struct zone_source sources[] = {
                { .path = (char *) "file", .text = (char *) file->text, .size = strlen(file->text) },
                { .path = (char *) "drop-in" },
        };
        struct diagnostics ignored = {};
        size_t count = 1;

        if (drop_in && drop_in->entry == ENTRY_TEXT) {
                sources[1].text = (char *) drop_in->text;
                sources[1].size = strlen(drop_in->text);
                count++;
        }
        z->wanted = zone_spec_merge(name, sources, count, &ignored, &z->spec) == 0 ? WANTED : BADLY_SAID;
        if (z->spec)
                zone_spec_identify(z->spec);
        diagnostics_clear(&ignored);
}

static void derive_one(struct model *o, unsigned i) {
        struct model_zone *z = &o->zones[i];
        const struct model_file *file, *drop_in;
        unsigned level, ignored;

        file = first_of(z->files, &level);
        z->is_frozen = file && (o->lost[level] || (file->entry != ENTRY_MASK && any_lost(o, z->drop_ins)));
        if (z->is_frozen)
                return;
        z->spec = zone_spec_free(z->spec);
        drop_in = first_of(z->drop_ins, &ignored);
        if (!file)
                z->wanted = NOT_WANTED;
        else if (file->entry == ENTRY_MASK)
                z->wanted = MASKED;
        else
                merge(z, model_names[i], file, drop_in);
}

void model_derive(struct model *o) {
        for (unsigned i = 0; i < MODEL_ZONES; i++)
                derive_one(o, i);
}

uint64_t model_cookie(const struct model *o, unsigned i) {
        const struct model_zone *z = &o->zones[i];

        return z->spec && o->board ? zone_spec_cookie(z->spec, o->board) : 0;
}
