/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One walk over the whole tree. Of each node's parents is known what they say of their children: how many cells an
 * address has, whose interrupts they are, and whether their addresses are the CPU's (ranges). Properties that are
 * shorter than they would have to be count as missing.
 */
#include <libfdt.h>
#include <string.h>

#include "boot/tree.h"

/* What a node says of its children. */
struct level {
        uint32_t address_cells, size_cells;
        uint32_t interrupt_parent; /* 0: none */
        bool enabled;
        bool mapped;              /* their addresses are the CPU's, after those of ranges */
        const fdt32_t *ranges;    /* NULL: as they stand */
        size_t num_ranges;        /* cells */
        uint32_t parents_address; /* cells of an address, in ranges */
};

struct scan {
        const void *blob;
        struct level levels[TREE_DEPTH_MAX + 1];
        struct tree_facts *facts;
        uint32_t ivc_parent; /* whose interrupts its are, until the GIC is known */
};

/* ---- properties ------------------------------------------------------------------------------------- */

/* In cells; NULL and 0 where there is none. */
static const fdt32_t *cells_of(const void *blob, int node, const char *name, size_t *ret_count) {
        int size;
        const fdt32_t *p = fdt_getprop(blob, node, name, &size);

        *ret_count = p ? (size_t) size / sizeof(*p) : 0;
        return p;
}

static uint32_t cell(const void *blob, int node, const char *name, uint32_t otherwise) {
        size_t count;
        const fdt32_t *p = cells_of(blob, node, name, &count);

        return count > 0 ? fdt32_ld(p) : otherwise;
}

/* The last two of more: what is above them is a bus's own affair. */
static uint64_t number(const fdt32_t *p, uint32_t cells) {
        uint64_t n = 0;

        for (uint32_t i = 0; i < cells; i++)
                n = n << 32 | fdt32_ld(&p[i]);
        return n;
}

static bool is_compatible(const struct scan *s, int node, const char *with) {
        return fdt_node_check_compatible(s->blob, node, with) == 0;
}

static bool property_is(const struct scan *s, int node, const char *name, const char *value) {
        int size;
        const char *p = fdt_getprop(s->blob, node, name, &size);

        return p && (size_t) size == strlen(value) + 1 && memcmp(p, value, (size_t) size) == 0;
}

static bool is_enabled(const struct scan *s, int node) {
        int size;

        return !fdt_getprop(s->blob, node, "status", &size) || property_is(s, node, "status", "okay") ||
               property_is(s, node, "status", "ok");
}

/* ---- addresses -------------------------------------------------------------------------------------- */

/* One step up: false where the parent's bus does not reach that far. */
static bool translate(const struct level *l, uint64_t *address) {
        size_t entry = l->address_cells + l->parents_address + l->size_cells;
        size_t most = MIN(l->num_ranges, entry * TREE_ITEMS_MAX);

        if (!l->mapped)
                return false;
        if (!l->ranges)
                return true;
        for (size_t i = 0; entry > 0 && i + entry <= most; i += entry) {
                const fdt32_t *p = l->ranges + i;
                uint64_t child = number(p, l->address_cells);
                uint64_t size = number(p + l->address_cells + l->parents_address, l->size_cells);

                if (!range_contains(child, size, *address, 1))
                        continue;
                *address = number(p + l->address_cells, l->parents_address) + (*address - child);
                return true;
        }
        return false;
}

/* The entry @index of reg in the CPU's view; false: there is none. */
static bool region_of(const struct scan *s, int node, int depth, size_t index, struct range *ret) {
        const struct level *l = &s->levels[depth - 1];
        size_t count, entry = l->address_cells + l->size_cells;
        const fdt32_t *reg = cells_of(s->blob, node, "reg", &count);

        if (entry == 0 || index >= count / entry)
                return false;
        ret->base = number(reg + index * entry, l->address_cells);
        ret->size = number(reg + index * entry + l->address_cells, l->size_cells);
        for (int i = depth - 1; i > 0; i--)
                if (!translate(&s->levels[i], &ret->base))
                        return false;
        return range_valid(ret->base, ret->size);
}

/* ---- what is kept ----------------------------------------------------------------------------------- */

static void keep(struct scan *s, struct tree_region *list, size_t *count, size_t most, int node, struct range range) {
        if (*count < most)
                list[(*count)++] = (struct tree_region){ node, range };
        else
                s->facts->cut = true;
}

