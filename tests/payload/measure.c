/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the benchmark: leaves numbers in RAM, at parameters.address, for who reads the board's memory from outside.
 * Mode 0: struct measured with the virtual counter as it was when the program began.
 * Mode 1: besides, what each of SAMPLES accesses took, in ticks of the counter: a read of a register of the console's
 * device, and a call of the hypervisor that does nothing (PSCI_VERSION), one after the other.
 */
#include "payload.h"

#define SAMPLES 4096
#define WARM_UP 64
#define PSCI_VERSION 0x84000000
#define VIRTIO_INTERRUPT_STATUS 0x060

struct measured {
        uint64_t began;
        uint64_t frequency;
        uint64_t samples;               /* written last: how many there are of each kind */
        uint32_t read[SAMPLES];
        uint32_t call[SAMPLES];
};

#define counter() ({ uint64_t v_; __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v_) :: "memory"); v_; })

static void take(volatile struct measured *m, uint32_t i) {
        uint64_t a = counter(), b, c;

        (void) read32(parameters.console + VIRTIO_INTERRUPT_STATUS);
        b = counter();
        (void) psci(PSCI_VERSION);
        c = counter();
        m->read[i] = (uint32_t) (b - a);
        m->call[i] = (uint32_t) (c - b);
}

void payload_main(void) {
        volatile struct measured *m = (volatile struct measured *) parameters.address;
        uint64_t began = counter(), frequency;

        __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
        m->samples = 0;
        m->frequency = frequency;
        m->began = began;
        dsb();
        if (parameters.mode == 0)
                return;
        for (uint32_t i = 0; i < WARM_UP + SAMPLES; i++)
                take(m, i < WARM_UP ? 0 : i - WARM_UP);
        dsb();
        m->samples = SAMPLES;
        dsb();
}
