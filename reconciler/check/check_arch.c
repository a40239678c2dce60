/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What depends on the architecture of the board: which sections there are, how far addresses and interrupts reach. */
#include <inttypes.h>
#include <string.h>

#include "check/check_parts.h"
#include "config/gic.h"
#include "config/sections.h"

static const struct arch_rules {
        uint64_t guest_size;                      /* the reach of the hypervisor's smallest stage-2 tables */
        uint32_t first_interrupt, last_interrupt; /* that a virtio device may have */
        unsigned entry_align;
        bool pages; /* a virtio window takes up pages of those tables */
} rules[_ARCHITECTURE_MAX] = {
        [ARCHITECTURE_ARM64] = { UINT64_C(1) << 39, 32, 1019, 4, false }, /* below 32: private to a CPU */
        [ARCHITECTURE_RISCV64] = { UINT64_C(1) << 41, 1, 1019, 2, false },
        [ARCHITECTURE_LOONGARCH64] = { UINT64_C(1) << 48, 2, 9, 4, true }, /* HWI0 to 7 */
        [ARCHITECTURE_X86_64] = { UINT64_C(1) << 48, 1, 23, 1, false },    /* the I/O APIC's */
};

#define PAGE_SIZE 0x1000

/* ---- sections and keys ------------------------------------------------------------------------------ */

static const struct {
        enum section_id section;
        enum architecture architecture;
} only_of[] = {
        { SECTION_GIC, ARCHITECTURE_ARM64 },    { SECTION_UEFI, ARCHITECTURE_ARM64 },
        { SECTION_PLIC, ARCHITECTURE_RISCV64 }, { SECTION_APLIC, ARCHITECTURE_RISCV64 },
        { SECTION_X86, ARCHITECTURE_X86_64 },   { SECTION_IVC, ARCHITECTURE_ARM64 },
};

static void check_sections(struct findings *f, const struct board_spec *b) {
        struct spec_section sections[SPEC_SECTIONS_MAX];
        size_t n = zone_spec_sections(f->zone, sections);

        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < ELEMENTSOF(only_of); j++)
                        if (only_of[j].section == sections[i].id && only_of[j].architecture != b->architecture)
                                finding(f, sections[i].object, NULL, "[%s] is for %s, and the board is %s (%s)",
                                        schema_sections[sections[i].id].name,
                                        architecture_to_string(only_of[j].architecture),
                                        architecture_to_string(b->architecture), b->path);
        if (f->zone->aarch32 && b->architecture != ARCHITECTURE_ARM64)
                finding(f, f->zone, "AArch32", "AArch32= is for arm64, and the board is %s (%s)",
                        architecture_to_string(b->architecture), b->path);
        for (size_t i = 0; i < f->zone->num_memory; i++)
                if (f->zone->memory[i].reserved && b->architecture != ARCHITECTURE_X86_64)
                        finding(f, &f->zone->memory[i], "Reserved", "Reserved= is for x86_64, and the board is %s (%s)",
                                architecture_to_string(b->architecture), b->path);
}

/* ---- interrupt controllers -------------------------------------------------------------------------- */

/* Keys of a GIC of the other version would mean nothing. */
static void check_gic_keys(struct findings *f, const struct gic_spec *g, const char *path) {
        struct gic_window windows[GIC_WINDOWS];
        bool own = g == &f->zone->gic;

        gic_windows(g, windows);
        for (size_t i = 0; i < GIC_WINDOWS; i++)
                if (windows[i].in_guest &&
                    !range_contains(0, rules[ARCHITECTURE_ARM64].guest_size, windows[i].address, windows[i].size))
                        finding(f, own ? g : NULL, own ? windows[i].address_key : NULL,
                                "%s reaches beyond guest address 0x%" PRIx64, windows[i].what,
                                rules[ARCHITECTURE_ARM64].guest_size - 1);
        for (size_t i = 0; i < GIC_WINDOWS; i++)
                if (!gic_window_of(&windows[i], g->version) && (windows[i].address != 0 || windows[i].size != 0))
                        finding(f, own ? g : NULL, own ? windows[i].address_key : NULL,
                                "[GIC]%s%s: %s= is of version %" PRIu32 ", and this one is %" PRIu32, own ? "" : " of ",
                                own ? "" : path, windows[i].address_key, windows[i].version, g->version);
        if (g->version != 2 && g->cpu_interface_offset != 0)
                finding(f, own ? g : NULL, own ? "CPUInterfaceOffset" : NULL,
                        "[GIC]%s%s: CPUInterfaceOffset= is of version 2", own ? "" : " of ", own ? "" : path);
}