static void keep_all(struct scan *s, struct tree_region *list, size_t *count, int node, int depth) {
        struct range range;

        for (size_t i = 0; region_of(s, node, depth, i, &range); i++)
                if (range.size > 0)
                        keep(s, list, count, TREE_ITEMS_MAX, node, range);
}

static void take_virtio(struct scan *s, int node, int depth) {
        struct tree_facts *f = s->facts;
        struct tree_virtio v = { .at.node = node, .enabled = s->levels[depth].enabled };

        if (!region_of(s, node, depth, 0, &v.at.range))
                return;
        v.coherent = fdt_getprop(s->blob, node, "dma-coherent", NULL);
        /* Until the GIC is known: whose interrupt it is. */
        v.interrupt = s->levels[depth].interrupt_parent;
        if (f->num_virtio < TREE_ITEMS_MAX)
                f->virtio[f->num_virtio++] = v;
        else
                f->cut = true;
}

static void take_gic(struct scan *s, int node, int depth, uint32_t version) {
        struct tree_gic *g = &s->facts->gic;

        if (g->node >= 0)
                return;
        g->node = node;
        g->version = version;
        g->phandle = fdt_get_phandle(s->blob, node);
        g->cells = cell(s->blob, node, "#interrupt-cells", 0);
        while (g->num_regions < TREE_GIC_REGIONS &&
               region_of(s, node, depth, g->num_regions, &g->regions[g->num_regions]))
                g->num_regions++;
}

static void take_cpu(struct scan *s, int node, int depth) {
        const struct level *l = &s->levels[depth - 1];
        struct tree_facts *f = s->facts;
        size_t count;
        const fdt32_t *reg = cells_of(s->blob, node, "reg", &count);

        if (count >= l->address_cells && l->address_cells > 0)
                keep(s, f->cpus, &f->num_cpus, CPUS_MAX, node, (struct range){ number(reg, l->address_cells), 1 });
}

static bool read_address(const void *blob, int node, const char *name, uint64_t *ret) {
        size_t count;
        const fdt32_t *p = cells_of(blob, node, name, &count);

        if (count != 1 && count != 2)
                return false;
        *ret = number(p, (uint32_t) count);
        return true;
}

static void take_chosen(struct scan *s, int node) {
        struct tree_facts *f = s->facts;

        f->chosen = node;
        f->has_initrd = read_address(s->blob, node, "linux,initrd-start", &f->initrd_start) &&
                        read_address(s->blob, node, "linux,initrd-end", &f->initrd_end) &&
                        f->initrd_end > f->initrd_start;
}

static const struct {
        const char *compatible;
        uint32_t version;
} gics[] = { { "arm,gic-v3", 3 },        { "arm,cortex-a15-gic", 2 }, { "arm,gic-400", 2 },
             { "arm,cortex-a7-gic", 2 }, { "arm,cortex-a9-gic", 2 },  { "arm,eb11mp-gic", 2 },
             { "qcom,msm-qgic2", 2 } };

static uint32_t gic_version(const struct scan *s, int node) {
        for (size_t i = 0; i < ELEMENTSOF(gics); i++)
                if (is_compatible(s, node, gics[i].compatible))
                        return gics[i].version;
        return 0;
}

static void take_device(struct scan *s, int node, int depth) {
        struct tree_facts *f = s->facts;
        uint32_t version = gic_version(s, node);

        if (version != 0)
                take_gic(s, node, depth, version);
        else if (is_compatible(s, node, "arm,gic-v3-its")) {
                if (f->its < 0)
                        f->its = node;
        } else
                keep_all(s, f->registers, &f->num_registers, node, depth);
}

static void take(struct scan *s, int node, int depth) {
        struct tree_facts *f = s->facts;
        const char *name = fdt_get_name(s->blob, node, NULL);

        if (depth == 1 && strcmp(name, "chosen") == 0)
                take_chosen(s, node);
        else if (depth == 1 && strcmp(name, TREE_IVC_NODE) == 0) {
                f->ivc = node;
                s->ivc_parent = s->levels[depth].interrupt_parent;
        } else if (is_compatible(s, node, "virtio,mmio"))
                take_virtio(s, node, depth);
        else if (!s->levels[depth].enabled)
                return;
        else if (depth == 1 && property_is(s, node, "device_type", "memory"))
                keep_all(s, f->memory, &f->num_memory, node, depth);
        else if (depth == 2 && property_is(s, node, "device_type", "cpu"))
                take_cpu(s, node, depth);
        else if (fdt_getprop(s->blob, node, "compatible", NULL))
                take_device(s, node, depth);
        if (f->psci_hvc < 0 && property_is(s, node, "method", "hvc") &&
            (is_compatible(s, node, "arm,psci-1.0") || is_compatible(s, node, "arm,psci-0.2")))
                f->psci_hvc = node;
}

