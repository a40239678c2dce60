/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page that root Linux shares with the hypervisor: trapped accesses of the
 * zones come in, answers and interrupts go out. It is given to the hypervisor
 * once and for good.
 */
#ifndef HVISOR_BRIDGE_H
#define HVISOR_BRIDGE_H

#include <linux/types.h>

#define BRIDGE_CPUS 32

/* A zone's access to a virtio window. */
struct bridge_request {
	u64 cpu;
	u64 address;		/* guest */
	u64 size;
	u64 value;
	u32 zone;
	u8 is_write;
	u8 is_posted;		/* nobody waits for an answer, and none may be given */
	u16 reserved;
};

/**
 * bridge_open() - makes the page and takes the wake-up interrupt
 * bridge_connect() - shows the page to the hypervisor: there is no way back
 * bridge_close() - undoes bridge_open(), if bridge_connect() was not called
 */
int bridge_open(unsigned int irq);
int bridge_connect(void);
void bridge_close(void);

/**
 * bridge_answer() - lets a zone's CPU go on
 * @cpu: of a request that was not posted and is not answered yet
 *
 * Any context, no lock.
 */
void bridge_answer(u64 cpu, u64 value);

/* Is a request of this CPU still in the ring? Any context, no lock. */
bool bridge_is_asked(u64 cpu);

/**
 * bridge_inject() - an interrupt for a zone
 *
 * Only for a zone that is started and an interrupt that it was given, else the
 * hypervisor may panic. It drops an interrupt that is still active in the
 * zone's CPU, and tells nobody: repeat until the guest reacts.
 *
 * Any context; caller may hold a device's lock. Return: false if nothing was
 * sent (held, or no room), to be tried again.
 */
bool bridge_inject(u32 zone, u32 interrupt);

/* The zone's driver has acknowledged all that its device had to say. As bridge_inject(); if held, told afterwards. */
void bridge_interrupt_ended(u32 zone, u32 interrupt);

/**
 * bridge_hold() - from its return to bridge_release() nothing is injected or ended
 *
 * While the hypervisor waits for a zone's CPUs to end it holds the locks that
 * an injection takes.
 */
void bridge_hold(void);
void bridge_release(void);
bool bridge_is_held(void);

/* The CPU that takes the wake-up interrupts. */
unsigned int bridge_cpu(void);

/* The wake-up interrupt by the interrupt controller's number: no zone may have it. */
u32 bridge_wakeup_interrupt(void);

/* Counters since the module was loaded. */
u64 bridge_requests(void);
u64 bridge_wakeups(void);

#endif
