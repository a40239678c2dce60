/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/sections.h"

/* One that has no name, if it is there. */
static size_t add(bool there, enum section_id id, const void *object, struct spec_section *ret) {
        if (there)
                *ret = (struct spec_section){ id, "", object };
        return there;
}

static size_t add_controllers(const struct gic_spec *gic, const struct controller_spec *plic,
                              const struct controller_spec *aplic, struct spec_section *ret) {
        size_t n = add(gic->version != 0, SECTION_GIC, gic, ret);

        n += add(plic->size != 0, SECTION_PLIC, plic, ret + n);
        return n + add(aplic->size != 0, SECTION_APLIC, aplic, ret + n);
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
        for (size_t i = 0; i < z->num_modules; i++)
                ret[n++] = (struct spec_section){ SECTION_MODULE, z->modules[i].name, &z->modules[i] };
        for (size_t i = 0; i < z->num_pci; i++)
                ret[n++] = (struct spec_section){ SECTION_PCI, z->pci[i].name, &z->pci[i] };
        for (size_t i = 0; i < z->num_pci_devices; i++)
                ret[n++] = (struct spec_section){ SECTION_PCI_DEVICE, z->pci_devices[i].name, &z->pci_devices[i] };
        n += add(z->uefi.memory_map_size != 0, SECTION_UEFI, &z->uefi, &ret[n]);
        n += add(z->x86.ioapic_size != 0, SECTION_X86, &z->x86, &ret[n]);
        return n + add_controllers(&z->gic, &z->plic, &z->aplic, &ret[n]);
}

size_t board_spec_sections(const struct board_spec *b, struct spec_section ret[SPEC_SECTIONS_MAX]) {
        ret[0] = (struct spec_section){ SECTION_BOARD, "", b };
        return 1 + add_controllers(&b->gic, &b->plic, &b->aplic, &ret[1]);
}
