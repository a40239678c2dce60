/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "config/parse.h"
#include "config/parser.h"
#include "config/settings.h"
#include "config/value.h"

/* ---- keys ------------------------------------------------------------------------------------------- */

static size_t key_index(enum section_id section, const char *name) {
        return (size_t) (schema_find_key(section, name, strlen(name)) - schema_keys);
}

static void key_unknown(struct parser *p, const struct line *l) {
        const struct section_schema *s = p->current->schema, *other;
        const char *near = schema_suggest_key(s->id, l->name.text, l->name.size);

        if (near)
                p->current->meant[key_index(s->id, near)] = true;
        other = schema_elsewhere(p->kind, l->name.text, l->name.size);
        if (other)
                source_error(&p->source, &l->place, "\"%.*s\" is not a key of [%s] but of [%s]", SLICE_ARGS(l->name),
                             s->name, other->name);
        else if (near)
                source_error(&p->source, &l->place, "unknown key \"%.*s\" in [%s]; did you mean \"%s\"?",
                             SLICE_ARGS(l->name), s->name, near);
        else
                source_error(&p->source, &l->place, "unknown key \"%.*s\" in [%s]", SLICE_ARGS(l->name), s->name);
}

/* A file gives a key once; what a later one says of it counts. */
static bool key_free_to_use(struct parser *p, const struct line *l, const struct key_schema *k,
                            const struct place *given) {
        if (given->line == 0 || given->path != l->place.path || k->presence == PRESENCE_LIST)
                return true;
        source_error(&p->source, &l->place, "%s= is given twice, first on line %u", k->name, given->line);
        return false;
}

static void key_assign(struct parser *p, const struct line *l) {
        struct section_use *u = p->current;
        const struct key_schema *k = schema_find_key(u->schema->id, l->name.text, l->name.size);
        struct value_error e;
        struct place bad;
        size_t i;
        int r;

        if (!k) {
                key_unknown(p, l);
                return;
        }
        i = (size_t) (k - schema_keys);
        if (!key_free_to_use(p, l, k, &u->given[i]))
                return;
        if (l->value.size == 0 && l->place.path != p->path) {
                value_clear(k, u->object); /* a drop-in takes back what was given */
                u->given[i] = (struct place){};
                u->good[i] = false;
                return;
        }
        u->given[i] = place_of(&l->place, l->value.size > 0 ? l->value : l->name);
        r = value_parse(k, l->value, u->object, &e);
        if (r == -ENOMEM)
                p->source.failed = r;
        u->good[i] = r >= 0;
        if (r != -EINVAL)
                return;
        bad = place_of(&l->place, e.part.size > 0 ? e.part : u->given[i].part);
        source_error(&p->source, &bad, "%s=: %s", k->name, e.text);
}

static void key_line(struct parser *p, const struct line *l) {
        if (p->current)
                key_assign(p, l);
        else if (!p->skipping)
                source_error(&p->source, &l->place, "%.*s= stands before the first [Section]", SLICE_ARGS(l->name));
}

/* ---- at the end of all files ------------------------------------------------------------------------- */

static void key_default(struct parser *p, struct section_use *u, const struct key_schema *k) {
        const char *value = k->default_value;
        struct value_error e;
        size_t i = (size_t) (k - schema_keys), from;

        if (value && value[0] == '=') {
                from = key_index(u->schema->id, value + 1);
                u->good[i] = u->good[from];
                memcpy(schema_field(k, u->object), schema_field(&schema_keys[from], u->object), sizeof(uint64_t));
        } else if (value) {
                int r = value_parse(k, (struct slice){ value, strlen(value) }, u->object, &e);

                u->good[i] = r >= 0;
                if (r == -ENOMEM)
                        p->source.failed = r;
        }
}

static void section_end(struct parser *p, struct section_use *u) {
        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct key_schema *k = &schema_keys[i];

                if (k->section != u->schema->id)
                        continue;
                if (u->taken[i])
                        continue;
                if (u->given[i].line > 0) {
                        if (k->with && u->given[key_index(k->section, k->with)].line == 0)
                                source_error(&p->source, &u->given[i], "%s= needs %s=, too", k->name, k->with);
                        continue;
                }
                if (k->presence != PRESENCE_OPTIONAL && !u->meant[i])
                        source_error(&p->source, &u->header, "[%s%s%s] has no %s=", u->schema->name,
                                     u->name[0] ? " " : "", u->name, k->name);
                key_default(p, u, k);
        }
}

