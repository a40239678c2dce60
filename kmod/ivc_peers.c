// SPDX-License-Identifier: GPL-2.0-only
#include "ivc_peers.h"

#include <linux/io.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include <hivc.h>

#include "arch.h"
#include "hypervisor.h"
#include "ivc_info.h"
#include "ivc_record.h"

struct ivc {
	struct list_head link;
	struct ivc_record record;
};

static DEFINE_MUTEX(lock);	/* of all below */
static LIST_HEAD(ivcs);
static u64 memory_used;
static u32 root_interrupts[HIVC_ZONE_MAX];	/* since ivc_peers_open() */

static struct ivc *find(u32 id)
{
	struct ivc *ivc;

	list_for_each_entry(ivc, &ivcs, link)
		if (ivc->record.like.id == id)
			return ivc;
	return NULL;
}

/* A new one is kept although nobody has joined it, should the start fail; it then costs nothing. */
static struct ivc *add(const struct hvisor_ivc *first)
{
	struct ivc *ivc = kzalloc(sizeof(*ivc), GFP_KERNEL);

	if (!ivc)
		return NULL;
	ivc_record_init(&ivc->record, first);
	list_add_tail(&ivc->link, &ivcs);
	return ivc;
}

static int check(const struct hvisor_ivc *wanted, u32 zone, u64 *new_memory)
{
	struct ivc *ivc = find(wanted->id);

	/* One that no start has made yet may be another one now. */
	if (ivc && !ivc->record.num_peers)
		ivc_record_init(&ivc->record, wanted);
	if (!ivc)
		ivc = add(wanted);
	if (!ivc)
		return -ENOMEM;
	if (!ivc->record.num_peers) {
		*new_memory += ivc_size(wanted);
		if (!ivc_memory_suffices(memory_used, *new_memory))
			return -ENOSPC;
	}
	return ivc_record_check(&ivc->record, wanted, zone);
}

int ivc_peers_check(const struct zone_description *zone)
{
	u64 new_memory = 0;
	u32 i;
	int r = 0;

	mutex_lock(&lock);
	for (i = 0; i < zone->num_ivcs && !r; i++)
		r = check(&zone->ivcs[i], zone->id, &new_memory);
	mutex_unlock(&lock);
	return r;
}

static void join(const struct hvisor_ivc *ivc, u32 zone)
{
	struct ivc *known = find(ivc->id);

	if (!known->record.num_peers)
		memory_used += ivc_size(ivc);
	ivc_record_join(&known->record, ivc, zone);
}

void ivc_peers_join(const struct zone_description *zone)
{
	u32 i;

	mutex_lock(&lock);
	for (i = 0; i < zone->num_ivcs; i++)
		join(&zone->ivcs[i], zone->id);
	mutex_unlock(&lock);
}

bool ivc_peer_has_joined(u32 id, u32 peer)
{
	struct ivc *ivc;
	bool has;

	mutex_lock(&lock);
	ivc = find(id);
	has = ivc && ivc_record_has(&ivc->record, peer);
	mutex_unlock(&lock);
	return has;
}
EXPORT_SYMBOL_GPL(ivc_peer_has_joined);

/* With no interrupt, which does not matter here. Return: 0, -ENOMEM. */
static int join_root(u64 address, u32 id)
{
	struct hvisor_ivc ivc = { .id = id };
	void __iomem *table = ioremap(address, HIVC_TABLE_SIZE);

	if (!table)
		return -ENOMEM;
	ivc.max_peers = readl(table + offsetof(struct hivc_table, max_peers));
	ivc.rw_size = readl(table + offsetof(struct hivc_table, rw_size));
	ivc.out_size = readl(table + offsetof(struct hivc_table, out_size));
	ivc.peer = readl(table + offsetof(struct hivc_table, peer));
	iounmap(table);
	if (ivc.peer >= IVC_PEERS_MAX)
		return 0;
	if (!add(&ivc))
		return -ENOMEM;
	join(&ivc, 0);
	return 0;
}

int ivc_peers_open(void)
{
	struct ivc_info info;
	u64 i;
	int r = ivc_info_get(&info);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	mutex_lock(&lock);
	for (i = 0; i < info.len && !r; i++) {
		root_interrupts[i] = info.interrupts[i];
		r = join_root(info.tables[i], info.ids[i]);
	}
	mutex_unlock(&lock);
	return r;
}

const u32 *ivc_root_interrupts(void)
{
	return root_interrupts;
}
