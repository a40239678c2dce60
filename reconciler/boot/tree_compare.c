/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest is told of its machine, and what the machine has. A guest does not say that it was told wrong: it
 * hangs without a word, so each difference is named here, with both of its sides.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "boot/booting.h"
#include "config/schema.h"

#define GIC_SPI    32 /* the first interrupt that devices share */
#define CELLS_SIZE 32

#define WARNINGS_MAX 32

/* What the comparison goes by. */
struct comparison {
        struct findings *f;
        const struct zone_spec *zone;
        const struct board_spec *board; /* NULL: not known */
        const struct gic_spec *gic;     /* NULL: not known */
        const struct image *initrd;
        const struct tree *tree;
        const struct tree_facts *facts;
        unsigned said;
};

/* @object and @key as of finding(). A tree of a thousand differences is another zone's. */
#define differ(c, object, key, ...)                                                                                    \
        do {                                                                                                           \
                if (++(c)->said <= WARNINGS_MAX)                                                                       \
                        finding_warning((c)->f, object, key, __VA_ARGS__);                                             \
        } while (0)

#define PATH(c, node) tree_path((c)->tree, node, (char[TREE_PATH_MAX]){})

/* ---- memory ----------------------------------------------------------------------------------------- */

static size_t guest_ranges(const struct memory_spec *list, size_t count, struct range *ret) {
        for (size_t i = 0; i < count; i++)
                ret[i] = (struct range){ list[i].guest, list[i].size };
        return count;
}

/* The zone's memory that a node speaks of, if there is one: there the reader looks first. */
static const struct memory_spec *memory_near(const struct zone_spec *z, struct range r) {
        for (size_t i = 0; i < z->num_memory; i++)
                if (range_overlaps(z->memory[i].guest, z->memory[i].size, r.base, r.size))
                        return &z->memory[i];
        return NULL;
}

static void compare_memory(struct comparison *c) {
        struct range zone[ZONE_MEMORY_MAX], tree[TREE_ITEMS_MAX], gap;
        const struct tree_facts *t = c->facts;
        size_t n = guest_ranges(c->zone->memory, c->zone->num_memory, zone);

        for (size_t i = 0; i < t->num_memory; i++)
                tree[i] = t->memory[i].range;
        for (size_t i = 0; i < t->num_memory; i++) {
                const struct memory_spec *near = memory_near(c->zone, tree[i]);

                if (range_first_gap(tree[i], zone, n, &gap))
                        differ(c, near ? (const void *) near : c->zone, near ? "Size" : "DeviceTree",
                               "%s of %s has RAM at 0x%" PRIx64 "+0x%" PRIx64
                               " where the zone has none: using it is an error of the zone",
                               PATH(c, t->memory[i].node), c->tree->name, gap.base, gap.size);
        }
        for (size_t i = 0; i < n; i++)
                if (range_first_gap(zone[i], tree, t->num_memory, &gap))
                        differ(c, &c->zone->memory[i], "Size",
                               "[Memory %s]: no memory node of %s has 0x%" PRIx64 "+0x%" PRIx64
                               ": the guest leaves that unused",
                               c->zone->memory[i].name, c->tree->name, gap.base, gap.size);
}

/* ---- virtio devices --------------------------------------------------------------------------------- */

static const char *section_of(const struct device_spec *d) {
        return schema_sections[device_section(d)].name;
}

static const struct tree_virtio *node_of(const struct comparison *c, const struct device_spec *d) {
        for (size_t i = 0; i < c->facts->num_virtio; i++)
                if (c->facts->virtio[i].at.range.base == d->address)
                        return &c->facts->virtio[i];
        return NULL;
}

static const struct device_spec *device_of(const struct comparison *c, const struct tree_virtio *v) {
        for (size_t i = 0; i < c->zone->num_devices; i++)
                if (c->zone->devices[i].address == v->at.range.base)
                        return &c->zone->devices[i];
        return NULL;
}

/* Other architectures' interrupt controllers count in ways of their own, and their devices are coherent as they are. */
static bool is_arm64(const struct comparison *c) {
        return !c->board || c->board->architecture == ARCHITECTURE_ARM64;
}