static void files_end(struct parser *p) {
        const struct place whole = { .path = p->path };

        for (size_t i = 0; i < p->num_uses; i++)
                section_end(p, &p->uses[i]);
        for (size_t i = 0; i < _SECTION_MAX; i++) {
                const struct section_schema *s = &schema_sections[i];

                if ((s->files & p->kind) && parser_count(p, s->id) < s->min && !p->bad_sections)
                        source_error(&p->source, &whole, "no [%s%s] section", s->name, s->named ? " NAME" : "");
        }
}

const struct section_use *parser_use(const struct parser *p, const void *object) {
        for (size_t i = 0; i < p->num_uses; i++)
                if (p->uses[i].object == object)
                        return &p->uses[i];
        return NULL;
}

bool parser_good(const struct section_use *u, const char *key) {
        return u && u->good[key_index(u->schema->id, key)];
}

bool parser_absent(const struct section_use *u, const char *key) {
        size_t i = key_index(u->schema->id, key);

        return u->given[i].line == 0 && !u->meant[i] && !u->taken[i];
}

const struct place *parser_place(const struct section_use *u, const char *key) {
        const struct place *given = &u->given[key_index(u->schema->id, key)];

        return given->line > 0 ? given : &u->header;
}

const char *parser_where(const struct parser *p, const struct place *at, struct where *buffer) {
        const char *slash = at->path ? strrchr(at->path, '/') : NULL;

        if (p->merges && at->path)
                (void) snprintf(buffer->text, sizeof(buffer->text), "line %u of %s", at->line,
                                slash ? slash + 1 : at->path);
        else
                (void) snprintf(buffer->text, sizeof(buffer->text), "line %u", at->line);
        return buffer->text;
}

/* ---- files ------------------------------------------------------------------------------------------ */

static void file_parse(struct parser *p, const struct zone_source *file) {
        struct line l;

        source_continue(&p->source, file->path, file->text, file->size);
        p->current = NULL;
        p->skipping = false;
        if (file->size > CONFIG_FILE_MAX) {
                source_error(&p->source, NULL, "%zu bytes; at most %d are read", file->size, CONFIG_FILE_MAX);
                p->bad_sections = true;
                return;
        }
        for (source_next(&p->source, &l); l.kind != LINE_END; source_next(&p->source, &l))
                if (l.kind == LINE_SECTION)
                        parser_section(p, &l);
                else
                        key_line(p, &l);
}

static int files_parse(struct parser *p, const struct zone_source *files, size_t count, struct diagnostics *d) {
        size_t first = d->count;

        source_open(&p->source, files[0].path, "", 0, d);
        p->path = files[0].path;
        p->merges = count > 1;
        for (size_t i = 0; i < count; i++)
                file_parse(p, &files[i]);
        if (files[0].size <= CONFIG_FILE_MAX) {
                if (p->board)
                        board_describe(p);
                files_end(p);
                if (p->zone || p->board)
                        gic_rules(p);
                if (p->zone)
                        zone_rules(p);
        }
        diagnostics_sort(d, first);
        if (p->source.failed < 0)
                return p->source.failed;
        return p->source.errors > 0 ? -EBADMSG : 0;
}

/* Columns fit: a line has at most TEXT_LINE_MAX bytes. */
static void spot_keep(struct spots *s, size_t object, size_t key, const struct place *p, size_t file) {
        s->entries[s->count++] = (struct spot_entry){
                .object = (uint16_t) object,
                .key = (uint16_t) key,
                .file = (uint32_t) file,
                .line = p->line,
                .column = (uint16_t) (p->part.text - p->source.text + 1),
                .length = (uint16_t) p->part.size,
        };
}

static size_t file_of(const struct place *p, const struct zone_source *files) {
        size_t i = 0;

        while (files[i].path != p->path)
                i++;
        return i;
}

/* Later checks, which no longer have the texts, name these places. */
static int spots_keep(const struct parser *p, const struct zone_source *files, const void *base, struct spots *ret) {
        size_t count = 0;

        _Static_assert(sizeof(struct zone_spec) <= UINT16_MAX && sizeof(struct board_spec) <= UINT16_MAX &&
                               TEXT_LINE_MAX < UINT16_MAX,
                       "spots are stored in 16 bits");
        _Static_assert(ZONE_DROP_INS_MAX < 1 << SPOT_FILE_BITS && CONFIG_FILE_MAX < 1 << SPOT_LINE_BITS, "and these");
        for (size_t i = 0; i < p->num_uses; i++) {
                count++;
                for (size_t k = 0; k < schema_num_keys; k++)
                        count += p->uses[i].given[k].line > 0;
        }
        ret->entries = calloc(count, sizeof(*ret->entries));
        if (!ret->entries)
                return -ENOMEM;
        for (size_t i = 0; i < p->num_uses; i++) {
                const struct section_use *u = &p->uses[i];
                size_t object = (size_t) ((const char *) u->object - (const char *) base);

                spot_keep(ret, object, SPOT_HEADER, &u->header, file_of(&u->header, files));
                for (size_t k = 0; k < schema_num_keys; k++)
                        if (u->given[k].line > 0)
                                spot_keep(ret, object, k, &u->given[k], file_of(&u->given[k], files));
        }
        return 0;
}

