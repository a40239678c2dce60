/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import_bytes.h"

#include "zone_check.h"

int zone_config_of(const struct hvisor_zone_create *c, uint32_t magic, unsigned size, uint8_t bytes[IMPORT_BYTES_MAX]) {
        static const struct zone_limits limits = { .root_cpus = 1 };
        const struct zone_layout *layout;
        struct zone_description z = {
                .id = c->id,
                .arch = (enum hvisor_arch) c->arch,
                .cpus = c->cpus,
                .entry_point = c->entry_point,
                .kernel_address = c->kernel_address,
                .kernel_size = c->kernel_size,
                .dtb_address = c->dtb_address,
                .dtb_size = c->dtb_size,
                .num_regions = c->num_regions,
                .num_ivcs = c->num_ivcs,
                .num_pci_buses = c->num_pci_buses,
                .num_pci_devices = c->num_pci_devices,
        };
        struct zone_problem problem;

        memcpy(z.name, c->name, sizeof(z.name));
        memcpy(z.interrupts, c->interrupts, sizeof(z.interrupts));
        memcpy(&z.arm64, &c->arm64, sizeof(z.arm64));
        memcpy(z.ivcs, c->ivcs, sizeof(z.ivcs));
        memcpy(z.pci_buses, c->pci_buses, sizeof(z.pci_buses));
        memcpy(z.pci_devices, c->pci_devices, sizeof(z.pci_devices));
        memcpy(z.regions, c->regions, sizeof(z.regions));
        for (unsigned nth = 0; (layout = zone_layout_find(magic, z.arch, nth)) && layout->size != size;)
                nth++;
        if (!layout || zone_check(&z, &limits, &problem) < 0 || zone_layout_check(layout, &z, &problem) < 0)
                return -1;
        zone_config_encode(layout, &z, bytes);
        return 0;
}
