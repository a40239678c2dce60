/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz/module_view.h"

#include "fuzz/fuzz.h"
#include "zone_check.h"

#define MAGIC_FIRST 0x4
#define MAGIC_LAST  0x6

/* By the hypervisor's own structure, so a difference that it does not see is none. */
static void claim_layout(const struct zone_layout *layout, const struct zone_description *zone,
                         const struct zone_limits *limits) {
        static uint8_t bytes[ZONE_CONFIG_SIZE_MAX], again[ZONE_CONFIG_SIZE_MAX];
        struct zone_description decoded;
        struct zone_problem problem;
        const char *what = NULL;

        if (zone_layout_check(layout, zone, &problem) < 0)
                return;
        memset(bytes, 0xee, sizeof(bytes));
        zone_config_encode(layout, zone, bytes);
        for (size_t i = layout->size; i < sizeof(bytes); i++)
                CLAIM(bytes[i] == 0xee);
        CLAIM(zone_config_decode(layout, bytes, &decoded, &what) == 0);
        CLAIM(zone_check(&decoded, limits, &problem) == 0);
        CLAIM(zone_layout_check(layout, &decoded, &problem) == 0);
        zone_config_encode(layout, &decoded, again);
        CLAIM(memcmp(bytes, again, layout->size) == 0);
}

static void describe(const struct hvisor_zone_create *c, struct zone_description *ret) {
        *ret = (struct zone_description){
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
        memcpy(ret->name, c->name, sizeof(ret->name));
        memcpy(ret->interrupts, c->interrupts, sizeof(ret->interrupts));
        memcpy(&ret->arm64, &c->arm64, sizeof(ret->arm64));
        memcpy(ret->ivcs, c->ivcs, sizeof(ret->ivcs));
        memcpy(ret->pci_buses, c->pci_buses, sizeof(ret->pci_buses));
        memcpy(ret->pci_devices, c->pci_devices, sizeof(ret->pci_devices));
        memcpy(ret->regions, c->regions, sizeof(ret->regions));
}

static struct zone_description made, made_before;

const char *module_conflict(void) {
        struct zone_problem problem;

        return zone_check_apart(&made, &made_before, &problem) < 0 ? problem.field : NULL;
}

const char *module_refusal(const struct hvisor_zone_create *c, const struct module_device *devices, size_t count,
                           const struct module_limits *l) {
        const struct zone_limits limits = {
                .root_cpus = l->root_cpus,
                .gic_version = l->gic_version,
                .wakeup_interrupt = l->wakeup_interrupt,
        };
        const struct zone_layout *layout;
        struct zone_description zone;
        struct zone_problem problem;

        describe(c, &zone);
        if (!zone_name_is_valid(zone.name))
                return "name";
        if (zone_check(&zone, &limits, &problem) < 0)
                return problem.field;
        for (size_t i = 0; i < count; i++)
                if (devices[i].interrupt == limits.wakeup_interrupt ||
                    zone_add_device(&zone, devices[i].address, HVISOR_WINDOW_SIZE, devices[i].interrupt, &problem) < 0)
                        return problem.field;
        for (uint32_t magic = MAGIC_FIRST; magic <= MAGIC_LAST; magic++)
                for (unsigned nth = 0; (layout = zone_layout_find(magic, zone.arch, nth)); nth++)
                        claim_layout(layout, &zone, &limits);
        made_before = made;
        made = zone;
        return NULL;
}
