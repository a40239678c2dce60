/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * User-space interface of hvisor.ko, the zone and virtio device manager of
 * root Linux under the hvisor hypervisor.
 *
 * Three kinds of file descriptor:
 *
 *   /dev/hvisor   control: what the module and the hypervisor are, which zones
 *                 there are, creating and opening zone objects. Root only.
 *   zone fd       one zone object: its devices, loading images, start, stop.
 *   device fd     one virtio device object: a worker attaches to it and then
 *                 sees what a vhost worker sees.
 *
 * A zone object has one life: CREATED -> STARTED -> STOPPED -> destroyed.
 * Objects outlive every descriptor: they end with HVISOR_ZONE_DESTROY only, so
 * that a manager that died finds all that it made. A device object ends with
 * its zone.
 *
 * All structs are of fixed layout on every architecture. Reserved fields must
 * be 0 and are given back as 0. Addresses and sizes are in bytes; "physical"
 * is root Linux's (and the board's) view, "guest" the zone's. Unless said
 * otherwise a call returns 0 or -1 with errno:
 *
 *   EINVAL   a field is out of its range (the kernel log names it, at debug
 *            level to spare the log: dyndbg)
 *   E2BIG    a count is larger than its maximum
 *   ENOENT   no such zone or device
 *   EEXIST   the id, name, window or interrupt is taken
 *   EBUSY    a CPU, RAM or interrupt belongs to root Linux, a CPU, RAM or the
 *            interrupt of an IVC to another zone; the zone runs; the device has a
 *            worker already
 *   EOPNOTSUPP the hypervisor's zone_config has no place for a field
 *   EPERM    not allowed in this state or to this descriptor
 *   ESTALE   the descriptor's zone was destroyed, or its worker was revoked
 */
#ifndef _UAPI_HVISOR_H
#define _UAPI_HVISOR_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HVISOR_ABI_VERSION	3

#define HVISOR_NAME_SIZE	32	/* with the terminating NUL */
#define HVISOR_REGIONS_MAX	64	/* all kinds, virtio windows included */
#define HVISOR_IVCS_MAX		2
#define HVISOR_PCI_BUSES_MAX	4
#define HVISOR_PCI_DEVICES_MAX	32
#define HVISOR_DEVICES_MAX	7	/* the hypervisor panics beyond 7 pending */
#define HVISOR_QUEUES_MAX	16
#define HVISOR_CONFIG_SIZE	256	/* virtio device configuration space */
#define HVISOR_INTERRUPTS_MAX	1024
#define HVISOR_WINDOW_SIZE	0x200	/* of a virtio-mmio device */
#define HVISOR_WINDOW_REGIONS	7	/* that it takes up of HVISOR_REGIONS_MAX */

#define HVISOR_IOC_TYPE		0xb7

/* ------------------------------------------------------------------------ */
/* /dev/hvisor                                                               */

enum hvisor_arch {
	HVISOR_ARCH_ARM64 = 0,
	HVISOR_ARCH_RISCV64 = 1,
	HVISOR_ARCH_LOONGARCH64 = 2,
	HVISOR_ARCH_X86_64 = 3,
};

/* What is underneath. */
struct hvisor_info {
	__u32 abi_version;	/* HVISOR_ABI_VERSION */
	__u32 magic;	/* the hypervisor's configuration version */
	__u32 config_size;	/* size of its zone_config: one magic may have several */
	__u32 arch;	/* enum hvisor_arch */
	__u64 root_cpus;	/* physical CPUs that root Linux itself uses */
	__u64 requests;	/* trapped virtio accesses answered so far */
	__u64 wakeups;	/* wake-up interrupts taken so far */
	__u64 reserved[4];
};
#define HVISOR_INFO		_IOR(HVISOR_IOC_TYPE, 0x00, struct hvisor_info)

enum hvisor_region_type {
	HVISOR_REGION_RAM	= 0,
	HVISOR_REGION_IO	= 1,
	HVISOR_REGION_RESERVED = 5, /* x86_64: RAM that the guest is told to leave alone */
};

struct hvisor_region {
	__u32 type;	/* enum hvisor_region_type */
	__u32 reserved;
	__u64 physical;
	__u64 guest;
	__u64 size;
};

