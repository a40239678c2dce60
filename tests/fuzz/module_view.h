/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hvisor.ko makes of a zone. Files of their own, as the module's headers and the daemon's do not mix: this one has
 * nothing of either but their interface.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <hvisor.h>

/* What the module knows of the machine. */
struct module_limits {
        uint64_t root_cpus;
        uint32_t gic_version;
        uint32_t wakeup_interrupt;
};

struct module_device {
        uint64_t address;
        uint32_t interrupt;
};

/**
 * module_refusal() - has a zone made with its devices, and claims of the bytes for each hypervisor that has a place for
 * all of it: read again they are the same zone, which is as good as the one that was asked for
 *
 * Return: NULL: it is one; else the field at fault, static.
 */
const char *module_refusal(const struct hvisor_zone_create *c, const struct module_device *devices, size_t count,
                           const struct module_limits *l);

/** module_conflict() - of the two zones last made: NULL: both may exist at once; else what they both want, static */
const char *module_conflict(void);
