/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is this zone one that the hypervisor can start? It panics, and the board
 * with it, on many a zone_config; each of those is refused here, before.
 *
 *   zone_check.c		regions, images, devices; between zones
 *   zone_check_arch.c	what an architecture has: GIC, PLIC, boot of x86
 *   zone_check_pci.c, zone_check_ivc.c
 *
 * Freestanding.
 */
#ifndef HVISOR_ZONE_CHECK_H
#define HVISOR_ZONE_CHECK_H

#include "zone_config.h"

struct zone_limits {
	u64 root_cpus;
	u32 gic_version;	/* the board's; 0: not known */
	u32 wakeup_interrupt;	/* the hypervisor's, to root Linux; 0: not known */
	u32 ivc_interrupts[HVISOR_IVCS_MAX];	/* of root Linux's own IVCs; 0: none */
	u64 acpi_size;		/* what the tables take that the hypervisor copies; 0: not known */
};

/**
 * zone_check() - all that can be told from the zone itself
 * @problem: set on error
 *
 * Return: 0, -EINVAL, -E2BIG (too many regions), -EBUSY (a CPU of root Linux).
 */
int zone_check(const struct zone_description *zone, const struct zone_limits *limits,
	       struct zone_problem *problem);

/**
 * zone_check_apart() - may both exist at once?
 *
 * No CPU in common, no byte of one's RAM in a region or a PCI window of the other,
 * no PCI device of both but the host bridge, IVC sections of one id alike, and no
 * IVC's interrupt with the other. (Two zones may share an I/O region, or an interrupt
 * that is no IVC's: whether they should is their manager's call.)
 *
 * Return: 0, or -EBUSY and @problem.
 */
int zone_check_apart(const struct zone_description *a, const struct zone_description *b,
		     struct zone_problem *problem);

/* Is it root Linux's: the one that wakes it, or an IVC's? No zone may have it. Return: 0, or -EBUSY and @problem. */
int zone_check_interrupt(const struct zone_limits *limits, u32 interrupt,
			 struct zone_problem *problem);

/* Is it an IVC's of the zone? Then nobody else may have it, not for a device either. */
bool zone_has_ivc_interrupt(const struct zone_description *zone, u32 interrupt);

/**
 * zone_add_device() - gives the zone a virtio window and an interrupt
 *
 * Return: 0, -EINVAL, -E2BIG (too many regions), -EEXIST (the window overlaps
 * a region, a window or what is trapped, or the interrupt is taken).
 */
int zone_add_device(struct zone_description *zone, u64 address, u64 size, u32 interrupt,
		    struct zone_problem *problem);

/**
 * zone_find_ram() - the region of RAM, or of reserved RAM, that holds [address, address+size)
 * @physical: whether @address is physical, else guest
 *
 * Return: borrowed; NULL if no single one does.
 */
const struct hvisor_region *zone_find_ram(const struct zone_description *zone, bool physical,
					  u64 address, u64 size);

/* True if a byte of the physical [address, address+size) is the zone's RAM. */
bool zone_has_ram(const struct zone_description *zone, u64 address, u64 size);

/* True if the 32 bytes are a name: 1 to 31 of A-Za-z0-9._- and zeroes from there on. */
bool zone_name_is_valid(const char *name);

#endif
