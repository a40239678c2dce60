/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A zone as this module knows it, and the bytes that the hypervisor wants for
 * it. The hypervisor's zone_config differs by architecture, by its magic
 * version and, under one magic even, by size: each is a row of a table.
 *
 * Freestanding.
 */
#ifndef HVISOR_ZONE_CONFIG_H
#define HVISOR_ZONE_CONFIG_H

#include "pure.h"
#include <hvisor.h>

#define ZONE_REGION_VIRTIO	2	/* beside enum hvisor_region_type; trapped */
#define ZONE_CONFIG_SIZE_MAX	4096

struct zone_description {
	u32 id;
	u32 num_regions;
	u64 cpus;
	char name[HVISOR_NAME_SIZE];
	u64 entry_point;
	u64 kernel_address, kernel_size;
	u64 dtb_address, dtb_size;
	u32 interrupts[HVISOR_INTERRUPTS_MAX / 32];	/* all: passed through and of devices */
	struct hvisor_gic gic;
	struct hvisor_region regions[HVISOR_REGIONS_MAX];	/* virtio windows included */
};

enum zone_arch {
	ZONE_ARCH_ARM64,
	ZONE_ARCH_RISCV64,
	ZONE_ARCH_LOONGARCH64,
	ZONE_ARCH_X86_64,
};

struct zone_layout {
	u32 magic;
	enum zone_arch arch;
	u32 size;
	u32 arch_config;	/* offsets */
	u32 num_pci_bus;	/* 0: none */
	u32 num_pci_devs;
	void (*encode_arch)(const struct zone_description *zone, u8 *arch_config);
	int (*decode_arch)(const u8 *arch_config, struct zone_description *zone);
};

/**
 * zone_layout_find() - layouts of a magic version on an architecture
 * @nth: 0 for the first one to be tried
 *
 * Return: borrowed, static; NULL if there is none (any more).
 */
const struct zone_layout *zone_layout_find(u32 magic, enum zone_arch arch, unsigned int nth);

/**
 * zone_layout_magics() - the magic versions known on an architecture
 *
 * Return: how many were written to @magics, in order of the table.
 */
unsigned int zone_layout_magics(enum zone_arch arch, u32 *magics, unsigned int max);

/**
 * zone_config_encode() - the bytes for ZONE_START
 * @bytes: layout->size of them, all written; in the machine's byte order
 */
void zone_config_encode(const struct zone_layout *layout, const struct zone_description *zone,
			u8 *bytes);

/**
 * zone_config_decode() - a zone_config that user space made, for checking
 * @bytes: layout->size of them, from anybody
 * @what: the field at fault, on error
 *
 * PCI and the like have no place in a description: their counts are checked.
 *
 * Return: 0, or -EINVAL (@zone is then of no use).
 */
int zone_config_decode(const struct zone_layout *layout, const u8 *bytes,
		       struct zone_description *zone, const char **what);

static inline bool zone_has_interrupt(const struct zone_description *zone, u32 interrupt)
{
	return zone->interrupts[interrupt / 32] >> interrupt % 32 & 1;
}

#endif