/* " (<0 46 1>)", as a node has it; "": no device of a GIC's has that interrupt. */
static const char *cells(uint32_t interrupt, const char *type, char ret[static CELLS_SIZE]) {
        ret[0] = '\0';
        if (interrupt >= GIC_SPI)
                (void) snprintf(ret, CELLS_SIZE, " (<0 %" PRIu32 " %s>)", interrupt - GIC_SPI, type);
        return ret;
}

static void compare_interrupt(struct comparison *c, const struct device_spec *d, const struct tree_virtio *v) {
        char has[CELLS_SIZE], wanted[CELLS_SIZE];

        if (!v->known_interrupt && d->interrupt < GIC_SPI)
                differ(c, d, "Interrupt", "[%s %s]: %s of %s has no interrupt of the GIC's", section_of(d), d->name,
                       PATH(c, v->at.node), c->tree->name);
        else if (!v->known_interrupt)
                differ(c, d, "Interrupt", "[%s %s]: %s of %s has no interrupt of the GIC's, such as <0 %" PRIu32 " 1>",
                       section_of(d), d->name, PATH(c, v->at.node), c->tree->name, d->interrupt - GIC_SPI);
        else if (v->interrupt != d->interrupt)
                differ(c, d, "Interrupt",
                       "[%s %s]: %s of %s has interrupt %" PRIu32 "%s, not %" PRIu32
                       "%s: the guest waits for the device for ever",
                       section_of(d), d->name, PATH(c, v->at.node), c->tree->name, v->interrupt,
                       cells(v->interrupt, "…", has), d->interrupt, cells(d->interrupt, "1", wanted));
}

static void compare_device(struct comparison *c, const struct device_spec *d) {
        const struct tree_virtio *v = node_of(c, d);

        if (!v) {
                differ(c, d, "Address",
                       "[%s %s]: no virtio,mmio node of %s has reg 0x%" PRIx64 ": the guest does not find the device",
                       section_of(d), d->name, c->tree->name, d->address);
                return;
        }
        if (!v->enabled)
                differ(c, d, "Address", "[%s %s]: %s of %s is disabled (status): the guest does not find the device",
                       section_of(d), d->name, PATH(c, v->at.node), c->tree->name);
        if (is_arm64(c))
                compare_interrupt(c, d, v);
        if (is_arm64(c) && !v->coherent)
                differ(c, d, "Address",
                       "[%s %s]: %s of %s lacks dma-coherent: what guest and device write may stay in a cache",
                       section_of(d), d->name, PATH(c, v->at.node), c->tree->name);
}

static void compare_devices(struct comparison *c) {
        for (size_t i = 0; i < c->zone->num_devices; i++)
                compare_device(c, &c->zone->devices[i]);
        for (size_t i = 0; i < c->facts->num_virtio; i++) {
                const struct tree_virtio *v = &c->facts->virtio[i];

                if (v->enabled && !device_of(c, v))
                        differ(c, c->zone, "DeviceTree",
                               "%s of %s is a virtio device at 0x%" PRIx64
                               ", where the zone has none: looking for it is an error of the zone",
                               PATH(c, v->at.node), c->tree->name, v->at.range.base);
        }
}

/* ---- the rest of the machine ------------------------------------------------------------------------ */

static void compare_region(struct comparison *c, const char *key, const char *what, size_t index, struct range want) {
        const struct tree_gic *g = &c->facts->gic;
        const bool own = c->zone->gic.version != 0;

        if (index >= g->num_regions)
                differ(c, own ? (const void *) c->gic : c->zone, own ? key : "DeviceTree", "%s of %s has no %s",
                       PATH(c, g->node), c->tree->name, what);
        else if (g->regions[index].base != want.base || g->regions[index].size > want.size)
                differ(c, own ? (const void *) c->gic : c->zone, own ? key : "DeviceTree",
                       "%s of %s has its %s at 0x%" PRIx64 "+0x%" PRIx64 ", %s at 0x%" PRIx64 "+0x%" PRIx64,
                       PATH(c, g->node), c->tree->name, what, g->regions[index].base, g->regions[index].size,
                       own ? "the zone" : "the board", want.base, want.size);
}

