/* SPDX-License-Identifier: GPL-2.0-only */
/* x86_64; see arch.h. */
#ifndef HVISOR_ARCH_X86_64_H
#define HVISOR_ARCH_X86_64_H

#include <linux/acpi.h>
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

#define ARCH_INTERRUPTS_END	false

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

/*
 * The hypervisor copies the board's tables into every zone, one behind the other
 * and past the region's end if they are longer. Those that it copies in any case
 * are told here, by what root Linux has: copies, too.
 */
static inline u64 arch_acpi_size(void)
{
#ifdef CONFIG_ACPI
	static const struct {
		char signature[ACPI_NAMESEG_SIZE + 1];
		bool is_listed;	/* in the RSDT, which comes first */
		bool is_copied;
	} tables[] = {
		{ ACPI_SIG_MCFG, true, true },
		{ ACPI_SIG_FADT, true, true },
		{ ACPI_SIG_DSDT, false, true },
		{ ACPI_SIG_FACS, false, true },
		{ ACPI_SIG_MADT, true, true },
		{ ACPI_SIG_SSDT, true, false },
	};
	u64 size = sizeof(struct acpi_table_header);
	struct acpi_table_header *table;
	char signature[ACPI_NAMESEG_SIZE + 1];
	u32 i, n;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		memcpy(signature, tables[i].signature, sizeof(signature));
		for (n = 1; ACPI_SUCCESS(acpi_get_table(signature, n, &table)); n++) {
			size += tables[i].is_listed ? sizeof(u32) : 0;
			size += tables[i].is_copied ? table->length : 0;
			acpi_put_table(table);
		}
	}
	return size;
#else
	return 0;
#endif
}

static inline void arch_wakeup_taken(void) { }
static inline void arch_interrupt_ended(u32 zone, u32 interrupt) { }

#endif
