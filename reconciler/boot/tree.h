/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flattened device tree in memory (Devicetree Specification 0.4), and what it tells of the machine. Whoever wrote
 * it may mean ill: tree_load() takes only what is well-formed, and tree_scan() keeps only what fits.
 */
#pragma once

#include "config/spec.h"

#define TREE_MAX       (2 << 20) /* Linux, Documentation/arch/arm64/booting.rst: at most 2 MiB */
#define TREE_DEPTH_MAX 16
#define TREE_PATH_MAX  160

struct tree {
        void *blob; /* owned; NULL: none */
        size_t size;
        const char *name; /* for messages: the file's path without its folders; borrowed */
};

void tree_clear(struct tree *t);

/**
 * tree_load() - a whole file
 * @ret: written on success only
 *
 * Return: 0; -EBADMSG, and @why says what is wrong with it; -ENOMEM, -errno.
 */
int tree_load(int fd, uint64_t size, const char *path, struct tree *ret, const char **why);

/** tree_path() - of a node; @buffer of TREE_PATH_MAX; one that is longer ends in "…" */
const char *tree_path(const struct tree *t, int node, char *buffer);

/* ---- what it tells ---------------------------------------------------------------------------------- */

/* Guest addresses, as the node gives them. */
struct tree_region {
        int node; /* offset in the blob */
        struct range range;
};

struct tree_virtio {
        struct tree_region at;
        bool enabled;
        bool coherent;
        bool known_interrupt; /* it has one, and it is the GIC's */
        uint32_t interrupt;   /* as in Interrupt=, from 32 on */
};

#define TREE_ITEMS_MAX   64
#define TREE_GIC_REGIONS 4
#define TREE_IVCS_MAX    8
#define TREE_IVC_NODE    "hvisor_ivc_device"

struct tree_gic {
        int node;         /* -1: none */
        uint32_t version; /* 2, 3 */
        uint32_t phandle;
        uint32_t cells; /* of an interrupt */
        size_t num_regions;
        struct range regions[TREE_GIC_REGIONS]; /* distributor; then CPU interface (2), redistributors (3) */
};

struct tree_facts {
        struct tree_region memory[TREE_ITEMS_MAX];
        size_t num_memory;
        struct tree_virtio virtio[TREE_ITEMS_MAX];
        size_t num_virtio;
        struct tree_region cpus[CPUS_MAX]; /* base: what reg says, the CPU's MPIDR affinity */
        size_t num_cpus;
        struct tree_region registers[TREE_ITEMS_MAX]; /* of all other devices that are enabled */
        size_t num_registers;
        struct tree_gic gic;
        int ivc;                                /* /hvisor_ivc_device, which hivc.ko looks for; -1: none */
        uint32_t ivc_interrupts[TREE_IVCS_MAX]; /* as in Interrupt=; of the GIC's only */
        size_t num_ivc_interrupts;
        int its;      /* the first that is enabled, -1: none */
        int psci_hvc; /* PSCI by hvc, -1: none */
        int chosen;
        bool has_initrd;
        uint64_t initrd_start, initrd_end;
        bool cut;      /* there was more than fits */
        bool too_deep; /* there were nodes beyond TREE_DEPTH_MAX */
};

/** tree_scan() - of a tree that tree_load() took, or that was made here */
void tree_scan(const struct tree *t, struct tree_facts *ret);
