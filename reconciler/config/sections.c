/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/sections.h"

static size_t add_gic(const struct gic_spec *gic, struct spec_section *ret) {
        if (gic->version == 0)
                return 0;
        *ret = (struct spec_section){ SECTION_GIC, "", gic };
        return 1;
}

size_t zone_spec_sections(const struct zone_spec *z, struct spec_section ret[SPEC_SECTIONS_MAX]) {
        size_t n = 0;

        ret[n++] = (struct spec_section){ SECTION_ZONE, "", z };
        for (size_t i = 0; i < z->num_memory; i++)
                ret[n++] = (struct spec_section){ SECTION_MEMORY, z->memory[i].name, &z->memory[i] };
        for (size_t i = 0; i < z->num_io; i++)
                ret[n++] = (struct spec_section){ SECTION_IO, z->io[i].name, &z->io[i] };
        for (size_t i = 0; i < z->num_ivcs; i++)
                ret[n++] = (struct spec_section){ SECTION_IVC, z->ivcs[i].name, &z->ivcs[i] };
        for (size_t i = 0; i < z->num_devices; i++)
                ret[n++] = (struct spec_section){ device_section(&z->devices[i]), z->devices[i].name, &z->devices[i] };
        return n + add_gic(&z->gic, &ret[n]);
}

size_t board_spec_sections(const struct board_spec *b, struct spec_section ret[SPEC_SECTIONS_MAX]) {
        ret[0] = (struct spec_section){ SECTION_BOARD, "", b };
        return 1 + add_gic(&b->gic, &ret[1]);
}
