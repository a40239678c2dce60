// SPDX-License-Identifier: GPL-2.0-only
#include "zone_config.h"

#define PCI_BUSES_MAX	4
#define PCI_DEVICES_MAX	32

/* The head that all architectures and magic versions 0x4 to 0x6 have in common. */
struct config_region {
	u32 type;
	u32 pad;
	u64 physical_start;
	u64 virtual_start;
	u64 size;
};

struct config_ivc {
	u32 id, peer;
	u64 control_table, shared_memory;
	u32 rw_section_size, out_section_size, interrupt, max_peers;
};

struct config_head {
	u32 zone_id;
	u32 pad0;
	u64 cpus;
	u32 num_memory_regions;
	u32 pad1;
	struct config_region memory_regions[HVISOR_REGIONS_MAX];
	u32 interrupts[HVISOR_INTERRUPTS_MAX / 32];
	u32 num_ivc_configs;
	u32 pad2;
	struct config_ivc ivc_configs[2];
	u64 entry_point;
	u64 kernel_load_paddr, kernel_size;
	u64 dtb_load_paddr, dtb_size;
	char name[HVISOR_NAME_SIZE];
};

static_assert(sizeof(struct config_region) == 32);
static_assert(offsetof(struct config_head, memory_regions) == 24);
static_assert(offsetof(struct config_head, interrupts) == 2072);
static_assert(offsetof(struct config_head, num_ivc_configs) == 2200);
static_assert(offsetof(struct config_head, ivc_configs) == 2208);
static_assert(offsetof(struct config_head, entry_point) == 2288);
static_assert(offsetof(struct config_head, name) == 2328);
static_assert(sizeof(struct config_head) == 2360);

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

struct arm64_uefi_config {
	struct arm64_config base;
	u64 uefi_tag;
	u64 memory_map_addr, memory_map_size, sys_map_addr;
};

static_assert(sizeof(struct arm64_uefi_config) == 120);

