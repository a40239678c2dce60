/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A zone as this module knows it, and the bytes that the hypervisor wants for
 * it. The hypervisor's zone_config differs by architecture, by its magic
 * version and, under one magic even, by size: each is a row of a table.
 *
 *   zone_config_layouts.c	the table
 *   zone_config.c, _decode.c	head, IVC and PCI, which every layout has
 *   zone_config_arch.c		arch_config, by architecture
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
	enum hvisor_arch arch;
	u64 cpus;
	char name[HVISOR_NAME_SIZE];
	u64 entry_point;
	u64 kernel_address, kernel_size;
	u64 dtb_address, dtb_size;
	u32 interrupts[HVISOR_INTERRUPTS_MAX / 32];	/* all: passed through and of devices */
	u32 num_regions;
	u32 num_ivcs;
	u32 num_pci_buses;
	u32 num_pci_devices;
	union {
		struct hvisor_arm64 arm64;
		struct hvisor_riscv64 riscv64;
		struct hvisor_x86_64 x86_64;
	};
	struct hvisor_ivc ivcs[HVISOR_IVCS_MAX];
	struct hvisor_pci_bus pci_buses[HVISOR_PCI_BUSES_MAX];
	struct hvisor_pci_device pci_devices[HVISOR_PCI_DEVICES_MAX];
	struct hvisor_region regions[HVISOR_REGIONS_MAX];	/* virtio windows included */
};

/* The field at fault, for a message: @field, with a number if it is one of many. */
struct zone_problem {
	const char *field;
	u32 index;
};

/* An architecture's part of zone_config under some magic versions. */
struct zone_arch_config {
	u32 size;
	bool (*fits)(const struct zone_description *zone, struct zone_problem *problem);
	void (*encode)(const struct zone_description *zone, u8 *arch_config);
	int (*decode)(const u8 *arch_config, struct zone_description *zone);
};

/* How PCI devices are told. */
enum zone_pci_form {
	ZONE_PCI_NUMBERS,	/* one bus; a device is u64 bus << 8 | device << 3 | function */
	ZONE_PCI_8_BYTES,	/* four, each with a domain and numbers; a device has a type */
	ZONE_PCI_12_BYTES,	/* and an address in the guest */
};

struct zone_layout {
	u32 magic;
	enum hvisor_arch arch;
	u32 size;
	const struct zone_arch_config *arch_config;
	enum zone_pci_form pci;
};

/**
 * zone_layout_find() - layouts of a magic version on an architecture
 * @nth: 0 for the first one to be tried
 *
 * Return: borrowed, static; NULL if there is none (any more).
 */
const struct zone_layout *zone_layout_find(u32 magic, enum hvisor_arch arch, unsigned int nth);

/**
 * zone_layout_magics() - the magic versions known on an architecture
 *
 * Return: how many were written to @magics, in order of the table.
 */
unsigned int zone_layout_magics(enum hvisor_arch arch, u32 *magics, unsigned int max);

/**
 * zone_layout_check() - has the layout a place for all that the zone has?
 * @zone: checked by zone_check()
 * @problem: set on error
 *
 * Return: 0, -EOPNOTSUPP.
 */
int zone_layout_check(const struct zone_layout *layout, const struct zone_description *zone,
		      struct zone_problem *problem);

/**
 * zone_config_encode() - the bytes for ZONE_START
 * @zone: one that zone_layout_check() lets pass
 * @bytes: layout->size of them, all written; in the machine's byte order
 */
void zone_config_encode(const struct zone_layout *layout, const struct zone_description *zone,
			u8 *bytes);

/**
 * zone_config_decode() - a zone_config that user space made, for checking
 * @bytes: layout->size of them, from anybody
 * @what: the field at fault, on error
 *
 * What the hypervisor looks at and a description has no place for is refused.
 *
 * Return: 0, or -EINVAL (@zone is then of no use).
 */
int zone_config_decode(const struct zone_layout *layout, const u8 *bytes,
		       struct zone_description *zone, const char **what);

/* The architectures' parts, for the table of layouts (zone_config_arch.c). */
extern const struct zone_arch_config zone_config_arm64;
extern const struct zone_arch_config zone_config_arm64_uefi; /* magic 0x6 */
extern const struct zone_arch_config zone_config_riscv64;
extern const struct zone_arch_config zone_config_loongarch64;
extern const struct zone_arch_config zone_config_x86_64;
extern const struct zone_arch_config zone_config_x86_64_without_uefi; /* the first 0x5 */

static inline bool zone_has_interrupt(const struct zone_description *zone, u32 interrupt)
{
	return zone->interrupts[interrupt / 32] >> interrupt % 32 & 1;
}

#endif
