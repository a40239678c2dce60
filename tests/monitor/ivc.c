/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch.h"
#include "board.h"
#include "gic.h"
#include "ivc.h"
#include "print.h"
#include "trap.h"
#include "zone.h"

#define RECORDS_MAX 16
#define PEERS_MAX 16
#define ZONES_MAX 64

/* Registers of the control table; four bytes each, but nobody checks an access' size. */
enum {
        TABLE_IVC_ID = 0x00,
        TABLE_MAX_PEERS = 0x04,
        TABLE_RW_SIZE = 0x08,
        TABLE_OUT_SIZE = 0x0c,
        TABLE_PEER_ID = 0x10,
        TABLE_IPI_INVOKE = 0x14,
};

struct peer {
        uint32_t id;
        uint32_t zone;
        uint32_t interrupt;
};

struct record {
        struct ivc_config like;         /* the first one's: number, sizes, room */
        uint64_t memory;
        unsigned int num_peers;
        struct peer peers[PEERS_MAX];
};

static struct spinlock lock;            /* of all below */
static struct record records[RECORDS_MAX];
static unsigned int num_records;
static uint64_t pool_used;
static struct {
        uint32_t zone;
        struct ivc_info info;
} told[ZONES_MAX];
static unsigned int num_told;

static struct record *find_record(uint32_t id) {
        for (unsigned int i = 0; i < num_records; i++)
                if (records[i].like.ivc_id == id)
                        return &records[i];
        return NULL;
}

static uint64_t allocate(const struct ivc_config *c) {
        uint64_t size = c->rw_sec_size + (uint64_t) c->out_sec_size * c->max_peers;
        uint64_t memory = BOARD_IVC_POOL + pool_used;

        if (!size || size > BOARD_IVC_POOL_SIZE - pool_used)
                panic("IVC %u: no %x bytes of memory", (uint64_t) c->ivc_id, size);
        pool_used += size;
        return memory;
}

static struct record *new_record(const struct ivc_config *c) {
        struct record *r = &records[num_records];

        if ((c->rw_sec_size | c->out_sec_size) % PAGE_SIZE) {
                print("IVC %u: sections are not page-aligned", (uint64_t) c->ivc_id);
                return NULL;
        }
        if (num_records == RECORDS_MAX)
                panic("more than %u IVCs", (uint64_t) RECORDS_MAX);
        r->like = *c;
        r->memory = allocate(c);
        r->num_peers = 0;
        num_records++;
        return r;
}

static void set_peer(struct record *r, const struct ivc_config *c, uint32_t zone) {
        unsigned int i = 0;

        while (i < r->num_peers && r->peers[i].id != c->peer_id)
                i++;
        if (i == PEERS_MAX)
                panic("IVC %u: more than %u peers", (uint64_t) c->ivc_id, (uint64_t) PEERS_MAX);
        if (i == r->num_peers)
                r->num_peers++;
        r->peers[i] = (struct peer) { c->peer_id, zone, c->interrupt_num };
}

/* Return: the record, or NULL if the zone is not let in. */
static struct record *join(const struct ivc_config *c, uint32_t zone) {
        struct record *r = find_record(c->ivc_id);

        if (!r) {
                r = new_record(c);
        } else if (r->like.max_peers != c->max_peers || r->like.rw_sec_size != c->rw_sec_size ||
                   r->like.out_sec_size != c->out_sec_size) {
                print("IVC %u: zone %u wants other sizes", (uint64_t) c->ivc_id, (uint64_t) zone);
                return NULL;
        } else if (r->num_peers == r->like.max_peers) {
                print("IVC %u: zone %u finds it full", (uint64_t) c->ivc_id, (uint64_t) zone);
                return NULL;
        }
        if (r)
                set_peer(r, c, zone);
        return r;
}

static void map(struct zone *z, uint64_t ipa, uint64_t pa, uint64_t size, enum stage2_memory memory) {
        if (ipa % PAGE_SIZE)
                panic("zone %u: IVC memory %x is not page-aligned", (uint64_t) z->id, ipa);
        if (!stage2_map(&z->stage2, ipa, pa, size, memory))
                panic("zone %u: IVC memory %x + %x overlaps a region", (uint64_t) z->id, ipa, size);
}