/* The interrupt controller of an arm64 zone. Unused fields are 0. */
struct hvisor_gic {
	__u32 version;	/* 2 or 3, as the board's */
	__u32 reserved;
	__u64 distributor, distributor_size;
	__u64 redistributor, redistributor_size;	/* v3 */
	__u64 its, its_size;	/* v3, or 0 */
	__u64 cpu_interface, cpu_interface_size;	/* v2 from here on */
	__u64 cpu_interface_offset;
	__u64 hypervisor, hypervisor_size;
	__u64 virtual_cpu, virtual_cpu_size;
};

#define HVISOR_ARM64_AARCH32 (1U << 0)	/* the guest's kernel is a 32-bit one */
#define HVISOR_ARM64_UEFI (1U << 1)	/* the maps are there */

struct hvisor_arm64 {
	__u32 flags;	/* HVISOR_ARM64_* */
	__u32 reserved;
	struct hvisor_gic gic;
	/* Of a guest's UEFI; inside RAM whose guest and physical addresses are the same. */
	__u64 uefi_memory_map, uefi_memory_map_size;
	__u64 uefi_system_table;
};

/* Either of them may be 0, not both. */
struct hvisor_riscv64 {
	__u64 plic, plic_size;
	__u64 aplic, aplic_size;
};

#define HVISOR_REGION_NONE (~0ULL)

/* Addresses are the guest's; a region is an index into the regions of the zone. */
struct hvisor_x86_64 {
	__u64 ioapic, ioapic_size;
	__u64 kernel_entry;	/* where setup goes on */
	__u64 command_line;	/* 0: none */
	__u64 setup;	/* the kernel's setup code, a page of it at least */
	__u64 initrd, initrd_size;	/* 0: none */
	__u64 rsdp_region;	/* RAM, 0x20000 bytes at guest 0xe0000 */
	__u64 acpi_region;	/* RAM for the other tables */
	__u64 uefi_region;	/* RAM for UEFI's tables, or HVISOR_REGION_NONE */
	__u64 screen;	/* where the frame buffer is to be seen; 0: none */
};

/* A section that several zones share, to talk to each other (arm64). */
struct hvisor_ivc {
	__u32 id;	/* of the section; the same in all its zones */
	__u32 peer;	/* which of them this zone is, below max_peers */
	__u64 control_table;	/* guest; one page, trapped */
	__u64 shared_memory;	/* guest; rw_size, then out_size for each peer */
	__u32 rw_size;	/* that all may write to; these three are the same in all zones */
	__u32 out_size;	/* that one peer each may write to */
	__u32 interrupt;	/* 32 … 1019; one that the zone has, see interrupts */
	__u32 max_peers;
};

/*
 * A PCI host bridge that the zone sees. Its windows are the board's, and the guest sees them at the
 * same addresses; pci_* are those on the bus. A window of size 0 is not there.
 */
struct hvisor_pci_bus {
	__u64 ecam, ecam_size;	/* configuration space; trapped */
	__u64 io, io_size, pci_io;
	__u64 mem32, mem32_size, pci_mem32;
	__u64 mem64, mem64_size, pci_mem64;
	__u32 bus_begin, bus_end;	/* as the device tree's bus-range, both 0: not told */
	__u32 domain;	/* unique in its zone, below 256 */
	__u32 reserved;
};

enum hvisor_pci_device_type {
	HVISOR_PCI_PHYSICAL = 0, /* the board's, given to this zone */
	HVISOR_PCI_VIRTUAL = 1,	 /* the hypervisor's own; it does nothing */
};

#define HVISOR_PCI_GUEST_ADDRESS (1U << 0)	/* guest_* are meant, else the hypervisor numbers it */

struct hvisor_pci_device {
	__u8 domain;	/* of one of the zone's buses */
	__u8 bus, device, function;
	__u8 guest_bus, guest_device, guest_function;
	__u8 flags;	/* HVISOR_PCI_* */
	__u32 type;	/* enum hvisor_pci_device_type */
};

