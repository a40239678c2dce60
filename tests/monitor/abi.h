/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvisor's interface to root Linux, as its arm64 build with magic 0x5 has it: hypercall codes, zone_config,
 * zone_info and the bridge page. Little endian, LP64. The other layouts keep everything up to the GIC's part of
 * zone_config where it is, so the monitor can be told other sizes and magics (control.h) without other structs.
 */
#ifndef MONITOR_ABI_H
#define MONITOR_ABI_H

#include "types.h"

enum hypercall_code {
        HYPERCALL_INIT_VIRTIO = 0,
        HYPERCALL_FINISH_REQ = 1,
        HYPERCALL_ZONE_START = 2,
        HYPERCALL_ZONE_SHUTDOWN = 3,
        HYPERCALL_ZONE_LIST = 4,
        HYPERCALL_IVC_INFO = 5,
        HYPERCALL_CONFIG_CHECK = 6,
};

#define ABI_EPERM 1
#define ABI_EBUSY 16
#define ABI_ENODEV 19
#define ABI_EINVAL 22

#define ZONE_NAME_SIZE 32
#define ZONE_CONFIG_MAGIC 0x5
#define ZONE_CONFIG_REGIONS 64
#define ZONE_CONFIG_IVCS 2

/* From magic 0x6 on: a u64 behind the GIC's part, and the PCI parts 32 bytes later. */
#define ZONE_CONFIG_MAGIC_UEFI 0x6
#define ZONE_CONFIG_UEFI_TAG 2448
#define UEFI_NONE 1

enum region_type {
        REGION_RAM = 0,
        REGION_IO = 1,
        REGION_VIRTIO = 2,
};

struct memory_region {
        uint32_t type;
        uint32_t pad;
        uint64_t physical_start;
        uint64_t virtual_start;
        uint64_t size;
};

struct ivc_config {
        uint32_t ivc_id, peer_id;
        uint64_t control_table_ipa, shared_mem_ipa;
        uint32_t rw_sec_size, out_sec_size;
        uint32_t interrupt_num;
        uint32_t max_peers;
};

enum gic_version {
        GIC_V2 = 0,
        GIC_V3 = 1,
};

struct arm64_config {
        uint8_t is_aarch32;
        uint8_t pad[7];
        uint64_t gic_version;
        uint64_t gicd_base, gicd_size;
        uint64_t gicr_base, gicr_size;
        uint64_t gits_base, gits_size;
        uint64_t gicv2_rest[3];
};

struct pci_bus_config {
        uint64_t windows[11];
        uint32_t bus_first, bus_last;
        uint64_t domain;
};

struct zone_config {
        uint32_t zone_id;
        uint32_t pad0;
        uint64_t cpus;
        uint32_t num_memory_regions;
        uint32_t pad1;
        struct memory_region memory_regions[ZONE_CONFIG_REGIONS];
        uint32_t interrupts_bitmap[32];
        uint32_t num_ivc_configs;
        uint32_t pad2;
        struct ivc_config ivc_configs[ZONE_CONFIG_IVCS];
        uint64_t entry_point;
        uint64_t kernel_load_paddr, kernel_size;
        uint64_t dtb_load_paddr, dtb_size;
        char name[ZONE_NAME_SIZE];
        struct arm64_config arch;
        uint64_t num_pci_buses;
        struct pci_bus_config pci_buses[4];
        uint64_t num_pci_devices;
        uint64_t pci_devices[32];
};

_Static_assert(sizeof(struct memory_region) == 32, "memory_region");
_Static_assert(sizeof(struct ivc_config) == 40, "ivc_config");
_Static_assert(offsetof(struct zone_config, memory_regions) == 24, "memory_regions");
_Static_assert(offsetof(struct zone_config, interrupts_bitmap) == 2072, "interrupts_bitmap");
_Static_assert(offsetof(struct zone_config, ivc_configs) == 2208, "ivc_configs");
_Static_assert(offsetof(struct zone_config, entry_point) == 2288, "entry_point");
_Static_assert(offsetof(struct zone_config, name) == 2328, "name");
_Static_assert(offsetof(struct zone_config, arch) == 2360, "arch");
_Static_assert(sizeof(struct arm64_config) == 88, "arm64_config");
_Static_assert(offsetof(struct zone_config, num_pci_buses) == 2448, "num_pci_buses");
_Static_assert(offsetof(struct zone_config, pci_buses) == 2456, "pci_buses");
_Static_assert(offsetof(struct zone_config, num_pci_buses) == ZONE_CONFIG_UEFI_TAG, "the UEFI tag");
_Static_assert(sizeof(struct pci_bus_config) == 104, "pci_bus_config");
_Static_assert(offsetof(struct zone_config, num_pci_devices) == 2872, "num_pci_devices");
_Static_assert(sizeof(struct zone_config) == 3136, "zone_config");

struct zone_info {
        uint32_t zone_id;
        uint32_t pad0;
        uint64_t cpus;
        char name[ZONE_NAME_SIZE];
        uint8_t is_err;
        uint8_t pad1[7];
};
_Static_assert(sizeof(struct zone_info) == 56, "zone_info");

/* What IVC_INFO writes; all zero for a zone without IVC. */
struct ivc_info {
        uint64_t len;
        uint64_t control_table_ipas[ZONE_CONFIG_IVCS];
        uint64_t shared_mem_ipas[ZONE_CONFIG_IVCS];
        uint32_t ids[ZONE_CONFIG_IVCS];
        uint32_t interrupts[ZONE_CONFIG_IVCS];
};
_Static_assert(sizeof(struct ivc_info) == 56, "ivc_info");

#define BRIDGE_RING 32
#define BRIDGE_CPUS 32
#define BRIDGE_DEVICES_MAX 8            /* one more than can be pending for a CPU */
#define VIRTIO_QUEUE_NOTIFY 0x50        /* virtio 1.2, 4.2.2 */

struct device_request {
        uint64_t src_cpu;
        uint64_t address;
        uint64_t size;
        uint64_t value;
        uint32_t src_zone;
        uint8_t is_write;
        uint8_t need_interrupt;
        uint16_t pad;
};

struct device_result {
        uint32_t target_zone;
        uint32_t irq_id;
};

struct bridge_page {
        uint32_t req_front;             /* back-end */
        uint32_t req_rear;              /* hypervisor */
        uint32_t res_front;             /* hypervisor */
        uint32_t res_rear;              /* back-end */
        struct device_request req_list[BRIDGE_RING];
        struct device_result res_list[BRIDGE_RING];
        uint64_t cfg_flags[BRIDGE_CPUS];
        uint64_t cfg_values[BRIDGE_CPUS];
        uint64_t mmio_addrs[8];
        uint8_t mmio_avail;
        uint8_t need_wakeup;
};

_Static_assert(sizeof(struct device_request) == 40, "device_request");
_Static_assert(offsetof(struct bridge_page, req_list) == 16, "req_list");
_Static_assert(offsetof(struct bridge_page, res_list) == 1296, "res_list");
_Static_assert(offsetof(struct bridge_page, cfg_flags) == 1552, "cfg_flags");
_Static_assert(offsetof(struct bridge_page, cfg_values) == 1808, "cfg_values");
_Static_assert(offsetof(struct bridge_page, mmio_addrs) == 2064, "mmio_addrs");
_Static_assert(offsetof(struct bridge_page, need_wakeup) == 2129, "need_wakeup");

#endif
