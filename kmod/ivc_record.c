// SPDX-License-Identifier: GPL-2.0-only
#include "ivc_record.h"

#define ROOT_ZONE 0

void ivc_record_init(struct ivc_record *record, const struct hvisor_ivc *first)
{
	memset(record, 0, sizeof(*record));
	record->like = *first;
}

int ivc_record_check(const struct ivc_record *record, const struct hvisor_ivc *ivc, u32 zone)
{
	u32 i;

	if (record->like.max_peers != ivc->max_peers || record->like.rw_size != ivc->rw_size ||
	    record->like.out_size != ivc->out_size)
		return -ENOTUNIQ;
	if (record->num_peers == record->like.max_peers)
		return -EUSERS;
	if (zone && record->zones[ivc->peer] == ROOT_ZONE + 1)
		return -ENOTUNIQ; /* its records of root Linux would be replaced, which the board does not survive */
	for (i = 0; i < IVC_PEERS_MAX; i++)
		if (i != ivc->peer && record->zones[i] == zone + 1)
			return -ENOTUNIQ;
	return 0;
}

void ivc_record_join(struct ivc_record *record, const struct hvisor_ivc *ivc, u32 zone)
{
	if (!record->zones[ivc->peer])
		record->num_peers++;
	record->zones[ivc->peer] = zone + 1;
}
