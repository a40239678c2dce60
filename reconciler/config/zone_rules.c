/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one zone must hold by itself, whatever the board: most of it would panic
 * the hypervisor, or let a zone overwrite itself. Only values that were right
 * are compared, so that one mistake gives one message.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "config/gic.h"
#include "config/parser.h"

#define GUEST_SIZE    UINT64_C(0x1000000000000) /* likewise; an architecture's own reach is check_arch.c's */
#define PHYSICAL_SIZE UINT64_C(0x1000000000000) /* 48 bits */

#define INSTRUCTION_SIZE 4 /* the first one's, whatever the architecture: hvisor.ko wants room for it */

#define MTU_MIN 68 /* of IPv4, and of a virtio card */

/* Something that takes up guest addresses. */
struct guest_item {
        struct range range;
        char what[NAME_SIZE + 40];
        const struct place *place;
        enum {
                ALONE,
                REGIONS,     /* RAM and I/O among themselves are compared elsewhere */
                CONTROLLERS, /* a board may tell one for the other */
        } kind;
};

#define PCI_WINDOWS 4 /* of a host bridge, ECAM included */
#define GUEST_ITEMS_MAX                                                                                                \
        (ZONE_MEMORY_MAX + ZONE_IO_MAX + 2 * ZONE_IVCS_MAX + ZONE_DEVICES_MAX + GIC_WINDOWS + 3 +                      \
         ZONE_PCI_MAX * PCI_WINDOWS)

struct guest_items {
        struct guest_item list[GUEST_ITEMS_MAX];
        size_t count;
};

static void region_reach(struct parser *p, const struct section_use *u, const struct memory_spec *m) {
        if (!parser_good(u, "Size"))
                return;
        if (parser_good(u, "PhysicalAddress") && !range_contains(0, PHYSICAL_SIZE, m->physical, m->size))
                source_error(&p->source, parser_place(u, "Size"), "[%s %s] reaches beyond physical address 0x%" PRIx64,
                             u->schema->name, m->name, PHYSICAL_SIZE - 1);
        if (parser_good(u, "GuestAddress") && !range_contains(0, GUEST_SIZE, m->guest, m->size))
                source_error(&p->source, parser_place(u, "Size"), "[%s %s] reaches beyond guest address 0x%" PRIx64,
                             u->schema->name, m->name, GUEST_SIZE - 1);
}

static void region_pair(struct parser *p, const struct memory_spec *m, const struct memory_spec *before) {
        const struct section_use *u = parser_use(p, m), *v = parser_use(p, before);

        if (!parser_good(u, "Size") || !parser_good(v, "Size"))
                return;
        if (parser_good(u, "PhysicalAddress") && parser_good(v, "PhysicalAddress") &&
            range_overlaps(m->physical, m->size, before->physical, before->size)) {
                source_error(&p->source, parser_place(u, "PhysicalAddress"), "[%s %s] overlaps [%s %s] of %s",
                             u->schema->name, m->name, v->schema->name, before->name, WHERE(p, &v->header));
                return;
        }
        if (parser_good(u, "GuestAddress") && parser_good(v, "GuestAddress") &&
            range_overlaps(m->guest, m->size, before->guest, before->size))
                source_error(&p->source, parser_place(u, "GuestAddress"), "[%s %s] overlaps [%s %s] of %s in the guest",
                             u->schema->name, m->name, v->schema->name, before->name, WHERE(p, &v->header));
}

/* The zone's RAM and I/O, as one list; NULL behind the last. */
static const struct memory_spec *region_at(const struct zone_spec *z, size_t i) {
        if (i < z->num_memory)
                return &z->memory[i];
        return i - z->num_memory < z->num_io ? &z->io[i - z->num_memory] : NULL;
}