/*
 * Creates a zone object, in state CREATED, and returns its zone fd (O_CLOEXEC).
 * The module adds the virtio windows and interrupts of the zone's devices by
 * itself; here are RAM and passed-through I/O only. RAM must be page aligned,
 * lie outside root Linux's System RAM and outside every other zone's RAM.
 * EEXIST also if the hypervisor lists a zone of that id already; EINVAL if arch
 * is not the machine's. What is refused is told in words, too, if there is room.
 *
 * Of all calls only LOAD, START, STOP and DESTROY take their time, or wait for a
 * start or stop of another zone. While such a one is under way, what the
 * hypervisor lists is what it listed right before.
 */
struct hvisor_zone_create {
	__u32 id;	/* > 0 */
	__u32 num_regions;
	__u64 cpus;	/* bitmap of physical CPUs */
	char name[HVISOR_NAME_SIZE];
	__u64 cookie[2];	/* the manager's own: [0] whose, [1] which spec */
	__u64 entry_point;	/* guest */
	__u64 kernel_address, kernel_size;	/* physical; the image's place */
	__u64 dtb_address, dtb_size;	/* physical */
	__u32 interrupts[HVISOR_INTERRUPTS_MAX / 32];	/* passed through, and IVC's */
	__u32 arch;	/* enum hvisor_arch: whose part of the union it is */
	__u32 num_ivcs;
	__u32 num_pci_buses;
	__u32 num_pci_devices;
	union { /* what its architecture has no use for is 0 */
		struct hvisor_arm64 arm64;
		struct hvisor_riscv64 riscv64;
		struct hvisor_x86_64 x86_64;
		__u64 arch_room[32];
	};
	struct hvisor_ivc ivcs[HVISOR_IVCS_MAX];
	struct hvisor_pci_bus pci_buses[HVISOR_PCI_BUSES_MAX];
	struct hvisor_pci_device pci_devices[HVISOR_PCI_DEVICES_MAX];
	struct hvisor_region regions[HVISOR_REGIONS_MAX];
	__u64 message;	/* user pointer to char[], gets what is at fault; 0: not wanted */
	__u32 message_size;
	__u32 reserved0;
	__u64 reserved[8];
};
#define HVISOR_ZONE_CREATE	_IOW(HVISOR_IOC_TYPE, 0x01, struct hvisor_zone_create)

/* Opens an existing zone object by its id; returns a zone fd. */
struct hvisor_zone_open {
	__u32 id;
	__u32 reserved;
};
#define HVISOR_ZONE_OPEN	_IOW(HVISOR_IOC_TYPE, 0x02, struct hvisor_zone_open)

enum hvisor_zone_state {
	HVISOR_ZONE_CREATED	= 0,	/* images may be loaded */
	HVISOR_ZONE_STARTED	= 1,	/* was started; the hypervisor's list tells if it still runs */
	HVISOR_ZONE_STOPPED	= 2,	/* was shut down through this module */
};

struct hvisor_zone_info {
	__u32 id;
	__u32 state;			/* enum hvisor_zone_state */
	__u64 cpus;
	char name[HVISOR_NAME_SIZE];
	__u64 cookie[2];
	__u32 num_devices;
	__u32 reserved0;
	__u64 events;			/* counts changes of its devices, see poll on a zone fd */
	__u64 reserved[4];
};

/* The zone objects of this module, in order of creation. */
struct hvisor_zone_list {
	__u32 count;		/* in: capacity of zones; out: how many there are (maybe more) */
	__u32 reserved;
	__u64 zones;		/* user pointer to struct hvisor_zone_info[] */
};
#define HVISOR_ZONE_LIST	_IOWR(HVISOR_IOC_TYPE, 0x03, struct hvisor_zone_list)

/* ------------------------------------------------------------------------ */
/* zone fd                                                                   */

/*
 * poll(): EPOLLIN when a device of this zone changed (worker attached, left,
 * hung; driver came up; device broken) since this fd's last HVISOR_ZONE_INFO;
 * EPOLLHUP once the zone is destroyed.
 */
#define HVISOR_ZONE_INFO	_IOR(HVISOR_IOC_TYPE, 0x20, struct hvisor_zone_info)

