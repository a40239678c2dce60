/* SPDX-License-Identifier: GPL-2.0-only */
/* x86_64; see arch.h. */
#ifndef HVISOR_ARCH_X86_64_H
#define HVISOR_ARCH_X86_64_H

#include <linux/string.h>

#include <asm/barrier.h>

#include "compat.h"

#define ARCH_ZONE	HVISOR_ARCH_X86_64
#define ARCH_NAME	"x86_64"
#define ARCH_HAS_DEVICE_TREE	false
#define ARCH_WAKES_FROM_MAGIC	0x4

/* The hypervisor writes a kernel's boot parameters into every zone: none is as small as that. */
#define ARCH_CLEANS_CPUS	false
#define ARCH_CLEAN_GUEST_TELLS	false

/* The name that hvisor gives itself, another hypervisor's: who answers to it may still be that one. */
static inline bool arch_may_call(void)
{
	unsigned int largest, name[3];

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return false;
	cpuid(0x40000000, &largest, &name[0], &name[1], &name[2]);
	return !memcmp(name, "ACRNACRNACRN", sizeof(name));
}

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

static inline void arch_wakeup_taken(void) { }
static inline void arch_interrupt_ended(u32 zone, u32 interrupt) { }

#endif
