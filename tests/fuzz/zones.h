/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzzers claim of zones, whatever they came from. */
#pragma once

#include "config/spec.h"
#include "fuzz/fuzz.h"
#include "plan/changes.h"

/* By the rows of the schema, and by what tells a change. */
static inline void claim_equal(const struct zone_spec *a, const struct zone_spec *b) {
        _cleanup_free_ char *changes = NULL;

        CLAIM(zone_spec_changes(a, b, &changes) == 0);
        CLAIM(changes[0] == '\0');
        CLAIM(zone_spec_cookie(a, NULL) == zone_spec_cookie(b, NULL));
        CLAIM(a->num_devices == b->num_devices);
        for (size_t i = 0; i < a->num_devices; i++) {
                _cleanup_free_ char *of_worker = NULL;

                CLAIM(device_spec_changes(&a->devices[i], &b->devices[i], &of_worker) == 0);
                CLAIM(of_worker[0] == '\0');
                CLAIM(device_spec_cookie(&a->devices[i]) == device_spec_cookie(&b->devices[i]));
        }
}
