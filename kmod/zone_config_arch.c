// SPDX-License-Identifier: GPL-2.0-only
#include "zone_config.h"

static bool fits_always(const struct zone_description *zone __always_unused,
			struct zone_problem *problem __always_unused)
{
	return true;
}

/* ------------------------------------------------------------------------ */
/* arm64                                                                     */

enum arm64_gic_tag {
	ARM64_GIC_V2 = 0,
	ARM64_GIC_V3 = 1,
};

struct arm64_gicv2 {
	u64 gicd_base, gicd_size, gicc_base, gicc_size, gicc_offset, gich_base, gich_size;
	u64 gicv_base, gicv_size;
};

struct arm64_gicv3 {
	u64 gicd_base, gicd_size, gicr_base, gicr_size, gits_base, gits_size;
};

struct arm64_config {
	u8 is_aarch32;
	u8 pad[7];
	u64 gic_tag;
	union {
		struct arm64_gicv2 v2;
		struct arm64_gicv3 v3;
	};
};

static_assert(sizeof(struct arm64_config) == 88);

/* From magic version 0x6 on, behind it: where a guest's UEFI finds its memory. */
enum arm64_uefi_tag {
	ARM64_UEFI_PRESENT = 0,
	ARM64_UEFI_NONE = 1,
};

struct arm64_uefi {
	u64 tag;
	u64 memory_map_addr, memory_map_size, sys_map_addr;
};

static_assert(sizeof(struct arm64_config) + sizeof(struct arm64_uefi) == 120);

static void encode_arm64(const struct zone_description *zone, u8 *arch_config)
{
	const struct hvisor_gic *gic = &zone->arm64.gic;
	struct arm64_config config = {
		.is_aarch32 = !!(zone->arm64.flags & HVISOR_ARM64_AARCH32),
	};

	if (gic->version == 3) {
		config.gic_tag = ARM64_GIC_V3;
		config.v3 = (struct arm64_gicv3){
			gic->distributor,   gic->distributor_size,
			gic->redistributor, gic->redistributor_size,
			gic->its,	    gic->its_size,
		};
	} else {
		config.gic_tag = ARM64_GIC_V2;
		config.v2 = (struct arm64_gicv2){
			gic->distributor,	 gic->distributor_size,	    gic->cpu_interface,
			gic->cpu_interface_size, gic->cpu_interface_offset, gic->hypervisor,
			gic->hypervisor_size,	 gic->virtual_cpu,	    gic->virtual_cpu_size,
		};
	}
	memcpy(arch_config, &config, sizeof(config));
}

static int decode_arm64(const u8 *arch_config, struct zone_description *zone)
{
	struct arm64_config config;

	memcpy(&config, arch_config, sizeof(config));
	if (config.is_aarch32 > 1)
		return -EINVAL;
	zone->arm64.flags = config.is_aarch32 ? HVISOR_ARM64_AARCH32 : 0;
	switch (config.gic_tag) {
	case ARM64_GIC_V2:
		zone->arm64.gic = (struct hvisor_gic){
			.version = 2,
			.distributor = config.v2.gicd_base,
			.distributor_size = config.v2.gicd_size,
			.cpu_interface = config.v2.gicc_base,
			.cpu_interface_size = config.v2.gicc_size,
			.cpu_interface_offset = config.v2.gicc_offset,
			.hypervisor = config.v2.gich_base,
			.hypervisor_size = config.v2.gich_size,
			.virtual_cpu = config.v2.gicv_base,
			.virtual_cpu_size = config.v2.gicv_size,
		};
		return 0;
	case ARM64_GIC_V3:
		zone->arm64.gic = (struct hvisor_gic){
			.version = 3,
			.distributor = config.v3.gicd_base,
			.distributor_size = config.v3.gicd_size,
			.redistributor = config.v3.gicr_base,
			.redistributor_size = config.v3.gicr_size,
			.its = config.v3.gits_base,
			.its_size = config.v3.gits_size,
		};
		return 0;
	default:
		return -EINVAL;
	}
}

static bool fits_arm64(const struct zone_description *zone, struct zone_problem *problem)
{
	*problem = (struct zone_problem){ .field = "UEFI" };
	return !(zone->arm64.flags & HVISOR_ARM64_UEFI);
}

static void encode_arm64_uefi(const struct zone_description *zone, u8 *arch_config)
{
	struct arm64_uefi uefi = { .tag = ARM64_UEFI_NONE };

	if (zone->arm64.flags & HVISOR_ARM64_UEFI)
		uefi = (struct arm64_uefi){
			.tag = ARM64_UEFI_PRESENT,
			.memory_map_addr = zone->arm64.uefi_memory_map,
			.memory_map_size = zone->arm64.uefi_memory_map_size,
			.sys_map_addr = zone->arm64.uefi_system_table,
		};
	encode_arm64(zone, arch_config);
	memcpy(arch_config + sizeof(struct arm64_config), &uefi, sizeof(uefi));
}

static int decode_arm64_uefi(const u8 *arch_config, struct zone_description *zone)
{
	struct arm64_uefi uefi;
	int r = decode_arm64(arch_config, zone);

	memcpy(&uefi, arch_config + sizeof(struct arm64_config), sizeof(uefi));
	if (r < 0 || uefi.tag > ARM64_UEFI_NONE)
		return -EINVAL;
	if (uefi.tag == ARM64_UEFI_PRESENT) {
		zone->arm64.flags |= HVISOR_ARM64_UEFI;
		zone->arm64.uefi_memory_map = uefi.memory_map_addr;
		zone->arm64.uefi_memory_map_size = uefi.memory_map_size;
		zone->arm64.uefi_system_table = uefi.sys_map_addr;
	}
	return 0;
}