static void check_gic(struct findings *f, const struct board_spec *b, const struct gic_spec *g) {
        if (!g) {
                finding(f, NULL, NULL, "no [GIC], neither here nor in %s", b->path);
                return;
        }
        if (b->gic.version != 0 && g->version != b->gic.version)
                finding(f, g, "Version", "[GIC]: version %" PRIu32 ", but the board's is %" PRIu32, g->version,
                        b->gic.version);
        check_gic_keys(f, g, b->path);
        if (g->its_size != 0 && f->zone->id > ZONE_ID_ALWAYS_SAFE)
                finding(f, f->zone, "Id", "Id=: a zone with an ITS cannot have one above %d", ZONE_ID_ALWAYS_SAFE);
}

/* True if [base, base+size) of the guest's addresses is a controller's. */
static bool is_controller(const struct zone_controllers *c, uint64_t base, uint64_t size) {
        return (c->gic && gic_overlaps(c->gic, base, size)) ||
               (c->plic && range_overlaps(c->plic->address, c->plic->size, base, size)) ||
               (c->aplic && range_overlaps(c->aplic->address, c->aplic->size, base, size));
}

static void check_controller_reach(struct findings *f, const struct controller_spec *c,
                                   const struct controller_spec *own, const char *section) {
        uint64_t end = rules[ARCHITECTURE_RISCV64].guest_size;

        if (c && !range_contains(0, end, c->address, c->size))
                finding(f, c == own ? c : NULL, c == own ? "Address" : NULL,
                        "[%s] reaches beyond guest address 0x%" PRIx64, section, end - 1);
}

/* The guest has a bridge's windows where the board has them. */
static void check_pci_windows(struct findings *f, const struct zone_controllers *c, const char *name) {
        for (size_t i = 0; i < f->zone->num_pci; i++) {
                const struct pci_spec *p = &f->zone->pci[i];
                const struct {
                        const char *key;
                        uint64_t address, size;
                } windows[] = {
                        { "ECAMAddress", p->ecam, p->ecam_size },
                        { "IOAddress", p->io.address, p->io.size },
                        { "Memory32Address", p->memory32.address, p->memory32.size },
                        { "Memory64Address", p->memory64.address, p->memory64.size },
                };

                for (size_t n = 0; n < ELEMENTSOF(windows); n++)
                        if (windows[n].size != 0 && is_controller(c, windows[n].address, windows[n].size))
                                finding(f, p, windows[n].key, "[PCI %s]: 0x%" PRIx64 "+0x%" PRIx64 " overlaps the %s",
                                        p->name, windows[n].address, windows[n].size, name);
        }
}

static void check_controllers(struct findings *f, const struct board_spec *b) {
        const struct zone_spec *z = f->zone;
        const struct zone_controllers all = zone_controllers(z, b);
        struct zone_controllers c = {};
        const char *name = "interrupt controller";

        switch (b->architecture) {
        case ARCHITECTURE_ARM64:
                check_gic(f, b, all.gic);
                c.gic = all.gic;
                name = "GIC";
                break;
        case ARCHITECTURE_RISCV64:
                c = (struct zone_controllers){ .plic = all.plic, .aplic = all.aplic };
                check_controller_reach(f, c.plic, &z->plic, "PLIC");
                check_controller_reach(f, c.aplic, &z->aplic, "APLIC");
                if (!c.plic && !c.aplic)
                        finding(f, NULL, NULL, "no [PLIC] or [APLIC], neither here nor in %s", b->path);
                break;
        case ARCHITECTURE_LOONGARCH64:
                break;
        case ARCHITECTURE_X86_64:
                if (z->x86.ioapic_size == 0)
                        finding(f, NULL, NULL, "no [X86]: it says how the zone boots");
                break;
        case _ARCHITECTURE_MAX:
                break;
        }
        for (size_t i = 0; i < z->num_memory; i++)
                if (is_controller(&c, z->memory[i].guest, z->memory[i].size))
                        finding(f, &z->memory[i], "GuestAddress", "[Memory %s] overlaps the %s in the guest",
                                z->memory[i].name, name);
        for (size_t i = 0; i < z->num_io; i++)
                if (is_controller(&c, z->io[i].guest, z->io[i].size))
                        finding(f, &z->io[i], "GuestAddress", "[IO %s] overlaps the %s in the guest", z->io[i].name,
                                name);
        for (size_t i = 0; i < z->num_ivcs; i++) {
                const struct ivc_spec *v = &z->ivcs[i];

                if (is_controller(&c, v->control_table, IVC_TABLE_SIZE))
                        finding(f, v, "ControlTableAddress", "[IVC %s] overlaps the %s in the guest", v->name, name);
                if (is_controller(&c, v->shared_memory, ivc_size(v)))
                        finding(f, v, "SharedMemoryAddress", "[IVC %s] overlaps the %s in the guest", v->name, name);
        }
        for (size_t i = 0; i < z->num_devices; i++)
                if (is_controller(&c, z->devices[i].address, DEVICE_WINDOW_SIZE))
                        finding(f, &z->devices[i], "Address", "device %s overlaps the %s in the guest",
                                z->devices[i].name, name);
        check_pci_windows(f, &c, name);
}

