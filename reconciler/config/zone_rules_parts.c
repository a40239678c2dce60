/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI of a zone, and what boots one of x86_64 or with a UEFI: what must hold whatever the board. */
#include <inttypes.h>
#include <string.h>

#include "config/parser.h"

/* ---- PCI -------------------------------------------------------------------------------------------- */

static void check_window(struct parser *p, const struct section_use *u, const struct pci_window *w, const char *name) {
        char address[32], size[32], bus[32];

        (void) snprintf(address, sizeof(address), "%sAddress", name);
        (void) snprintf(size, sizeof(size), "%sSize", name);
        (void) snprintf(bus, sizeof(bus), "%sBusAddress", name);
        if (w->size == 0 && parser_absent(u, size) && (!parser_absent(u, address) || !parser_absent(u, bus)))
                source_error(&p->source, parser_place(u, parser_absent(u, address) ? bus : address),
                             "%s= needs %s=, too", parser_absent(u, address) ? bus : address, size);
        if (w->size != 0 && parser_absent(u, address))
                source_error(&p->source, parser_place(u, size), "%s= needs %s=, too", size, address);
}

static void check_bridge(struct parser *p, size_t i) {
        const struct pci_spec *pci = &p->zone->pci[i];
        const struct section_use *u = parser_use(p, pci);

        check_window(p, u, &pci->io, "IO");
        check_window(p, u, &pci->memory32, "Memory32");
        check_window(p, u, &pci->memory64, "Memory64");
        if (pci->first_bus > pci->last_bus)
                source_error(&p->source, parser_place(u, "FirstBus"),
                             "FirstBus=: %" PRIu32 " is behind LastBus=", pci->first_bus);
        for (size_t j = 0; j < i; j++)
                if (p->zone->pci[j].domain == pci->domain)
                        source_error(&p->source, parser_place(u, "Domain"),
                                     "[PCI %s] of %s has the same domain: its devices could not be told apart",
                                     p->zone->pci[j].name, WHERE(p, &parser_use(p, &p->zone->pci[j])->header));
}

static const struct pci_spec *bridge_of(const struct zone_spec *z, const struct pci_address *a) {
        for (size_t i = 0; i < z->num_pci; i++)
                if (z->pci[i].domain == a->domain)
                        return &z->pci[i];
        return NULL;
}

static bool on_bridge(const struct pci_spec *pci, uint8_t bus) {
        return pci->last_bus == 0 || (bus >= pci->first_bus && bus <= pci->last_bus);
}

/* The board's address is the guest's where no other is given. */
static const struct pci_address *in_guest(const struct pci_device_spec *d) {
        return d->guest.given ? &d->guest : &d->address;
}

static bool same_address(const struct pci_address *a, const struct pci_address *b) {
        return a->given && b->given && a->domain == b->domain && a->bus == b->bus && a->device == b->device &&
               a->function == b->function;
}

static void check_pci_device(struct parser *p, size_t i) {
        const struct zone_spec *z = p->zone;
        const struct pci_device_spec *d = &z->pci_devices[i];
        const struct section_use *u = parser_use(p, d);
        const struct pci_spec *bridge = bridge_of(z, &d->address);

        if (!parser_good(u, "Address"))
                return;
        if (!bridge)
                source_error(&p->source, parser_place(u, "Address"), "no [PCI] of the zone has Domain=%u",
                             d->address.domain);
        else if (!on_bridge(bridge, d->address.bus))
                source_error(&p->source, parser_place(u, "Address"), "bus %u is none of [PCI %s]'s, %u to %u",
                             d->address.bus, bridge->name, bridge->first_bus, bridge->last_bus);
        if (d->guest.given && d->guest.domain != d->address.domain)
                source_error(&p->source, parser_place(u, "GuestAddress"),
                             "GuestAddress=: the guest finds the device in its own domain, %04x", d->address.domain);
        else if (d->guest.given && bridge && !on_bridge(bridge, d->guest.bus))
                source_error(&p->source, parser_place(u, "GuestAddress"), "bus %u is none of [PCI %s]'s, %u to %u",
                             d->guest.bus, bridge->name, bridge->first_bus, bridge->last_bus);
        for (size_t j = 0; j < i; j++) {
                const struct pci_device_spec *before = &z->pci_devices[j];
                const struct place *there = &parser_use(p, before)->header;

                if (same_address(&d->address, &before->address))
                        source_error(&p->source, parser_place(u, "Address"), "it is [PCIDevice %s] of %s", before->name,
                                     WHERE(p, there));
                else if (same_address(in_guest(d), in_guest(before)))
                        source_error(&p->source, parser_place(u, d->guest.given ? "GuestAddress" : "Address"),
                                     "[PCIDevice %s] of %s has the same address in the guest", before->name,
                                     WHERE(p, there));
        }
}

/* ---- x86_64 ----------------------------------------------------------------------------------------- */

#define RSDP_GUEST UINT64_C(0xe0000)
#define RSDP_SIZE  UINT64_C(0x20000)

