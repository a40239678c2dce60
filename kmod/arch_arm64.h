/* SPDX-License-Identifier: GPL-2.0-only */
/* arm64; see arch.h. */
#ifndef HVISOR_ARCH_ARM64_H
#define HVISOR_ARCH_ARM64_H

#include <asm/barrier.h>
#include <asm/cputype.h>

#define ARCH_ZONE	HVISOR_ARCH_ARM64
#define ARCH_NAME	"arm64"
#define ARCH_HAS_DEVICE_TREE	true
#define ARCH_WAKES_FROM_MAGIC	0x4

#define ARCH_CLEANS_CPUS	true	/* between two zones: see clean_cpus.h */
#define ARCH_CLEAN_GUEST_TELLS	true	/* when it is done, see clean_guest_code.S */

#define ARCH_INTERRUPTS_END	false

/*
 * Undefined where no hypervisor is at EL2: only after the device-tree node was
 * seen. The registers that SMCCC leaves to the callee are not relied on.
 */
static inline long arch_hypercall(u64 code, u64 arg0, u64 arg1)
{
	register u64 x0 asm("x0") = code;
	register u64 x1 asm("x1") = arg0;
	register u64 x2 asm("x2") = arg1;

	asm volatile("hvc #0x4856"
		     : "+r"(x0), "+r"(x1), "+r"(x2)
		     :
		     : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
		       "x14", "x15", "x16", "x17", "memory");
	return (long)x0;
}

/*
 * Cleans to the point of coherency, and forgets: a CPU with its MMU off reads
 * what was written, and is read afterwards.
 */
static inline void arch_clean_to_memory(const void *start, size_t size)
{
	u64 line = 4UL << (read_cpuid(CTR_EL0) >> 16 & 0xf);	/* CTR_EL0.DminLine, in words */
	u64 end = (u64)start + size;
	u64 address;

	for (address = (u64)start & ~(line - 1); address < end; address += line)
		asm volatile("dc civac, %0" : : "r"(address) : "memory");
	dsb(sy);
}

static inline bool arch_may_call(void)
{
	return true;
}

static inline u64 arch_acpi_size(void)
{
	return 0;
}

static inline void arch_wakeup_taken(void) { }
static inline void arch_interrupt_ended(u32 zone, u32 interrupt) { }

#endif