static void encode_arm64(const struct zone_description *zone, u8 *arch_config)
{
	const struct hvisor_gic *gic = &zone->gic;
	struct arm64_config config = { .is_aarch32 = 0 };

	if (gic->version == 3) {
		config.gic_tag = ARM64_GIC_V3;
		config.v3 = (struct arm64_gicv3){
			gic->distributor, gic->distributor_size,
			gic->redistributor, gic->redistributor_size,
			gic->its, gic->its_size,
		};
	} else {
		config.gic_tag = ARM64_GIC_V2;
		config.v2 = (struct arm64_gicv2){
			gic->distributor, gic->distributor_size,
			gic->cpu_interface, gic->cpu_interface_size, gic->cpu_interface_offset,
			gic->hypervisor, gic->hypervisor_size,
			gic->virtual_cpu, gic->virtual_cpu_size,
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
	switch (config.gic_tag) {
	case ARM64_GIC_V2:
		zone->gic = (struct hvisor_gic){
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
		zone->gic = (struct hvisor_gic){
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

static void encode_arm64_uefi(const struct zone_description *zone, u8 *arch_config)
{
	u64 tag = ARM64_UEFI_NONE;

	encode_arm64(zone, arch_config);
	memcpy(arch_config + offsetof(struct arm64_uefi_config, uefi_tag), &tag, sizeof(tag));
}

/* A UEFI's maps are addresses that nobody here can check. */
static int decode_arm64_uefi(const u8 *arch_config, struct zone_description *zone)
{
	u64 tag;

	memcpy(&tag, arch_config + offsetof(struct arm64_uefi_config, uefi_tag), sizeof(tag));
	return tag == ARM64_UEFI_NONE ? decode_arm64(arch_config, zone) : -EINVAL;
}

/*
 * A row for each that is known and can be encoded in full. 0x5 is two: a PCI
 * device grew from 8 bytes to 12 under the same version.
 */
static const struct zone_layout layouts[] = {
	{
		.magic = 0x4, .arch = ZONE_ARCH_ARM64, .size = 2800,
		.arch_config = 2360, .num_pci_bus = 0, .num_pci_devs = 2536,
		.encode_arch = encode_arm64, .decode_arch = decode_arm64,
	},
	{
		.magic = 0x5, .arch = ZONE_ARCH_ARM64, .size = 3136,
		.arch_config = 2360, .num_pci_bus = 2448, .num_pci_devs = 2872,
		.encode_arch = encode_arm64, .decode_arch = decode_arm64,
	},
	{
		.magic = 0x5, .arch = ZONE_ARCH_ARM64, .size = 3264,
		.arch_config = 2360, .num_pci_bus = 2448, .num_pci_devs = 2872,
		.encode_arch = encode_arm64, .decode_arch = decode_arm64,
	},
	{
		.magic = 0x6, .arch = ZONE_ARCH_ARM64, .size = 3296,
		.arch_config = 2360, .num_pci_bus = 2480, .num_pci_devs = 2904,
		.encode_arch = encode_arm64_uefi, .decode_arch = decode_arm64_uefi,
	},
};

const struct zone_layout *zone_layout_find(u32 magic, enum zone_arch arch, unsigned int nth)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].magic == magic && layouts[i].arch == arch && nth-- == 0)
			return &layouts[i];
	return NULL;
}

unsigned int zone_layout_magics(enum zone_arch arch, u32 *magics, unsigned int max)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(layouts) && n < max; i++)
		if (layouts[i].arch == arch && (n == 0 || magics[n - 1] != layouts[i].magic))
			magics[n++] = layouts[i].magic;
	return n;
}

/* The hypervisor takes a virtio window's guest address from physical_start. */
static void encode_region(const struct hvisor_region *region, struct config_region *config)
{
	config->type = region->type;
	config->physical_start =
		region->type == ZONE_REGION_VIRTIO ? region->guest : region->physical;
	config->virtual_start = region->guest;
	config->size = region->size;
}

void zone_config_encode(const struct zone_layout *layout, const struct zone_description *zone,
			u8 *bytes)
{
	struct config_head *head = (struct config_head *)bytes;
	u32 i;

	memset(bytes, 0, layout->size);
	head->zone_id = zone->id;
	head->cpus = zone->cpus;
	head->num_memory_regions = zone->num_regions;
	for (i = 0; i < zone->num_regions; i++)
		encode_region(&zone->regions[i], &head->memory_regions[i]);
	memcpy(head->interrupts, zone->interrupts, sizeof(head->interrupts));
	head->entry_point = zone->entry_point;
	head->kernel_load_paddr = zone->kernel_address;
	head->kernel_size = zone->kernel_size;
	head->dtb_load_paddr = zone->dtb_address;
	head->dtb_size = zone->dtb_size;
	memcpy(head->name, zone->name, sizeof(head->name));
	layout->encode_arch(zone, bytes + layout->arch_config);
}

static u64 read_u64(const u8 *bytes, u32 offset)
{
	u64 value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

/* Indices that the hypervisor runs up to unchecked. */
static int check_counts(const struct zone_layout *layout, const u8 *bytes, const char **what)
{
	const struct config_head *head = (const struct config_head *)bytes;

	*what = "num_memory_regions";
	if (head->num_memory_regions > HVISOR_REGIONS_MAX)
		return -EINVAL;
	/* Where sections overlap the hypervisor panics; nobody checks them here yet. */
	*what = "num_ivc_configs";
	if (head->num_ivc_configs)
		return -EINVAL;
	*what = "num_pci_bus";
	if (layout->num_pci_bus && read_u64(bytes, layout->num_pci_bus) > PCI_BUSES_MAX)
		return -EINVAL;
	*what = "num_pci_devs";
	if (read_u64(bytes, layout->num_pci_devs) > PCI_DEVICES_MAX)
		return -EINVAL;
	return 0;
}

int zone_config_decode(const struct zone_layout *layout, const u8 *bytes,
		       struct zone_description *zone, const char **what)
{
	const struct config_head *head = (const struct config_head *)bytes;
	u32 i;
	int r;

	r = check_counts(layout, bytes, what);
	if (r < 0)
		return r;

	memset(zone, 0, sizeof(*zone));
	zone->id = head->zone_id;
	zone->cpus = head->cpus;
	zone->num_regions = head->num_memory_regions;
	for (i = 0; i < zone->num_regions; i++) {
		const struct config_region *region = &head->memory_regions[i];
		bool is_virtio = region->type == ZONE_REGION_VIRTIO;

		zone->regions[i] = (struct hvisor_region){
			.type = region->type,
			.physical = region->physical_start,
			.guest = is_virtio ? region->physical_start : region->virtual_start,
			.size = region->size,
		};
	}
	memcpy(zone->interrupts, head->interrupts, sizeof(zone->interrupts));
	zone->entry_point = head->entry_point;
	zone->kernel_address = head->kernel_load_paddr;
	zone->kernel_size = head->kernel_size;
	zone->dtb_address = head->dtb_load_paddr;
	zone->dtb_size = head->dtb_size;
	memcpy(zone->name, head->name, sizeof(zone->name));
	*what = "arch_config";
	return layout->decode_arch(bytes + layout->arch_config, zone);
}