bool memory_known(const struct parser *p) {
        for (size_t i = 0; i < p->zone->num_memory; i++) {
                const struct section_use *u = parser_use(p, &p->zone->memory[i]);

                if (!parser_good(u, "Size") || !parser_good(u, "PhysicalAddress") || !parser_good(u, "GuestAddress"))
                        return false;
        }
        return p->zone->num_memory > 0;
}

static void check_regions(struct parser *p) {
        const struct memory_spec *m, *before;

        for (size_t i = 0; (m = region_at(p->zone, i)); i++) {
                region_reach(p, parser_use(p, m), m);
                for (size_t j = 0; j < i && (before = region_at(p->zone, j)); j++)
                        region_pair(p, m, before);
        }
}

static bool in_physical(const struct zone_spec *z, uint64_t address) {
        for (size_t i = 0; i < z->num_memory; i++)
                if (range_contains(z->memory[i].physical, z->memory[i].size, address, 1))
                        return true;
        return false;
}

/* A file's place in RAM. */
struct placed {
        const void *object; /* of its section */
        const char *key;
        uint64_t address;
};

#define PLACED_MAX (5 + ZONE_MODULES_MAX)

static size_t list_placed(const struct zone_spec *z, struct placed *ret) {
        size_t n = 0;

        ret[n++] = (struct placed){ z, "KernelAddress", z->kernel.address };
        ret[n++] = (struct placed){ z, "DeviceTreeAddress", z->device_tree.address };
        ret[n++] = (struct placed){ z, "InitrdAddress", z->initrd.address };
        if (z->x86.ioapic_size != 0) {
                ret[n++] = (struct placed){ &z->x86, "SetupAddress", z->x86.setup.address };
                ret[n++] = (struct placed){ &z->x86, "CommandLineAddress", z->x86.command_line_address };
        }
        for (size_t i = 0; i < z->num_modules; i++)
                ret[n++] = (struct placed){ &z->modules[i], "PhysicalAddress", z->modules[i].image.address };
        return n;
}

static void check_images(struct parser *p) {
        const struct zone_spec *z = p->zone;
        const struct section_use *u = parser_use(p, z);
        struct placed placed[PLACED_MAX];
        size_t n = list_placed(z, placed);

        for (size_t i = 0; i < n; i++) {
                const struct section_use *own = parser_use(p, placed[i].object);

                if (!own || !parser_good(own, placed[i].key))
                        continue;
                if (!in_physical(z, placed[i].address) && memory_known(p))
                        source_error(&p->source, parser_place(own, placed[i].key),
                                     "%s=: 0x%" PRIx64 " is in no [Memory] of the zone (physical addresses)",
                                     placed[i].key, placed[i].address);
                for (size_t j = 0; j < i; j++) {
                        const struct section_use *other = parser_use(p, placed[j].object);

                        if (other && parser_good(other, placed[j].key) && placed[i].address == placed[j].address)
                                source_error(&p->source, parser_place(own, placed[i].key),
                                             "%s= is the same as %s=", placed[i].key, placed[j].key);
                }
        }
        if (u && parser_good(u, "EntryPoint") && memory_known(p) &&
            !zone_has_guest_ram(z, z->entry_point, INSTRUCTION_SIZE))
                source_error(&p->source, parser_place(u, "EntryPoint"),
                             "EntryPoint=: 0x%" PRIx64 " is in no [Memory] of the zone (guest addresses)",
                             z->entry_point);
}

static bool given(const struct section_use *u, const char *key) {
        return parser_place(u, key) != &u->header;
}

