/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/tree_nodes.h"

#include <inttypes.h>
#include <libfdt.h>
#include <string.h>

void tree_add_memory(struct tree_editor *e, const struct zone_spec *z) {
        for (size_t i = z->num_memory; i > 0; i--) {
                const struct memory_spec *m = &z->memory[i - 1];
                int node = tree_add(e, 0, TREE_MEMORY_NAME, m->guest);

                tree_set_reg(e, node, &(struct range){ m->guest, m->size }, 1);
                tree_set_text(e, node, "device_type", "memory");
                tree_unset(e, node, "status");
        }
}

int tree_add_virtio(struct tree_editor *e, const struct device_spec *d, const char *name) {
        int node = tree_add(e, 0, "%s@%" PRIx64, name, d->address);

        tree_set_reg(e, node, &(struct range){ d->address, DEVICE_WINDOW_SIZE }, 1);
        tree_set_text(e, node, "compatible", "virtio,mmio");
        tree_unset(e, node, "status");
        return node;
}

#define CELLS_MAX 4

static void put_interrupt(uint32_t *to, uint32_t interrupt, uint32_t cells) {
        const uint32_t of[CELLS_MAX] = { 0, interrupt - 32, 1, 0 }; /* a shared one, by its number there, rising edge */

        memcpy(to, of, MIN((size_t) cells, ELEMENTSOF(of)) * sizeof(*of));
}

void tree_set_interrupt(struct tree_editor *e, int node, uint32_t interrupt, uint32_t cells) {
        uint32_t of[CELLS_MAX];

        put_interrupt(of, interrupt, cells);
        tree_set_cells(e, node, "interrupts", of, MIN((size_t) cells, ELEMENTSOF(of)));
}

int tree_add_ivc(struct tree_editor *e, const struct zone_spec *z, uint32_t cells) {
        uint32_t all[ZONE_IVCS_MAX * CELLS_MAX];
        size_t step = MIN(cells, (uint32_t) CELLS_MAX);
        int node = z->num_ivcs > 0 ? tree_add(e, 0, TREE_IVC_NODE) : 0;

        for (size_t i = 0; i < z->num_ivcs; i++)
                put_interrupt(all + i * step, z->ivcs[i].interrupt, cells);
        if (node == 0)
                return 0;
        tree_set_cells(e, node, "interrupts", all, z->num_ivcs * step);
        tree_set_text(e, node, "compatible", "hvisor");
        return node;
}

void tree_set_chosen(struct tree_editor *e, int node, const char *command_line, bool initrd) {
        static const char *const places[] = { "linux,initrd-end", "linux,initrd-start" };

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (initrd)
                        tree_set(e, node, places[i], 0, 0);
                else
                        tree_unset(e, node, places[i]);
        if (command_line)
                tree_set_text(e, node, "bootargs", command_line);
}

void tree_tell_initrd(struct tree *t, uint64_t start, uint64_t end) {
        const fdt64_t places[] = { cpu_to_fdt64(start), cpu_to_fdt64(end) };
        int node = fdt_path_offset(t->blob, "/chosen");

        /* tree_set_chosen() has made them, of that size. */
        (void) fdt_setprop_inplace(t->blob, node, "linux,initrd-start", &places[0], sizeof(places[0]));
        (void) fdt_setprop_inplace(t->blob, node, "linux,initrd-end", &places[1], sizeof(places[1]));
}
