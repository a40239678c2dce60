/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Board=: what a board's file does not say itself comes from the description that it names. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "config/board_description.h"
#include "config/parse.h"
#include "config/parser.h"
#include "config/suggest.h"
#include "config/value.h"

/* ---- which description ------------------------------------------------------------------------------ */

static void tell_unknown(struct parser *p, const struct place *at, const char *name) {
        _cleanup_(board_names_clear) struct board_names boards = {};
        _cleanup_free_ char *list = NULL;
        struct suggestion near = {};
        size_t size;
        FILE *f;

        f = board_names_read(&boards) < 0 ? NULL : open_memstream(&list, &size);
        if (!f) {
                p->source.failed = -ENOMEM;
                return;
        }
        for (size_t i = 0; i < boards.count; i++) {
                suggestion_offer(&near, name, strlen(name), boards.names[i]);
                fprintf(f, "%s%s", i > 0 ? ", " : "", boards.names[i]);
        }
        if (fclose(f) != 0)
                p->source.failed = -ENOMEM;
        else if (boards.count == 0)
                source_error(&p->source, at,
                             "no board \"%s\" is described, nor any other; give CPUs=, Memory= and [GIC] yourself",
                             name);
        else if (near.word)
                source_error(&p->source, at, "no board \"%s\" is described; did you mean \"%s\"? There are %s", name,
                             near.word, list);
        else
                source_error(&p->source, at, "no board \"%s\" is described; there are %s", name, list);
}

/* NULL: said why. */
static struct board_spec *description_load(struct parser *p, const struct place *at) {
        struct board_spec *b = p->board, *base = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = board_description_load(b->description, &b->description_path, &text, &size);

        if (r == -ENOENT) {
                tell_unknown(p, at, b->description);
                return NULL;
        }
        if (r >= 0) {
                b->description_hash = hash_bytes(HASH_INIT, text, size);
                r = board_description_parse(b->description_path, text, size, p->source.diagnostics, &base);
                if (r == -EBADMSG)
                        source_error(&p->source, at, "%s, which it names, is not right", b->description_path);
        } else if (r != -ENOMEM) {
                source_error(&p->source, at, "%s cannot be read: %s", b->description_path, strerror(-r));
        }
        if (error_is_lack(r) || error_is_of_medium(r))
                p->source.failed = r; /* it says nothing of the file */
        return base;
}

/* ---- what is taken from it -------------------------------------------------------------------------- */

/* By way of its text, as if it stood in the file. */
static int value_copy(const struct key_schema *k, const void *from, void *to) {
        _cleanup_free_ char *text = NULL;
        struct value_error e;

        if (!value_present(k, from))
                return 0;
        text = value_text(k, from);
        return text ? value_parse(k, (struct slice){ text, strlen(text) }, to, &e) : -ENOMEM;
}

static struct section_use *use_of(struct parser *p, const void *object) {
        for (size_t i = 0; i < p->num_uses; i++)
                if (p->uses[i].object == object)
                        return &p->uses[i];
        return NULL;
}

/* An interrupt controller of another version shares nothing with the described one. */
static bool is_other_gic(const struct section_use *u, const struct board_spec *base) {
        const struct gic_spec *own = u->object;

        return u->schema->id == SECTION_GIC && parser_good(u, "Version") && own->version != base->gic.version;
}

static void section_take(struct parser *p, enum section_id id, const void *from, void *to) {
        struct section_use *u = use_of(p, to);

        for (size_t i = 0; i < schema_num_keys; i++) {
                int r;

                if (schema_keys[i].section != id || (u && u->given[i].line > 0))
                        continue;
                r = value_copy(&schema_keys[i], from, to);
                if (r < 0)
                        p->source.failed = r;
                if (u) {
                        u->taken[i] = true;
                        u->good[i] = true;
                }
        }
}

/* What was not taken has no origin there. */
static void spots_forget(struct spots *s, size_t object) {
        size_t kept = 0;

        for (size_t i = 0; i < s->count; i++)
                if (s->entries[i].object != object)
                        s->entries[kept++] = s->entries[i];
        s->count = kept;
}

static void board_take(struct parser *p, struct board_spec *base) {
        struct spec_section sections[SPEC_SECTIONS_MAX];
        size_t n = board_spec_sections(base, sections);

        for (size_t i = 0; i < n; i++) {
                const char *from = sections[i].object;
                size_t offset = (size_t) (from - (const char *) base);
                char *to = (char *) p->board + offset;
                const struct section_use *u = use_of(p, to);

                if (u && is_other_gic(u, base))
                        spots_forget(&base->spots, offset);
                else
                        section_take(p, sections[i].id, from, to);
        }
        p->board->described = base->spots;
        base->spots = (struct spots){};
}

/* Nobody knows what the description would have given. */
static void expect_nothing(struct parser *p) {
        for (size_t i = 0; i < p->num_uses; i++)
                memset(p->uses[i].meant, true, sizeof(p->uses[i].meant));
}

void board_describe(struct parser *p) {
        struct section_use *u = use_of(p, p->board);
        _cleanup_(board_spec_freep) struct board_spec *base = NULL;
        const struct place *at = u ? parser_place(u, "Board") : NULL;

        if (!u || !parser_good(u, "Board")) {
                if (u && at != &u->header)
                        expect_nothing(p);
                return;
        }
        if (p->is_description) {
                source_error(&p->source, at, "a description stands alone: it cannot be based on another one");
                return;
        }
        base = description_load(p, at);
        if (base)
                board_take(p, base);
        else
                expect_nothing(p);
}
