/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wanted: one zone as its file describes it, and the board it runs on.
 * Plain data, made by config/parse, immutable once checked, freed by its owner.
 * Addresses and sizes are in bytes; "physical" is the board's and root Linux's
 * view, "guest" the zone's. CPU sets are bitmaps of physical CPU numbers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mac.h"
#include "base/macros.h"
#include "base/range.h"
#include "base/virtio_types.h"
#include "config/identity.h"
#include "config/spots.h"

#define NAME_SIZE            32     /* zone and device names: 1–31 of A-Za-z0-9._- and the NUL */
#define INTERFACE_NAME_SIZE  16     /* of a network interface, with the NUL (IFNAMSIZ) */
#define TAP_AUTO             "auto" /* as Tap=: a tap is made */
#define DEVICE_TREE_AUTO     "auto" /* as DeviceTree=: it is made of the zone's file */
#define ZONE_DEVICES_MAX     7      /* the hypervisor asserts on more pending interrupts */
#define DEVICE_QUEUES_MAX    16     /* of one device, as hvisor.ko takes them */
#define SERIAL_SIZE          21     /* of a disk's serial number, with the NUL (VIRTIO_BLK_ID_BYTES) */
#define COMMAND_LINE_MAX     2047   /* Linux on arm64: COMMAND_LINE_SIZE, less the NUL */
#define ZONE_MEMORY_MAX      16
#define ZONE_IO_MAX          16
#define ZONE_IVCS_MAX        2
#define IVC_PEERS_MAX        64
#define IVC_TABLE_SIZE       0x1000
#define IVC_SIZE_MAX         0x1000000 /* all sections; the hypervisor takes it from its own memory */
#define ZONE_REGIONS_MAX     64        /* of all kinds, as the hypervisor takes them */
#define DEVICE_REGIONS       7         /* that a device's window takes up of them */
#define ZONE_MODULES_MAX     8
#define ZONE_PCI_MAX         4  /* host bridges, as the hypervisor takes them */
#define ZONE_PCI_DEVICES_MAX 32 /* likewise */
#define BOARD_MEMORY_MAX     16
#define CPUS_MAX             64
#define INTERRUPTS_MAX       1024
#define DEVICE_WINDOW_SIZE   0x200 /* of a virtio-mmio device */
#define ZONE_ID_ALWAYS_SAFE  3     /* a hypervisor with IOMMU or ITS panics on a larger one */
#define DEVICE_CPUS_MAX      32    /* the bridge page has a slot for each of so many CPUs */

enum restart_policy {
        RESTART_NO,
        RESTART_ON_FAILURE,
        RESTART_ALWAYS,
        _RESTART_POLICY_MAX,
};

/* When a change takes effect that needs a restart of the zone. */
enum change_policy {
        CHANGE_RESTART, /* at once */
        CHANGE_HOLD,    /* when the zone is started next, by whomever */
        _CHANGE_POLICY_MAX,
};

/* What lies between a disk and its image. */
enum cache_mode {
        CACHE_WRITEBACK, /* root Linux's page cache */
        CACHE_NONE,      /* nothing: direct I/O */
        _CACHE_MODE_MAX,
};

/* Who moves a card's frames. */
enum accelerator {
        ACCELERATOR_AUTO,  /* vhost-net where there is one, else the worker */
        ACCELERATOR_VHOST, /* vhost-net or nobody */
        ACCELERATOR_NONE,  /* the worker */
        _ACCELERATOR_MAX,
};

/* Where a console's output goes besides its clients. */
enum output_log {
        OUTPUT_LOG_NO,
        OUTPUT_LOG_JOURNAL,
        _OUTPUT_LOG_MAX,
};

/* What the hypervisor is built for; the numbers are hvisor.ko's. */
enum architecture {
        ARCHITECTURE_ARM64,
        ARCHITECTURE_RISCV64,
        ARCHITECTURE_LOONGARCH64,
        ARCHITECTURE_X86_64,
        _ARCHITECTURE_MAX,
};

