/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nodes of what a zone has, for a tree that is fixed and for one that is made. Directly below the root. */
#pragma once

#include <inttypes.h>

#include "boot/tree_edit.h"

#define TREE_MEMORY_NAME "memory@%" PRIx64 /* the guest's address */

/** tree_add_memory() - a node for each [Memory] */
void tree_add_memory(struct tree_editor *e, const struct zone_spec *z);

#define TREE_VIRTIO_NAME "virtio_mmio"

/** tree_add_virtio() - a node of the device, @name before its address, without its interrupt. Return: the node */
int tree_add_virtio(struct tree_editor *e, const struct device_spec *d, const char *name);

/** tree_set_interrupt() - of a virtio device: shared, on its edge; @cells: as many as the GIC's interrupts have */
void tree_set_interrupt(struct tree_editor *e, int node, uint32_t interrupt, uint32_t cells);

/** tree_add_ivc() - the node by which the guest's hivc.ko finds its interrupts; none for a zone without [IVC].
 * Return: the node, or 0 */
int tree_add_ivc(struct tree_editor *e, const struct zone_spec *z, uint32_t cells);

/** tree_set_chosen() - @command_line: NULL: as it is; @initrd: room for where it is, which tree_tell_initrd() says */
void tree_set_chosen(struct tree_editor *e, int node, const char *command_line, bool initrd);

/** tree_tell_initrd() - guest addresses, in a tree that is finished */
void tree_tell_initrd(struct tree *t, uint64_t start, uint64_t end);
