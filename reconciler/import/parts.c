/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI and modules of the zone file, in the forms that hvisor-tool has had for them. */
#include <inttypes.h>
#include <string.h>

#include "import/import.h"
#include "import/old_json.h"

static void take_window(struct old_json *j, const char *base, const char *size, const char *bus, struct pci_window *w) {
        if (!old_json_number(j, base, UINT64_MAX, &w->address) || !old_json_number(j, size, UINT64_MAX, &w->size) ||
            !old_json_number(j, bus, UINT64_MAX, &w->bus_address))
                return;
        if (w->size == 0)
                *w = (struct pci_window){};
}

/* Files from before 0x5 have neither of them. */
static void take_optional(struct old_json *j, const char *field, uint64_t max, uint32_t *ret) {
        uint64_t n;

        if (old_json_has(j, field) && old_json_number(j, field, max, &n))
                *ret = (uint32_t) n;
}

static void take_bridge(struct old_json *j, struct zone_spec *z) {
        struct pci_spec p = {};

        (void) old_json_number(j, "ecam_base", UINT64_MAX, &p.ecam);
        (void) old_json_number(j, "ecam_size", UINT64_MAX, &p.ecam_size);
        take_window(j, "io_base", "io_size", "pci_io_base", &p.io);
        take_window(j, "mem32_base", "mem32_size", "pci_mem32_base", &p.memory32);
        take_window(j, "mem64_base", "mem64_size", "pci_mem64_base", &p.memory64);
        take_optional(j, "bus_range_begin", UINT8_MAX, &p.first_bus);
        take_optional(j, "bus_range_end", UINT8_MAX, &p.last_bus);
        take_optional(j, "domain", UINT8_MAX, &p.domain);
        if (p.ecam == 0)
                return; /* the hypervisor passes over it, too */
        if (z->num_pci == ZONE_PCI_MAX) {
                old_json_tell(j, SEVERITY_ERROR, NULL, "is one more than the %d that a zone may have", ZONE_PCI_MAX);
                return;
        }
        (void) snprintf(p.name, sizeof(p.name), "pci%zu", z->num_pci);
        z->pci[z->num_pci++] = p;
}

/* One object in the older files, a list in the newer. */
static void take_bridges(struct old_json *j, struct zone_spec *z) {
        json_t *config = json_object_get(j->object, "pci_config"), *value;
        struct old_json bridge;
        size_t n;

        if (json_is_object(config)) {
                if (json_object_size(config) > 0 && old_json_item(j, "pci_config", -1, config, &bridge)) {
                        take_bridge(&bridge, z);
                        old_json_rest(&bridge);
                }
        } else
                json_array_foreach(config, n, value) if (old_json_item(j, "pci_config", (int) n, value, &bridge)) {
                        take_bridge(&bridge, z);
                        old_json_rest(&bridge);
                }
        if (config && !json_is_object(config) && !json_is_array(config))
                old_json_tell(j, SEVERITY_ERROR, "pci_config", "is neither an object nor a list");
        old_json_drop(j, "pci_config");
}

static bool take_part(struct old_json *j, const char *field, uint64_t max, uint8_t *ret) {
        uint64_t n;

        if (!old_json_number(j, field, max, &n))
                return false;
        *ret = (uint8_t) n;
        return true;
}

static void take_guest_address(struct old_json *j, struct pci_device_spec *d) {
        if (!old_json_has(j, "v_bus") && !old_json_has(j, "v_device") && !old_json_has(j, "v_function"))
                return;
        d->guest.domain = d->address.domain;
        d->guest.given = take_part(j, "v_bus", 0xff, &d->guest.bus) &&
                         take_part(j, "v_device", 0x1f, &d->guest.device) &&
                         take_part(j, "v_function", 7, &d->guest.function);
}

