/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inter-VM communication, as hvisor's arm64 build has it. An IVC has a number that all its peers name. The first zone that
 * names it makes it: memory of the hypervisor's for one section that every peer writes and one for each peer that only
 * this one writes. A peer sees them one behind the other, and a control table: a page whose accesses are trapped, with
 * the sizes, its own number, and a register that raises a peer's interrupt.
 *
 * An IVC never ends, and nobody leaves it. Who names it again is let in only while fewer peers than it has room for have
 * joined; who is not let in starts all the same, without its memory and control table, and IVC_INFO goes on telling what
 * it told the zone's id before.
 */
#ifndef MONITOR_IVC_H
#define MONITOR_IVC_H

#include "abi.h"

struct mmio_access;
struct zone;

/* The zone joins what its config names. Panics where hvisor does: sections that overlap, no memory, no alignment. */
void ivc_join(struct zone *z, const struct ivc_config *configs, uint32_t count);

/* The access is the zone's to a control table at @table. Return: false if hvisor takes it for an error of the zone's. */
bool ivc_access(const struct zone *z, uint64_t table, struct mmio_access *a);

/* IVC_INFO. Return: 0, or -ABI_ENODEV if no zone of that id was ever let in. */
int64_t ivc_tell(uint32_t zone, struct ivc_info *ret);

#endif
