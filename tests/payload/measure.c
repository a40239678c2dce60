/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the benchmark: leaves numbers in RAM, at parameters.address, for who reads the board's memory from outside.
 * Mode 0: struct measured with the virtual counter as it was when the program began.
 * Mode 1: besides, once it is told to go, what each of SAMPLES accesses took, in ticks of the counter: a read of a register
 * of the console's device, and a call of the hypervisor that does nothing (PSCI_VERSION), one after the other.
 * Any other mode: the same of SAMPLES_PAUSED, with a pause of so many ms before each.
 */
#include "payload.h"

#define SAMPLES 4096
#define SAMPLES_PAUSED 16
#define WARM_UP 64
#define PSCI_VERSION 0x84000000
#define VIRTIO_INTERRUPT_STATUS 0x060

struct measured {
        uint64_t began;
        uint64_t frequency;
        uint64_t go;                    /* from outside, not 0: take them */
        uint64_t samples;               /* written last: how many there are */
        struct {
                uint32_t read, call;
        } taken[SAMPLES];
};

#define counter() ({ uint64_t v_; __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v_) :: "memory"); v_; })

static void take(volatile struct measured *m, uint32_t i) {
        uint64_t a = counter(), b, c;

        (void) read32(parameters.console + VIRTIO_INTERRUPT_STATUS);
        b = counter();
        (void) psci(PSCI_VERSION);
        c = counter();
        m->taken[i].read = (uint32_t) (b - a);
        m->taken[i].call = (uint32_t) (c - b);
}

static uint32_t take_all(volatile struct measured *m) {
        for (uint32_t i = 0; i < WARM_UP + SAMPLES; i++)
                take(m, i < WARM_UP ? 0 : i - WARM_UP);
        return SAMPLES;
}

static uint32_t take_paused(volatile struct measured *m) {
        for (uint32_t i = 0; i < SAMPLES_PAUSED; i++) {
                sleep_ms(parameters.mode);
                take(m, i);
        }
        return SAMPLES_PAUSED;
}

void payload_main(void) {
        volatile struct measured *m = (volatile struct measured *) parameters.address;
        uint64_t began = counter(), frequency;
        uint32_t samples;

        __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
        m->samples = 0;
        m->frequency = frequency;
        m->began = began;
        dsb();
        if (parameters.mode == 0)
                return;
        while (m->go == 0)
                ;
        samples = parameters.mode == 1 ? take_all(m) : take_paused(m);
        dsb();
        m->samples = samples;
        dsb();
}
