/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/zone_find.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/macros.h"
#include "cli/json.h"

bool zone_has_state(const json_t *zone, const char *state) {
        return strcmp(json_text(zone, "state"), state) == 0;
}

const json_t *zone_find_by_id(const json_t *status, uint32_t id) {
        const json_t *zones = json_object_get(status, "zones"), *zone, *found = NULL;
        size_t i;

        json_array_foreach((json_t *) zones, i, zone) {
                const json_t *n = json_object_get(zone, "id");

                if (json_is_integer(n) && json_integer_value(n) == (json_int_t) id &&
                    (!found || zone_has_state(found, "foreign")))
                        found = zone;
        }
        return found;
}

bool zone_is_transient(const json_t *zone) {
        static const char folder[] = RUN_ZONES_DIR "/";
        char base[PATH_MAX];

        if (strncmp(json_text(zone, "file"), folder, strlen(folder)) != 0)
                return false;
        (void) snprintf(base, sizeof(base), RUN_TRANSIENT_DIR "/%" JSON_INTEGER_FORMAT "/%s.conf",
                        json_integer_value(json_object_get(zone, "id")), json_text(zone, "name"));
        return access(base, F_OK) == 0;
}

bool zone_is_up(const json_t *zone) {
        static const char *const states[] = { "running", "error", "starting", "stopping" };

        for (size_t i = 0; i < ELEMENTSOF(states); i++)
                if (zone_has_state(zone, states[i]))
                        return true;
        return false;
}