static int paths_keep(struct zone_spec *z, const struct zone_source *files, size_t count) {
        z->path = strdup(files[0].path);
        z->drop_ins = count > 1 ? calloc(count - 1, sizeof(*z->drop_ins)) : NULL;
        if (!z->path || (count > 1 && !z->drop_ins))
                return -ENOMEM;
        for (size_t i = 1; i < count; i++) {
                z->drop_ins[z->num_drop_ins] = strdup(files[i].path);
                if (!z->drop_ins[z->num_drop_ins++])
                        return -ENOMEM;
        }
        return 0;
}

static void name_error(const char *path, const char *name, struct diagnostics *d) {
        /* A message lost for want of memory is counted as an error all the same. */
        (void) diagnostics_add(d, SEVERITY_ERROR, path, 0, 0, 0, NULL, 0,
                               "\"%s\" cannot be a zone's name: 1 to %d of A-Z a-z 0-9 . _ -, no dot first", name,
                               NAME_SIZE - 1);
}

int zone_spec_merge(const char *name, const struct zone_source *files, size_t count, struct diagnostics *d,
                    struct zone_spec **ret) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = calloc(1, sizeof(*z));
        _cleanup_free_ struct parser *p = calloc(1, sizeof(*p));
        int r;

        if (!z || !p || paths_keep(z, files, count) < 0)
                return -ENOMEM;
        p->kind = ZONE_FILE;
        p->zone = z;
        if (zone_name_valid(name))
                strcpy(z->name, name);
        else
                name_error(files[0].path, name, d);
        r = files_parse(p, files, count, d);
        if (r < 0)
                return r;
        if (z->name[0] == '\0')
                return -EBADMSG;
        for (size_t i = 0; i < z->num_devices; i++)
                z->devices[i].zone_cpus = (uint32_t) __builtin_popcountll(z->cpus);
        r = spots_keep(p, files, z, &z->spots);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(z);
        return 0;
}

/* For the parser alone: it frees nothing and changes nothing. */
static struct zone_source source_of(const char *path, const char *text, size_t size) {
        return (struct zone_source){ .path = (char *) path, .text = (char *) text, .size = size };
}

int zone_spec_parse(const char *name, const char *path, const char *text, size_t size, struct diagnostics *d,
                    struct zone_spec **ret) {
        const struct zone_source file = source_of(path, text, size);

        return zone_spec_merge(name, &file, 1, d, ret);
}

static int board_parse(const char *path, const char *text, size_t size, bool is_description, struct diagnostics *d,
                       struct board_spec **ret) {
        const struct zone_source file = source_of(path, text, size);
        _cleanup_(board_spec_freep) struct board_spec *b = calloc(1, sizeof(*b));
        _cleanup_free_ struct parser *p = calloc(1, sizeof(*p));
        int r;

        if (!b || !p)
                return -ENOMEM;
        b->path = strdup(path);
        if (!b->path)
                return -ENOMEM;
        p->kind = BOARD_FILE;
        p->board = b;
        p->is_description = is_description;
        r = files_parse(p, &file, 1, d);
        if (r >= 0)
                r = spots_keep(p, &file, b, &b->spots);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}

int board_spec_parse(const char *path, const char *text, size_t size, struct diagnostics *d, struct board_spec **ret) {
        return board_parse(path, text, size, false, d, ret);
}

int board_description_parse(const char *path, const char *text, size_t size, struct diagnostics *d,
                            struct board_spec **ret) {
        return board_parse(path, text, size, true, d, ret);
}

void settings_default(struct settings *ret) {
        *ret = (struct settings){};
        section_defaults(SECTION_RECONCILER, ret);
}

int settings_parse(const char *path, const char *text, size_t size, struct diagnostics *d, struct settings *ret) {
        const struct zone_source file = source_of(path, text, size);
        _cleanup_free_ struct parser *p = calloc(1, sizeof(*p));
        struct settings s;
        int r;

        if (!p)
                return -ENOMEM;
        settings_default(&s);
        p->kind = SETTINGS_FILE;
        p->settings = &s;
        r = files_parse(p, &file, 1, d);
        if (r >= 0)
                *ret = s;
        return r;
}
