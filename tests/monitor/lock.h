/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spin locks, held with interrupts masked as everything at EL2 is. Who waits stops when the monitor panics. */
#ifndef MONITOR_LOCK_H
#define MONITOR_LOCK_H

#include "types.h"

struct spinlock {
        uint32_t held;
};

/* Any number of readers, or one writer; neither is preferred. */
struct rwlock {
        uint32_t state;
};

/* One turn of every busy loop: does not return once the monitor has panicked. */
void cpu_relax(void);

void spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
void read_lock(struct rwlock *l);
void read_unlock(struct rwlock *l);
void write_lock(struct rwlock *l);
void write_unlock(struct rwlock *l);

#endif
