/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a spec cannot tell by itself: whether the board has what the zone asks
 * for, whether root Linux uses it, whether two zones ask for the same, whether
 * its devices' images are there. Everything that would panic the hypervisor is
 * refused here, before any call.
 */
#pragma once

#include "base/err.h"
#include "check/conflict.h"
#include "config/diagnostics.h"
#include "config/spec.h"

/* What root Linux itself uses, as far as it could be seen on this machine. */
struct root_facts {
        bool known; /* false: not under hvisor; such checks are named as not done */
        uint64_t cpus;
        struct range system_ram[64]; /* /proc/iomem */
        size_t num_system_ram;
        uint32_t interrupts[INTERRUPTS_MAX / 32]; /* /proc/interrupts: the real ones, from 32 on */
};

/** root_facts_read() - from /proc; CPUs are filled in by the caller who knows (hypervisor) */
int root_facts_read(struct root_facts *ret, struct err *e);

/* The same from other files of that form. */
int root_facts_read_from(const char *iomem, const char *interrupts, struct root_facts *ret, struct err *e);

/**
 * zone_check_board() - against the board and root Linux
 * @root: NULL or not known: such checks are skipped
 *
 * Pure. Return: 0, -EBADMSG (@d says all that is wrong).
 */
int zone_check_board(const struct zone_spec *z, const struct board_spec *b, const struct root_facts *root,
                     struct diagnostics *d);

/** zone_check_devices() - disk images: readable, of a size that a disk has; taps: there; does I/O */
int zone_check_devices(const struct zone_spec *z, struct diagnostics *d);

/** zone_check_device() - the same of one of its devices alone; a console is always good */
int zone_check_device(const struct zone_spec *z, const struct device_spec *device, struct diagnostics *d);

/** zone_check_devices_elsewhere() - the same on a machine that is not the zone's: a file that is not there is
 * a note */
int zone_check_devices_elsewhere(const struct zone_spec *z, struct diagnostics *d);
