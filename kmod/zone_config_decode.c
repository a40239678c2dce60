// SPDX-License-Identifier: GPL-2.0-only
#include "zone_config_bytes.h"

/* Indices that the hypervisor runs up to unchecked. */
static int check_counts(const struct zone_layout *layout, const u8 *bytes, const char **what)
{
	const struct config_head *head = (const struct config_head *)bytes;
	struct tail tail = tail_of(layout);

	*what = "num_memory_regions";
	if (head->num_memory_regions > HVISOR_REGIONS_MAX)
		return -EINVAL;
	*what = "num_ivc_configs";
	if (head->num_ivc_configs > HVISOR_IVCS_MAX)
		return -EINVAL;
	*what = "num_pci_bus";
	if (tail.num_buses && read_u64(bytes, tail.num_buses) > HVISOR_PCI_BUSES_MAX)
		return -EINVAL;
	*what = "num_pci_devs";
	if (read_u64(bytes, tail.num_devices) > HVISOR_PCI_DEVICES_MAX)
		return -EINVAL;
	return 0;
}

static void decode_regions(const struct config_head *head, struct zone_description *zone)
{
	u32 i;

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
}

static void decode_ivcs(const struct config_head *head, struct zone_description *zone)
{
	u32 i;

	zone->num_ivcs = head->num_ivc_configs;
	for (i = 0; i < zone->num_ivcs; i++) {
		const struct config_ivc *ivc = &head->ivc_configs[i];

		zone->ivcs[i] = (struct hvisor_ivc){
			.id = ivc->id,
			.peer = ivc->peer,
			.control_table = ivc->control_table,
			.shared_memory = ivc->shared_memory,
			.rw_size = ivc->rw_section_size,
			.out_size = ivc->out_section_size,
			.interrupt = ivc->interrupt,
			.max_peers = ivc->max_peers,
		};
	}
}

/* The hypervisor goes through all four, whatever their number is, and past those without an ECAM.
 */
static void decode_buses(const struct zone_layout *layout, const u8 *bytes,
			 struct zone_description *zone)
{
	bool is_one = layout->pci == ZONE_PCI_NUMBERS;
	size_t bus_size = is_one ? BUS_SIZE_WITHOUT_NUMBER : sizeof(struct config_bus);
	u32 i, n = is_one ? 1 : HVISOR_PCI_BUSES_MAX;

	for (i = 0; i < n; i++) {
		struct config_bus bus = { .domain = 0 };

		memcpy(&bus, bytes + tail_of(layout).buses + i * bus_size, bus_size);
		if (!bus.ecam_base)
			continue;
		zone->pci_buses[zone->num_pci_buses++] = (struct hvisor_pci_bus){
			bus.ecam_base,	   bus.ecam_size,      bus.io_base,
			bus.io_size,	   bus.pci_io_base,    bus.mem32_base,
			bus.mem32_size,	   bus.pci_mem32_base, bus.mem64_base,
			bus.mem64_size,	   bus.pci_mem64_base, bus.bus_range_begin,
			bus.bus_range_end, bus.domain,	       0,
		};
	}
}

static int decode_device(enum zone_pci_form form, const u8 *devices, u32 i,
			 struct hvisor_pci_device *device)
{
	struct config_device_12 d12 = { .domain = 0 };
	struct config_device d8;
	u64 number;

	switch (form) {
	case ZONE_PCI_NUMBERS:
		number = read_u64(devices, i * sizeof(u64));
		if (number > 0xffff)
			return -EINVAL;
		d12.bus = number >> 8;
		d12.device = number >> 3 & 0x1f;
		d12.function = number & 0x7;
		break;
	case ZONE_PCI_8_BYTES:
		memcpy(&d8, devices + i * sizeof(d8), sizeof(d8));
		d12 = (struct config_device_12){
			.domain = d8.domain,
			.bus = d8.bus,
			.device = d8.device,
			.function = d8.function,
			.dev_type = d8.dev_type,
		};
		break;
	case ZONE_PCI_12_BYTES:
		memcpy(&d12, devices + i * sizeof(d12), sizeof(d12));
		break;
	}
	*device = (struct hvisor_pci_device){
		d12.domain,	d12.bus,
		d12.device,	d12.function,
		d12.v_bus,	d12.v_device,
		d12.v_function, form == ZONE_PCI_12_BYTES ? HVISOR_PCI_GUEST_ADDRESS : 0,
		d12.dev_type,
	};
	return 0;
}

static int decode_pci(const struct zone_layout *layout, const u8 *bytes,
		      struct zone_description *zone)
{
	struct tail tail = tail_of(layout);
	int r = 0;
	u32 i;

	decode_buses(layout, bytes, zone);
	zone->num_pci_devices = read_u64(bytes, tail.num_devices);
	for (i = 0; i < zone->num_pci_devices && !r; i++)
		r = decode_device(layout->pci, bytes + tail.devices, i, &zone->pci_devices[i]);
	return r;
}

int zone_config_decode(const struct zone_layout *layout, const u8 *bytes,
		       struct zone_description *zone, const char **what)
{
	const struct config_head *head = (const struct config_head *)bytes;
	int r;

	r = check_counts(layout, bytes, what);
	if (r < 0)
		return r;

	memset(zone, 0, sizeof(*zone));
	zone->id = head->zone_id;
	zone->arch = layout->arch;
	zone->cpus = head->cpus;
	decode_regions(head, zone);
	memcpy(zone->interrupts, head->interrupts, sizeof(zone->interrupts));
	decode_ivcs(head, zone);
	zone->entry_point = head->entry_point;
	zone->kernel_address = head->kernel_load_paddr;
	zone->kernel_size = head->kernel_size;
	zone->dtb_address = head->dtb_load_paddr;
	zone->dtb_size = head->dtb_size;
	memcpy(zone->name, head->name, sizeof(zone->name));
	*what = "alloc_pci_devs";
	r = decode_pci(layout, bytes, zone);
	if (r < 0)
		return r;
	*what = "arch_config";
	return layout->arch_config->decode(bytes + sizeof(*head), zone);
}
