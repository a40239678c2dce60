/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What root Linux' own device tree has to have for the zones. */
#pragma once

#include <stdio.h>

#include "check/root_tree.h"
#include "config/spec.h"

struct root_nodes; /* the zones' RAM, as few pieces as there are */

/** root_nodes_new() - NULL: out of memory */
struct root_nodes *root_nodes_new(void);
struct root_nodes *root_nodes_free(struct root_nodes *n);
DEFINE_CLEANUP(struct root_nodes *, root_nodes_free);

/** root_nodes_add() - a zone's memory; -ENOMEM */
int root_nodes_add(struct root_nodes *n, const struct zone_spec *z);

/**
 * root_nodes_write() - as source, ready to paste
 * @b: tells the wake-up interrupt; NULL, or one that does not: as @tree has it
 *
 * Return: false: nobody tells it, and the node lacks it.
 */
bool root_nodes_write(struct root_nodes *n, const struct board_spec *b, const struct root_tree *tree, FILE *f);

/** root_nodes_compare() - what @tree, which is known, lacks of it, a line each. Return: how many */
size_t root_nodes_compare(struct root_nodes *n, const struct board_spec *b, const struct root_tree *tree, FILE *f);
