// SPDX-License-Identifier: GPL-2.0-only
#include "zone_config_bytes.h"

static int no_place(struct zone_problem *problem, const char *field, u32 index)
{
	*problem = (struct zone_problem){ .field = field, .index = index };
	return -EOPNOTSUPP;
}

static int check_bus_without_number(const struct zone_description *zone,
				    struct zone_problem *problem)
{
	const struct hvisor_pci_bus *bus = &zone->pci_buses[0];

	if (zone->num_pci_buses > 1)
		return no_place(problem, "a second PCI bus", 1);
	if (zone->num_pci_buses && bus->domain)
		return no_place(problem, "PCI domain of bus", 0);
	if (zone->num_pci_buses && (bus->bus_begin || bus->bus_end))
		return no_place(problem, "PCI bus range of bus", 0);
	return 0;
}

static int check_device_form(enum zone_pci_form form, const struct hvisor_pci_device *device,
			     u32 index, struct zone_problem *problem)
{
	if (form == ZONE_PCI_NUMBERS && device->type != HVISOR_PCI_PHYSICAL)
		return no_place(problem, "type of PCI device", index);
	if (form != ZONE_PCI_12_BYTES && device->flags & HVISOR_PCI_GUEST_ADDRESS)
		return no_place(problem, "guest address of PCI device", index);
	return 0;
}

int zone_layout_check(const struct zone_layout *layout, const struct zone_description *zone,
		      struct zone_problem *problem)
{
	u32 i;
	int r = 0;

	if (!layout->arch_config->fits(zone, problem))
		return -EOPNOTSUPP;
	if (layout->pci == ZONE_PCI_NUMBERS)
		r = check_bus_without_number(zone, problem);
	for (i = 0; i < zone->num_pci_devices && !r; i++)
		r = check_device_form(layout->pci, &zone->pci_devices[i], i, problem);
	return r;
}

/* ------------------------------------------------------------------------ */
/* Encoding                                                                  */

/* The hypervisor takes a virtio window's guest address from physical_start. */
static void encode_region(const struct hvisor_region *region, struct config_region *config)
{
	config->type = region->type;
	config->physical_start =
		region->type == ZONE_REGION_VIRTIO ? region->guest : region->physical;
	config->virtual_start = region->guest;
	config->size = region->size;
}

static void encode_ivc(const struct hvisor_ivc *ivc, struct config_ivc *config)
{
	*config = (struct config_ivc){
		.id = ivc->id,
		.peer = ivc->peer,
		.control_table = ivc->control_table,
		.shared_memory = ivc->shared_memory,
		.rw_section_size = ivc->rw_size,
		.out_section_size = ivc->out_size,
		.interrupt = ivc->interrupt,
		.max_peers = ivc->max_peers,
	};
}

static void encode_bus(const struct hvisor_pci_bus *bus, struct config_bus *config)
{
	*config = (struct config_bus){
		bus->ecam,	bus->ecam_size,	 bus->io,	 bus->io_size, bus->pci_io,
		bus->mem32,	bus->mem32_size, bus->pci_mem32, bus->mem64,   bus->mem64_size,
		bus->pci_mem64, bus->bus_begin,	 bus->bus_end,	 bus->domain,  { 0 },
	};
}

static void encode_device(enum zone_pci_form form, const struct hvisor_pci_device *device,
			  u8 *devices, u32 i)
{
	bool has_address = device->flags & HVISOR_PCI_GUEST_ADDRESS;
	struct config_device d8 = {
		device->domain, device->bus, device->device, device->function, device->type,
	};
	struct config_device_12 d12 = {
		device->domain,
		device->bus,
		device->device,
		device->function,
		has_address ? device->guest_bus : device->bus,
		has_address ? device->guest_device : device->device,
		has_address ? device->guest_function : device->function,
		0,
		device->type,
	};

	switch (form) {
	case ZONE_PCI_NUMBERS:
		write_u64(devices, i * sizeof(u64),
			  device->bus << 8 | device->device << 3 | device->function);
		break;
	case ZONE_PCI_8_BYTES:
		memcpy(devices + i * sizeof(d8), &d8, sizeof(d8));
		break;
	case ZONE_PCI_12_BYTES:
		memcpy(devices + i * sizeof(d12), &d12, sizeof(d12));
		break;
	}
}

static void encode_pci(const struct zone_layout *layout, const struct zone_description *zone,
		       u8 *bytes)
{
	size_t bus_size = layout->pci == ZONE_PCI_NUMBERS ? BUS_SIZE_WITHOUT_NUMBER
							  : sizeof(struct config_bus);
	struct tail tail = tail_of(layout);
	struct config_bus bus;
	u32 i;

	if (tail.num_buses)
		write_u64(bytes, tail.num_buses, zone->num_pci_buses);
	for (i = 0; i < zone->num_pci_buses; i++) {
		encode_bus(&zone->pci_buses[i], &bus);
		memcpy(bytes + tail.buses + i * bus_size, &bus, bus_size);
	}
	write_u64(bytes, tail.num_devices, zone->num_pci_devices);
	for (i = 0; i < zone->num_pci_devices; i++)
		encode_device(layout->pci, &zone->pci_devices[i], bytes + tail.devices, i);
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
	head->num_ivc_configs = zone->num_ivcs;
	for (i = 0; i < zone->num_ivcs; i++)
		encode_ivc(&zone->ivcs[i], &head->ivc_configs[i]);
	head->entry_point = zone->entry_point;
	head->kernel_load_paddr = zone->kernel_address;
	head->kernel_size = zone->kernel_size;
	head->dtb_load_paddr = zone->dtb_address;
	head->dtb_size = zone->dtb_size;
	memcpy(head->name, zone->name, sizeof(head->name));
	layout->arch_config->encode(zone, bytes + sizeof(*head));
	encode_pci(layout, zone, bytes);
}
