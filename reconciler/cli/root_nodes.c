/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/root_nodes.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define GIC_SPI 32 /* the first interrupt that devices share */

struct root_nodes {
        struct range *memory;
        size_t count;
};

struct root_nodes *root_nodes_new(void) {
        return calloc(1, sizeof(struct root_nodes));
}

struct root_nodes *root_nodes_free(struct root_nodes *n) {
        if (n)
                free(n->memory);
        free(n);
        return NULL;
}

int root_nodes_add(struct root_nodes *n, const struct zone_spec *z) {
        struct range *memory = reallocarray(n->memory, n->count + z->num_memory + 1, sizeof(*memory));

        if (!memory)
                return -ENOMEM;
        n->memory = memory;
        for (size_t i = 0; i < z->num_memory; i++)
                memory[n->count++] = (struct range){ z->memory[i].physical, z->memory[i].size };
        return 0;
}

static int range_compare(const void *a, const void *b) {
        const struct range *x = a, *y = b;

        return x->base < y->base ? -1 : x->base > y->base;
}

/* Sorted; what touches is one: zones that never run at once may have the same. */
static void merge(struct root_nodes *n) {
        size_t kept = 0;

        if (n->count > 0)
                qsort(n->memory, n->count, sizeof(*n->memory), range_compare);
        for (size_t i = 0; i < n->count; i++) {
                struct range *last = kept > 0 ? &n->memory[kept - 1] : NULL, r = n->memory[i];

                if (last && r.base - last->base <= last->size)
                        last->size = MAX(last->size, r.base - last->base + r.size);
                else
                        n->memory[kept++] = r;
        }
        n->count = kept;
}

static void write_cells(FILE *f, uint64_t n) {
        fprintf(f, "0x%" PRIx32 " 0x%" PRIx32, (uint32_t) (n >> 32), (uint32_t) n);
}

static uint32_t wakeup_interrupt(const struct board_spec *b, const struct root_tree *tree) {
        return b && b->wakeup_interrupt != 0 ? b->wakeup_interrupt : tree->wakeup_interrupt;
}

static bool has_gic(const struct board_spec *b, const struct root_tree *tree) {
        return (b && b->gic.version != 0) || tree->controller.kind == CONTROLLER_GICV2 ||
               tree->controller.kind == CONTROLLER_GICV3;
}

static bool write_interrupt(const struct board_spec *b, const struct root_tree *tree, FILE *f) {
        uint32_t interrupt = wakeup_interrupt(b, tree);

        if (interrupt == 0)
                fputs("\t\t/* interrupts = …: the one that hypervisor and board have agreed upon; board.conf can tell "
                      "it as "
                      "WakeupInterrupt= */\n",
                      f);
        else if (interrupt >= GIC_SPI && has_gic(b, tree))
                fprintf(f, "\t\tinterrupts = <0x0 0x%" PRIx32 " 0x1>;\n", interrupt - GIC_SPI);
        else
                fprintf(f, "\t\tinterrupts = <0x%" PRIx32 ">;\n", interrupt);
        return interrupt != 0;
}

bool root_nodes_write(struct root_nodes *n, const struct board_spec *b, const struct root_tree *tree, FILE *f) {
        bool whole;

        merge(n);
        fputs("/ {\n"
              "\treserved-memory {\n"
              "\t\t#address-cells = <2>;\n"
              "\t\t#size-cells = <2>;\n"
              "\t\tranges;\n",
              f);
        for (size_t i = 0; i < n->count; i++) {
                fprintf(f, "\n\t\tzones@%" PRIx64 " {\n\t\t\tno-map;\n\t\t\treg = <", n->memory[i].base);
                write_cells(f, n->memory[i].base);
                fputc(' ', f);
                write_cells(f, n->memory[i].size);
                fputs(">;\n\t\t};\n", f);
        }
        fputs("\t};\n"
              "\n"
              "\thvisor_virtio_device {\n"
              "\t\tcompatible = \"hvisor\";\n",
              f);
        whole = write_interrupt(b, tree, f);
        fputs("\t};\n};\n", f);
        return whole;
}

size_t root_nodes_compare(struct root_nodes *n, const struct board_spec *b, const struct root_tree *tree, FILE *f) {
        struct range reserved[ROOT_RESERVED_MAX], gap;
        uint32_t interrupt = wakeup_interrupt(b, tree);
        size_t lacks = 0;

        merge(n);
        for (size_t i = 0; i < tree->num_reserved; i++)
                reserved[i] = tree->reserved[i].range;
        for (size_t i = 0; i < n->count; i++) {
                if (!range_first_gap(n->memory[i], reserved, tree->num_reserved, &gap))
                        continue;
                lacks++;
                fprintf(f, "0x%" PRIx64 "+0x%" PRIx64 " of zones@%" PRIx64 " is not reserved (no-map)\n", gap.base,
                        gap.size, n->memory[i].base);
        }
        if (tree->hvisor[0] == '\0') {
                lacks++;
                fputs("no node is compatible with \"hvisor\"\n", f);
        } else if (tree->wakeup_interrupt != interrupt) {
                lacks++;
                fprintf(f, "%s has interrupt %" PRIu32 ", the board %" PRIu32 "\n", tree->hvisor,
                        tree->wakeup_interrupt, interrupt);
        }
        return lacks;
}
