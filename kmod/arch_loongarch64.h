/* SPDX-License-Identifier: GPL-2.0-only */
/* loongarch64; see arch.h. */
#ifndef HVISOR_ARCH_LOONGARCH64_H
#define HVISOR_ARCH_LOONGARCH64_H

#include <linux/mm.h>

#include <asm/barrier.h>

#define ARCH_ZONE	HVISOR_ARCH_LOONGARCH64
#define ARCH_NAME	"loongarch64"
#define ARCH_HAS_DEVICE_TREE	true

/* Older ones have the call, and send no wake-up. */
#define ARCH_WAKES_FROM_MAGIC	0x6

/* Interrupts to a zone are lines, and no CPU has to forget any. */
#define ARCH_CLEANS_CPUS	false
#define ARCH_CLEAN_GUEST_TELLS	false

#define ARCH_INTERRUPTS_END	true

#define LOONGARCH64_CLEAR_INJECT_IRQ	11
#define LOONGARCH64_WAKEUP_LINE		4	/* of the CPU's hardware interrupts */

/* hvcl 0, as a word for assemblers that do not know it. Undefined where there is no hypervisor. */
static inline long arch_hypercall(u64 code, u64 arg0, u64 arg1)
{
	register u64 a0 asm("a0") = code;
	register u64 a1 asm("a1") = arg0;
	register u64 a2 asm("a2") = arg1;

	asm volatile(".word 0x002b8000" : "+r"(a0), "+r"(a1), "+r"(a2) : : "memory");
	return (long)a0;
}

/* Memory is coherent. */
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

/* Also while a shutdown is under way: this line is root Linux's own, which would be interrupted again and again. */
static inline void arch_wakeup_taken(void)
{
	arch_hypercall(LOONGARCH64_CLEAR_INJECT_IRQ, 0, LOONGARCH64_WAKEUP_LINE);
}

/* An older hypervisor does not know the call, and answers it with 0. */
static inline void arch_interrupt_ended(u32 zone, u32 interrupt)
{
	arch_hypercall(LOONGARCH64_CLEAR_INJECT_IRQ, zone, interrupt);
}

#endif
