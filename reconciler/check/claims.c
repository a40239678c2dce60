/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/claims.h"

#include <errno.h>
#include <string.h>

#include "check/check.h"

int claims_add(struct claims *c, const struct zone_spec *z) {
        const struct zone_spec **holders = reallocarray(c->holders, c->num_holders + 1, sizeof(*holders));

        if (!holders)
                return -ENOMEM;
        c->holders = holders;
        holders[c->num_holders++] = z;
        for (unsigned i = 0; i < CPUS_MAX; i++)
                if (z->cpus & ~c->cpus & UINT64_C(1) << i)
                        c->cpu_holders[i] = z;
        c->cpus |= z->cpus;
        return 0;
}

void claims_clear(struct claims *c) {
        free(c->holders);
        *c = (struct claims){};
}

const struct zone_spec *claims_find(const struct claims *c, const struct zone_spec *z) {
        for (uint64_t both = c->cpus & z->cpus; both; both &= both - 1) {
                const struct zone_spec *holder = c->cpu_holders[__builtin_ctzll(both)];

                if (strcmp(holder->name, z->name) != 0)
                        return holder;
        }
        for (size_t i = 0; i < c->num_holders; i++)
                if (strcmp(c->holders[i]->name, z->name) != 0 && zone_conflict(z, c->holders[i], NULL, 0))
                        return c->holders[i];
        return NULL;
}