/* What only a device tree that may be changed can tell the guest. */
static void check_device_tree(struct parser *p) {
        const struct zone_spec *z = p->zone;
        const struct section_use *u = parser_use(p, z);

        if (u && z->device_tree_fix && !given(u, "DeviceTree"))
                source_error(&p->source, parser_place(u, "DeviceTreeFix"), "DeviceTreeFix= needs DeviceTree=, too");
        if (u && z->device_tree_fix && zone_spec_makes_tree(z))
                source_error(&p->source, parser_place(u, "DeviceTreeFix"),
                             "DeviceTreeFix= is for a file; DeviceTree=auto needs none");
        if (!u || z->device_tree_fix || zone_spec_makes_tree(z))
                return;
        if (given(u, "CommandLine") && given(u, "DeviceTree"))
                source_error(&p->source, parser_place(u, "CommandLine"),
                             "CommandLine= is put into the guest's device tree: that takes DeviceTreeFix=yes (or "
                             "DeviceTree=auto)");
        if (given(u, "Initrd") && !given(u, "InitrdAddress"))
                source_error(
                        &p->source, parser_place(u, "Initrd"),
                        "Initrd= needs InitrdAddress=, too, or DeviceTreeFix=yes or DeviceTree=auto, which tell the "
                        "guest where it is");
}

static _printf_(5, 6) struct guest_item *add_item(struct guest_items *g, uint64_t base, uint64_t size,
                                                  const struct place *place, const char *what, ...) {
        struct guest_item *item = &g->list[g->count++];
        va_list ap;

        *item = (struct guest_item){ .range = { base, size }, .place = place };
        va_start(ap, what);
        (void) vsnprintf(item->what, sizeof(item->what), what, ap);
        va_end(ap);
        return item;
}

static void collect_ivc(const struct parser *p, const struct ivc_spec *v, struct guest_items *g) {
        const struct section_use *u = parser_use(p, v);

        if (parser_good(u, "ControlTableAddress"))
                add_item(g, v->control_table, IVC_TABLE_SIZE, parser_place(u, "ControlTableAddress"),
                         "[IVC %s]'s control table", v->name);
        if (parser_good(u, "SharedMemoryAddress") && parser_good(u, "ReadWriteSize") && parser_good(u, "OutputSize") &&
            parser_good(u, "MaxPeers"))
                add_item(g, v->shared_memory, ivc_size(v), parser_place(u, "SharedMemoryAddress"),
                         "[IVC %s]'s shared memory", v->name);
}

static void collect_controllers(const struct parser *p, struct guest_items *g) {
        const struct zone_spec *z = p->zone;
        const struct section_use *gic = parser_use(p, &z->gic), *plic = parser_use(p, &z->plic),
                                 *aplic = parser_use(p, &z->aplic), *x86 = parser_use(p, &z->x86);
        struct gic_window windows[GIC_WINDOWS];

        gic_windows(&z->gic, windows);
        for (size_t i = 0; parser_good(gic, "Version") && i < GIC_WINDOWS; i++)
                if (windows[i].in_guest && gic_window_of(&windows[i], z->gic.version) && windows[i].size != 0 &&
                    parser_good(gic, windows[i].address_key) && parser_good(gic, windows[i].size_key))
                        add_item(g, windows[i].address, windows[i].size, parser_place(gic, windows[i].address_key),
                                 "%s", windows[i].what);
        if (parser_good(plic, "Address") && parser_good(plic, "Size"))
                add_item(g, z->plic.address, z->plic.size, parser_place(plic, "Address"), "[PLIC]")->kind = CONTROLLERS;
        if (parser_good(aplic, "Address") && parser_good(aplic, "Size"))
                add_item(g, z->aplic.address, z->aplic.size, parser_place(aplic, "Address"), "[APLIC]")->kind =
                        CONTROLLERS;
        if (parser_good(x86, "IOAPICAddress") && parser_good(x86, "IOAPICSize"))
                add_item(g, z->x86.ioapic, z->x86.ioapic_size, parser_place(x86, "IOAPICAddress"), "the I/O APIC");
}

