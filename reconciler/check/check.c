/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "check/check_parts.h"
#include "config/gic.h"
#include "config/intervals.h"

static void check_cpus(struct findings *f, const struct board_spec *b, const struct root_facts *root) {
        const struct zone_spec *z = f->zone;
        char text[CPUS_TEXT_SIZE], all[CPUS_TEXT_SIZE];
        uint64_t missing = z->cpus & ~b->cpus;

        if (missing != 0)
                finding(f, z, "CPUs", "CPUs=: the board has no CPU %s, only %s",
                        cpus_format(missing, text, sizeof(text)), cpus_format(b->cpus, all, sizeof(all)));
        if (root && root->known && (z->cpus & root->cpus) != 0)
                finding(f, z, "CPUs", "CPUs=: root Linux itself runs on CPU %s",
                        cpus_format(z->cpus & root->cpus, text, sizeof(text)));
}

/* True if the board's regions, together, cover the range: neighbours may be listed apart. */
static bool board_covers(const struct board_spec *b, uint64_t base, uint64_t size) {
        for (size_t i = 0; i < b->num_memory; i++) {
                const struct range *m = &b->memory[i];
                uint64_t covered;

                if (!range_contains(m->base, m->size, base, 1))
                        continue;
                covered = m->size - (base - m->base);
                if (covered >= size)
                        return true;
                /* The rest begins where this region ends; regions do not overlap, so it is shorter each time.
                 */
                return board_covers(b, base + covered, size - covered);
        }
        return false;
}

static void check_memory(struct findings *f, const struct board_spec *b, const struct root_facts *root) {
        for (size_t i = 0; i < f->zone->num_memory; i++) {
                const struct memory_spec *m = &f->zone->memory[i];

                if (!board_covers(b, m->physical, m->size))
                        finding(f, m, "PhysicalAddress",
                                "[Memory %s]: 0x%" PRIx64 "+0x%" PRIx64 " is not all RAM of the board (%s)", m->name,
                                m->physical, m->size, b->path);
                for (size_t j = 0; root && root->known && j < root->num_system_ram; j++)
                        if (range_overlaps(m->physical, m->size, root->system_ram[j].base, root->system_ram[j].size)) {
                                finding(f, m, "PhysicalAddress",
                                        "[Memory %s]: root Linux itself uses 0x%" PRIx64 "+0x%" PRIx64
                                        "; reserve the zone's RAM in root's device tree (no-map)",
                                        m->name, root->system_ram[j].base, root->system_ram[j].size);
                                break;
                        }
        }
}

static bool overlaps_any(const struct range *ranges, size_t count, const struct memory_spec *m) {
        for (size_t i = 0; i < count; i++)
                if (range_overlaps(ranges[i].base, ranges[i].size, m->physical, m->size))
                        return true;
        return false;
}

/* What could be a device's registers: no RAM, and not what the hypervisor itself watches over. */
static void check_io(struct findings *f, const struct board_spec *b, const struct root_facts *root) {
        for (size_t i = 0; i < f->zone->num_io; i++) {
                const struct memory_spec *m = &f->zone->io[i];

                if (overlaps_any(b->memory, b->num_memory, m) ||
                    (root && root->known && overlaps_any(root->system_ram, root->num_system_ram, m)))
                        finding(f, m, "PhysicalAddress",
                                "[IO %s]: 0x%" PRIx64 "+0x%" PRIx64
                                " is RAM of the board; [IO] is for devices, RAM belongs into [Memory]",
                                m->name, m->physical, m->size);
                if (b->gic.version != 0 && gic_overlaps(&b->gic, m->physical, m->size))
                        finding(f, m, "PhysicalAddress",
                                "[IO %s]: the interrupt controller cannot be passed through; Interrupts= of [Zone] "
                                "says which interrupts the zone gets",
                                m->name);
        }
}

/* The hypervisor reaches them by their physical addresses. */
static void check_pci_window(struct findings *f, const struct board_spec *b, const struct root_facts *root,
                             const struct pci_spec *pci, const char *key, uint64_t base, uint64_t size) {
        const struct memory_spec m = { .physical = base, .size = size };

        if (size != 0 && (overlaps_any(b->memory, b->num_memory, &m) ||
                          (root && root->known && overlaps_any(root->system_ram, root->num_system_ram, &m))))
                finding(f, pci, key, "[PCI %s]: 0x%" PRIx64 "+0x%" PRIx64 " is RAM of the board", pci->name, base,
                        size);
}

static void check_pci(struct findings *f, const struct board_spec *b, const struct root_facts *root) {
        for (size_t i = 0; i < f->zone->num_pci; i++) {
                const struct pci_spec *pci = &f->zone->pci[i];

                check_pci_window(f, b, root, pci, "ECAMAddress", pci->ecam, pci->ecam_size);
                check_pci_window(f, b, root, pci, "IOAddress", pci->io.address, pci->io.size);
                check_pci_window(f, b, root, pci, "Memory32Address", pci->memory32.address, pci->memory32.size);
                check_pci_window(f, b, root, pci, "Memory64Address", pci->memory64.address, pci->memory64.size);
        }
}

/* Writes the number. Return: true if root Linux uses it. */
static bool root_has(const struct root_facts *root, uint32_t interrupt, char *text, size_t size) {
        (void) snprintf(text, size, "%" PRIu32, interrupt);
        return root->interrupts[interrupt / 32] & BIT(interrupt % 32);
}

/*
 * The hypervisor lets a zone switch its interrupts at the real controller, and switches them off itself when the zone
 * is shut down: root would lose its own, its wake-ups from the hypervisor perhaps.
 */
static void check_interrupts(struct findings *f, const struct root_facts *root) {
        static const char why[] = "root Linux itself uses interrupt %s, which would be switched off with the zone";
        const struct zone_spec *z = f->zone;
        uint32_t both[INTERRUPTS_MAX / 32];
        char text[64];
        bool any = false;

        for (size_t i = 0; i < ELEMENTSOF(both); i++) {
                both[i] = z->interrupts[i] & root->interrupts[i];
                any |= both[i] != 0;
        }
        if (any)
                finding(f, z, "Interrupts", why, intervals_format(both, INTERRUPTS_MAX, text, sizeof(text)));
        for (size_t i = 0; i < z->num_devices; i++)
                if (root_has(root, z->devices[i].interrupt, text, sizeof(text)))
                        finding(f, &z->devices[i], "Interrupt", why, text);
        for (size_t i = 0; i < z->num_ivcs; i++)
                if (root_has(root, z->ivcs[i].interrupt, text, sizeof(text)))
                        finding(f, &z->ivcs[i], "Interrupt", why, text);
}

int zone_check_board(const struct zone_spec *z, const struct board_spec *b, const struct root_facts *root,
                     struct diagnostics *d) {
        struct findings f = { .zone = z, .d = d };
        uint32_t max_id = MAX(b->max_zone_id, (uint32_t) ZONE_ID_ALWAYS_SAFE);

        if (z->id > max_id)
                finding(&f, z, "Id",
                        "Id=: %" PRIu32 " is larger than %" PRIu32
                        "; if your hypervisor takes more zones, say so with MaxZoneId= in %s",
                        z->id, max_id, b->path);
        check_cpus(&f, b, root);
        check_memory(&f, b, root);
        check_io(&f, b, root);
        check_pci(&f, b, root);
        check_architecture(&f, b);
        if (root && root->known)
                check_interrupts(&f, root);
        return f.r;
}
