/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/desired.h"

#include <stdio.h>
#include <string.h>

/* The place of @name in the sorted list, or where it would be. */
static size_t position(const struct desired *d, const char *name, bool *ret_found) {
        size_t low = 0, high = d->num_zones;

        *ret_found = false;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int c = strcmp(d->zones[middle].name, name);

                if (c == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (c < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct desired_zone *desired_find(const struct desired *d, const char *name) {
        bool found;
        size_t i = position(d, name, &found);

        return found ? &d->zones[i] : NULL;
}

const struct desired_zone *desired_find_id(const struct desired *d, uint32_t id) {
        for (size_t i = 0; i < d->num_zones; i++)
                if (d->zones[i].file_state == FILE_GOOD && d->zones[i].spec->id == id)
                        return &d->zones[i];
        return NULL;
}

struct desired_zone *desired_add(struct desired *d, const char *name) {
        struct desired_zone *zones;
        bool found;
        size_t i = position(d, name, &found);

        if (found)
                return &d->zones[i];
        zones = reallocarray(d->zones, d->num_zones + 1, sizeof(*zones));
        if (!zones)
                return NULL;
        d->zones = zones;
        memmove(&zones[i + 1], &zones[i], (d->num_zones - i) * sizeof(*zones));
        zones[i] = (struct desired_zone){};
        snprintf(zones[i].name, sizeof(zones[i].name), "%s", name);
        d->num_zones++;
        return &zones[i];
}

void desired_zone_clear(struct desired_zone *z) {
        free(z->path);
        free(z->message);
        zone_spec_free(z->spec);
        zone_spec_free(z->applied);
        *z = (struct desired_zone){};
}

void desired_remove(struct desired *d, struct desired_zone *z) {
        size_t after = &d->zones[--d->num_zones] - z;

        desired_zone_clear(z);
        memmove(z, z + 1, after * sizeof(*z));
}

void desired_clear(struct desired *d) {
        for (size_t i = 0; i < d->num_zones; i++)
                desired_zone_clear(&d->zones[i]);
        free(d->zones);
        board_spec_free(d->board);
        free(d->board_message);
        free(d->lost);
        *d = (struct desired){};
}
