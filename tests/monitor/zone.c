/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "board.h"
#include "cpu.h"
#include "event.h"
#include "gic.h"
#include "print.h"
#include "zone.h"
#include "zone_object.h"

static struct rwlock list_lock;
static struct zone *list[ZONE_OBJECTS];
static unsigned int list_count;

void zone_list_add(struct zone *z) {
        write_lock(&list_lock);
        list[list_count++] = z;
        write_unlock(&list_lock);
}

void zone_list_remove(struct zone *z) {
        unsigned int i = 0;

        write_lock(&list_lock);
        while (i < list_count && list[i] != z)
                i++;
        if (i == list_count)
                panic("zone %u ends twice", (uint64_t) z->id);
        list_count--;
        for (; i < list_count; i++)
                list[i] = list[i + 1];
        if (__atomic_load_n(&z->references, __ATOMIC_ACQUIRE))
                panic("zone %u is removed while a CPU still looks at it", (uint64_t) z->id);
        write_unlock(&list_lock);
}

bool zone_is_listed(const struct zone *z) {
        for (unsigned int i = 0; i < list_count; i++)
                if (list[i] == z)
                        return true;
        return false;
}

struct zone *zone_find(uint64_t id) {
        struct zone *found = NULL;

        read_lock(&list_lock);
        for (unsigned int i = 0; i < list_count && !found; i++) {
                struct zone *z = list[i];

                read_lock(&z->lock);
                if (z->id == id) {
                        __atomic_fetch_add(&z->references, 1, __ATOMIC_RELAXED);
                        found = z;
                }
                read_unlock(&z->lock);
        }
        read_unlock(&list_lock);
        return found;
}

struct zone *zone_get_this(void) {
        struct zone *z = cpu_this()->zone;

        if (!z)
                panic("CPU %u traps but belongs to no zone", (uint64_t) cpu_id());
        __atomic_fetch_add(&z->references, 1, __ATOMIC_ACQUIRE);
        return z;
}

void zone_put(struct zone *z) {
        __atomic_fetch_sub(&z->references, 1, __ATOMIC_RELEASE);
}

bool zone_this_is_root(void) {
        struct zone *z = zone_get_this();
        bool root = z->id == ROOT_ZONE_ID;

        zone_put(z);
        return root;
}

uint32_t zone_this_id(void) {
        struct zone *z = zone_get_this();
        uint32_t id;

        read_lock(&z->lock);
        id = z->id;
        read_unlock(&z->lock);
        zone_put(z);
        return id;
}

int zone_first_cpu(uint32_t id) {
        struct zone *z = zone_find(id);
        int cpu;

        if (!z)
                return -1;
        cpu = __builtin_ctzl(z->cpus);
        zone_put(z);
        return cpu;
}

const struct mmio_range *zone_find_virtio(const struct zone *z, uint64_t address, unsigned int size) {
        for (uint32_t i = 0; i < z->num_virtio; i++) {
                const struct mmio_range *r = &z->virtio[i];

                if (address >= r->start && address - r->start < r->size && size <= r->size - (address - r->start))
                        return r;
        }
        return NULL;
}

const uint64_t *zone_find_ivc_table(const struct zone *z, uint64_t address, unsigned int size) {
        for (uint32_t i = 0; i < z->num_ivc_tables; i++)
                if (address >= z->ivc_tables[i] && address - z->ivc_tables[i] <= PAGE_SIZE - size)
                        return &z->ivc_tables[i];
        return NULL;
}

void zone_error(uint64_t address) {
        struct zone *z = zone_get_this();

        if (z->id == ROOT_ZONE_ID)
                panic("root accesses %x, outside its regions", address);
        if (!z->is_err)
                print("zone %u accesses %x, outside its regions", (uint64_t) z->id, address);
        write_lock(&z->lock);
        z->is_err = true;
        write_unlock(&z->lock);
        zone_put(z);
}

static void describe(struct zone *z, struct zone_info *ret) {
        read_lock(&z->lock);
        *ret = (struct zone_info) { .zone_id = z->id, .cpus = z->cpus, .is_err = z->is_err };
        for (unsigned int i = 0; i < ZONE_NAME_SIZE; i++)
                ret->name[i] = z->name[i];
        read_unlock(&z->lock);
}

int64_t zone_list(struct zone_info *infos, uint64_t count) {
        uint64_t n;

        if (!infos)
                return -ABI_EINVAL;
        read_lock(&list_lock);
        for (n = 0; n < list_count && n < count; n++)
                describe(list[n], &infos[n]);
        read_unlock(&list_lock);
        return (int64_t) n;
}
