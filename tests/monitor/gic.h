/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The physical GICv3 and this CPU's virtual interface. Every physical interrupt comes to EL2 and goes on to the guest
 * through a list register; what a guest sees of distributor and redistributors is in vgic.h.
 */
#ifndef MONITOR_GIC_H
#define MONITOR_GIC_H

#include "board.h"
#include "types.h"

/* Distributor and SGI-frame registers (Arm IHI 0069, chapter 12); the frames share these offsets. */
#define GIC_CTLR 0x0000
#define GIC_IGROUPR 0x0080
#define GIC_ISENABLER 0x0100
#define GIC_ICENABLER 0x0180
#define GIC_ISPENDR 0x0200
#define GIC_ICPENDR 0x0280
#define GIC_ISACTIVER 0x0300
#define GIC_ICACTIVER 0x0380
#define GIC_IPRIORITYR 0x0400
#define GIC_ICFGR 0x0c00

/* Redistributor: RD frame, and where the SGI frame starts. */
#define GICR_WAKER 0x0014
#define GICR_SGI_FRAME 0x10000

/* The private interrupts that are the monitor's own on every CPU; guests cannot change them. */
#define GIC_OWN_PRIVATE (1U << SGI_EVENT | 1U << IRQ_MAINTENANCE | 1U << IRQ_HYP_TIMER)
#define GIC_OWN_PRIORITY 0x40

#define GIC_FIRST_PPI 16
#define GIC_FIRST_SPI 32
#define GIC_SPECIAL 1020                /* 1020..1023 are no interrupts */

/* Distributor: CPU 0, once. CPU interface and redistributor: each CPU, once. */
void gic_dist_init(void);
void gic_cpu_init(void);

/*
 * This CPU leaves or enters a guest: no private interrupt is pending, active or enabled but the monitor's own. Its list
 * registers, active priorities and what waits for a register stay as they are: as in hvisor.
 */
void gic_cpu_reset(void);

/* This CPU gets no interrupt any more (wfi then sleeps). */
void gic_cpu_silence(void);

/* Raises SGI_EVENT on one CPU (this one included); on all but this one. */
void gic_send_event_sgi(unsigned int cpu);
void gic_kick_others(void);

/* Raises a guest's SGI on the CPUs of @targets (bitmap). */
void gic_send_guest_sgi(unsigned int sgi, uint64_t targets);

/* Acknowledges and handles all that is pending for this CPU; no lock held. Does not return if an event says so. */
void gic_handle_interrupts(void);

/**
 * gic_inject() - make an interrupt pending in the guest on this CPU
 * @hardware: backed by the physical interrupt of the same number, which the guest's EOI deactivates
 *
 * hvisor's rule: dropped while a list register holds @irq in any state, active included, i.e. until the guest's EOI.
 * Without a free register it waits for one. A CPU without a guest keeps it for the next. Nobody asks if the guest was given it.
 *
 * Return: false if it had to be queued.
 */
bool gic_inject(uint32_t irq, bool hardware);

/* Makes a shared interrupt pending at the distributor. As in hvisor nobody checks that it is one. */
void gic_set_pending(uint32_t irq);

/* ZONE_SHUTDOWN: disables and deactivates the shared interrupts of @bitmap (32 words, as in zone_config). */
void gic_release_spis(const uint32_t *bitmap);

#endif