static void compare_gic(struct comparison *c) {
        const struct tree_gic *g = &c->facts->gic;
        const struct gic_spec *z = c->gic;

        if (c->facts->its >= 0)
                differ(c, c->zone, "DeviceTree",
                       "%s of %s is an ITS: with one in a zone a CPU hangs in the hypervisor when the zone is started "
                       "again; delete the node",
                       PATH(c, c->facts->its), c->tree->name);
        if (!z)
                return;
        if (g->node < 0)
                differ(c, c->zone, "DeviceTree", "%s has no GIC that is known here; the zone has a GICv%" PRIu32,
                       c->tree->name, z->version);
        else if (g->version != z->version)
                differ(c, c->zone, "DeviceTree", "%s of %s is a GICv%" PRIu32 ", the zone has a GICv%" PRIu32,
                       PATH(c, g->node), c->tree->name, g->version, z->version);
        else {
                compare_region(c, "DistributorAddress", "distributor", 0,
                               (struct range){ z->distributor, z->distributor_size });
                if (z->version == 3)
                        compare_region(c, "RedistributorAddress", "redistributors", 1,
                                       (struct range){ z->redistributor, z->redistributor_size });
                else
                        compare_region(c, "CPUInterfaceAddress", "CPU interface", 1,
                                       (struct range){ z->cpu_interface, z->cpu_interface_size });
        }
}

/* The zone's CPU of that name; CPUS_MAX: none. */
static unsigned find_cpu(const struct comparison *c, uint64_t affinity) {
        for (unsigned i = 0; i < CPUS_MAX; i++)
                if ((c->zone->cpus >> i & 1) && board_cpu_affinity(c->board, i) == affinity)
                        return i;
        return CPUS_MAX;
}

/* A guest that finds itself on a CPU that its tree does not have starts no other one. */
static void compare_affinities(struct comparison *c) {
        uint64_t missing = c->zone->cpus;

        for (size_t i = 0; i < c->facts->num_cpus; i++) {
                const struct tree_region *cpu = &c->facts->cpus[i];
                unsigned found = find_cpu(c, cpu->range.base);

                if (found < CPUS_MAX)
                        missing &= ~(UINT64_C(1) << found);
                else
                        differ(c, c->zone, "CPUs",
                               "%s of %s has reg 0x%" PRIx64
                               ", and none of the zone's CPUs is called that (MPIDR= of board.conf; else by their "
                               "numbers)",
                               PATH(c, cpu->node), c->tree->name, cpu->range.base);
        }
        for (unsigned i = 0; i < CPUS_MAX; i++)
                if (missing >> i & 1)
                        differ(c, c->zone, "CPUs",
                               "CPU %u: no CPU of %s has reg 0x%" PRIx32 ": the guest leaves it unused", i,
                               c->tree->name, board_cpu_affinity(c->board, i));
}

static void compare_cpus(struct comparison *c) {
        size_t wanted = (size_t) __builtin_popcountll(c->zone->cpus);

        if (c->board)
                compare_affinities(c);
        else if (c->facts->num_cpus != wanted)
                differ(c, c->zone, "CPUs", "/cpus of %s has %zu CPU%s, the zone has %zu", c->tree->name,
                       c->facts->num_cpus, c->facts->num_cpus == 1 ? "" : "s", wanted);
        if (c->facts->psci_hvc >= 0)
                differ(c, c->zone, "DeviceTree",
                       "%s of %s has method \"hvc\"; the hypervisor takes PSCI calls by \"smc\" only",
                       PATH(c, c->facts->psci_hvc), c->tree->name);
}

static void compare_ivcs(struct comparison *c) {
        for (size_t i = 0; i < c->zone->num_ivcs; i++) {
                const struct ivc_spec *v = &c->zone->ivcs[i];
                bool found = false;

                for (size_t j = 0; j < c->facts->num_ivc_interrupts; j++)
                        found |= c->facts->ivc_interrupts[j] == v->interrupt;
                if (!found)
                        differ(c, v, "Interrupt",
                               "[IVC %s]: /" TREE_IVC_NODE " of %s does not have its interrupt, <0 %" PRIu32
                               " 1>: the guest has no /dev/hivc%" PRIu32,
                               v->name, c->tree->name, v->interrupt - 32, v->id);
        }
}

/* A host bridge is found by its configuration space. */
static void compare_pci(struct comparison *c) {
        for (size_t i = 0; i < c->zone->num_pci; i++) {
                const struct pci_spec *p = &c->zone->pci[i];
                bool found = false;

                for (size_t j = 0; j < c->facts->num_registers; j++)
                        found |= c->facts->registers[j].range.base == p->ecam;
                if (!found)
                        differ(c, p, "ECAMAddress",
                               "[PCI %s]: no node of %s has its configuration space, reg 0x%" PRIx64
                               ": the guest does not find what is behind it",
                               p->name, c->tree->name, p->ecam);
        }
}

