/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes to a tree in memory. The first that fails is kept in @r, all later ones do nothing: a caller looks once,
 * at the end. A change moves what comes after it: of the nodes that were looked up before, only the one that is
 * changed, and what is above it, are where they were.
 */
#pragma once

#include "boot/tree.h"

struct tree_editor {
        struct tree *tree;
        uint32_t address_cells, size_cells; /* of what is directly below the root */
        int r;                              /* 0, a negative FDT_ERR_… */
};

/** tree_edit() - begins to change a tree; it may grow by @more bytes. Return: 0, -ENOMEM */
int tree_edit(struct tree_editor *e, struct tree *t, size_t more);

/** tree_edit_done() - makes it as small as it can be. Return: 0, -EINVAL (@why says what failed) */
int tree_edit_done(struct tree_editor *e, const char **why);

/** tree_add() - a node directly below the root (@parent 0) or another; one of that name that is there is taken */
int tree_add(struct tree_editor *e, int parent, const char *format, ...) _printf_(3, 4);

void tree_remove(struct tree_editor *e, int node);
void tree_unset(struct tree_editor *e, int node, const char *name);
void tree_set_text(struct tree_editor *e, int node, const char *name, const char *text);
/* Texts with a NUL after each; @size with the last one. */
void tree_set_texts(struct tree_editor *e, int node, const char *name, const char *texts, size_t size);
void tree_set_flag(struct tree_editor *e, int node, const char *name);
void tree_set_cells(struct tree_editor *e, int node, const char *name, const uint32_t *cells, size_t count);
#define tree_set(e, node, name, ...)                                                                                   \
        tree_set_cells(e, node, name, (const uint32_t[]){ __VA_ARGS__ },                                               \
                       sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
/* As the root's cells have it; one that does not fit into these is an error. */
void tree_set_reg(struct tree_editor *e, int node, const struct range *ranges, size_t count);