enum pci_device_type {
        PCI_DEVICE_PHYSICAL, /* the board's */
        PCI_DEVICE_VIRTUAL,  /* the hypervisor's own */
        _PCI_DEVICE_TYPE_MAX,
};

enum device_type {
#define SECTION(...)
#define KEY(...)
#define DEVICE(id, ...) DEVICE_##id,
#include "schema/keys.def"
        _DEVICE_TYPE_MAX,
};

/* RAM, or the registers of a real device. */
struct memory_spec {
        char name[NAME_SIZE];
        uint64_t physical;
        uint64_t guest; /* == physical where the file gives none */
        uint64_t size;
        bool reserved; /* x86_64: the guest is told to leave it alone */
};

/* A zone's part in inter-VM communication; addresses are the guest's. */
struct ivc_spec {
        char name[NAME_SIZE];
        uint32_t id; /* the same in all its zones, as are max_peers and the sizes */
        uint32_t peer, max_peers;
        uint64_t control_table;
        uint64_t shared_memory; /* ivc_size() bytes: read_write_size, then output_size for each peer */
        uint64_t read_write_size, output_size;
        uint32_t interrupt; /* 32 … 1019 */
};

static inline uint64_t ivc_size(const struct ivc_spec *v) {
        return v->read_write_size + v->output_size * v->max_peers;
}

/* One virtio device and what serves it. Fields of other types are empty. */
struct device_spec {
        char name[NAME_SIZE];
        enum device_type type;
        uint64_t address;                    /* guest, of its virtio-mmio window */
        uint32_t interrupt;                  /* 32 … 1019 */
        uint32_t zone_cpus;                  /* how many the zone has; no key */
        bool enabled;                        /* no: its window stays, and has no worker */
        uint32_t cpu_quota;                  /* of its worker, percent of one CPU; 0: no limit */
        uint64_t memory_max;                 /* of its worker, bytes; 0: no limit */
        char *image;                         /* block: absolute path of a file or block device */
        struct file_identity image_identity; /* block: when the file was loaded */
        bool read_only;                      /* block */
        enum cache_mode cache;               /* block */
        bool discard;                        /* block: what the guest discards becomes holes */
        uint32_t block_size;                 /* block: 0: the smallest that can be had */
        uint32_t queues;                     /* of requests; block, net (pairs): 0: as many as the zone has CPUs */
        char serial[SERIAL_SIZE];            /* block: empty: made of the zone's and the device's name */
        char tap[INTERFACE_NAME_SIZE];       /* net: the tap interface, which exists, or TAP_AUTO */
        char bridge[INTERFACE_NAME_SIZE];    /* net: that the tap is to be a port of; "": not given */
        uint32_t mtu;                        /* net: 0: not given */
        uint8_t mac[MAC_SIZE];               /* net: all 0: not given, the launcher derives one */
        enum output_log log;                 /* console */
        bool offload;                        /* net: checksums and segments may be left to the other side */
        enum accelerator accelerator;        /* net */
        char *socket;                        /* vhost_user: absolute path, the back-end listens there */
        enum virtio_type virtio_type;        /* vhost_user */
        char tag[VIRTIO_FS_TAG_MAX + 1];     /* vhost_user: fs */
};

/* Which of them are given depends on the version: see gic_windows(). */
struct gic_spec {
        uint32_t version; /* 2, 3; 0: not given */
        uint64_t distributor, distributor_size;
        uint64_t redistributor, redistributor_size; /* v3 */
        uint64_t its, its_size;                     /* v3; 0: none */
        uint64_t cpu_interface, cpu_interface_size; /* v2, as all that follow */
        uint64_t cpu_interface_offset;
        uint64_t hypervisor, hypervisor_size;
        uint64_t virtual_cpu, virtual_cpu_size;
};

/* The interrupt controller of riscv64: a PLIC or an APLIC. */
struct controller_spec {
        uint64_t address, size; /* size 0: not given */
};

/* Where a guest's UEFI finds what it was started with (arm64). Guest and physical addresses are the same there. */
struct uefi_spec {
        uint64_t memory_map, memory_map_size; /* size 0: not given */
        uint64_t system_table;
};

