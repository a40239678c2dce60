/* SPDX-License-Identifier: GPL-2.0-only */
/* riscv64; see arch.h. */
#ifndef HVISOR_ARCH_RISCV64_H
#define HVISOR_ARCH_RISCV64_H

#include <asm/barrier.h>

#define ARCH_ZONE	HVISOR_ARCH_RISCV64
#define ARCH_NAME	"riscv64"
#define ARCH_HAS_DEVICE_TREE	true
#define ARCH_WAKES_FROM_MAGIC	0x4

#define ARCH_CLEANS_CPUS	true
#define ARCH_CLEAN_GUEST_TELLS	true

#define ARCH_INTERRUPTS_END	false

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
