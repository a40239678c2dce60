/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lock.h"

#define RWLOCK_WRITER 0x80000000U

void spin_lock(struct spinlock *l) {
        while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
                cpu_relax();
}

void spin_unlock(struct spinlock *l) {
        __atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}

static bool rwlock_try(struct rwlock *l, uint32_t old, uint32_t new) {
        return __atomic_compare_exchange_n(&l->state, &old, new, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void read_lock(struct rwlock *l) {
        for (;;) {
                uint32_t old = __atomic_load_n(&l->state, __ATOMIC_RELAXED);

                if (!(old & RWLOCK_WRITER) && rwlock_try(l, old, old + 1))
                        return;
                cpu_relax();
        }
}

void read_unlock(struct rwlock *l) {
        __atomic_fetch_sub(&l->state, 1, __ATOMIC_RELEASE);
}

void write_lock(struct rwlock *l) {
        while (!rwlock_try(l, 0, RWLOCK_WRITER))
                cpu_relax();
}

void write_unlock(struct rwlock *l) {
        __atomic_store_n(&l->state, 0, __ATOMIC_RELEASE);
}
