/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch.h"
#include "print.h"
#include "stage2.h"

/* Descriptors, Arm ARM D8.3. */
#define DESC_TABLE 0x3
#define DESC_BLOCK 0x1
#define DESC_PAGE 0x3
#define DESC_TYPE_TABLE BIT(1)
#define DESC_ADDRESS 0xfffffffff000UL
#define DESC_ATTRS_NORMAL 0x7fcUL       /* AF, inner shareable, read-write, write-back */
#define DESC_ATTRS_DEVICE 0x4c4UL       /* AF, read-write, nGnRE */
#define DESC_WRITE 0x80UL
#define DESC_EXECUTE_NEVER BIT(54)

/* 40-bit physical, 4 KiB, inner shareable, write-back walks, start at level 1, 39-bit input. */
#define VTCR (BIT(31) | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1 << 6 | 25)

#define FIRST_LEVEL 1
#define LAST_LEVEL 3

static uint64_t level_size(unsigned int level) {
        return BIT(12 + 9 * (LAST_LEVEL - level));
}

static struct stage2_table *table_new(struct stage2 *s) {
        struct stage2_table *t;

        if (s->used == STAGE2_TABLES)
                panic("a zone needs more than %u stage 2 tables", (uint64_t) STAGE2_TABLES);
        t = &s->tables[s->used++];
        for (unsigned int i = 0; i < ELEMENTSOF(t->entries); i++)
                t->entries[i] = 0;
        return t;
}

void stage2_init(struct stage2 *s, unsigned int vmid) {
        s->used = 0;
        s->vmid = vmid;
        table_new(s);
}

/* Maps as much of the range as one entry at the right level covers. Return: its size, 0 if something is there. */
static uint64_t map_one(struct stage2 *s, uint64_t ipa, uint64_t pa, uint64_t left, uint64_t attributes) {
        struct stage2_table *t = &s->tables[0];

        for (unsigned int level = FIRST_LEVEL;; level++) {
                uint64_t size = level_size(level);
                uint64_t *entry = &t->entries[ipa / size % ELEMENTSOF(t->entries)];

                if (level == LAST_LEVEL || (*entry == 0 && (ipa | pa) % size == 0 && left >= size)) {
                        if (*entry)
                                return 0;
                        *entry = (pa & DESC_ADDRESS) | attributes | (level == LAST_LEVEL ? DESC_PAGE : DESC_BLOCK);
                        return size;
                }
                if (!*entry)
                        *entry = (uint64_t) table_new(s) | DESC_TABLE;
                if (!(*entry & DESC_TYPE_TABLE))
                        return 0;
                t = (struct stage2_table *) (*entry & DESC_ADDRESS);
        }
}

static uint64_t attributes_of(enum stage2_memory memory) {
        switch (memory) {
        case STAGE2_NORMAL:
                return DESC_ATTRS_NORMAL;
        case STAGE2_DEVICE:
                return DESC_ATTRS_DEVICE;
        case STAGE2_SHARED:
                return DESC_ATTRS_NORMAL | DESC_EXECUTE_NEVER;
        case STAGE2_READ_ONLY:
                return (DESC_ATTRS_NORMAL & ~DESC_WRITE) | DESC_EXECUTE_NEVER;
        }
        return 0;
}

bool stage2_map(struct stage2 *s, uint64_t ipa, uint64_t pa, uint64_t size, enum stage2_memory memory) {
        uint64_t attributes = attributes_of(memory);

        if (size > STAGE2_IPA_SIZE || ipa > STAGE2_IPA_SIZE - size)
                panic("memory region %x + %x is beyond the stage 2 address space", ipa, size);
        while (size) {
                uint64_t mapped = map_one(s, ipa, pa, size, attributes);

                if (!mapped)
                        return false;
                ipa += mapped;
                pa += mapped;
                size -= mapped;
        }
        return true;
}

bool stage2_translate(const struct stage2 *s, uint64_t ipa, uint64_t *ret) {
        const struct stage2_table *t = &s->tables[0];

        if (ipa >= STAGE2_IPA_SIZE)
                return false;
        for (unsigned int level = FIRST_LEVEL;; level++) {
                uint64_t size = level_size(level);
                uint64_t entry = t->entries[ipa / size % ELEMENTSOF(t->entries)];

                if (!entry)
                        return false;
                if (level == LAST_LEVEL || !(entry & DESC_TYPE_TABLE)) {
                        *ret = (entry & DESC_ADDRESS) + ipa % size;
                        return true;
                }
                t = (const struct stage2_table *) (entry & DESC_ADDRESS);
        }
}

void stage2_activate(struct stage2 *s) {
        dsb();
        write_sysreg(vtcr_el2, VTCR);
        write_sysreg(vttbr_el2, (uint64_t) &s->tables[0] | (uint64_t) s->vmid << 48);
        isb();
        __asm__ volatile("tlbi vmalls12e1is\n\tdsb ish\n\tic ialluis\n\tdsb ish\n\tisb" ::: "memory");
}
