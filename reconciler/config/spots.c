/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "config/schema.h"
#include "config/spec.h"
#include "config/spots.h"

struct spot zone_spot(const struct zone_spec *z, const void *object, const char *key) {
        const struct spot_entry *header = NULL;

        for (size_t i = 0; object && i < z->spots.count; i++) {
                const struct spot_entry *e = &z->spots.entries[i];

                if ((const char *) z + e->object != object)
                        continue;
                if (e->key == SPOT_HEADER)
                        header = e;
                else if (key && strcmp(schema_keys[e->key].name, key) == 0)
                        return (struct spot){ e->line, e->column, e->length };
        }
        return header ? (struct spot){ header->line, header->column, header->length } : (struct spot){};
}
