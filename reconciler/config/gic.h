/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the keys of [GIC] there is to which version of it. Pure. */
#pragma once

#include "config/spec.h"

/* One of the controller's areas. */
struct gic_window {
        const char *address_key, *size_key, *what;
        uint64_t address, size;
        uint32_t version; /* that has it; 0: any */
        bool required;
        bool in_guest; /* shows in the zone's own addresses */
};

#define GIC_WINDOWS 6

void gic_windows(const struct gic_spec *g, struct gic_window ret[GIC_WINDOWS]);

/** gic_window_of() - true if a GIC of that version has it */
static inline bool gic_window_of(const struct gic_window *w, uint32_t version) {
        return w->version == 0 || w->version == version;
}

/** gic_overlaps() - true if [base, base+size) of the guest's addresses meets it */
bool gic_overlaps(const struct gic_spec *g, uint64_t base, uint64_t size);
