/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The distributor and the redistributors as guests see them. Every access is trapped; as in hvisor it then works on
 * the real registers, restricted to the interrupts of the zone's bitmap and the zone's own CPUs.
 */
#ifndef MONITOR_VGIC_H
#define MONITOR_VGIC_H

#include "trap.h"

struct zone;

/* Does an access at @offset of the distributor. Panics on a register that hvisor does not know. */
void vgic_distributor_access(struct zone *z, uint64_t offset, struct mmio_access *a);

/* Does an access at @offset from the first redistributor. Return: false beyond the board's CPUs. */
bool vgic_redistributor_access(struct zone *z, uint64_t offset, struct mmio_access *a);

/* Does a guest's write to ICC_SGI1R_EL1: only the zone's own CPUs get it. */
void vgic_send_sgi(struct zone *z, uint64_t value);

#endif
