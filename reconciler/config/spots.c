/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "config/schema.h"
#include "config/spec.h"
#include "config/spots.h"

static struct spot spot_of(const struct spot_entry *e) {
        return e ? (struct spot){ .line = e->line, .column = e->column, .length = e->length } : (struct spot){};
}

static const struct spot_entry *entry_find(const struct spots *s, size_t object, const char *key) {
        for (size_t i = 0; i < s->count; i++) {
                const struct spot_entry *e = &s->entries[i];
                const char *name = e->key == SPOT_HEADER ? NULL : schema_keys[e->key].name;

                if (e->object == object && (key ? name && strcmp(name, key) == 0 : !name))
                        return e;
        }
        return NULL;
}

static const struct spot_entry *find(const struct spots *s, const void *base, const void *object, const char *key) {
        size_t offset = (size_t) ((const char *) object - (const char *) base);
        const struct spot_entry *e = key ? entry_find(s, offset, key) : NULL;

        return e ?: entry_find(s, offset, NULL);
}

struct spot spots_find(const struct spots *s, const void *base, const void *object, const char *key) {
        return spot_of(find(s, base, object, key));
}

struct spot zone_spot(const struct zone_spec *z, const void *object, const char *key) {
        const struct spot_entry *e = object ? find(&z->spots, z, object, key) : NULL;
        struct spot s = spot_of(e);

        s.path = e && e->file > 0 ? z->drop_ins[e->file - 1] : z->path;
        return s;
}

struct board_origin board_origin(const struct board_spec *b, const void *object, const char *key) {
        size_t offset = (size_t) ((const char *) object - (const char *) b);
        const struct spot_entry *own = entry_find(&b->spots, offset, key);
        const struct spot_entry *described = own ? NULL : entry_find(&b->described, offset, key);

        return (struct board_origin){ own         ? b->path
                                      : described ? b->description_path
                                                  : NULL,
                                      spot_of(own ?: described) };
}