static void take_device(struct old_json *j, struct pci_device_spec *d) {
        uint64_t type = 0;

        d->address.given =
                take_part(j, "domain", 0xff, &d->address.domain) && take_part(j, "bus", 0xff, &d->address.bus) &&
                take_part(j, "device", 0x1f, &d->address.device) && take_part(j, "function", 7, &d->address.function);
        take_guest_address(j, d);
        if (old_json_has(j, "dev_type") && old_json_number(j, "dev_type", UINT32_MAX, &type)) {
                if (type < _PCI_DEVICE_TYPE_MAX)
                        d->type = (enum pci_device_type) type;
                else
                        old_json_tell(j, SEVERITY_ERROR, "dev_type",
                                      "is %" PRIu64 ": 0 (physical) and 1 (virtual) are known", type);
        }
}

/* In files before 0x5: bus << 8 | device << 3 | function. */
static void take_number(struct old_json *j, const json_t *value, size_t at, struct pci_device_spec *d) {
        uint64_t n;

        if (old_json_value(value, UINT16_MAX, &n))
                d->address = (struct pci_address){ true, 0, (uint8_t) (n >> 8), (uint8_t) (n >> 3 & 0x1f),
                                                   (uint8_t) (n & 7) };
        else
                old_json_tell(j, SEVERITY_ERROR, "alloc_pci_devs", "has at %zu what is no PCI device", at);
}

static void take_devices(struct old_json *j, struct zone_spec *z) {
        json_t *list = old_json_list(j, "alloc_pci_devs"), *value;
        struct old_json item;
        size_t n;

        json_array_foreach(list, n, value) {
                struct pci_device_spec d = {};

                if (!json_is_object(value))
                        take_number(j, value, n, &d);
                else if (old_json_item(j, "alloc_pci_devs", (int) n, value, &item)) {
                        take_device(&item, &d);
                        old_json_rest(&item);
                }
                if (!d.address.given)
                        continue;
                if (z->num_pci_devices == ZONE_PCI_DEVICES_MAX) {
                        old_json_tell(j, SEVERITY_ERROR, "alloc_pci_devs", "has more than %d", ZONE_PCI_DEVICES_MAX);
                        break;
                }
                (void) snprintf(d.name, sizeof(d.name), "device%zu", z->num_pci_devices);
                z->pci_devices[z->num_pci_devices++] = d;
        }
        json_decref(list);
        old_json_drop(j, "num_pci_devs"); /* hvisor-tool itself counts the list */
}

void import_pci(struct old_json *j, struct zone_spec *z) {
        take_bridges(j, z);
        take_devices(j, z);
}

static void take_module(struct old_json *j, struct zone_spec *z) {
        _cleanup_free_ char *name = NULL, *path = NULL;
        struct module_spec *m;
        uint64_t address;

        if (!old_json_text(j, "filepath", &path) || !old_json_number(j, "load_paddr", UINT64_MAX, &address))
                return;
        if (old_json_has(j, "name"))
                (void) old_json_text(j, "name", &name);
        if (z->num_modules == ZONE_MODULES_MAX) {
                old_json_tell(j, SEVERITY_ERROR, NULL, "is one more than the %d that a zone may have",
                              ZONE_MODULES_MAX);
                return;
        }
        m = &z->modules[z->num_modules];
        if (name && zone_name_valid(name))
                (void) snprintf(m->name, sizeof(m->name), "%s", name);
        else
                (void) snprintf(m->name, sizeof(m->name), "module%zu", z->num_modules);
        m->image = (struct image_spec){ import_path(j->file, path), address };
        z->num_modules++;
}

void import_modules(struct old_json *j, struct zone_spec *z) {
        json_t *list = old_json_list(j, "modules"), *value;
        struct old_json module;
        size_t n;

        json_array_foreach(list, n, value) if (old_json_item(j, "modules", (int) n, value, &module)) {
                take_module(&module, z);
                old_json_rest(&module);
        }
        json_decref(list);
}