/* Of every other device: nobody answers there. */
static void compare_registers(struct comparison *c) {
        struct range all[ZONE_MEMORY_MAX + ZONE_IO_MAX + 2 * ZONE_IVCS_MAX + ZONE_PCI_MAX + 2], gap;
        const struct zone_controllers controllers = zone_controllers(c->zone, c->board);
        size_t n = guest_ranges(c->zone->memory, c->zone->num_memory, all);

        n += guest_ranges(c->zone->io, c->zone->num_io, all + n);
        for (size_t i = 0; i < c->zone->num_ivcs; i++) {
                const struct ivc_spec *v = &c->zone->ivcs[i];

                all[n++] = (struct range){ v->control_table, IVC_TABLE_SIZE };
                all[n++] = (struct range){ v->shared_memory, ivc_size(v) };
        }
        for (size_t i = 0; i < c->zone->num_pci; i++)
                all[n++] = (struct range){ c->zone->pci[i].ecam, c->zone->pci[i].ecam_size };
        if (controllers.plic)
                all[n++] = (struct range){ controllers.plic->address, controllers.plic->size };
        if (controllers.aplic)
                all[n++] = (struct range){ controllers.aplic->address, controllers.aplic->size };
        for (size_t i = 0; i < c->facts->num_registers; i++) {
                const struct tree_region *r = &c->facts->registers[i];

                if (range_first_gap(r->range, all, n, &gap))
                        differ(c, c->zone, "DeviceTree",
                               "%s of %s has registers at 0x%" PRIx64 "+0x%" PRIx64
                               " that no [IO] gives to the zone: using them is an error of the zone",
                               PATH(c, r->node), c->tree->name, gap.base, gap.size);
        }
}

static void compare_initrd(struct comparison *c) {
        const struct tree_facts *t = c->facts;
        uint64_t start = zone_guest_address(c->zone, c->initrd->file.address), end = start + c->initrd->file.size;

        if (c->initrd->room == 0 && !c->initrd->spec->path && t->has_initrd)
                differ(c, c->zone, "DeviceTree",
                       "/chosen of %s names an initrd at 0x%" PRIx64 ", and the zone has no Initrd=", c->tree->name,
                       t->initrd_start);
        if (c->initrd->room == 0)
                return;
        if (!t->has_initrd)
                differ(c, c->zone, "Initrd",
                       "/chosen of %s has no linux,initrd-start and linux,initrd-end: the guest does not find it",
                       c->tree->name);
        else if (t->initrd_start != start)
                differ(c, c->zone, "InitrdAddress",
                       "/chosen of %s has linux,initrd-start 0x%" PRIx64 ", but it is put at 0x%" PRIx64, c->tree->name,
                       t->initrd_start, start);
        else if (t->initrd_end < end)
                differ(c, c->zone, "Initrd",
                       "/chosen of %s has linux,initrd-end 0x%" PRIx64 ", but it reaches to 0x%" PRIx64, c->tree->name,
                       t->initrd_end, end);
}

void tree_compare(struct booting *b) {
        _cleanup_free_ struct tree_facts *facts = malloc(sizeof(*facts));
        struct comparison c = {
                .f = &b->f,
                .zone = b->f.zone,
                .board = b->board,
                .gic = b->gic,
                .initrd = &b->images[BOOT_INITRD],
                .tree = &b->tree,
                .facts = facts,
        };

        if (!facts) {
                b->f.r = -ENOMEM;
                return;
        }
        tree_scan(&b->tree, facts);
        compare_memory(&c);
        compare_devices(&c);
        compare_gic(&c);
        compare_cpus(&c);
        compare_ivcs(&c);
        compare_pci(&c);
        compare_registers(&c);
        compare_initrd(&c);
        if (c.said > WARNINGS_MAX || facts->cut || facts->too_deep)
                finding_warning(&b->f, b->f.zone, "DeviceTree", "%s was not compared to its end: %s", b->tree.name,
                                c.said > WARNINGS_MAX ? "it differs in more than was said"
                                : facts->cut          ? "it has more nodes than any zone"
                                                      : "its nodes are nested too deeply");
}
