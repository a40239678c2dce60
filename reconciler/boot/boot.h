/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a zone boots from, and where in its RAM each of it goes. Files are opened and looked at once: what was
 * checked is what is loaded, whatever their paths name by then.
 */
#pragma once

#include "config/diagnostics.h"
#include "config/spec.h"

enum boot_part {
        BOOT_KERNEL,
        BOOT_DEVICE_TREE,
        BOOT_INITRD,
        BOOT_SETUP,        /* x86_64 */
        BOOT_COMMAND_LINE, /* x86_64; no file, but what the zone's says */
        BOOT_MODULE,       /* the first of ZONE_MODULES_MAX */
        _BOOT_PART_MAX = BOOT_MODULE + ZONE_MODULES_MAX,
};

struct boot_file {
        int fd; /* from offset 0 on; -1: the zone has none */
        uint64_t size;
        uint64_t address; /* physical */
};

/* Owned by the caller, starts as BOOT_NONE, emptied by boot_close(). */
struct boot {
        struct boot_file parts[_BOOT_PART_MAX];
};

#define BOOT_NONE ((struct boot){ .parts = { [0 ... _BOOT_PART_MAX - 1] = { .fd = -1 } } })

/**
 * boot_prepare() - opens what @z boots from, checks that it fits and that the guest can find in its device tree what
 * the zone has
 * @b: gives the GIC where the zone has none of its own; NULL: not known, and not compared
 * @d: errors for what cannot be, warnings for what the guest would stumble over
 * @ret: BOOT_NONE before; filled on success only
 *
 * Does I/O, which may take its time; any thread. Return: 0, -EBADMSG (@d says all that is wrong), -ENOMEM.
 */
int boot_prepare(const struct zone_spec *z, const struct board_spec *b, struct diagnostics *d, struct boot *ret);

/**
 * boot_check() - the same for what it says
 * @elsewhere: on a machine that is not the zone's a file that is not there is a note, and is left out
 * @ret: NULL, or as of boot_prepare()
 */
int boot_check(const struct zone_spec *z, const struct board_spec *b, bool elsewhere, struct diagnostics *d,
               struct boot *ret);

void boot_close(struct boot *b);

/** boot_part_path() - of the file that it is, for messages; NULL: the zone has no such part */
const char *boot_part_path(const struct zone_spec *z, enum boot_part part);