struct pci_window {
        uint64_t address, size; /* on the board and in the guest alike; size 0: there is none */
        uint64_t bus_address;
};

/* A PCI host bridge that the zone sees. */
struct pci_spec {
        char name[NAME_SIZE];
        uint32_t domain;
        uint32_t first_bus, last_bus; /* both 0: not given */
        uint64_t ecam, ecam_size;
        struct pci_window io, memory32, memory64;
};

struct pci_address {
        bool given;
        uint8_t domain, bus, device, function;
};

struct pci_device_spec {
        char name[NAME_SIZE];
        struct pci_address address;
        struct pci_address guest; /* not given: the hypervisor's choice */
        enum pci_device_type type;
};

/* A file to be put into the zone's RAM before it starts. */
struct image_spec {
        char *path;       /* absolute; NULL: none; of a device tree also DEVICE_TREE_AUTO */
        uint64_t address; /* physical; 0: one is chosen when it is loaded */
};

/* A file more in the zone's RAM. */
struct module_spec {
        char name[NAME_SIZE];
        struct image_spec image;
};

/* How a zone of x86_64 boots. Regions are names of [Memory]. */
struct x86_spec {
        uint64_t ioapic, ioapic_size;  /* size 0: not given */
        uint64_t kernel_entry;         /* guest */
        struct image_spec setup;       /* the kernel's setup code */
        char *command_line;            /* NULL: none */
        uint64_t command_line_address; /* physical; 0: none */
        char rsdp[NAME_SIZE], acpi[NAME_SIZE];
        char uefi[NAME_SIZE]; /* "": none */
        uint64_t screen;      /* guest; 0: none */
};

struct zone_spec {
        char name[NAME_SIZE];
        char *path;      /* of the file that it comes from */
        char **drop_ins; /* those of what was read after it, in that order */
        size_t num_drop_ins;
        uint32_t id;
        uint64_t cpus;
        struct image_spec kernel, device_tree, initrd;
        bool device_tree_fix; /* the guest's copy is made to say what the zone has */
        char *command_line;   /* NULL: not given */
        uint64_t entry_point; /* guest */
        enum restart_policy restart;
        enum change_policy on_change;
        uint32_t interrupts[INTERRUPTS_MAX / 32]; /* passed through, beside the devices' */
        bool aarch32;                             /* arm64: its kernel is a 32-bit one */
        struct gic_spec gic;                      /* version 0: the board's */
        struct controller_spec plic, aplic;       /* neither given: the board's */
        struct uefi_spec uefi;
        struct x86_spec x86;
        struct memory_spec memory[ZONE_MEMORY_MAX];
        size_t num_memory;
        struct memory_spec io[ZONE_IO_MAX];
        size_t num_io;
        struct ivc_spec ivcs[ZONE_IVCS_MAX];
        size_t num_ivcs;
        struct device_spec devices[ZONE_DEVICES_MAX];
        size_t num_devices;
        struct module_spec modules[ZONE_MODULES_MAX];
        size_t num_modules;
        struct pci_spec pci[ZONE_PCI_MAX];
        size_t num_pci;
        struct pci_device_spec pci_devices[ZONE_PCI_DEVICES_MAX];
        size_t num_pci_devices;
        struct spots spots; /* for messages */
};

/* What each CPU calls itself: the affinity fields of its MPIDR, by which a device tree and PSCI name it. */
struct cpu_affinities {
        uint32_t count; /* of those that are given; all others are as the CPU's number */
        uint32_t of[CPUS_MAX];
};

struct board_spec {
        char *path;
        char description[NAME_SIZE]; /* that gives what the file itself does not; "": none */
        char *description_path;      /* NULL: none */
        uint64_t description_hash;   /* of its text */
        enum architecture architecture;
        uint64_t cpus;
        struct cpu_affinities affinities;
        struct range memory[BOARD_MEMORY_MAX];
        size_t num_memory;
        uint32_t max_zone_id;      /* below ZONE_ID_ALWAYS_SAFE counts as that */
        uint32_t wakeup_interrupt; /* as the interrupt controller counts; 0: not known */
        struct gic_spec gic;
        struct controller_spec plic, aplic;
        struct spots spots, described; /* in the file, in its description; see board_origin() */
};