/* Creates a device, in state CREATED of the zone only; returns a device fd. */
struct hvisor_device_create {
	char name[HVISOR_NAME_SIZE];	/* unique in its zone */
	__u32 virtio_id;		/* virtio 1.2, section 5: 1 net, 2 block, 3 console … */
	__u32 interrupt;		/* unique in its zone; arm64: 32 … 1019 */
	__u64 address;			/* guest; of the virtio-mmio window */
	__u64 size;			/* HVISOR_WINDOW_SIZE */
	__u64 reserved[4];
};
#define HVISOR_DEVICE_CREATE	_IOW(HVISOR_IOC_TYPE, 0x21, struct hvisor_device_create)

/* Opens a device of this zone by its name; returns a device fd. */
struct hvisor_device_open {
	char name[HVISOR_NAME_SIZE];
};
#define HVISOR_DEVICE_OPEN	_IOW(HVISOR_IOC_TYPE, 0x22, struct hvisor_device_open)

/* Flags of a device, as its manager sees it. */
#define HVISOR_DEVICE_ATTACHED	(1U << 0)	/* has a worker */
#define HVISOR_DEVICE_HUNG	(1U << 1)	/* its worker gave no sign in time: revoked, kill it */
#define HVISOR_DEVICE_BROKEN	(1U << 2)	/* NEEDS_RESET: the guest violated the protocol */
#define HVISOR_DEVICE_SILENT	(1U << 3)	/* with HUNG: not of a reset, a sign of life */
#define HVISOR_DEVICE_WITHDRAWN	(1U << 4)	/* see HVISOR_DEVICE_WITHDRAW */

struct hvisor_device_info {
	char name[HVISOR_NAME_SIZE];
	__u32 virtio_id;
	__u32 interrupt;
	__u64 address;
	__u64 generation;	/* counts attachments; 0: never had a worker */
	__u64 cookie;		/* the last worker's, see struct hvisor_device_attach */
	__s32 worker_pid;	/* in the caller's pid namespace; 0: no worker */
	__u32 flags;		/* HVISOR_DEVICE_* */
	__u32 status;		/* virtio device status, virtio 1.2, 2.1 */
	__u32 reserved0;
	__u64 kicks;		/* queue notifications from the guest so far */
	__u64 calls;		/* interrupts asked for by workers so far */
	__u64 reserved[2];
};

struct hvisor_device_list {
	__u32 count;		/* in: capacity of devices; out: how many there are (maybe more) */
	__u32 reserved;
	__u64 devices;		/* user pointer to struct hvisor_device_info[] */
};
#define HVISOR_DEVICE_LIST	_IOWR(HVISOR_IOC_TYPE, 0x23, struct hvisor_device_list)

/*
 * Copies a part of a regular file into the zone's RAM, clean to the point of
 * coherency. In state CREATED only. EFAULT if [address, address+size) is not
 * inside one RAM region of this zone, ENODATA if the file ends before.
 */
struct hvisor_zone_load {
	__s32 fd;
	__u32 reserved;
	__u64 offset;		/* in the file */
	__u64 address;		/* physical */
	__u64 size;
};
#define HVISOR_ZONE_LOAD	_IOW(HVISOR_IOC_TYPE, 0x24, struct hvisor_zone_load)

/*
 * Start and stop are the hypervisor's calls: they can take seconds and cannot
 * be interrupted. START: errno is the hypervisor's (EBUSY: a CPU is on, see
 * the zone list for whose), or of an IVC that the hypervisor would start the zone
 * without: EUSERS (as many peers as it has room for have joined since the board
 * started, and none can join again), ENOTUNIQ (it was made with other sizes, or
 * the zone was another peer), ENOSPC (no memory for another one). ENOEXEC, on
 * x86_64: what was loaded as setup code is not that of a kernel with boot protocol
 * 2.04 or later. The object stays CREATED if it fails. STOP is a
 * power cut for the guest; 0 also if the hypervisor no longer lists the zone.
 * The zone's CPUs are made ready for another one behind it: a START that comes
 * at once waits for that.
 * DESTROY: EBUSY while the hypervisor lists the zone as this object's; revokes every worker: when it returns,
 * none can reach the zone's RAM.
 */
