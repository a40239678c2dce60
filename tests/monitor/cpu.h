/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The four CPUs: what each is doing, and the ways into and out of a guest. */
#ifndef MONITOR_CPU_H
#define MONITOR_CPU_H

#include "arch.h"
#include "board.h"
#include "lock.h"

#define CPU_STACK_SIZE 16384UL

struct zone;

/* A guest's registers while EL2 runs; vectors.S knows the layout. */
struct guest_frame {
        uint64_t x[31];
        uint64_t elr;
        uint64_t spsr;
        uint64_t pad;
};
_Static_assert(sizeof(struct guest_frame) == 272, "FRAME_SIZE in vectors.S");
_Static_assert(offsetof(struct guest_frame, elr) == 248, "FRAME_X30_ELR in vectors.S");

/*
 * ctrl_lock guards power_on and entry. zone is set by ZONE_START and cleared by ZONE_SHUTDOWN or the zone's own
 * SYSTEM_OFF; a CPU keeps it for good when a start fails with "already on" (the ghost).
 */
struct cpu {
        struct spinlock ctrl_lock;
        bool power_on;                  /* in a guest, or told to be; stays true for a CPU that is stuck at EL2 */
        bool in_guest;                  /* this CPU's list registers belong to a guest */
        struct zone *zone;
        uint64_t entry;                 /* guest physical, where the next run starts */
        uint64_t argument;              /* its x0 */
};

extern struct cpu cpus[BOARD_CPUS];

static inline unsigned int cpu_id(void) {
        return (unsigned int) read_sysreg(tpidr_el2);
}

static inline struct cpu *cpu_this(void) {
        return &cpus[cpu_id()];
}

/* Enters this CPU's zone at cpu->entry, as after a reset; the stack is left behind. */
void cpu_run(void) __attribute__((noreturn));

/* Powers this CPU off: it waits for events in EL2. The stack is left behind. */
void cpu_park(void) __attribute__((noreturn));

/* This CPU never does anything again but keeps its power_on, as a CPU of hvisor's that loops at EL2. */
void cpu_dead(void) __attribute__((noreturn));

/* Sleeps for about 50 us, or until an interrupt is pending: for long waits at EL2. */
void cpu_nap(void);

/* entry.S, vectors.S */
void secondary_entry(void);
void cpu_park_loop_on_fresh_stack(void) __attribute__((noreturn));
void enter_guest(struct guest_frame *f) __attribute__((noreturn));

#endif
