/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DeviceTree=auto: the whole tree, of an arm64 machine with a GIC, the architected timer and PSCI, which hvisor takes
 * by smc. What each node has to say stands in Linux' Documentation/devicetree/bindings: arm/cpus.yaml, arm/psci.yaml,
 * timer/arm,arch_timer.yaml, interrupt-controller/arm,gic.yaml and arm,gic-v3.yaml, virtio/mmio.yaml.
 */
#include <errno.h>
#include <inttypes.h>
#include <libfdt.h>
#include <string.h>

#include "boot/booting.h"
#include "boot/tree_nodes.h"

#define GIC_PHANDLE 1
#define GIC_CELLS   3
#define PRIVATE     1 /* an interrupt of each CPU's own */
#define LEVEL_HIGH  4

/* For a command line and all the devices that a zone can have. */
#define ROOM 16384

struct making {
        struct tree_editor editor;
        const struct zone_spec *zone;
        const struct gic_spec *gic;
        const struct board_spec *board; /* NULL: not known */
};

/* ---- nodes: the one that is added last comes first --------------------------------------------------- */

static void make_gic(struct making *m) {
        struct tree_editor *e = &m->editor;
        const struct gic_spec *g = m->gic;
        const bool is_v2 = g->version == 2;
        const struct range regions[] = { { g->distributor, g->distributor_size },
                                         is_v2 ? (struct range){ g->cpu_interface, g->cpu_interface_size }
                                               : (struct range){ g->redistributor, g->redistributor_size } };
        int node = tree_add(e, 0, "interrupt-controller@%" PRIx64, g->distributor);

        tree_set(e, node, "phandle", GIC_PHANDLE);
        tree_set_flag(e, node, "interrupt-controller");
        tree_set(e, node, "#interrupt-cells", GIC_CELLS);
        tree_set(e, node, "#address-cells", 0);
        tree_set_reg(e, node, regions, ELEMENTSOF(regions));
        tree_set_text(e, node, "compatible", is_v2 ? "arm,gic-400" : "arm,gic-v3");
}

static void make_timer(struct making *m) {
        /* Secure, non-secure, virtual, hypervisor; their numbers are the architecture's. */
        static const uint32_t interrupts[] = { PRIVATE, 13, LEVEL_HIGH, PRIVATE, 14, LEVEL_HIGH,
                                               PRIVATE, 11, LEVEL_HIGH, PRIVATE, 10, LEVEL_HIGH };
        int node = tree_add(&m->editor, 0, "timer");

        tree_set_flag(&m->editor, node, "always-on");
        tree_set_cells(&m->editor, node, "interrupts", interrupts, ELEMENTSOF(interrupts));
        tree_set_text(&m->editor, node, "compatible", "arm,armv8-timer");
}

static void make_psci(struct making *m) {
        static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";
        int node = tree_add(&m->editor, 0, "psci");

        tree_set_text(&m->editor, node, "method", "smc");
        tree_set_texts(&m->editor, node, "compatible", compatible, sizeof(compatible));
}

/* The guest sees the CPUs' own MPIDR, so reg has to be that. */
static void make_cpus(struct making *m) {
        struct tree_editor *e = &m->editor;
        int cpus = tree_add(e, 0, "cpus");

        tree_set(e, cpus, "#size-cells", 0);
        tree_set(e, cpus, "#address-cells", 1);
        for (int i = CPUS_MAX - 1; i >= 0; i--) {
                uint32_t affinity = board_cpu_affinity(m->board, (unsigned) i);
                int node;

                if (!(m->zone->cpus >> i & 1))
                        continue;
                node = tree_add(e, cpus, "cpu@%" PRIx32, affinity);
                tree_set_text(e, node, "enable-method", "psci");
                tree_set(e, node, "reg", affinity);
                tree_set_text(e, node, "compatible", "arm,armv8");
                tree_set_text(e, node, "device_type", "cpu");
        }
}

static void make_devices(struct making *m) {
        for (size_t i = m->zone->num_devices; i > 0; i--) {
                const struct device_spec *d = &m->zone->devices[i - 1];
                int node = tree_add_virtio(&m->editor, d, TREE_VIRTIO_NAME);

                tree_set_interrupt(&m->editor, node, d->interrupt, GIC_CELLS);
                tree_set_flag(&m->editor, node, "dma-coherent");
        }
}

/* Of a Linux that would not say a word otherwise. */
static const char *default_command_line(const struct zone_spec *z) {
        for (size_t i = 0; i < z->num_devices; i++)
                if (z->devices[i].type == DEVICE_CONSOLE)
                        return "console=hvc0";
        return "";
}

static void make_root(struct making *m) {
        struct tree_editor *e = &m->editor;

        tree_set(e, 0, "interrupt-parent", GIC_PHANDLE);
        tree_set(e, 0, "#size-cells", 2);
        tree_set(e, 0, "#address-cells", 2);
        tree_set_text(e, 0, "model", m->zone->name);
        tree_set_text(e, 0, "compatible", "linux,dummy-virt");
        e->address_cells = e->size_cells = 2;
}

static void make_all(struct making *m) {
        make_root(m);
        (void) tree_add_ivc(&m->editor, m->zone, GIC_CELLS);
        make_devices(m);
        make_gic(m);
        make_timer(m);
        make_psci(m);
        tree_add_memory(&m->editor, m->zone);
        make_cpus(m);
        tree_set_chosen(&m->editor, tree_add(&m->editor, 0, "chosen"),
                        m->zone->command_line ?: default_command_line(m->zone), m->zone->initrd.path);
}

/* ---- the tree --------------------------------------------------------------------------------------- */

static int empty_tree(struct tree *ret) {
        struct tree t = { .blob = calloc(1, ROOM), .size = ROOM, .name = "the device tree" };

        if (!t.blob || fdt_create_empty_tree(t.blob, ROOM) < 0) {
                free(t.blob);
                return -ENOMEM;
        }
        *ret = t;
        return 0;
}

/* A real device has more to its node than where it is. */
static void warn_of_devices(struct booting *b) {
        const struct zone_spec *z = b->f.zone;

        for (size_t i = 0; i < z->num_io; i++)
                finding_warning(&b->f, &z->io[i], "PhysicalAddress",
                                "[IO %s]: DeviceTree=auto has no node of a real device: the guest does not find it",
                                z->io[i].name);
}

void tree_make(struct booting *b) {
        struct making m = { .zone = b->f.zone, .gic = b->gic, .board = b->board };
        const char *why = NULL;

        if (!b->gic && b->board_unknown)
                return;
        if (!b->gic) {
                finding(&b->f, b->f.zone, "DeviceTree",
                        "DeviceTree=auto: neither this file nor board.conf has a [GIC], which goes into it");
                return;
        }
        if (empty_tree(&b->tree) < 0 || tree_edit(&m.editor, &b->tree, 0) < 0) {
                b->f.r = -ENOMEM;
                return;
        }
        make_all(&m);
        if (tree_edit_done(&m.editor, &why) < 0) {
                finding(&b->f, b->f.zone, "DeviceTree", "DeviceTree=auto: it cannot be made: %s", why);
                tree_clear(&b->tree);
                return;
        }
        warn_of_devices(b);
}
