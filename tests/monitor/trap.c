/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gic.h"
#include "hypercall.h"
#include "ivc.h"
#include "print.h"
#include "psci.h"
#include "trap.h"
#include "vgic.h"
#include "virtio_bridge.h"
#include "zone.h"

#define ESR_EC_SHIFT 26

/* Data aborts (Arm ARM, ISS of EC 0x24). */
#define ISS_VALID BIT(24)
#define ISS_SIGN_EXTEND BIT(21)
#define ISS_REGISTER_64 BIT(15)
#define ISS_WRITE BIT(6)

/* Trapped system registers: everything but Rt and the direction; ICC_SGI1R_EL1 is 3, 0, c12, c11, 5. */
#define ISS_SYSREG_MASK 0x3ffc1e
#define ISS_ICC_SGI1R (3U << 20 | 5U << 17 | 12U << 10 | 11U << 1)
#define ISS_SYSREG_READ BIT(0)

#define ZERO_REGISTER 31

static uint64_t fault_address(void) {
        return (read_sysreg(hpfar_el2) & ~0xfUL) << 8 | (read_sysreg(far_el2) & 0xfff);
}

/* Return: false if nothing is there. The zone is held by reference and read lock, as long as its registers are used. */
static bool local_access(struct mmio_access *a) {
        struct zone *z = zone_get_this();
        const uint64_t *ivc_table;
        bool handled = true;

        read_lock(&z->lock);
        ivc_table = zone_find_ivc_table(z, a->address, a->size);
        if (ivc_table)
                handled = ivc_access(z, *ivc_table, a);
        else if (a->address >= z->gicd.start && a->address - z->gicd.start < z->gicd.size)
                vgic_distributor_access(z, a->address - z->gicd.start, a);
        else if (a->address >= BOARD_GICR)
                handled = a->address < BOARD_UART && vgic_redistributor_access(z, a->address - BOARD_GICR, a);
        else
                handled = false;
        read_unlock(&z->lock);
        zone_put(z);
        return handled;
}

static bool mmio_access_do(struct mmio_access *a) {
        struct zone *z = zone_get_this();
        const struct mmio_range *virtio;

        read_lock(&z->lock);
        virtio = zone_find_virtio(z, a->address, a->size);
        read_unlock(&z->lock);
        zone_put(z);
        if (!virtio)
                return local_access(a);
        virtio_access(z, virtio->start, a);
        return true;
}

static uint64_t loaded_value(uint64_t iss, const struct mmio_access *a) {
        unsigned int unused_bits = 64 - 8 * a->size;
        uint64_t value = a->value << unused_bits;

        if (!(iss & ISS_SIGN_EXTEND))
                return value >> unused_bits;
        value = (uint64_t) ((int64_t) value >> unused_bits);
        return iss & ISS_REGISTER_64 ? value : (uint32_t) value;
}

/* An access outside the zone's regions marks the zone and changes no register; the guest goes on behind it. */
static void handle_data_abort(struct guest_frame *f, uint64_t iss) {
        unsigned int rt = iss >> 16 & 31;
        struct mmio_access a = {
                .address = fault_address(),
                .size = 1U << (iss >> 22 & 3),
                .is_write = iss & ISS_WRITE,
        };

        f->elr += 4;
        if (a.is_write && rt != ZERO_REGISTER)
                a.value = loaded_value(0, &(struct mmio_access) { .value = f->x[rt], .size = a.size });
        if (!(iss & ISS_VALID) || !mmio_access_do(&a)) {
                zone_error(a.address);
                return;
        }
        if (!a.is_write && rt != ZERO_REGISTER)
                f->x[rt] = loaded_value(iss, &a);
}

static void handle_sysreg(struct guest_frame *f, uint64_t iss) {
        unsigned int rt = iss >> 5 & 31;
        uint64_t value = rt == ZERO_REGISTER ? 0 : f->x[rt];

        f->elr += 4;
        if (iss & ISS_SYSREG_READ || (iss & ISS_SYSREG_MASK) != ISS_ICC_SGI1R) {
                print("zone %u: system register access %x is ignored", (uint64_t) zone_this_id(), iss);
                return;
        }
        if (cpu_this()->zone)           /* not one that has just powered off */
                vgic_send_sgi(cpu_this()->zone, value);
}

/* hvisor has no answer to these: the CPU stays at EL2, the list goes on saying that the zone runs. */
static void handle_fatal(const struct guest_frame *f, uint64_t esr) {
        print("zone %u: exception %x at %x", (uint64_t) zone_this_id(), esr, f->elr);
        cpu_dead();
}

void trap_synchronous(struct guest_frame *f) {
        uint64_t esr = read_sysreg(esr_el2);
        uint64_t iss = esr & 0x1ffffff;

        if (panicked())
                stop_forever();
        switch (esr >> ESR_EC_SHIFT) {
        case EC_HVC64:
                hypercall_handle(f);
                break;
        case EC_SMC64:
                psci_handle_smc(f);
                break;
        case EC_SYSREG:
                handle_sysreg(f, iss);
                break;
        case EC_DATA_ABORT:
                handle_data_abort(f, iss);
                break;
        default:
                handle_fatal(f, esr);
        }
}

void trap_interrupt(struct guest_frame *f) {
        (void) f;
        gic_handle_interrupts();
}

void trap_from_monitor(uint64_t esr, uint64_t elr, uint64_t far) {
        panic("exception at EL2, CPU %u: esr %x elr %x far %x", (uint64_t) cpu_id(), esr, elr, far);
}
