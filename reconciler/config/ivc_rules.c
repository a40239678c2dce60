/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a zone's part in inter-VM communication must hold by itself. Where it lies in the guest is looked at in zone_rules.c. */
#include <inttypes.h>
#include <string.h>

#include "config/parser.h"

static void check_peer(struct parser *p, const struct section_use *u, const struct ivc_spec *v) {
        if (parser_good(u, "Peer") && parser_good(u, "MaxPeers") && v->peer >= v->max_peers)
                source_error(&p->source, parser_place(u, "Peer"),
                             "Peer=: %" PRIu32 " is none of MaxPeers=%" PRIu32 ", which are numbered from 0", v->peer,
                             v->max_peers);
}

static void check_size(struct parser *p, const struct section_use *u, const struct ivc_spec *v) {
        if (!parser_good(u, "ReadWriteSize") || !parser_good(u, "OutputSize") || !parser_good(u, "MaxPeers"))
                return;
        if (ivc_size(v) == 0)
                source_error(&p->source, &u->header,
                             "[IVC %s] shares nothing: give ReadWriteSize= or OutputSize=", v->name);
        else if (ivc_size(v) > IVC_SIZE_MAX)
                source_error(&p->source, &u->header,
                             "[IVC %s] has 0x%" PRIx64 " bytes (ReadWriteSize= and MaxPeers= times OutputSize=); "
                             "the hypervisor has room for 0x%x",
                             v->name, ivc_size(v), IVC_SIZE_MAX);
}

static void check_pair(struct parser *p, const struct ivc_spec *v, const struct ivc_spec *before) {
        const struct section_use *u = parser_use(p, v), *w = parser_use(p, before);

        if (parser_good(u, "Id") && parser_good(w, "Id") && v->id == before->id)
                source_error(&p->source, parser_place(u, "Id"),
                             "[IVC %s] of %s has the same Id=; a zone has one part in an IVC", before->name,
                             WHERE(p, &w->header));
        if (parser_good(u, "Interrupt") && parser_good(w, "Interrupt") && v->interrupt == before->interrupt)
                source_error(&p->source, parser_place(u, "Interrupt"), "interrupt %" PRIu32 " is [IVC %s]'s of %s",
                             v->interrupt, before->name, WHERE(p, &w->header));
}

/* The interrupt is the IVC's alone. */
static void check_interrupt(struct parser *p, const struct section_use *u, const struct ivc_spec *v) {
        const struct zone_spec *z = p->zone;

        if (!parser_good(u, "Interrupt"))
                return;
        if (z->interrupts[v->interrupt / 32] & BIT(v->interrupt % 32))
                source_error(&p->source, parser_place(u, "Interrupt"),
                             "interrupt %" PRIu32 " is in Interrupts= of %s, too; it belongs here only", v->interrupt,
                             WHERE(p, parser_place(parser_use(p, z), "Interrupts")));
        for (size_t i = 0; i < z->num_devices; i++) {
                const struct section_use *d = parser_use(p, &z->devices[i]);

                if (parser_good(d, "Interrupt") && z->devices[i].interrupt == v->interrupt)
                        source_error(&p->source, parser_place(u, "Interrupt"),
                                     "interrupt %" PRIu32 " is [%s %s]'s of %s", v->interrupt, d->schema->name, d->name,
                                     WHERE(p, &d->header));
        }
}

void ivc_rules(struct parser *p) {
        const struct zone_spec *z = p->zone;

        for (size_t i = 0; i < z->num_ivcs; i++) {
                const struct section_use *u = parser_use(p, &z->ivcs[i]);

                check_peer(p, u, &z->ivcs[i]);
                check_size(p, u, &z->ivcs[i]);
                check_interrupt(p, u, &z->ivcs[i]);
                for (size_t j = 0; j < i; j++)
                        check_pair(p, &z->ivcs[i], &z->ivcs[j]);
        }
}
