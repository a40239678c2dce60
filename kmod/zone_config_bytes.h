/* SPDX-License-Identifier: GPL-2.0-only */
/* What the hypervisor's zone_config looks like, for zone_config*.c only. */
#ifndef HVISOR_ZONE_CONFIG_BYTES_H
#define HVISOR_ZONE_CONFIG_BYTES_H

#include "zone_config.h"

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

/* What follows the head and the architecture's part, by the form of PCI. */
struct config_bus {
	u64 ecam_base, ecam_size;
	u64 io_base, io_size, pci_io_base;
	u64 mem32_base, mem32_size, pci_mem32_base;
	u64 mem64_base, mem64_size, pci_mem64_base;
	u32 bus_range_begin, bus_range_end;
	u8 domain;
	u8 pad[7];
};

#define BUS_SIZE_WITHOUT_NUMBER offsetof(struct config_bus, bus_range_begin)

struct config_device {
	u8 domain, bus, device, function;
	u32 dev_type;
};

struct config_device_12 {
	u8 domain, bus, device, function;
	u8 v_bus, v_device, v_function;
	u8 pad;
	u32 dev_type;
};

static_assert(sizeof(struct config_bus) == 104);
static_assert(BUS_SIZE_WITHOUT_NUMBER == 88);
static_assert(sizeof(struct config_device) == 8);
static_assert(sizeof(struct config_device_12) == 12);

/* Where things are from the architecture's part on: offsets in zone_config. */
struct tail {
	u32 num_buses; /* 0: there is none, it is one bus */
	u32 buses;
	u32 num_devices;
	u32 devices;
};

static inline struct tail tail_of(const struct zone_layout *layout)
{
	u32 end = sizeof(struct config_head) + layout->arch_config->size;
	struct tail tail;

	if (layout->pci == ZONE_PCI_NUMBERS) {
		tail.num_buses = 0;
		tail.buses = end;
		tail.num_devices = end + BUS_SIZE_WITHOUT_NUMBER;
	} else {
		tail.num_buses = end;
		tail.buses = end + sizeof(u64);
		tail.num_devices = tail.buses + HVISOR_PCI_BUSES_MAX * sizeof(struct config_bus);
	}
	tail.devices = tail.num_devices + sizeof(u64);
	return tail;
}

static inline u64 read_u64(const u8 *bytes, u32 offset)
{
	u64 value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static inline void write_u64(u8 *bytes, u32 offset, u64 value)
{
	memcpy(bytes + offset, &value, sizeof(value));
}

#endif