static void collect_pci(const struct parser *p, const struct pci_spec *pci, struct guest_items *g) {
        const struct section_use *u = parser_use(p, pci);
        const struct {
                const char *address_key, *size_key, *what;
                uint64_t address, size;
        } windows[PCI_WINDOWS] = {
                { "ECAMAddress", "ECAMSize", "configuration space", pci->ecam, pci->ecam_size },
                { "IOAddress", "IOSize", "I/O window", pci->io.address, pci->io.size },
                { "Memory32Address", "Memory32Size", "32-bit window", pci->memory32.address, pci->memory32.size },
                { "Memory64Address", "Memory64Size", "64-bit window", pci->memory64.address, pci->memory64.size },
        };

        for (size_t i = 0; i < PCI_WINDOWS; i++)
                if (windows[i].size != 0 && parser_good(u, windows[i].size_key))
                        add_item(g, windows[i].address, windows[i].size, parser_place(u, windows[i].address_key),
                                 "[PCI %s]'s %s", pci->name, windows[i].what);
}

static void collect_guest_items(const struct parser *p, struct guest_items *g) {
        const struct zone_spec *z = p->zone;
        const struct memory_spec *m;

        for (size_t i = 0; (m = region_at(z, i)); i++) {
                const struct section_use *u = parser_use(p, m);

                if (parser_good(u, "GuestAddress") && parser_good(u, "Size"))
                        add_item(g, m->guest, m->size, parser_place(u, "GuestAddress"), "[%s %s]", u->schema->name,
                                 m->name)
                                ->kind = REGIONS;
        }
        for (size_t i = 0; i < z->num_ivcs; i++)
                collect_ivc(p, &z->ivcs[i], g);
        for (size_t i = 0; i < z->num_devices; i++) {
                const struct section_use *u = parser_use(p, &z->devices[i]);

                if (parser_good(u, "Address"))
                        add_item(g, z->devices[i].address, DEVICE_WINDOW_SIZE, parser_place(u, "Address"), "[%s %s]",
                                 u->schema->name, u->name);
        }
        collect_controllers(p, g);
        for (size_t i = 0; i < z->num_pci; i++)
                collect_pci(p, &z->pci[i], g);
}

static void check_guest_addresses(struct parser *p) {
        struct guest_items g = {};

        collect_guest_items(p, &g);
        for (size_t i = 0; i < g.count; i++) {
                const struct guest_item *a = &g.list[i];

                if (a->kind != REGIONS && !range_contains(0, GUEST_SIZE, a->range.base, a->range.size))
                        source_error(&p->source, a->place, "%s reaches beyond guest address 0x%" PRIx64, a->what,
                                     GUEST_SIZE - 1);
                for (size_t j = 0; j < i; j++) {
                        const struct guest_item *b = &g.list[j];

                        if ((a->kind == ALONE || a->kind != b->kind) &&
                            range_overlaps(a->range.base, a->range.size, b->range.base, b->range.size))
                                source_error(&p->source, a->place, "%s overlaps %s of %s in the guest", a->what,
                                             b->what, WHERE(p, b->place));
                }
        }
}

static void device_pair(struct parser *p, const struct device_spec *d, const struct device_spec *before) {
        const struct section_use *u = parser_use(p, d), *v = parser_use(p, before);

        if (strcmp(d->name, before->name) == 0)
                source_error(&p->source, &u->header, "[%s %s]: [%s %s] of %s has the same name", u->schema->name,
                             u->name, v->schema->name, v->name, WHERE(p, &v->header));
        if (parser_good(u, "Interrupt") && parser_good(v, "Interrupt") && d->interrupt == before->interrupt)
                source_error(&p->source, parser_place(u, "Interrupt"), "interrupt %" PRIu32 " is [%s %s]'s of %s",
                             d->interrupt, v->schema->name, v->name, WHERE(p, &v->header));
        if (d->image && before->image && strcmp(d->image, before->image) == 0 && !(d->read_only && before->read_only))
                source_error(&p->source, parser_place(u, "Image"),
                             "[Block %s] of %s has the same image; both would have to be ReadOnly=yes", before->name,
                             WHERE(p, &v->header));
        if (d->tap[0] != '\0' && strcmp(d->tap, before->tap) == 0 && strcmp(d->tap, TAP_AUTO) != 0)
                source_error(&p->source, parser_place(u, "Tap"), "[Net %s] of %s has the same tap", before->name,
                             WHERE(p, &v->header));
}

