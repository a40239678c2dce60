/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/live.h"

enum zone_state zone_live_state(const struct zone_live *z) {
        if (!z)
                return ZONE_ABSENT;
        if (z->object == ZONE_OBJECT_NONE)
                return z->listed ? ZONE_FOREIGN : ZONE_ABSENT;
        if (z->owner_cookie != zone_owner_cookie(z->name))
                return ZONE_FOREIGN;

        switch (z->object) {
        case ZONE_OBJECT_STARTED:
                if (!z->listed)
                        return ZONE_EXITED;
                return z->in_error ? ZONE_ERROR : ZONE_RUNNING;
        case ZONE_OBJECT_CREATED:
                /* Listed: it was started between the observer's two looks. */
                return z->listed ? ZONE_RUNNING : ZONE_HALF_MADE;
        case ZONE_OBJECT_STOPPED:
                return ZONE_STOPPED;
        case ZONE_OBJECT_NONE:
        case _ZONE_OBJECT_MAX:
                break;
        }
        return ZONE_ABSENT;
}

struct zone_live *live_add(struct live *l) {
        struct zone_live *zones = reallocarray(l->zones, l->num_zones + 1, sizeof(*zones));

        if (!zones)
                return NULL;
        l->zones = zones;
        zones[l->num_zones] = (struct zone_live){};
        return &zones[l->num_zones++];
}

static const struct zone_live *find(const struct live *l, const char *name, bool foreign) {
        for (size_t i = 0; i < l->num_zones; i++) {
                const struct zone_live *z = &l->zones[i];

                if (strcmp(z->name, name) == 0 && (zone_live_state(z) == ZONE_FOREIGN) == foreign)
                        return z;
        }
        return NULL;
}

const struct zone_live *live_find(const struct live *l, const char *name) {
        return find(l, name, false);
}

const struct zone_live *live_find_foreign(const struct live *l, const char *name) {
        return find(l, name, true);
}

const struct device_live *zone_live_find_device(const struct zone_live *z, const char *name) {
        for (size_t i = 0; i < z->num_devices; i++)
                if (strcmp(z->devices[i].name, name) == 0)
                        return &z->devices[i];
        return NULL;
}

uint64_t live_listing(const struct live *l) {
        uint64_t sum = 0; /* in whatever order they come */

        for (size_t i = 0; i < l->num_zones; i++) {
                const struct zone_live *z = &l->zones[i];
                uint32_t what[] = { z->id, z->in_error };

                if (z->listed)
                        sum += hash_bytes(hash_string(z->name), what, sizeof(what));
        }
        return sum;
}

void live_clear(struct live *l) {
        free(l->zones);
        *l = (struct live){};
}

bool device_live_serves(const struct device_live *d, const struct device_spec *s) {
        return s->enabled ? d->cookie == device_spec_cookie(s) : !d->attached && d->worker_pid == 0;
}
