/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices that `hvisor virtio start` brings, zone by zone: read and checked, brought, taken back. Says what is wrong. */
#pragma once

#include <jansson.h>

#include "cli/terminals.h"
#include "cli/verb.h"
#include "config/diagnostics.h"
#include "config/spec.h"

#define BRINGS_MAX 16 /* zones of one virtio file */

/* The devices of one zone. */
struct bring {
        uint32_t id; /* the zone's */
        uint64_t addresses[ZONE_DEVICES_MAX];
        size_t count;
        json_t *zone; /* an element of a virtio file's "zones", its paths absolute */
        int fd;       /* -1: not brought yet */
};

struct brings {
        struct bring list[BRINGS_MAX];
        size_t count;
};

/** bring_has() - one of them has its window there */
bool bring_has(const struct bring *b, uint64_t address);

/**
 * brings_read() - from a virtio file, or from --device=…
 * @l: empty; brings_take_back() also after a failure
 * @t: gets their consoles
 */
bool brings_read(struct brings *l, const struct arguments *a, struct terminals *t, struct diagnostics *d);

/** brings_do() - from now on they are devices of their zones; 0, -errno */
int brings_do(struct brings *l);

/** brings_take_back() - and waits until nobody serves them */
void brings_take_back(struct brings *l);