/* What a key of [VhostUser] can be depends on Type=. */
static void check_back_end(struct parser *p, const struct device_spec *d) {
        const struct section_use *u = parser_use(p, d);
        const struct virtio_type_info *t = &virtio_types[d->virtio_type];
        bool is_fs = d->virtio_type == VIRTIO_TYPE_FS;

        if (d->type != DEVICE_VHOST_USER || !parser_good(u, "Type"))
                return;
        if (is_fs && d->tag[0] == '\0')
                source_error(&p->source, &u->header, "[%s %s]: Type=fs wants a Tag=, by which the guest mounts it",
                             u->schema->name, u->name);
        if (!is_fs && d->tag[0] != '\0')
                source_error(&p->source, parser_place(u, "Tag"), "Tag= is for Type=fs only");
        if (parser_good(u, "Queues") && d->queues > t->queues_most)
                source_error(&p->source, parser_place(u, "Queues"), "Type=%s has at most %u queues to be counted",
                             t->name, t->queues_most);
}

static void check_devices(struct parser *p) {
        const struct zone_spec *z = p->zone;
        const struct section_use *zone = parser_use(p, z);

        for (size_t i = 0; i < z->num_devices; i++) {
                const struct device_spec *d = &z->devices[i];
                const struct section_use *u = parser_use(p, d);

                check_back_end(p, d);
                for (size_t j = 0; j < i; j++)
                        device_pair(p, d, &z->devices[j]);
                if (d->type == DEVICE_BLOCK && parser_good(u, "BlockSize") &&
                    (d->block_size & (d->block_size - 1)) != 0)
                        source_error(&p->source, parser_place(u, "BlockSize"), "BlockSize=: %u is no power of two",
                                     d->block_size);
                if (d->mtu > 0 && d->mtu < MTU_MIN)
                        source_error(&p->source, parser_place(u, "MTU"), "MTU=: %" PRIu32 " is less than %d", d->mtu,
                                     MTU_MIN);
                if (parser_good(u, "Interrupt") && (z->interrupts[d->interrupt / 32] & BIT(d->interrupt % 32)))
                        source_error(&p->source, parser_place(u, "Interrupt"),
                                     "interrupt %" PRIu32 " is in Interrupts= of %s, too; it belongs here only",
                                     d->interrupt, WHERE(p, parser_place(zone, "Interrupts")));
        }
        if (z->num_devices > 0 && parser_good(zone, "CPUs") && z->cpus >> DEVICE_CPUS_MAX != 0)
                source_error(&p->source, parser_place(zone, "CPUs"),
                             "CPUs=: a zone with devices cannot have CPUs above %d", DEVICE_CPUS_MAX - 1);
}

static void check_room(struct parser *p) {
        const struct zone_spec *z = p->zone;
        size_t regions = z->num_memory + z->num_io, wanted = regions + z->num_devices * DEVICE_REGIONS;

        if (wanted > ZONE_REGIONS_MAX)
                source_error(&p->source, &parser_use(p, &z->devices[z->num_devices - 1])->header,
                             "%zu [Memory] and [IO] leave no room for %zu devices: the hypervisor takes %d regions, "
                             "%d of them for each device",
                             regions, z->num_devices, ZONE_REGIONS_MAX, DEVICE_REGIONS);
}

void zone_rules(struct parser *p) {
        check_regions(p);
        check_room(p);
        check_images(p);
        check_device_tree(p);
        check_guest_addresses(p);
        check_devices(p);
        ivc_rules(p);
        zone_rules_parts(p);
}
