/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zones: the list that ZONE_LIST shows, and the objects behind it.
 *
 * hvisor holds a zone by a counted reference and a read-write lock; both are modelled, for both are visible: who traps
 * while ZONE_SHUTDOWN has the write lock waits for its end, and a zone that is removed while somebody holds a
 * reference is a panic.
 */
#ifndef MONITOR_ZONE_H
#define MONITOR_ZONE_H

#include "abi.h"
#include "lock.h"
#include "stage2.h"

#define ROOT_ZONE_ID 0

struct mmio_range {
        uint64_t start;
        uint64_t size;
};

/* id, cpus and what the regions made do not change while the zone is in use; lock guards is_err. */
struct zone {
        struct stage2 stage2 __attribute__((aligned(4096)));
        struct rwlock lock;
        uint32_t references;            /* transient ones; a CPU's zone pointer does not count */
        uint32_t id;
        uint64_t cpus;
        char name[ZONE_NAME_SIZE];
        bool is_err;
        uint32_t num_virtio;
        struct mmio_range virtio[ZONE_CONFIG_REGIONS];
        struct mmio_range gicd;
        uint32_t num_ivc_tables;
        uint64_t ivc_tables[ZONE_CONFIG_IVCS];  /* a page each */
        uint32_t interrupts[32];
};

/* Makes root Linux's zone and gives it its CPUs. CPU 0, once. */
void zone_create_root(void);

/* Root joins the IVC that KNOB_ROOT_IVC gives it, if it has not yet. */
void zone_root_join_ivc(void);

/* This CPU's zone, with a reference. Panics if it has none. zone_put() gives the reference back. */
struct zone *zone_get_this(void);
void zone_put(struct zone *z);

/* True if this CPU belongs to root Linux. */
bool zone_this_is_root(void);
uint32_t zone_this_id(void);

/* The listed zone's lowest CPU, or -1. Waits while one of the zones is being shut down. */
int zone_first_cpu(uint32_t id);

static inline bool zone_has_irq(const struct zone *z, uint64_t irq) {
        return irq < 1024 && z->interrupts[irq / 32] >> irq % 32 & 1;
}

/* The region of type virtio that holds the whole access, or NULL. */
const struct mmio_range *zone_find_virtio(const struct zone *z, uint64_t address, unsigned int size);

/* The control table that holds the whole access, or NULL. */
const uint64_t *zone_find_ivc_table(const struct zone *z, uint64_t address, unsigned int size);

/* This CPU's zone did something wrong at @address: it is marked in the list. Root's errors are a panic. */
void zone_error(uint64_t address);

/* The hypercalls. Return: what hvisor returns; a negative errno as two's complement. */
int64_t zone_start(const struct zone_config *config, uint64_t size);
int64_t zone_shutdown(uint64_t id);
int64_t zone_list(struct zone_info *infos, uint64_t count);

/* SYSTEM_OFF by one of the zone's CPUs: off the list, the others are told to stop, this CPU is left to the caller. */
void zone_system_off(void);

#endif
