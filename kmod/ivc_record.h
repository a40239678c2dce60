/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which zone has been which peer of an IVC, since the hypervisor made it.
 *
 * Freestanding.
 */
#ifndef HVISOR_IVC_RECORD_H
#define HVISOR_IVC_RECORD_H

#include "zone_config.h"

#define IVC_PEERS_MAX	64	/* the hypervisor maps a part for each, in a loop */

struct ivc_record {
	struct hvisor_ivc like;		/* the first one's: number, sizes, room */
	u32 num_peers;
	u32 zones[IVC_PEERS_MAX];	/* the last one that was each peer, and 1; 0: none was */
};

/* The hypervisor takes it for good. Of an IVC that zone_check() lets pass: it cannot wrap. */
static inline u64 ivc_size(const struct hvisor_ivc *ivc)
{
	return ivc->rw_size + (u64)ivc->out_size * ivc->max_peers;
}

/*
 * Of the 64 MiB that the hypervisor has for this and for its tables; beyond its
 * end it panics. What was given is never given back.
 */
#define IVC_MEMORY_MAX	(32ULL << 20)

/* Is there room for @wanted more bytes? Root Linux's own may take more than there should be. */
static inline bool ivc_memory_suffices(u64 used, u64 wanted)
{
	return range_holds(0, IVC_MEMORY_MAX, used, wanted);
}

/* Makes an IVC that nobody has joined yet. */
void ivc_record_init(struct ivc_record *record, const struct hvisor_ivc *first);

/**
 * ivc_record_check() - would the hypervisor let the zone in, as this peer?
 * @ivc: of the same number
 *
 * It says nothing if it does not, and starts the zone without its part.
 *
 * Return: 0, -EUSERS (as many peers as it has room for have joined), -ENOTUNIQ
 * (it has other sizes; or the zone was another peer, and would be told that it is).
 */
int ivc_record_check(const struct ivc_record *record, const struct hvisor_ivc *ivc, u32 zone);

/* The zone is let in: ivc_record_check() said so. */
void ivc_record_join(struct ivc_record *record, const struct hvisor_ivc *ivc, u32 zone);

static inline bool ivc_record_has(const struct ivc_record *record, u32 peer)
{
	return peer < IVC_PEERS_MAX && record->zones[peer];
}

#endif