#define HVISOR_ZONE_START	_IO(HVISOR_IOC_TYPE, 0x25)
#define HVISOR_ZONE_STOP	_IO(HVISOR_IOC_TYPE, 0x26)
#define HVISOR_ZONE_DESTROY	_IO(HVISOR_IOC_TYPE, 0x27)

/* ------------------------------------------------------------------------ */
/* device fd                                                                 */

/*
 * Makes the caller this device's worker, until the descriptor is released.
 * The first attachment defines the device model; a later one must offer the
 * same num_queues and config_size, no smaller queues, and at least the
 * features that the driver has accepted (else EINVAL). A config that differs
 * raises a configuration change interrupt. Every ready queue is kicked once.
 * call_fd and kick_fd[] are eventfds, all distinct; unused kick_fds are -1.
 *
 * poll() on an attached fd: EPOLLIN while there is a state change that was
 * not acknowledged; EPOLLHUP when the worker was revoked or the zone
 * destroyed: every later call gives ESTALE, guest memory gives SIGBUS.
 */
struct hvisor_device_attach {
	__u64 cookie;			/* the manager's own: the settings served with */
	__u64 features;			/* VIRTIO_F_VERSION_1 must be among them */
	__u32 num_queues;
	__u32 config_size;
	__u16 queue_size_max[HVISOR_QUEUES_MAX];	/* powers of two, <= 1024 */
	__u8 config[HVISOR_CONFIG_SIZE];
	__s32 call_fd;			/* written by the worker: interrupt the guest */
	__s32 kick_fd[HVISOR_QUEUES_MAX];	/* signalled when the guest notifies */
	__u32 reserved0;
	__u64 generation;		/* out */
	__u64 reserved[4];
};
#define HVISOR_DEVICE_ATTACH	_IOWR(HVISOR_IOC_TYPE, 0x40, struct hvisor_device_attach)

struct hvisor_queue_state {
	__u64 descriptors;		/* guest: the three parts of a split virtqueue */
	__u64 available;
	__u64 used;
	__u16 size;
	__u8 ready;
	__u8 reserved[5];
};

/*
 * What the driver has set up. After each change the worker reads the state,
 * lets go of every queue that is no longer ready (or was set up anew), and
 * acknowledges the sequence number: a reset or a queue's disabling completes
 * for the guest only then. A worker that takes longer than 20 ms over it
 * (module parameter worker_timeout_ms) is revoked.
 *
 * Now and then the sequence number counts up without a change: a sign of life is
 * asked for, at least every second while the device is in use, at least every 64
 * seconds else. A worker that owes an acknowledgement for 10 s, of whatever it be
 * (module parameter worker_hang_ms), hangs and is revoked.
 */
struct hvisor_device_state {
	__u64 sequence;
	__u64 features;			/* accepted by the driver; 0 before FEATURES_OK */
	__u32 status;			/* virtio device status */
	__u32 num_queues;
	struct hvisor_queue_state queues[HVISOR_QUEUES_MAX];
	__u64 reserved[4];
};
#define HVISOR_DEVICE_STATE	_IOR(HVISOR_IOC_TYPE, 0x41, struct hvisor_device_state)
#define HVISOR_DEVICE_ACK	_IOW(HVISOR_IOC_TYPE, 0x42, __u64)

/* The guest broke the protocol: set NEEDS_RESET and tell it (virtio 1.2, 2.1.2). */
#define HVISOR_DEVICE_BREAK	_IO(HVISOR_IOC_TYPE, 0x43)

/*
 * The zone's RAM as an attached worker may map it: mmap(MAP_SHARED) of the
 * device fd with offset = guest. Only whole parts of one region can be mapped.
 */
struct hvisor_memory_region {
	__u64 guest;
	__u64 size;
};
struct hvisor_memory {
	__u32 num_regions;
	__u32 reserved;
	struct hvisor_memory_region regions[HVISOR_REGIONS_MAX];
};
#define HVISOR_DEVICE_MEMORY	_IOR(HVISOR_IOC_TYPE, 0x44, struct hvisor_memory)