static void show(struct zone *z, const struct ivc_config *c, uint64_t memory) {
        uint64_t ipa = c->shared_mem_ipa;

        map(z, ipa, memory, c->rw_sec_size, STAGE2_SHARED);
        for (uint32_t i = 0; i < c->max_peers; i++) {
                uint64_t offset = c->rw_sec_size + (uint64_t) i * c->out_sec_size;

                map(z, ipa + offset, memory + offset, c->out_sec_size, i == c->peer_id ? STAGE2_SHARED : STAGE2_READ_ONLY);
        }
        z->ivc_tables[z->num_ivc_tables++] = c->control_table_ipa;
}

static struct ivc_info *find_info(uint32_t zone) {
        for (unsigned int i = 0; i < num_told; i++)
                if (told[i].zone == zone)
                        return &told[i].info;
        return NULL;
}

static void tell(uint32_t zone, const struct ivc_config *configs, uint32_t count) {
        static const struct ivc_config none;
        struct ivc_info *info = find_info(zone);

        if (!info) {
                if (num_told == ZONES_MAX)
                        panic("more than %u zone ids", (uint64_t) ZONES_MAX);
                told[num_told].zone = zone;
                info = &told[num_told++].info;
        }
        info->len = count;
        for (uint32_t n = 0; n < ZONE_CONFIG_IVCS; n++) {
                const struct ivc_config *c = n < count ? &configs[n] : &none;

                info->control_table_ipas[n] = c->control_table_ipa;
                info->shared_mem_ipas[n] = c->shared_mem_ipa;
                info->ids[n] = c->ivc_id;
                info->interrupts[n] = c->interrupt_num;
        }
}

void ivc_join(struct zone *z, const struct ivc_config *configs, uint32_t count) {
        if (count > ZONE_CONFIG_IVCS)
                panic("zone %u: %u IVC regions", (uint64_t) z->id, (uint64_t) count);
        spin_lock(&lock);
        for (uint32_t i = 0; i < count; i++) {
                const struct record *r = join(&configs[i], z->id);

                if (!r) {
                        spin_unlock(&lock);
                        return;
                }
                show(z, &configs[i], r->memory);
        }
        tell(z->id, configs, count);
        spin_unlock(&lock);
}

int64_t ivc_tell(uint32_t zone, struct ivc_info *ret) {
        const struct ivc_info *info;

        spin_lock(&lock);
        info = find_info(zone);
        for (size_t i = 0; info && i < sizeof(*info) / sizeof(uint64_t); i++)
                ((volatile uint64_t *) ret)[i] = ((const uint64_t *) info)[i];
        spin_unlock(&lock);
        return info ? 0 : -ABI_ENODEV;
}

/* The peer with the lowest number that is this zone. */
static uint32_t own_number(const struct record *r, uint32_t zone) {
        uint32_t number = UINT32_MAX;

        for (unsigned int i = 0; i < r->num_peers; i++)
                if (r->peers[i].zone == zone && r->peers[i].id < number)
                        number = r->peers[i].id;
        return number;
}

/* The physical interrupt: whether and where it arrives is up to what the peer's zone made of it in the distributor. */
static bool invoke(const struct record *r, uint32_t peer) {
        for (unsigned int i = 0; i < r->num_peers; i++)
                if (r->peers[i].id == peer) {
                        gic_set_pending(r->peers[i].interrupt);
                        return true;
                }
        return false;
}

/* A write to a register that only tells something is ignored. */
static bool access_register(const struct record *r, uint32_t zone, uint64_t offset, struct mmio_access *a) {
        switch (offset) {
        case TABLE_IVC_ID:
                a->value = r->like.ivc_id;
                return true;
        case TABLE_MAX_PEERS:
                a->value = r->like.max_peers;
                return true;
        case TABLE_RW_SIZE:
                a->value = r->like.rw_sec_size;
                return true;
        case TABLE_OUT_SIZE:
                a->value = r->like.out_sec_size;
                return true;
        case TABLE_PEER_ID:
                a->value = own_number(r, zone);
                return true;
        case TABLE_IPI_INVOKE:
                return a->is_write && invoke(r, (uint32_t) a->value);
        default:
                return false;
        }
}

bool ivc_access(const struct zone *z, uint64_t table, struct mmio_access *a) {
        const struct ivc_info *info;
        bool ok;
        uint64_t i = 0;

        spin_lock(&lock);
        info = find_info(z->id);
        while (info && i < info->len && info->control_table_ipas[i] != table)
                i++;
        if (!info || i == info->len)
                panic("zone %u: a control table, but no IVC", (uint64_t) z->id);
        ok = access_register(find_record(info->ids[i]), z->id, a->address - table, a);
        spin_unlock(&lock);
        return ok;
}
