/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The normalized text of a spec, and the cookies, which are hashes of parts of
 * it. Keys stand in the order of schema/keys.def; one that has its default is
 * left out, so that a new key with a default changes no cookie of a zone that
 * does not use it. Nothing here may change what is written for a given
 * spec: after an upgrade every zone would be restarted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "config/sections.h"
#include "config/value.h"

/* Which keys are written: of these costs. */
#define COSTS_ALL (BIT(COST_NOTHING) | BIT(COST_WORKER) | BIT(COST_ZONE))

struct writer {
        struct sink sink;
        unsigned costs;
};

static void write_key(struct writer *w, const struct key_schema *k, const void *object) {
        if (!value_present(k, object) || value_is_default(k, object))
                return;
        sink_put(&w->sink, k->name);
        sink_put(&w->sink, "=");
        value_write(k, object, &w->sink);
        sink_put(&w->sink, "\n");
}

static void write_section(struct writer *w, enum section_id id, const char *name, const void *object) {
        sink_print(&w->sink, "[%s%s%s]\n", schema_sections[id].name, name[0] ? " " : "", name);
        for (size_t i = 0; i < schema_num_keys; i++)
                if (schema_keys[i].section == id && (w->costs & BIT(schema_keys[i].cost)))
                        write_key(w, &schema_keys[i], object);
}

static void write_all_sections(struct writer *w, const struct zone_spec *z) {
        struct spec_section sections[SPEC_SECTIONS_MAX];
        size_t n = zone_spec_sections(z, sections);

        for (size_t i = 0; i < n; i++)
                write_section(w, sections[i].id, sections[i].name, sections[i].object);
}

int zone_spec_format(const struct zone_spec *z, char **ret) {
        struct writer w = { SINK_TEXT, COSTS_ALL };
        char *text;

        write_all_sections(&w, z);
        text = sink_take(&w.sink);
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

uint64_t zone_spec_hash(const struct zone_spec *z) {
        struct writer w = { SINK_HASH, COSTS_ALL };

        write_all_sections(&w, z);
        return w.sink.hash;
}

static int memory_compare(const void *a, const void *b) {
        const struct memory_spec *const *x = a, *const *y = b;

        return (*x)->guest < (*y)->guest ? -1 : (*x)->guest > (*y)->guest;
}

static int device_compare(const void *a, const void *b) {
        const struct device_spec *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

/* In the order of guest addresses, and without their names: the guest does not see them. */
static void write_regions(struct writer *w, enum section_id id, const struct memory_spec *list, size_t count) {
        const struct memory_spec *sorted[ZONE_MEMORY_MAX];

        _Static_assert(ZONE_IO_MAX <= ZONE_MEMORY_MAX, "any list fits");
        for (size_t i = 0; i < count; i++)
                sorted[i] = &list[i];
        qsort(sorted, count, sizeof(sorted[0]), memory_compare);
        for (size_t i = 0; i < count; i++)
                write_section(w, id, "", sorted[i]);
}

static int ivc_compare(const void *a, const void *b) {
        const struct ivc_spec *const *x = a, *const *y = b;

        return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static void write_ivcs(struct writer *w, const struct zone_spec *z) {
        const struct ivc_spec *sorted[ZONE_IVCS_MAX];

        for (size_t i = 0; i < z->num_ivcs; i++)
                sorted[i] = &z->ivcs[i];
        qsort(sorted, z->num_ivcs, sizeof(sorted[0]), ivc_compare);
        for (size_t i = 0; i < z->num_ivcs; i++)
                write_section(w, SECTION_IVC, "", sorted[i]);
}

static int module_compare(const void *a, const void *b) {
        const struct module_spec *const *x = a, *const *y = b;

        return (*x)->image.address < (*y)->image.address ? -1 : (*x)->image.address > (*y)->image.address;
}

static void write_modules(struct writer *w, const struct zone_spec *z) {
        const struct module_spec *sorted[ZONE_MODULES_MAX];

        for (size_t i = 0; i < z->num_modules; i++)
                sorted[i] = &z->modules[i];
        qsort(sorted, z->num_modules, sizeof(sorted[0]), module_compare);
        for (size_t i = 0; i < z->num_modules; i++)
                write_section(w, SECTION_MODULE, "", sorted[i]);
}

static int pci_compare(const void *a, const void *b) {
        const struct pci_spec *const *x = a, *const *y = b;

        return (*x)->domain < (*y)->domain ? -1 : (*x)->domain > (*y)->domain;
}

static uint32_t pci_number(const struct pci_address *a) {
        return (uint32_t) a->domain << 24 | (uint32_t) a->bus << 16 | (uint32_t) a->device << 8 | a->function;
}

static int pci_device_compare(const void *a, const void *b) {
        const struct pci_device_spec *const *x = a, *const *y = b;
        uint32_t m = pci_number(&(*x)->address), n = pci_number(&(*y)->address);

        return m < n ? -1 : m > n;
}

/* In the order of their addresses, which are all that tells them apart. */
static void write_pci(struct writer *w, const struct zone_spec *z) {
        const struct pci_device_spec *devices[ZONE_PCI_DEVICES_MAX];
        const struct pci_spec *bridges[ZONE_PCI_MAX];

        for (size_t i = 0; i < z->num_pci; i++)
                bridges[i] = &z->pci[i];
        for (size_t i = 0; i < z->num_pci_devices; i++)
                devices[i] = &z->pci_devices[i];
        qsort(bridges, z->num_pci, sizeof(bridges[0]), pci_compare);
        qsort(devices, z->num_pci_devices, sizeof(devices[0]), pci_device_compare);
        for (size_t i = 0; i < z->num_pci; i++)
                write_section(w, SECTION_PCI, "", bridges[i]);
        for (size_t i = 0; i < z->num_pci_devices; i++)
                write_section(w, SECTION_PCI_DEVICE, "", devices[i]);
}

static void write_guest_view(struct writer *w, const struct zone_spec *z, const struct zone_controllers *c) {
        const struct device_spec *devices[ZONE_DEVICES_MAX];

        for (size_t i = 0; i < z->num_devices; i++)
                devices[i] = &z->devices[i];
        qsort(devices, z->num_devices, sizeof(devices[0]), device_compare);

        write_section(w, SECTION_ZONE, "", z);
        write_regions(w, SECTION_MEMORY, z->memory, z->num_memory);
        write_regions(w, SECTION_IO, z->io, z->num_io);
        write_ivcs(w, z);
        for (size_t i = 0; i < z->num_devices; i++)
                write_section(w, device_section(devices[i]), devices[i]->name, devices[i]);
        write_modules(w, z);
        write_pci(w, z);
        if (z->uefi.memory_map_size != 0)
                write_section(w, SECTION_UEFI, "", &z->uefi);
        if (z->x86.ioapic_size != 0)
                write_section(w, SECTION_X86, "", &z->x86);
        if (c->gic)
                write_section(w, SECTION_GIC, "", c->gic);
        if (c->plic)
                write_section(w, SECTION_PLIC, "", c->plic);
        if (c->aplic)
                write_section(w, SECTION_APLIC, "", c->aplic);
}

uint64_t zone_spec_cookie(const struct zone_spec *z, const struct board_spec *b) {
        struct writer w = { SINK_HASH, BIT(COST_ZONE) };
        const struct zone_controllers c = zone_controllers(z, b);

        write_guest_view(&w, z, &c);
        return w.sink.hash;
}

uint64_t device_spec_cookie(const struct device_spec *d) {
        struct writer w = { SINK_HASH, BIT(COST_WORKER) };

        write_section(&w, device_section(d), d->name, d);
        return w.sink.hash;
}
