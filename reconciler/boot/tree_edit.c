/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/tree_edit.h"

#include <errno.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REG_RANGES_MAX 8

static uint32_t cells_below_root(const void *blob, const char *name, uint32_t otherwise) {
        int size;
        const fdt32_t *p = fdt_getprop(blob, 0, name, &size);

        return p && size >= (int) sizeof(*p) ? fdt32_ld(p) : otherwise; /* as tree_scan() takes it */
}

int tree_edit(struct tree_editor *e, struct tree *t, size_t more) {
        size_t size = t->size + more;
        void *blob = malloc(size);

        if (!blob)
                return -ENOMEM;
        *e = (struct tree_editor){ .tree = t };
        e->r = fdt_open_into(t->blob, blob, (int) size);
        if (e->r == 0) {
                free(t->blob);
                t->blob = TAKE_PTR(blob);
                t->size = size;
        }
        free(blob);
        e->address_cells = cells_below_root(t->blob, "#address-cells", 2);
        e->size_cells = cells_below_root(t->blob, "#size-cells", 1);
        return 0;
}

int tree_edit_done(struct tree_editor *e, const char **why) {
        if (e->r == 0)
                e->r = fdt_pack(e->tree->blob);
        if (e->r < 0) {
                *why = fdt_strerror(e->r);
                return -EINVAL;
        }
        e->tree->size = fdt_totalsize(e->tree->blob);
        return 0;
}

int tree_add(struct tree_editor *e, int parent, const char *format, ...) {
        char name[64];
        va_list ap;
        int node;

        if (e->r < 0)
                return 0;
        va_start(ap, format);
        (void) vsnprintf(name, sizeof(name), format, ap);
        va_end(ap);
        node = fdt_add_subnode(e->tree->blob, parent, name);
        if (node == -FDT_ERR_EXISTS)
                node = fdt_subnode_offset(e->tree->blob, parent, name);
        if (node >= 0)
                return node;
        e->r = node;
        return 0;
}

static void keep_error(struct tree_editor *e, int r) {
        if (r < 0 && r != -FDT_ERR_NOTFOUND)
                e->r = r;
}

void tree_remove(struct tree_editor *e, int node) {
        if (e->r == 0)
                keep_error(e, fdt_del_node(e->tree->blob, node));
}

void tree_unset(struct tree_editor *e, int node, const char *name) {
        if (e->r == 0)
                keep_error(e, fdt_delprop(e->tree->blob, node, name));
}

void tree_set_texts(struct tree_editor *e, int node, const char *name, const char *texts, size_t size) {
        if (e->r == 0)
                keep_error(e, fdt_setprop(e->tree->blob, node, name, texts, (int) size));
}

void tree_set_text(struct tree_editor *e, int node, const char *name, const char *text) {
        tree_set_texts(e, node, name, text, strlen(text) + 1);
}

void tree_set_flag(struct tree_editor *e, int node, const char *name) {
        tree_set_texts(e, node, name, "", 0);
}

void tree_set_cells(struct tree_editor *e, int node, const char *name, const uint32_t *cells, size_t count) {
        void *to;

        if (e->r == 0)
                keep_error(e, fdt_setprop_placeholder(e->tree->blob, node, name, (int) (count * sizeof(*cells)), &to));
        for (size_t i = 0; e->r == 0 && i < count; i++)
                fdt32_st((char *) to + i * sizeof(*cells), cells[i]);
}

static bool split(uint64_t n, uint32_t cells, uint32_t **at) {
        if (cells < 1 || cells > 2 || (cells == 1 && n > UINT32_MAX))
                return false;
        if (cells == 2)
                *(*at)++ = (uint32_t) (n >> 32);
        *(*at)++ = (uint32_t) n;
        return true;
}

void tree_set_reg(struct tree_editor *e, int node, const struct range *ranges, size_t count) {
        uint32_t cells[REG_RANGES_MAX * 4], *at = cells;

        for (size_t i = 0; e->r == 0 && i < count; i++)
                if (i == REG_RANGES_MAX || !split(ranges[i].base, e->address_cells, &at) ||
                    !split(ranges[i].size, e->size_cells, &at))
                        e->r = -FDT_ERR_BADNCELLS;
        tree_set_cells(e, node, "reg", cells, (size_t) (at - cells));
}
