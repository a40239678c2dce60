/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where architectures differ, a file for each: how the hypervisor is called,
 * which zone_config layouts are its, how RAM is shared with a zone whose caches
 * are off, how its interrupts end. (What a CPU runs between two zones is in
 * clean_guest_code.S.) Each has:
 *
 *   ARCH_ZONE, ARCH_NAME    of zone_config's layouts; for messages
 *   ARCH_HAS_DEVICE_TREE    whose hvisor node tells that there is a hypervisor, and
 *                           its wake-up interrupt; else the hypervisor is asked
 *   ARCH_WAKES_FROM_MAGIC   the zone_config version from which on it sends wake-ups;
 *                           the ring of an older one is polled
 *   ARCH_CLEANS_CPUS        between two zones, see clean_cpus.h
 *   ARCH_CLEAN_GUEST_TELLS  when it is done, see clean_guest_code.S
 *   ARCH_INTERRUPTS_END     by arch_interrupt_ended(); elsewhere by themselves
 *   arch_may_call()         where no device tree tells: could there be a hypervisor?
 *   arch_acpi_size()        what the tables take that the hypervisor copies into every
 *                           zone; 0: none, or not known
 *   arch_hypercall()        only where the hypervisor was seen; returns its result
 *   arch_clean_to_memory()  what was written is read by a CPU with its MMU off, and
 *                           the other way round
 *   arch_wakeup_taken()     a wake-up has come, and may come again
 *   arch_interrupt_ended()  the zone's driver has acknowledged all that its device
 *                           had to say
 */
#ifndef HVISOR_ARCH_H
#define HVISOR_ARCH_H

#include <linux/types.h>

#include "zone_config.h"

#if defined(CONFIG_ARM64)
#include "arch_arm64.h"
#elif defined(CONFIG_RISCV) && defined(CONFIG_64BIT)
#include "arch_riscv64.h"
#elif defined(CONFIG_X86_64)
#include "arch_x86_64.h"
#elif defined(CONFIG_LOONGARCH) && defined(CONFIG_64BIT)
#include "arch_loongarch64.h"
#else
#error "arch.h: no calling convention of the hypervisor for this architecture"
#endif

#endif
