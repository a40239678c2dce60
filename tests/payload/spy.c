/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at parameters.address, which is not the zone's. Mode 0 reads, mode 1 writes first. A hypervisor that refuses
 * leaves the register as it was (or 0): the zone then saw nothing.
 */
#include "console.h"

#define MARKER 0x6e6f7468696e6721UL     /* in the register before the read */
#define WRITTEN 0x7370792077726f74UL

static uint64_t look(uint64_t address) {
        uint64_t value = MARKER;

        __asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(address) : "memory");
        return value;
}

void payload_main(void) {
        uint64_t value;

        console_open();
        if (parameters.mode == 1)
                __asm__ volatile("str %0, [%1]" :: "r"(WRITTEN), "r"(parameters.address) : "memory");
        value = look(parameters.address);
        if (faults || value == MARKER || value == 0)
                say("spy saw nothing at %x", parameters.address);
        else
                say("spy saw %x at %x", value, parameters.address);
}
