/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has joined which IVC. The hypervisor lets nobody leave, ends none, takes
 * their memory from its own, and says nothing when it does not let a zone in:
 * that starts without its part. The module stays as long as the hypervisor does,
 * and starts every zone: so it knows.
 */
#ifndef HVISOR_IVC_PEERS_H
#define HVISOR_IVC_PEERS_H

#include <linux/types.h>

struct zone_description;

/* Asks what root Linux itself has, once. Return: 0, -ENOMEM. */
int ivc_peers_open(void);

/* HVISOR_IVCS_MAX of them, for good; 0: none. */
const u32 *ivc_root_interrupts(void);

/**
 * ivc_peers_check() - would the hypervisor give the zone all its IVCs?
 * ivc_peers_join() - it has
 *
 * One start at a time. Process context.
 *
 * Return: 0; -EUSERS, -ENOTUNIQ (see ivc_record_check()); -ENOSPC (no memory of
 * the hypervisor's is left for another one); -ENOMEM.
 */
int ivc_peers_check(const struct zone_description *zone);
void ivc_peers_join(const struct zone_description *zone);

/* Exported, for hivc.ko of root Linux: to notify a peer that has not joined is the end of the board. */
bool ivc_peer_has_joined(u32 id, u32 peer);

#endif