/** board_cpu_affinity() - of a CPU below CPUS_MAX; @b: NULL: as its number */
uint32_t board_cpu_affinity(const struct board_spec *b, unsigned cpu);

struct zone_spec *zone_spec_free(struct zone_spec *z);
struct board_spec *board_spec_free(struct board_spec *b);
DEFINE_CLEANUP(struct zone_spec *, zone_spec_free);
DEFINE_CLEANUP(struct board_spec *, board_spec_free);

/** zone_spec_copy() - of one's own, spots and all; NULL: out of memory */
struct zone_spec *zone_spec_copy(const struct zone_spec *z);

/** zone_spec_makes_tree() - DeviceTree=auto */
bool zone_spec_makes_tree(const struct zone_spec *z);

/** zone_guest_address() - where the guest sees a physical address of its RAM; the address itself if it has none there */
uint64_t zone_guest_address(const struct zone_spec *z, uint64_t physical);

/** zone_has_guest_ram() - true if one [Memory] has all @size bytes from a guest address on */
bool zone_has_guest_ram(const struct zone_spec *z, uint64_t address, uint64_t size);

/** zone_spec_same_files() - both come from files of the same paths */
bool zone_spec_same_files(const struct zone_spec *a, const struct zone_spec *b);

const struct device_spec *zone_spec_find_device(const struct zone_spec *z, const char *name);

/** zone_name_valid() - 1–31 of A-Za-z0-9._-, not beginning with a dot */
bool zone_name_valid(const char *name);

/**
 * zone_spec_cookie() - tells if the guest would see a difference
 *
 * Covers all that needs a restart of the zone: everything but Restart=, OnChange= and what
 * only a device's own worker sees (device_spec_cookie()). Comments, order of
 * sections, spelling of numbers and names of memory do not count. The value stays
 * the same when later versions add keys. @b gives the GIC where the zone has none
 * of its own; NULL if there is no board.
 */
uint64_t zone_spec_cookie(const struct zone_spec *z, const struct board_spec *b);

/* The interrupt controllers in effect: the zone's, or the board's where it has none; NULL: none. Borrowed. */
struct zone_controllers {
        const struct gic_spec *gic;
        const struct controller_spec *plic, *aplic;
};

/** zone_controllers() - @b: NULL if there is no board */
struct zone_controllers zone_controllers(const struct zone_spec *z, const struct board_spec *b);

/** device_spec_cookie() - tells if a device's worker would have to be replaced */
uint64_t device_spec_cookie(const struct device_spec *d);

/** device_virtio_id() - virtio 1.2, section 5: 1 net, 2 block … */
uint32_t device_virtio_id(const struct device_spec *d);

/** virtio_id_to_string() - as a type of device is called, of ours or a back-end's; "unknown" */
const char *virtio_id_to_string(uint32_t id);

/* Words as they stand in files and messages: "block", "on-failure". Never NULL for a valid value. */
const char *device_type_to_string(enum device_type type);
const char *restart_policy_to_string(enum restart_policy policy);
const char *change_policy_to_string(enum change_policy policy);
const char *cache_mode_to_string(enum cache_mode mode);

/** device_queues() - how many queues the device has that Queues= asks for */
uint32_t device_queues(const struct device_spec *d);
const char *accelerator_to_string(enum accelerator accelerator);
const char *output_log_to_string(enum output_log log);
const char *architecture_to_string(enum architecture architecture);
const char *pci_device_type_to_string(enum pci_device_type type);

/**
 * zone_spec_format() - the spec as a normalized .conf text
 * @ret: owned by the caller, free(). Parsing it gives an equal spec.
 *
 * Return: 0, -ENOMEM.
 */
int zone_spec_format(const struct zone_spec *z, char **ret);

/** zone_spec_hash() - of that text: tells any change from none. Needs no memory, as the cookies do not. */
uint64_t zone_spec_hash(const struct zone_spec *z);
