// SPDX-License-Identifier: GPL-2.0-only
#include "zone_config.h"

#define MAGIC_4(arch_, size_, config_)                                                             \
	{                                                                                          \
		0x4, HVISOR_ARCH_##arch_, size_, &config_, ZONE_PCI_NUMBERS                        \
	}
#define MAGIC_5(arch_, size_, config_, pci_)                                                       \
	{                                                                                          \
		0x5, HVISOR_ARCH_##arch_, size_, &config_, pci_                                    \
	}
#define MAGIC_6(arch_, size_, config_)                                                             \
	{                                                                                          \
		0x6, HVISOR_ARCH_##arch_, size_, &config_, ZONE_PCI_12_BYTES                       \
	}

/*
 * A row for each that is known. 0x5 is two: a PCI device grew from 8 bytes to 12
 * under the same version; and so did, on x86_64, the architecture's part.
 */
static const struct zone_layout layouts[] = {
	MAGIC_4(ARM64, 2800, zone_config_arm64),
	MAGIC_5(ARM64, 3136, zone_config_arm64, ZONE_PCI_8_BYTES),
	MAGIC_5(ARM64, 3264, zone_config_arm64, ZONE_PCI_12_BYTES),
	MAGIC_6(ARM64, 3296, zone_config_arm64_uefi),

	MAGIC_4(RISCV64, 2744, zone_config_riscv64),
	MAGIC_5(RISCV64, 3080, zone_config_riscv64, ZONE_PCI_8_BYTES),
	MAGIC_5(RISCV64, 3208, zone_config_riscv64, ZONE_PCI_12_BYTES),
	MAGIC_6(RISCV64, 3208, zone_config_riscv64),

	MAGIC_5(LOONGARCH64, 3056, zone_config_loongarch64, ZONE_PCI_8_BYTES),
	MAGIC_5(LOONGARCH64, 3184, zone_config_loongarch64, ZONE_PCI_12_BYTES),
	MAGIC_6(LOONGARCH64, 3184, zone_config_loongarch64),

	MAGIC_5(X86_64, 3128, zone_config_x86_64_without_uefi, ZONE_PCI_8_BYTES),
	MAGIC_5(X86_64, 3264, zone_config_x86_64, ZONE_PCI_12_BYTES),
	MAGIC_6(X86_64, 3264, zone_config_x86_64),
};

const struct zone_layout *zone_layout_find(u32 magic, enum hvisor_arch arch, unsigned int nth)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].magic == magic && layouts[i].arch == arch && nth-- == 0)
			return &layouts[i];
	return NULL;
}

unsigned int zone_layout_magics(enum hvisor_arch arch, u32 *magics, unsigned int max)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(layouts) && n < max; i++)
		if (layouts[i].arch == arch && (n == 0 || magics[n - 1] != layouts[i].magic))
			magics[n++] = layouts[i].magic;
	return n;
}