/*
 * Memory that outlives the worker, for what it has fetched from its queues and
 * not returned yet: mmap(MAP_SHARED) of the device fd with this offset, as an
 * attached worker; num_queues parts of this size, rounded up to whole pages.
 * Each part has room for the region of a split virtqueue of 1024 as vhost-user
 * lays it out ("Inflight I/O tracking"). It is zero when the driver enables the
 * queue; then only workers write there, one after the other.
 */
#define HVISOR_INFLIGHT_OFFSET		(1ULL << 62)
#define HVISOR_INFLIGHT_QUEUE_SIZE	0x4040

/*
 * A part of that memory for another process that serves this device's queues:
 * returns a descriptor (O_CLOEXEC) that can be mapped (MAP_SHARED) and nothing
 * else, from offset 0 on. @guest: of RAM, in one or several regions that adjoin;
 * or HVISOR_INFLIGHT_OFFSET. Both are multiples of the page size (EINVAL).
 *
 * When the worker is revoked, or gone, the process sees a page of its own
 * instead, again and again: it is not hurt, and reaches nobody's memory.
 */
#define HVISOR_DEVICE_MEMORY_FD	_IOW(HVISOR_IOC_TYPE, 0x46, struct hvisor_memory_region)

/*
 * The device's configuration space has changed: what it is now, as a whole
 * (EINVAL: bytes beyond the attachment's config_size). If it differs from what
 * was there the driver sees another ConfigGeneration, and is told by a
 * configuration change interrupt once it is up (virtio 1.2, 2.5 and 4.2.2).
 */
struct hvisor_device_config {
	__u8 config[HVISOR_CONFIG_SIZE];
	__u64 reserved[4];
};
#define HVISOR_DEVICE_CONFIG	_IOW(HVISOR_IOC_TYPE, 0x45, struct hvisor_device_config)

/*
 * By the manager, on a descriptor that is not attached: the device is to be gone for the guest, while its window stays.
 * The guest reads DeviceID 0 there, at once if no driver is bound, else once the driver has reset the device; until
 * then its requests wait. The next attachment brings it back. EBUSY: the device has a worker.
 */
#define HVISOR_DEVICE_WITHDRAW	_IO(HVISOR_IOC_TYPE, 0x4f)

/* ------------------------------------------------------------------------ */
/*
 * Calls of the older tool that go on working on /dev/hvisor. "void *" stands
 * for the size that their numbers encode. INIT_VIRTIO (0), FINISH_REQ (2) and
 * mapping /dev/hvisor are refused: the module itself owns the bridge page.
 */
struct hvisor_old_zone_info {
	__u32 zone_id;
	__u32 reserved0;
	__u64 cpus;
	char name[HVISOR_NAME_SIZE];
	__u8 is_err;
	__u8 reserved[7];
};

struct hvisor_old_zone_list {
	__u64 cnt;
	__u64 zones;		/* user pointer to struct hvisor_old_zone_info[] */
};

struct hvisor_old_load_image {
	__u64 user_buffer;
	__u64 size;
	__u64 load_paddr;
};

#define HVISOR_OLD_TYPE		1
#define HVISOR_OLD_INIT_VIRTIO	_IO(HVISOR_OLD_TYPE, 0)
#define HVISOR_OLD_FINISH_REQ	_IO(HVISOR_OLD_TYPE, 2)
#define HVISOR_OLD_ZONE_START	_IOW(HVISOR_OLD_TYPE, 3, void *)	/* a whole zone_config */
#define HVISOR_OLD_ZONE_SHUTDOWN _IOW(HVISOR_OLD_TYPE, 4, __u64)	/* the id is the argument */
#define HVISOR_OLD_ZONE_LIST	_IOR(HVISOR_OLD_TYPE, 5, void *)	/* the hypervisor's own list; returns the count */
#define HVISOR_OLD_CONFIG_CHECK	_IOR(HVISOR_OLD_TYPE, 6, void *)	/* __u64: the magic version */
#define HVISOR_OLD_LOAD_IMAGE	_IOW(HVISOR_OLD_TYPE, 8, void *)

#endif /* _UAPI_HVISOR_H */
