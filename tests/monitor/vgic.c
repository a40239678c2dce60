/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "board.h"
#include "gic.h"
#include "print.h"
#include "vgic.h"
#include "zone.h"

#define GICD_TYPER 0x0004
#define GICD_IIDR 0x0008
#define GICD_TYPER2 0x000c
#define GICD_ITARGETSR 0x0800
#define GICD_IGRPMODR 0x0d00
#define GICD_IROUTER 0x6000
#define GIC_ID_REGISTERS 0xffd0

#define GICR_CTLR 0x0000
#define GICR_IIDR 0x0004
#define GICR_TYPER 0x0008
#define GICR_TYPER_LAST BIT(4)
#define GICR_STATUSR 0x0010

static struct spinlock gicd_lock;

static void perform(uint64_t base, uint64_t offset, struct mmio_access *a) {
        if (a->is_write)
                mmio_write(base + offset, a->size, a->value);
        else
                a->value = mmio_read(base + offset, a->size);
}

static bool in_range(uint64_t offset, uint64_t start, uint64_t size) {
        return offset >= start && offset - start < size;
}

/* The bits of a distributor word starting at @offset of a block with @bits per interrupt that the zone may touch. */
static uint64_t zone_mask(const struct zone *z, uint64_t offset, unsigned int bits) {
        unsigned int per_word = 32 / bits;
        uint64_t first = offset / 4 * per_word;
        uint64_t mask = 0;

        for (unsigned int i = 0; i < per_word; i++)
                if (zone_has_irq(z, first + i))
                        mask |= (BIT(bits) - 1) << (i * bits);
        return mask;
}

static void masked_access(uint64_t offset, uint64_t mask, bool write_one, struct mmio_access *a) {
        uint64_t value = a->value & mask;

        if (!a->is_write) {
                perform(BOARD_GICD, offset, a);
                a->value &= mask;
                return;
        }
        spin_lock(&gicd_lock);
        if (!write_one)
                value |= mmio_read(BOARD_GICD + offset, a->size) & ~mask;
        mmio_write(BOARD_GICD + offset, a->size, value);
        spin_unlock(&gicd_lock);
}

static void irq_access(struct zone *z, uint64_t offset, uint64_t irq, struct mmio_access *a) {
        if (irq >= GIC_FIRST_SPI && zone_has_irq(z, irq))
                perform(BOARD_GICD, offset, a);
}

void vgic_distributor_access(struct zone *z, uint64_t offset, struct mmio_access *a) {
        if (in_range(offset, GICD_IROUTER, 1024 * 8))
                irq_access(z, offset, (offset - GICD_IROUTER) / 8, a);
        else if (in_range(offset, GICD_ITARGETSR, 1024))
                irq_access(z, offset, offset - GICD_ITARGETSR, a);
        else if (in_range(offset, GIC_ISENABLER, GIC_IPRIORITYR - GIC_ISENABLER))
                masked_access(offset, zone_mask(z, offset & 0x7f, 1), true, a);
        else if (in_range(offset, GIC_IGROUPR, 0x80))
                masked_access(offset, zone_mask(z, offset & 0x7f, 1), false, a);
        else if (in_range(offset, GIC_ICFGR, 0x100))
                masked_access(offset, zone_mask(z, offset & 0xff, 2), false, a);
        else if (in_range(offset, GIC_IPRIORITYR, 1020))
                masked_access(offset, zone_mask(z, offset & 0x3ff, 8), false, a);
        else if (in_range(offset, GICD_IGRPMODR, 0x80))
                return;
        else if (offset <= GICD_TYPER2 || offset >= GIC_ID_REGISTERS) {
                if (!a->is_write)
                        perform(BOARD_GICD, offset, a);
        } else {
                panic("zone %u accesses GICD + %x", (uint64_t) z->id, offset);
        }
}

/* The monitor's own interrupts stay as they are in the bitmap registers of the SGI frame, and in the priorities. */
static void private_access(uint64_t base, uint64_t offset, struct mmio_access *a) {
        uint64_t frame_offset = offset - GICR_SGI_FRAME;

        if (a->is_write && frame_offset < GIC_IPRIORITYR)
                a->value &= ~(uint64_t) GIC_OWN_PRIVATE;
        for (unsigned int i = 0; a->is_write && frame_offset >= GIC_IPRIORITYR && i < a->size; i++) {
                uint64_t irq = frame_offset - GIC_IPRIORITYR + i;

                if (irq < GIC_FIRST_SPI && GIC_OWN_PRIVATE & BIT(irq))
                        a->value = (a->value & ~(0xffUL << 8 * i)) | (uint64_t) GIC_OWN_PRIORITY << 8 * i;
        }
        perform(base, offset, a);
}

static bool is_private_register(uint64_t offset) {
        return in_range(offset, GICR_SGI_FRAME + GIC_ISENABLER, GIC_IPRIORITYR - GIC_ISENABLER + 32) ||
               in_range(offset, GICR_SGI_FRAME + GIC_ICFGR, 8);
}

/* Registers that hvisor does not list here (IGROUPR0 for one) are ignored; a foreign CPU's are read-only or ignored. */
bool vgic_redistributor_access(struct zone *z, uint64_t offset, struct mmio_access *a) {
        unsigned int cpu = (unsigned int) (offset / BOARD_GICR_STRIDE);
        uint64_t base = BOARD_GICR + cpu * BOARD_GICR_STRIDE;
        bool own;

        if (cpu >= BOARD_CPUS)
                return false;
        offset %= BOARD_GICR_STRIDE;
        own = cpus[cpu].zone == z;
        if (!a->is_write)
                a->value = 0;
        if (is_private_register(offset)) {
                if (own)
                        private_access(base, offset, a);
        } else if (offset == GICR_WAKER || offset == GICR_STATUSR) {
                if (own && !a->is_write)
                        perform(base, offset, a);
        } else if (offset == GICR_CTLR) {
                if (own || !a->is_write)
                        perform(base, offset, a);
        } else if (in_range(offset, GICR_IIDR, 12) || in_range(offset, GIC_ID_REGISTERS, 0x30)) {
                if (!a->is_write)
                        perform(base, offset, a);
                if (offset == GICR_TYPER && !a->is_write && cpu == BOARD_CPUS - 1)
                        a->value |= GICR_TYPER_LAST;
        }
        return true;
}

void vgic_send_sgi(struct zone *z, uint64_t value) {
        uint64_t targets = value & 0xffff;

        if (value & BIT(40))            /* IRM: all but the sender */
                targets = ~BIT(cpu_id());
        gic_send_guest_sgi(value >> 24 & 15, targets & z->cpus);
}