/* ---- the walk --------------------------------------------------------------------------------------- */

static void enter(struct scan *s, int node, int depth) {
        static const struct level above = { .address_cells = 2, .size_cells = 1, .enabled = true, .mapped = true };
        const struct level *parent = depth > 0 ? &s->levels[depth - 1] : &above;
        struct level *l = &s->levels[depth];
        int size;

        *l = (struct level){
                .address_cells = MIN(cell(s->blob, node, "#address-cells", 2), (uint32_t) FDT_MAX_NCELLS),
                .size_cells = MIN(cell(s->blob, node, "#size-cells", 1), (uint32_t) FDT_MAX_NCELLS),
                .interrupt_parent = cell(s->blob, node, "interrupt-parent", parent->interrupt_parent),
                .enabled = parent->enabled && is_enabled(s, node),
                .parents_address = parent->address_cells,
        };
        l->ranges = fdt_getprop(s->blob, node, "ranges", &size);
        /* No ranges: a bus of its own (specification, 2.3.8). What hangs on PCI is found by probing it. */
        l->mapped = depth == 0 || (l->ranges && !property_is(s, node, "device_type", "pci"));
        l->num_ranges = l->ranges ? (size_t) size / sizeof(*l->ranges) : 0;
        if (l->num_ranges == 0)
                l->ranges = NULL; /* as they stand */
}

static bool is_of_gic(const struct tree_gic *g, uint32_t parent) {
        return g->node >= 0 && parent == g->phandle && parent != 0 && g->cells >= 3;
}

static bool is_shared(const fdt32_t *interrupt) {
        return fdt32_ld(interrupt) == 0 && fdt32_ld(interrupt + 1) < INTERRUPTS_MAX - 32;
}

/* The number that Interrupt= would have: SPIs of the GIC only. */
static void resolve_interrupt(const struct scan *s, struct tree_virtio *v) {
        const struct tree_gic *g = &s->facts->gic;
        uint32_t parent = v->interrupt;
        size_t count;
        const fdt32_t *p = cells_of(s->blob, v->at.node, "interrupts-extended", &count);

        if (count > 0) {
                parent = fdt32_ld(p++);
                count--;
        } else {
                p = cells_of(s->blob, v->at.node, "interrupts", &count);
        }
        v->interrupt = 0;
        if (!is_of_gic(g, parent) || count < g->cells || !is_shared(p))
                return;
        v->known_interrupt = true;
        v->interrupt = fdt32_ld(p + 1) + 32;
}

static void resolve_ivc(const struct scan *s) {
        struct tree_facts *f = s->facts;
        size_t count;
        const fdt32_t *p = f->ivc >= 0 ? cells_of(s->blob, f->ivc, "interrupts", &count) : NULL;

        if (!p || !is_of_gic(&f->gic, s->ivc_parent))
                return;
        for (; count >= f->gic.cells && f->num_ivc_interrupts < TREE_IVCS_MAX; count -= f->gic.cells, p += f->gic.cells)
                if (is_shared(p))
                        f->ivc_interrupts[f->num_ivc_interrupts++] = fdt32_ld(p + 1) + 32;
}

void tree_scan(const struct tree *t, struct tree_facts *ret) {
        struct scan s = { .blob = t->blob, .facts = ret };
        int depth = 0;

        *ret = (struct tree_facts){ .gic.node = -1, .ivc = -1, .its = -1, .psci_hvc = -1, .chosen = -1 };
        for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(t->blob, node, &depth)) {
                if (depth > TREE_DEPTH_MAX) {
                        ret->too_deep = true;
                        continue;
                }
                enter(&s, node, depth);
                if (depth > 0)
                        take(&s, node, depth);
        }
        for (size_t i = 0; i < ret->num_virtio; i++)
                resolve_interrupt(&s, &ret->virtio[i]);
        resolve_ivc(&s);
}
