/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What root Linux's device tree tells of the board, read from /proc/device-tree:
 * its interrupt controller, the RAM that it reserves, and the hypervisor's node.
 * Addresses are physical, as root Linux translates them. Does I/O; never logs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/range.h"

#define ROOT_TREE         "/proc/device-tree"
#define ROOT_RESERVED_MAX 64
#define NODE_PATH_SIZE    128

enum controller_kind {
        CONTROLLER_NONE,
        CONTROLLER_GICV2,
        CONTROLLER_GICV3,
        CONTROLLER_PLIC,
        CONTROLLER_APLIC,
        _CONTROLLER_KIND_MAX,
};

struct root_controller {
        enum controller_kind kind;
        char path[NODE_PATH_SIZE]; /* of its node, from the root; cut off where it is longer */
        struct range registers[4]; /* in the order of its binding: distributor, redistributors or CPU interface … */
        size_t num_registers;
};

/* RAM that is kept from root Linux (no-map): firmware's, the hypervisor's, the zones'. */
struct root_reserved {
        char path[NODE_PATH_SIZE];
        struct range range;
};

struct root_tree {
        bool known;                        /* false: this machine has no device tree */
        struct root_controller controller; /* the first that is of a known kind and not disabled */
        struct root_reserved reserved[ROOT_RESERVED_MAX];
        size_t num_reserved;
        char hvisor[NODE_PATH_SIZE]; /* the node compatible with "hvisor"; "": there is none */
        uint32_t wakeup_interrupt;   /* its interrupt, as the interrupt controller counts; 0: it has none */
};

/**
 * root_tree_read() - from a directory of that form
 * @path: ROOT_TREE; if it is missing @ret is not known
 * @ret: untouched on failure
 *
 * Return: 0, -E2BIG (more reserved RAM, or deeper, than any board has), -errno.
 */
int root_tree_read(const char *path, struct root_tree *ret, struct err *e);

/** controller_kind_to_string() - "GICv3" … */
const char *controller_kind_to_string(enum controller_kind kind);
