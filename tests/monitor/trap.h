/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions that guests take to EL2, and the form that a trapped memory access has. */
#ifndef MONITOR_TRAP_H
#define MONITOR_TRAP_H

#include "cpu.h"

/* One load or store by a guest. Whoever does it sets value for a read. */
struct mmio_access {
        uint64_t address;       /* guest physical */
        uint64_t value;
        unsigned int size;      /* 1, 2, 4 or 8 */
        bool is_write;
};

/* Called by vectors.S with the guest's registers; the guest goes on when they return. */
void trap_synchronous(struct guest_frame *f);
void trap_interrupt(struct guest_frame *f);

/* An exception of the monitor's own: the end. */
void trap_from_monitor(uint64_t esr, uint64_t elr, uint64_t far) __attribute__((noreturn));

#endif
