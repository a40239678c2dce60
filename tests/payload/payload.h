/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bare-metal zone guests for tests: they drive virtio devices (virtio-mmio version 2, VERSION_1 only) and say on the
 * virtio console what they found, in lines that start with "payload: ". Each is one C file with a payload_main().
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything is in the one image: no global offset table, which would hold absolute addresses. */
#pragma GCC visibility push(hidden)

/* At +0x10 of the image. Every field may be changed in the file before it is loaded. */
struct parameters {
        char magic[4];                  /* "PAYL" */
        uint32_t mode;                  /* what the payload's own file says */
        uint32_t zone;                  /* the number that it calls itself by */
        uint32_t console_irq;           /* interrupt number (SPI + 32) */
        uint64_t console;               /* guest physical; 0: no console, nothing is printed */
        uint64_t disk;
        uint64_t address;               /* spy: where to look */
};
_Static_assert(sizeof(struct parameters) == 40, "parameters in entry.S");

extern const struct parameters parameters;

/* The program; back from it the CPU sleeps for good. */
void payload_main(void);

#define PSCI_SYSTEM_OFF 0x84000008
#define PSCI_SYSTEM_RESET 0x84000009
uint64_t psci(uint64_t function);

/* One plain load or store: a hypervisor cannot tell what one with writeback wanted. */
#define DEFINE_ACCESS(bits, suffix, width) \
        static inline uint##bits##_t read##bits(uint64_t address) { \
                uint##bits##_t value; \
\
                __asm__ volatile("ldr" suffix " %" width "0, [%1]" : "=r"(value) : "r"(address) : "memory"); \
                return value; \
        } \
\
        static inline void write##bits(uint64_t address, uint##bits##_t value) { \
                __asm__ volatile("str" suffix " %" width "0, [%1]" :: "rZ"(value), "r"(address) : "memory"); \
        }
DEFINE_ACCESS(8, "b", "w")
DEFINE_ACCESS(16, "h", "w")
DEFINE_ACCESS(32, "", "w")
DEFINE_ACCESS(64, "", "x")
#undef DEFINE_ACCESS

static inline void dsb(void) {
        __asm__ volatile("dsb sy" ::: "memory");
}

/* Waits about this long by the virtual counter. */
void sleep_ms(uint64_t ms);

/* Time by the virtual counter. */
uint64_t microseconds(void);

/* Synchronous exceptions are stepped over and counted. */
extern volatile uint32_t faults;

/*
 * Takes interrupts through the GIC from now on: @irq (an SPI + 32, edge) calls @handler between acknowledge and EOI.
 * One interrupt only.
 */
void interrupts_enable(uint32_t irq, void (*handler)(void));

/* Sleeps until *flag is not 0, then clears it. Its writer is an interrupt handler. */
void interrupts_wait(volatile uint32_t *flag);

#endif
