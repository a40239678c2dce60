/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a spec cannot tell by itself: whether the board has what the zone asks
 * for, whether root Linux uses it, whether two zones ask for the same, whether
 * the images are there and fit. Everything that would panic the hypervisor is
 * refused here, before any call.
 */
#pragma once

#include "base/err.h"
#include "config/diagnostics.h"
#include "config/spec.h"

/* What root Linux itself uses, as far as it could be seen on this machine. */
struct root_facts {
        bool known; /* false: not under hvisor; such checks are named as not done */
        uint64_t cpus;
        struct range system_ram[64]; /* /proc/iomem */
        size_t num_system_ram;
};

/** root_facts_read() - from /proc/iomem; CPUs are filled in by the caller who knows (hypervisor) */
int root_facts_read(struct root_facts *ret, struct err *e);

/* The same from another file of that form. */
int root_facts_read_from(const char *path, struct root_facts *ret, struct err *e);

/**
 * zone_check_board() - against the board and root Linux
 * @root: NULL or not known: such checks are skipped
 *
 * Pure. Return: 0, -EBADMSG (@d says all that is wrong).
 */
int zone_check_board(const struct zone_spec *z, const struct board_spec *b, const struct root_facts *root,
                     struct diagnostics *d);

/** zone_check_images() - kernel, device tree, initrd, disk images: readable, fit their RAM, do not overlap;
 * does I/O */
int zone_check_images(const struct zone_spec *z, struct diagnostics *d);

/** zone_check_disk() - the same of one of its devices alone; what is no disk is good */
int zone_check_disk(const struct zone_spec *z, const struct device_spec *device, struct diagnostics *d);

/** zone_check_images_elsewhere() - the same on a machine that is not the zone's: a file that is not there is
 * a note */
int zone_check_images_elsewhere(const struct zone_spec *z, struct diagnostics *d);

/**
 * zone_conflict() - the first thing that two zones both claim
 * @text: e.g. "CPU 2 belongs to zone linux2", written only if there is one
 *
 * Ids, CPUs, RAM, passed-through interrupts, writable images. Pure. Return: true if they conflict.
 */
bool zone_conflict(const struct zone_spec *z, const struct zone_spec *other, char *text, size_t size);
