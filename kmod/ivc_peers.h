/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has joined which IVC, as far as this module has started it. The hypervisor
 * lets nobody leave, ends none, and tells neither who is in nor whom it did not
 * let in. The module stays as long as the hypervisor does: so does what it knows.
 */
#ifndef HVISOR_IVC_PEERS_H
#define HVISOR_IVC_PEERS_H

#include <linux/types.h>

/* Exported, for hivc.ko of root Linux. Any context. */
bool ivc_peer_has_joined(u32 id, u32 peer);

#endif
