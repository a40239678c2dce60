/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DeviceTreeFix=yes: the guest's copy of the tree is made to say what the zone has. */
#include <errno.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "boot/booting.h"
#include "boot/tree_nodes.h"

/* For a few nodes and properties; the command line comes on top. */
#define ROOM 16384

struct fixing {
        const struct zone_spec *zone;
        struct tree_editor editor;
        struct tree_facts facts;
        const char *why; /* it cannot be fixed; NULL: it can */
};

/* After each change: nodes have moved. */
static void look(struct fixing *x) {
        tree_scan(x->editor.tree, &x->facts);
        if (x->facts.cut || x->facts.too_deep)
                x->why = "it has more nodes than any zone";
}

static bool going_on(const struct fixing *x) {
        return !x->why && x->editor.r == 0;
}

static bool has_memory(const struct fixing *x) {
        size_t found = 0;

        for (size_t i = 0; i < x->facts.num_memory; i++)
                for (size_t j = 0; j < x->zone->num_memory; j++)
                        found += x->facts.memory[i].range.base == x->zone->memory[j].guest &&
                                 x->facts.memory[i].range.size == x->zone->memory[j].size;
        return found == x->zone->num_memory && found == x->facts.num_memory;
}

/* What is called as memory is, and is none, would keep its own properties beside those of memory. */
static void free_names(struct fixing *x) {
        for (size_t i = 0; going_on(x) && i < x->zone->num_memory; i++) {
                char name[32];
                int node;

                (void) snprintf(name, sizeof(name), TREE_MEMORY_NAME, x->zone->memory[i].guest);
                node = fdt_subnode_offset(x->editor.tree->blob, 0, name);
                if (node >= 0)
                        tree_remove(&x->editor, node);
        }
}

static void fix_memory(struct fixing *x) {
        look(x);
        if (has_memory(x))
                return;
        while (going_on(x) && x->facts.num_memory > 0) {
                tree_remove(&x->editor, x->facts.memory[0].node);
                look(x);
        }
        free_names(x);
        tree_add_memory(&x->editor, x->zone);
}

static const struct tree_virtio *node_of(const struct fixing *x, const struct device_spec *d) {
        for (size_t i = 0; i < x->facts.num_virtio; i++)
                if (x->facts.virtio[i].at.range.base == d->address)
                        return &x->facts.virtio[i];
        return NULL;
}

/* A number by which nodes can name the GIC. */
static void name_gic(struct fixing *x) {
        uint32_t phandle = 0;

        if (x->facts.gic.node < 0 || x->facts.gic.cells < 3 || x->facts.gic.cells > 4)
                x->why = "it has no GIC that is known here";
        if (!going_on(x) || x->facts.gic.phandle != 0)
                return;
        x->editor.r = fdt_generate_phandle(x->editor.tree->blob, &phandle);
        tree_set(&x->editor, x->facts.gic.node, "phandle", phandle);
        look(x);
}

/* A node may be called by another address than its own: what is in reg counts, and whose it is keeps it. */
static bool is_taken(const struct fixing *x, const char *name) {
        int node = fdt_subnode_offset(x->editor.tree->blob, 0, name);

        for (size_t i = 0; node >= 0 && i < x->zone->num_devices; i++) {
                const struct tree_virtio *v = node_of(x, &x->zone->devices[i]);

                if (v && v->at.node == node)
                        return true;
        }
        return false;
}

static int add_device(struct fixing *x, const struct device_spec *d) {
        static const char *const names[] = { TREE_VIRTIO_NAME, "virtio", "device" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char name[64];

                (void) snprintf(name, sizeof(name), "%s@%" PRIx64, names[i], d->address);
                if (!is_taken(x, name))
                        return tree_add_virtio(&x->editor, d, names[i]);
        }
        x->why = "its nodes are called by the addresses of others";
        return 0;
}

static void fix_device(struct fixing *x, const struct device_spec *d) {
        const struct tree_virtio *v = node_of(x, d);
        int node = v ? v->at.node : add_device(x, d);

        if (!going_on(x))
                return;

        if (!v || !v->known_interrupt || v->interrupt != d->interrupt) {
                tree_unset(&x->editor, node, "interrupts-extended");
                tree_set(&x->editor, node, "interrupt-parent", x->facts.gic.phandle);
                tree_set_interrupt(&x->editor, node, d->interrupt, x->facts.gic.cells);
        }
        if (!v || !v->coherent)
                tree_set_flag(&x->editor, node, "dma-coherent");
        if (v && !v->enabled)
                tree_unset(&x->editor, node, "status");
        look(x);
}

static const struct tree_virtio *stray(const struct fixing *x) {
        for (size_t i = 0; i < x->facts.num_virtio; i++) {
                const struct tree_virtio *v = &x->facts.virtio[i];
                bool known = false;

                for (size_t j = 0; j < x->zone->num_devices; j++)
                        known |= x->zone->devices[j].address == v->at.range.base;
                if (v->enabled && !known)
                        return v;
        }
        return NULL;
}

static void fix_devices(struct fixing *x) {
        const struct tree_virtio *v;

        look(x);
        if (x->zone->num_devices > 0)
                name_gic(x);
        /* What is added comes before what is there: they end up in the order of the file, as the guest counts them. */
        for (size_t i = x->zone->num_devices; going_on(x) && i > 0; i--)
                fix_device(x, &x->zone->devices[i - 1]);
        while (going_on(x) && (v = stray(x))) {
                tree_set_text(&x->editor, v->at.node, "status", "disabled");
                look(x);
        }
}

static bool has_ivcs(const struct fixing *x) {
        size_t found = 0;

        for (size_t i = 0; i < x->zone->num_ivcs; i++)
                for (size_t j = 0; j < x->facts.num_ivc_interrupts; j++)
                        found += x->facts.ivc_interrupts[j] == x->zone->ivcs[i].interrupt;
        return found >= x->zone->num_ivcs;
}

static void fix_ivcs(struct fixing *x) {
        int node;

        look(x);
        if (has_ivcs(x))
                return;
        name_gic(x);
        if (!going_on(x))
                return;
        node = tree_add_ivc(&x->editor, x->zone, x->facts.gic.cells);
        tree_set(&x->editor, node, "interrupt-parent", x->facts.gic.phandle);
}

static void fix_chosen(struct fixing *x) {
        int node = tree_add(&x->editor, 0, "chosen");

        tree_set_chosen(&x->editor, node, x->zone->command_line, x->zone->initrd.path);
}

static int fix(struct fixing *x) {
        fix_memory(x);
        if (going_on(x))
                fix_devices(x);
        if (going_on(x))
                fix_ivcs(x);
        if (going_on(x))
                fix_chosen(x);
        return x->why ? -EINVAL : tree_edit_done(&x->editor, &x->why);
}

void tree_fix(struct booting *b) {
        const struct zone_spec *z = b->f.zone;
        _cleanup_free_ struct fixing *x = calloc(1, sizeof(*x));

        if (!x || tree_edit(&x->editor, &b->tree, ROOM + (z->command_line ? strlen(z->command_line) : 0)) < 0) {
                b->f.r = -ENOMEM;
                return;
        }
        x->zone = z;
        if (fix(x) < 0) {
                finding(&b->f, z, "DeviceTreeFix", "DeviceTreeFix=: %s cannot be fixed: %s", b->tree.name, x->why);
                tree_clear(&b->tree);
        }
}