static const struct memory_spec *memory_named(const struct zone_spec *z, const char *name) {
        for (size_t i = 0; i < z->num_memory; i++)
                if (strcmp(z->memory[i].name, name) == 0)
                        return &z->memory[i];
        return NULL;
}

/* The hypervisor is told guest addresses, and takes 0 for nothing being there. */
static void check_x86_place(struct parser *p, const void *object, const char *key, uint64_t physical) {
        const struct section_use *u = parser_use(p, object);

        if (u && !parser_absent(u, key) && parser_good(u, key) && zone_guest_address(p->zone, physical) == 0)
                source_error(&p->source, parser_place(u, key),
                             "%s=: 0x%" PRIx64 " is guest address 0, which means on x86_64 that there is none", key,
                             physical);
}

static void check_x86_places(struct parser *p) {
        const struct zone_spec *z = p->zone;
        const struct section_use *u = parser_use(p, &z->x86);

        if (!memory_known(p))
                return;
        check_x86_place(p, &z->x86, "SetupAddress", z->x86.setup.address);
        check_x86_place(p, &z->x86, "CommandLineAddress", z->x86.command_line_address);
        check_x86_place(p, z, "InitrdAddress", z->initrd.address);
        if (parser_good(u, "KernelEntry") && !zone_has_guest_ram(z, z->x86.kernel_entry, 1))
                source_error(&p->source, parser_place(u, "KernelEntry"),
                             "KernelEntry=: 0x%" PRIx64 " is in no [Memory] of the zone (guest addresses)",
                             z->x86.kernel_entry);
}

static void check_x86(struct parser *p) {
        const struct x86_spec *x = &p->zone->x86;
        const struct section_use *u = parser_use(p, x);
        const struct {
                const char *key, *name;
        } regions[] = { { "RSDP", x->rsdp }, { "ACPI", x->acpi }, { "UEFI", x->uefi } };

        if (!u)
                return;
        check_x86_places(p);
        for (size_t i = 0; i < ELEMENTSOF(regions); i++) {
                const struct memory_spec *m = memory_named(p->zone, regions[i].name);
                const struct place *at = parser_place(u, regions[i].key);

                if (!parser_good(u, regions[i].key) || regions[i].name[0] == '\0')
                        continue;
                if (!m)
                        source_error(&p->source, at, "%s=: the zone has no [Memory %s]", regions[i].key,
                                     regions[i].name);
                else if (m->reserved)
                        source_error(&p->source, at, "%s=: [Memory %s] is Reserved=", regions[i].key, m->name);
                else if (i == 0 && (m->guest != RSDP_GUEST || m->size != RSDP_SIZE))
                        source_error(&p->source, at,
                                     "RSDP=: [Memory %s] has to be 128K at guest address 0x%" PRIx64
                                     ", where a kernel looks for it",
                                     m->name, RSDP_GUEST);
                for (size_t j = 0; j < i; j++)
                        if (strcmp(regions[i].name, regions[j].name) == 0)
                                source_error(&p->source, at, "%s= is the same as %s=", regions[i].key, regions[j].key);
        }
        if (x->command_line && x->command_line_address == 0 && parser_absent(u, "CommandLineAddress"))
                source_error(&p->source, parser_place(u, "CommandLine"), "CommandLine= needs CommandLineAddress=, too");
        if (!x->command_line && !parser_absent(u, "CommandLineAddress"))
                source_error(&p->source, parser_place(u, "CommandLineAddress"),
                             "CommandLineAddress= needs CommandLine=, too");
}

/* ---- UEFI ------------------------------------------------------------------------------------------- */

/* The hypervisor may take it for a physical address, or for the guest's: so both have to be the zone's. */
static void check_uefi_range(struct parser *p, const struct section_use *u, const char *key, uint64_t address,
                             uint64_t size) {
        const struct zone_spec *z = p->zone;

        if (!parser_good(u, key))
                return;
        for (size_t i = 0; i < z->num_memory; i++)
                if (z->memory[i].physical == z->memory[i].guest &&
                    range_contains(z->memory[i].physical, z->memory[i].size, address, size))
                        return;
        source_error(&p->source, parser_place(u, key),
                     "%s=: 0x%" PRIx64 "+0x%" PRIx64
                     " is in no [Memory] whose guest and physical addresses are the same",
                     key, address, size);
}

static void check_uefi(struct parser *p) {
        const struct uefi_spec *uefi = &p->zone->uefi;
        const struct section_use *u = parser_use(p, uefi);

        if (!u)
                return;
        if (parser_good(u, "MemoryMapSize"))
                check_uefi_range(p, u, "MemoryMapAddress", uefi->memory_map, uefi->memory_map_size);
        check_uefi_range(p, u, "SystemTableAddress", uefi->system_table, 8);
}

void zone_rules_parts(struct parser *p) {
        for (size_t i = 0; i < p->zone->num_pci; i++)
                check_bridge(p, i);
        for (size_t i = 0; i < p->zone->num_pci_devices; i++)
                check_pci_device(p, i);
        check_x86(p);
        check_uefi(p);
}
