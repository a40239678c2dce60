/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A spec as the sections of its file, in the order in which a normalized one has them. Pure. */
#pragma once

#include "config/schema.h"
#include "config/spec.h"

struct spec_section {
        enum section_id id;
        const char *name;   /* "" of a section that has none; borrowed from the spec */
        const void *object; /* what the section's keys are fields of; likewise */
};

/* Those without a name are one each: [Zone], [UEFI], [X86], [GIC], [PLIC], [APLIC]. */
#define SPEC_SECTIONS_MAX                                                                                              \
        (6 + ZONE_MEMORY_MAX + ZONE_IO_MAX + ZONE_IVCS_MAX + ZONE_DEVICES_MAX + ZONE_MODULES_MAX + ZONE_PCI_MAX +      \
         ZONE_PCI_DEVICES_MAX)

/** zone_spec_sections() - Return: how many; an interrupt controller is among them where the zone has one of its own */
size_t zone_spec_sections(const struct zone_spec *z, struct spec_section ret[SPEC_SECTIONS_MAX]);
size_t board_spec_sections(const struct board_spec *b, struct spec_section ret[SPEC_SECTIONS_MAX]);
