/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a [GIC] must have, which its version decides; of zones and boards alike. */
#include <inttypes.h>
#include <string.h>

#include "config/gic.h"
#include "config/parser.h"

static void check_key(struct parser *p, const struct section_use *u, const char *key, bool there, bool required,
                      bool pair) {
        if (there || (!required && !pair) || !parser_absent(u, key))
                return;
        source_error(&p->source, &u->header, "[GIC] has no %s=", key);
}

/* Where it is not told, or wrongly: the one that most boards have. */
static uint32_t version_of(const struct section_use *u, const struct gic_spec *g) {
        return parser_good(u, "Version") ? g->version : parser_absent(u, "CPUInterfaceAddress") ? 3 : 2;
}

void gic_rules(struct parser *p) {
        const struct gic_spec *g = p->zone ? &p->zone->gic : &p->board->gic;
        const struct section_use *u = parser_use(p, g);
        struct gic_window windows[GIC_WINDOWS];
        uint32_t version;

        if (!u)
                return;
        version = version_of(u, g);
        gic_windows(g, windows);
        for (size_t i = 0; i < GIC_WINDOWS; i++) {
                const struct gic_window *w = &windows[i];
                bool required = w->required && w->version != 0; /* the others are in their row */

                if (!gic_window_of(w, version))
                        continue;
                check_key(p, u, w->address_key, w->address != 0, required, w->size != 0);
                check_key(p, u, w->size_key, w->size != 0, required, w->address != 0);
        }
        if (version == 2 && g->cpu_interface_size != 0 && g->virtual_cpu_size != 0 &&
            g->cpu_interface_size != g->virtual_cpu_size)
                source_error(
                        &p->source, parser_place(u, "VirtualCPUSize"),
                        "VirtualCPUSize= has to be CPUInterfaceSize=: the guest sees the one in the other's place");
}
