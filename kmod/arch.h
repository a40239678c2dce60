/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place where architectures differ: how the hypervisor is called, which
 * zone_config layouts are its, and how RAM is shared with a zone whose caches are
 * off. (What a CPU runs between two zones is in clean_guest_code.S.)
 */
#ifndef HVISOR_ARCH_H
#define HVISOR_ARCH_H

#include <linux/types.h>

#include "zone_config.h"

#if defined(CONFIG_ARM64)

#include <asm/barrier.h>
#include <asm/cputype.h>

#define ARCH_ZONE	HVISOR_ARCH_ARM64
#define ARCH_NAME	"arm64"

#define ARCH_CLEANS_CPUS	true	/* between two zones: see clean_cpus.h */
#define ARCH_CLEAN_GUEST_TELLS	true	/* when it is done, see clean_guest_code.S */

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

#elif defined(CONFIG_RISCV) && defined(CONFIG_64BIT)

#include <asm/barrier.h>

#define ARCH_ZONE	HVISOR_ARCH_RISCV64
#define ARCH_NAME	"riscv64"

#define ARCH_CLEANS_CPUS	true
#define ARCH_CLEAN_GUEST_TELLS	true

/*
 * An SBI extension of the hypervisor's. Firmware that does not know it says so
 * in a0, which is not looked at: a call that answers by its result alone is no
 * proof that there is a hypervisor.
 */
static inline long arch_hypercall(u64 code, u64 arg0, u64 arg1)
{
	register u64 a0 asm("a0") = code;
	register u64 a1 asm("a1") = arg0;
	register u64 a2 asm("a2") = arg1;
	register u64 a7 asm("a7") = 0x114514;

	asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a7) : "memory");
	return (long)a1;
}

/* Memory is coherent whether a hart translates or not. */
static inline void arch_clean_to_memory(const void *start, size_t size)
{
	mb();
}

#elif defined(CONFIG_X86_64)

#include <asm/barrier.h>

#define ARCH_ZONE	HVISOR_ARCH_X86_64
#define ARCH_NAME	"x86_64"

/* The hypervisor writes a kernel's boot parameters into every zone: none is as small as that. */
#define ARCH_CLEANS_CPUS	false
#define ARCH_CLEAN_GUEST_TELLS	false

/* Undefined where there is no hypervisor, as on arm64. */
static inline long arch_hypercall(u64 code, u64 arg0, u64 arg1)
{
	long result;

	asm volatile("vmcall" : "=a"(result) : "a"(code), "D"(arg0), "S"(arg1) : "memory");
	return result;
}

/* Memory is coherent. */
static inline void arch_clean_to_memory(const void *start, size_t size)
{
	mb();
}

#else
#error "arch.h: no calling convention of the hypervisor for this architecture"
#endif

#endif