const struct zone_arch_config zone_config_arm64 = {
	88,
	fits_arm64,
	encode_arm64,
	decode_arm64,
};

const struct zone_arch_config zone_config_arm64_uefi = {
	120,
	fits_always,
	encode_arm64_uefi,
	decode_arm64_uefi,
};

/* ------------------------------------------------------------------------ */
/* riscv64 and x86_64: u64 one after the other, as in the description         */

#define FIELD(name) offsetof(struct zone_description, name)

static const size_t riscv64_fields[] = {
	FIELD(riscv64.plic),
	FIELD(riscv64.plic_size),
	FIELD(riscv64.aplic),
	FIELD(riscv64.aplic_size),
};

static const size_t x86_64_fields[] = {
	FIELD(x86_64.ioapic),	    FIELD(x86_64.ioapic_size), FIELD(x86_64.kernel_entry),
	FIELD(x86_64.command_line), FIELD(x86_64.setup),       FIELD(x86_64.initrd),
	FIELD(x86_64.initrd_size),  FIELD(x86_64.rsdp_region), FIELD(x86_64.acpi_region),
	FIELD(x86_64.uefi_region),  FIELD(x86_64.screen),
};

static const size_t x86_64_fields_without_uefi[] = {
	FIELD(x86_64.ioapic),	    FIELD(x86_64.ioapic_size), FIELD(x86_64.kernel_entry),
	FIELD(x86_64.command_line), FIELD(x86_64.setup),       FIELD(x86_64.initrd),
	FIELD(x86_64.initrd_size),  FIELD(x86_64.rsdp_region), FIELD(x86_64.acpi_region),
	FIELD(x86_64.screen),
};

static_assert(sizeof(riscv64_fields) / sizeof(size_t) * sizeof(u64) == 32);
static_assert(sizeof(x86_64_fields) / sizeof(size_t) * sizeof(u64) == 88);
static_assert(sizeof(x86_64_fields_without_uefi) / sizeof(size_t) * sizeof(u64) == 80);

static void encode_fields(const size_t *fields, size_t num, const struct zone_description *zone,
			  u8 *arch_config)
{
	size_t i;

	for (i = 0; i < num; i++)
		memcpy(arch_config + i * sizeof(u64), (const u8 *)zone + fields[i], sizeof(u64));
}

static void decode_fields(const size_t *fields, size_t num, const u8 *arch_config,
			  struct zone_description *zone)
{
	size_t i;

	for (i = 0; i < num; i++)
		memcpy((u8 *)zone + fields[i], arch_config + i * sizeof(u64), sizeof(u64));
}

static void encode_riscv64(const struct zone_description *zone, u8 *arch_config)
{
	encode_fields(riscv64_fields, ARRAY_SIZE(riscv64_fields), zone, arch_config);
}

static int decode_riscv64(const u8 *arch_config, struct zone_description *zone)
{
	decode_fields(riscv64_fields, ARRAY_SIZE(riscv64_fields), arch_config, zone);
	return 0;
}

const struct zone_arch_config zone_config_riscv64 = {
	32,
	fits_always,
	encode_riscv64,
	decode_riscv64,
};

/* Without a region for it the hypervisor would write UEFI's tables into the first one. */
static bool fits_x86_64(const struct zone_description *zone, struct zone_problem *problem)
{
	*problem = (struct zone_problem){ .field = "a zone without a UEFI region" };
	return zone->x86_64.uefi_region != HVISOR_REGION_NONE;
}

static void encode_x86_64(const struct zone_description *zone, u8 *arch_config)
{
	encode_fields(x86_64_fields, ARRAY_SIZE(x86_64_fields), zone, arch_config);
}

static int decode_x86_64(const u8 *arch_config, struct zone_description *zone)
{
	decode_fields(x86_64_fields, ARRAY_SIZE(x86_64_fields), arch_config, zone);
	return 0;
}

const struct zone_arch_config zone_config_x86_64 = {
	88,
	fits_x86_64,
	encode_x86_64,
	decode_x86_64,
};

static bool fits_x86_64_without_uefi(const struct zone_description *zone,
				     struct zone_problem *problem)
{
	*problem = (struct zone_problem){ .field = "UEFI region" };
	return zone->x86_64.uefi_region == HVISOR_REGION_NONE;
}

static void encode_x86_64_without_uefi(const struct zone_description *zone, u8 *arch_config)
{
	encode_fields(x86_64_fields_without_uefi, ARRAY_SIZE(x86_64_fields_without_uefi), zone,
		      arch_config);
}

static int decode_x86_64_without_uefi(const u8 *arch_config, struct zone_description *zone)
{
	decode_fields(x86_64_fields_without_uefi, ARRAY_SIZE(x86_64_fields_without_uefi),
		      arch_config, zone);
	zone->x86_64.uefi_region = HVISOR_REGION_NONE;
	return 0;
}

const struct zone_arch_config zone_config_x86_64_without_uefi = {
	80,
	fits_x86_64_without_uefi,
	encode_x86_64_without_uefi,
	decode_x86_64_without_uefi,
};

/* ------------------------------------------------------------------------ */
/* loongarch64: a word that the hypervisor does not look at                   */

static void encode_nothing(const struct zone_description *zone __always_unused,
			   u8 *arch_config __always_unused)
{
}

static int decode_nothing(const u8 *arch_config __always_unused,
			  struct zone_description *zone __always_unused)
{
	return 0;
}

const struct zone_arch_config zone_config_loongarch64 = {
	8,
	fits_always,
	encode_nothing,
	decode_nothing,
};
