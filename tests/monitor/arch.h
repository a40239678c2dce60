/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arm64 at EL2 with the MMU off: system registers, barriers, device accesses. */
#ifndef MONITOR_ARCH_H
#define MONITOR_ARCH_H

#include "types.h"

#define read_sysreg(reg) ({                                             \
        uint64_t value_;                                                \
        __asm__ volatile("mrs %0, " #reg : "=r"(value_) :: "memory");   \
        value_;                                                         \
})
#define write_sysreg(reg, value) \
        __asm__ volatile("msr " #reg ", %0" :: "r"((uint64_t)(value)) : "memory")

#define isb() __asm__ volatile("isb" ::: "memory")
#define dsb() __asm__ volatile("dsb sy" ::: "memory")
#define wfi() __asm__ volatile("wfi" ::: "memory")

/* HCR_EL2: stage 2 on, physical interrupts to EL2, SMC trapped, EL1 is AArch64 (Arm ARM D17.2.48). */
#define HCR_VM BIT(0)
#define HCR_FMO BIT(3)
#define HCR_IMO BIT(4)
#define HCR_TSC BIT(19)
#define HCR_RW BIT(31)
#define HCR_GUEST (HCR_RW | HCR_TSC | HCR_IMO | HCR_FMO | HCR_VM)
#define HCR_PARKED (HCR_RW | HCR_IMO | HCR_FMO)

#define SPSR_EL1H_MASKED 0x3c5          /* EL1h with D, A, I, F masked */
#define SCTLR_EL1_RESET 0x30d00800      /* the RES1 bits; MMU and caches off */

/* ESR_EL2.EC, the exception classes a guest can cause here. */
enum {
        EC_WFX = 0x01,
        EC_HVC64 = 0x16,
        EC_SMC64 = 0x17,
        EC_SYSREG = 0x18,
        EC_INSTRUCTION_ABORT = 0x20,
        EC_DATA_ABORT = 0x24,
};

static inline uint32_t mmio_read32(uint64_t address) {
        return *(volatile uint32_t *) address;
}

static inline void mmio_write32(uint64_t address, uint32_t value) {
        *(volatile uint32_t *) address = value;
}

static inline uint64_t mmio_read(uint64_t address, unsigned int size) {
        switch (size) {
        case 1:
                return *(volatile uint8_t *) address;
        case 2:
                return *(volatile uint16_t *) address;
        case 4:
                return *(volatile uint32_t *) address;
        default:
                return *(volatile uint64_t *) address;
        }
}

static inline void mmio_write(uint64_t address, unsigned int size, uint64_t value) {
        switch (size) {
        case 1:
                *(volatile uint8_t *) address = (uint8_t) value;
                break;
        case 2:
                *(volatile uint16_t *) address = (uint16_t) value;
                break;
        case 4:
                *(volatile uint32_t *) address = (uint32_t) value;
                break;
        default:
                *(volatile uint64_t *) address = value;
        }
}

/* Calls the firmware (QEMU's own PSCI). Return: its x0. */
uint64_t smc_call(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3);

#endif