/* ---- reach ------------------------------------------------------------------------------------------ */

static void check_region_reach(struct findings *f, const struct memory_spec *m, const char *section, uint64_t end) {
        if (!range_contains(0, end, m->guest, m->size))
                finding(f, m, "Size", "[%s %s] reaches beyond guest address 0x%" PRIx64, section, m->name, end - 1);
}

static void check_ivc_reach(struct findings *f, const struct ivc_spec *v, uint64_t end) {
        if (!range_contains(0, end, v->control_table, IVC_TABLE_SIZE))
                finding(f, v, "ControlTableAddress", "[IVC %s]'s control table reaches beyond guest address 0x%" PRIx64,
                        v->name, end - 1);
        if (!range_contains(0, end, v->shared_memory, ivc_size(v)))
                finding(f, v, "SharedMemoryAddress", "[IVC %s]'s shared memory reaches beyond guest address 0x%" PRIx64,
                        v->name, end - 1);
}

static void check_reach(struct findings *f, const struct board_spec *b) {
        const struct arch_rules *r = &rules[b->architecture];
        const struct zone_spec *z = f->zone;

        for (size_t i = 0; i < z->num_memory; i++)
                check_region_reach(f, &z->memory[i], "Memory", r->guest_size);
        for (size_t i = 0; i < z->num_io; i++)
                check_region_reach(f, &z->io[i], "IO", r->guest_size);
        for (size_t i = 0; i < z->num_ivcs; i++)
                check_ivc_reach(f, &z->ivcs[i], r->guest_size);
        if (z->entry_point % r->entry_align != 0)
                finding(f, z, "EntryPoint", "EntryPoint=: 0x%" PRIx64 " is not a multiple of 0x%x", z->entry_point,
                        r->entry_align);
        for (size_t i = 0; i < z->num_devices; i++) {
                const struct device_spec *d = &z->devices[i];

                if (!range_contains(0, r->guest_size, d->address, DEVICE_WINDOW_SIZE))
                        finding(f, d, "Address", "device %s reaches beyond guest address 0x%" PRIx64, d->name,
                                r->guest_size - 1);
                if (r->pages && d->address % PAGE_SIZE != 0)
                        finding(f, d, "Address", "Address=: on %s a device begins a page: a multiple of 0x%x",
                                architecture_to_string(b->architecture), PAGE_SIZE);
                if (d->interrupt < r->first_interrupt)
                        finding(f, d, "Interrupt",
                                "Interrupt=: %" PRIu32 " is smaller than %" PRIu32 ", the first on %s", d->interrupt,
                                r->first_interrupt, architecture_to_string(b->architecture));
                if (d->interrupt > r->last_interrupt)
                        finding(f, d, "Interrupt", "Interrupt=: %" PRIu32 " is larger than %" PRIu32 ", the last on %s",
                                d->interrupt, r->last_interrupt, architecture_to_string(b->architecture));
        }
        if (b->architecture == ARCHITECTURE_ARM64 && z->interrupts[0] != 0)
                finding(f, z, "Interrupts", "Interrupts=: %d is smaller than 32, the first on arm64",
                        __builtin_ctz(z->interrupts[0]));
}

void check_architecture(struct findings *f, const struct board_spec *b) {
        check_sections(f, b);
        check_controllers(f, b);
        check_reach(f, b);
}
