// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * misuse KERNEL: calls hvisor.ko in ways that its interface forbids and looks for the error that it promises. KERNEL is a
 * guest that does nothing: a zone is started from it. Nothing may be there before; nothing is left afterwards.
 * Prints a line for each broken promise, then "N promises, M broken". Exit status: 0 if none is.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "promise.h"
#include "valid.h"

static int control;

/* ---- /dev/hvisor ---------------------------------------------------------------------------------------- */

static void misuse_numbers(int fd, const char *which) {
        static const unsigned long numbers[] = {
                0, ~0UL, _IO(HVISOR_IOC_TYPE, 0x00), _IOR(HVISOR_IOC_TYPE, 0x00, char[8]), _IOW(HVISOR_IOC_TYPE, 0x7f, int),
                _IOW(HVISOR_IOC_TYPE, 0x01, char[16383]), _IO(1, 7), _IOW(1, 3, int), _IOW(1, 9, void *),
        };
        char what[64];

        for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
                snprintf(what, sizeof(what), "call 0x%lx of %s", numbers[i], which);
                expect(what, ioctl(fd, numbers[i], NOWHERE), ENOTTY);
        }
}

static void misuse_control(void) {
        struct hvisor_zone_list list = { .count = UINT32_MAX };
        struct hvisor_zone_open open_zone = { .id = VALID_ID };

        misuse_numbers(control, "/dev/hvisor");
        expect("INFO to nowhere", ioctl(control, HVISOR_INFO, NOWHERE), EFAULT);
        expect("INFO to NULL", ioctl(control, HVISOR_INFO, NULL), EFAULT);
        expect("CREATE from nowhere", ioctl(control, HVISOR_ZONE_CREATE, NOWHERE), EFAULT);
        expect("OPEN from nowhere", ioctl(control, HVISOR_ZONE_OPEN, NOWHERE), EFAULT);
        expect("OPEN of no zone", ioctl(control, HVISOR_ZONE_OPEN, &open_zone), ENOENT);
        open_zone.reserved = 1;
        expect("OPEN, reserved", ioctl(control, HVISOR_ZONE_OPEN, &open_zone), EINVAL);
        expect("LIST of none, huge count", ioctl(control, HVISOR_ZONE_LIST, &list), 0);
        expect_true("LIST tells that there is none", list.count == 0);
        list.reserved = 1;
        expect("LIST, reserved", ioctl(control, HVISOR_ZONE_LIST, &list), EINVAL);
        expect_true("no mapping of /dev/hvisor",
                    mmap(NULL, 4096, PROT_READ, MAP_SHARED, control, 0) == MAP_FAILED && errno == EPERM);
        expect_true("no mapping of physical memory",
                    mmap(NULL, 4096, PROT_READ, MAP_SHARED, control, VALID_RAM) == MAP_FAILED && errno == EPERM);
        expect_true("nothing to read", read(control, &list, sizeof(list)) < 0);
}

static void misuse_old_calls(void) {
        struct hvisor_old_zone_info zones[4];
        struct hvisor_old_zone_list list = { .cnt = UINT64_MAX, .zones = (uintptr_t) zones };
        struct hvisor_old_load_image image = { .user_buffer = (uintptr_t) zones, .size = 64, .load_paddr = VALID_RAM };
        uint64_t magic = 0;
        static char config[4096];

        expect("old INIT_VIRTIO", ioctl(control, HVISOR_OLD_INIT_VIRTIO), EPERM);
        expect("old FINISH_REQ", ioctl(control, HVISOR_OLD_FINISH_REQ), EPERM);
        expect("old CONFIG_CHECK", ioctl(control, HVISOR_OLD_CONFIG_CHECK, &magic), 0);
        expect_true("old CONFIG_CHECK tells the version", magic == 5);
        expect("old CONFIG_CHECK to nowhere", ioctl(control, HVISOR_OLD_CONFIG_CHECK, NOWHERE), EFAULT);
        expect_true("old LIST has root Linux only",
                    ioctl(control, HVISOR_OLD_ZONE_LIST, &list) == 1 && zones[0].zone_id == 0 && zones[0].cpus == 3);
        list.cnt = 0;
        expect_true("old LIST with no room", ioctl(control, HVISOR_OLD_ZONE_LIST, &list) == 0);
        list = (struct hvisor_old_zone_list){ .cnt = 4, .zones = (uintptr_t) NOWHERE };
        expect("old LIST to nowhere", ioctl(control, HVISOR_OLD_ZONE_LIST, &list), EFAULT);
        expect("old SHUTDOWN of root", ioctl(control, HVISOR_OLD_ZONE_SHUTDOWN, 0UL), EINVAL);
        expect("old SHUTDOWN of nobody", ioctl(control, HVISOR_OLD_ZONE_SHUTDOWN, 9UL), EINVAL);
        expect("old SHUTDOWN of a huge id", ioctl(control, HVISOR_OLD_ZONE_SHUTDOWN, (1UL << 32) + 1), EINVAL);
        expect("old START from nowhere", ioctl(control, HVISOR_OLD_ZONE_START, NOWHERE), EFAULT);
        expect("old START of zeros", ioctl(control, HVISOR_OLD_ZONE_START, config), EINVAL);
        memset(config, 0xff, sizeof(config));
        expect_true("old START of ones", ioctl(control, HVISOR_OLD_ZONE_START, config) < 0);
        expect("old LOAD", ioctl(control, HVISOR_OLD_LOAD_IMAGE, &image), 0);
        image.load_paddr = ROOT_RAM;
        expect("old LOAD into root's RAM", ioctl(control, HVISOR_OLD_LOAD_IMAGE, &image), EPERM);
        image.load_paddr = 0x40400000;
        expect("old LOAD into the hypervisor", ioctl(control, HVISOR_OLD_LOAD_IMAGE, &image), EPERM);
        image.load_paddr = 0x7fffffe0;
        expect("old LOAD across the end", ioctl(control, HVISOR_OLD_LOAD_IMAGE, &image), EPERM);
        image.load_paddr = UINT64_MAX - 8;
        expect("old LOAD that wraps", ioctl(control, HVISOR_OLD_LOAD_IMAGE, &image), EINVAL);
        image = (struct hvisor_old_load_image){ .user_buffer = (uintptr_t) NOWHERE, .size = 64, .load_paddr = VALID_RAM };
        expect("old LOAD from nowhere", ioctl(control, HVISOR_OLD_LOAD_IMAGE, &image), EFAULT);
        image.size = 0;
        expect("old LOAD of nothing", ioctl(control, HVISOR_OLD_LOAD_IMAGE, &image), EINVAL);
}

/* ---- making zones --------------------------------------------------------------------------------------- */

#define REFUSE_ZONE(wanted, ...) do { \
        struct hvisor_zone_create z = valid_zone(); \
        __VA_ARGS__; \
        expect("CREATE with " #__VA_ARGS__, ioctl(control, HVISOR_ZONE_CREATE, &z), wanted); \
} while (0)

static void misuse_create(void) {
        REFUSE_ZONE(EINVAL, z.id = 0);
        REFUSE_ZONE(EINVAL, z.cpus = 0);
        REFUSE_ZONE(EBUSY, z.cpus = 1 << 1 | 1 << 2);
        REFUSE_ZONE(EINVAL, z.name[0] = 0);
        REFUSE_ZONE(EINVAL, memset(z.name, 'x', sizeof(z.name)));
        REFUSE_ZONE(EINVAL, z.name[1] = '/');
        REFUSE_ZONE(EINVAL, z.name[31] = 'x');
        REFUSE_ZONE(E2BIG, z.num_regions = 65);
        REFUSE_ZONE(E2BIG, z.num_regions = UINT32_MAX);
        REFUSE_ZONE(EINVAL, z.num_regions = 0);
        REFUSE_ZONE(EINVAL, z.regions[1].size = 1);
        REFUSE_ZONE(EINVAL, z.regions[0].reserved = 1);
        REFUSE_ZONE(EINVAL, z.regions[0].type = 2);
        REFUSE_ZONE(EINVAL, z.regions[0].type = UINT32_MAX);
        REFUSE_ZONE(EINVAL, z.regions[0].size = 0);
        REFUSE_ZONE(EINVAL, z.regions[0].size += 1);
        REFUSE_ZONE(EINVAL, z.regions[0].physical += 0x800);
        REFUSE_ZONE(EINVAL, z.regions[0].guest += 0x800);
        REFUSE_ZONE(EINVAL, z.regions[0].size = UINT64_MAX - 0xfff);
        REFUSE_ZONE(EINVAL, z.regions[0].guest = 1UL << 39; z.entry_point = (1UL << 39) + 0x400000);
        REFUSE_ZONE(EBUSY, z.interrupts[2] = 1); /* the one that wakes root Linux */
        REFUSE_ZONE(EINVAL, z.regions[0].physical = UINT64_MAX - 0xfff);
        REFUSE_ZONE(EINVAL, z.num_regions = 2; z.regions[1] = z.regions[0]);
        REFUSE_ZONE(EINVAL, z.num_regions = 2; z.regions[1] = z.regions[0]; z.regions[1].guest = 0x60000000);
        REFUSE_ZONE(EBUSY, z.num_regions = 2; z.regions[1] = (struct hvisor_region){ 0, 0, ROOT_RAM, 0x60000000, 0x1000 });
        REFUSE_ZONE(EBUSY, z.num_regions = 2; z.regions[1] = (struct hvisor_region){ 1, 0, ROOT_RAM, 0x60000000, 0x1000 });
        REFUSE_ZONE(EINVAL, z.entry_point = ROOT_RAM);
        REFUSE_ZONE(EINVAL, z.entry_point += 2);
        REFUSE_ZONE(EINVAL, z.kernel_address = ROOT_RAM);
        REFUSE_ZONE(EINVAL, z.kernel_size = UINT64_MAX);
        REFUSE_ZONE(EINVAL, z.dtb_address = VALID_KERNEL; z.dtb_size = 64);
        REFUSE_ZONE(EINVAL, z.dtb_address = ROOT_RAM; z.dtb_size = 64);
        REFUSE_ZONE(EINVAL, z.arm64.gic.version = 0);
        REFUSE_ZONE(EINVAL, z.arm64.gic.version = 4);
        REFUSE_ZONE(EINVAL, z.arm64.gic.version = 2);
        REFUSE_ZONE(EINVAL, z.arm64.gic.reserved = 1);
        REFUSE_ZONE(EINVAL, z.arm64.gic.distributor = 0);
        REFUSE_ZONE(EINVAL, z.arm64.gic.distributor_size = 0);
        REFUSE_ZONE(EINVAL, z.arm64.gic.redistributor_size = UINT64_MAX);
        REFUSE_ZONE(EINVAL, z.arm64.gic.distributor = VALID_RAM);
        REFUSE_ZONE(EINVAL, z.arm64.gic.virtual_cpu = 0x1000);
        REFUSE_ZONE(EINVAL, z.id = 4; z.arm64.gic.its = 0x8080000; z.arm64.gic.its_size = 0x20000);
        REFUSE_ZONE(EINVAL, z.interrupts[31] = 1U << 28);
        REFUSE_ZONE(EINVAL, z.reserved0 = 1);
        REFUSE_ZONE(EINVAL, z.reserved[0] = 1);
        REFUSE_ZONE(EINVAL, z.reserved[7] = 1);
}

#define BUS { .ecam = 0x4010000000, .ecam_size = 0x10000000 }

/* What only some zones have, and what the hypervisor would take from another's hand. */
static void misuse_create_parts(void) {
        REFUSE_ZONE(EINVAL, z.arch = HVISOR_ARCH_X86_64);
        REFUSE_ZONE(EINVAL, z.arch = UINT32_MAX);
        REFUSE_ZONE(EINVAL, z.regions[0].type = HVISOR_REGION_RESERVED);
        REFUSE_ZONE(EINVAL, z.arm64.flags = 1U << 2);
        REFUSE_ZONE(EINVAL, z.arm64.reserved = 1);
        REFUSE_ZONE(EINVAL, z.arch_room[31] = 1);
        REFUSE_ZONE(EINVAL, z.arm64.uefi_memory_map = VALID_RAM);
        REFUSE_ZONE(EINVAL, z.arm64.flags = HVISOR_ARM64_UEFI; z.arm64.uefi_memory_map = ROOT_RAM;
                    z.arm64.uefi_memory_map_size = 0x1000; z.arm64.uefi_system_table = VALID_RAM);
        REFUSE_ZONE(E2BIG, z.num_ivcs = 3);
        REFUSE_ZONE(E2BIG, z.num_ivcs = UINT32_MAX);
        REFUSE_ZONE(EINVAL, z.num_ivcs = 1);
        REFUSE_ZONE(EINVAL, z.ivcs[0].id = 1);
        REFUSE_ZONE(EINVAL, z.num_ivcs = 1; z.interrupts[3] = 1; z.ivcs[0] = (struct hvisor_ivc){
                    .control_table = 0x70000000, .shared_memory = VALID_RAM, .out_size = 0x1000, .interrupt = 96, .max_peers = 2 });
        REFUSE_ZONE(EINVAL, z.num_ivcs = 1; z.interrupts[3] = 1; z.ivcs[0] = (struct hvisor_ivc){
                    .control_table = 0x70000000, .shared_memory = 0x70001000, .rw_size = 0x1000, .out_size = 0xfffff000,
                    .interrupt = 96, .max_peers = 0x80000000 });
        REFUSE_ZONE(E2BIG, z.num_pci_buses = 5);
        REFUSE_ZONE(E2BIG, z.num_pci_devices = UINT32_MAX);
        REFUSE_ZONE(EINVAL, z.num_pci_buses = 1);
        REFUSE_ZONE(EINVAL, z.pci_buses[3].reserved = 1);
        REFUSE_ZONE(EINVAL, z.num_pci_devices = 1);
        REFUSE_ZONE(EBUSY, z.num_pci_buses = 1; z.pci_buses[0] = (struct hvisor_pci_bus)BUS; z.pci_buses[0].ecam = ROOT_RAM;
                    z.pci_buses[0].ecam_size = 0x1000);
        REFUSE_ZONE(EINVAL, z.num_pci_buses = 1; z.pci_buses[0] = (struct hvisor_pci_bus)BUS; z.pci_buses[0].ecam = VALID_RAM);
        REFUSE_ZONE(EINVAL, z.num_pci_buses = 2; z.pci_buses[0] = (struct hvisor_pci_bus)BUS; z.pci_buses[1] = z.pci_buses[0]);
}

/* With a zone there: what a second one may not claim. */
static void misuse_second_zone(void) {
        REFUSE_ZONE(EEXIST, z.name[0] = 'x'; z.cpus = 1 << 2; z.regions[0].physical = 0x60000000; z.kernel_address = 0x60400000);
        REFUSE_ZONE(EEXIST, z.id = 2; z.cpus = 1 << 2; z.regions[0].physical = 0x60000000; z.kernel_address = 0x60400000);
        REFUSE_ZONE(EBUSY, z.id = 2; z.name[0] = 'x'; z.regions[0].physical = 0x60000000; z.kernel_address = 0x60400000);
        REFUSE_ZONE(EBUSY, z.id = 2; z.name[0] = 'x'; z.cpus = 1 << 2; z.regions[0].guest = 0x60000000; z.entry_point = 0x60400000);
}

/* ---- a zone's descriptor -------------------------------------------------------------------------------- */

#define REFUSE_DEVICE(wanted, ...) do { \
        struct hvisor_device_create d = valid_device(1); \
        __VA_ARGS__; \
        expect("DEVICE_CREATE with " #__VA_ARGS__, ioctl(zone, HVISOR_DEVICE_CREATE, &d), wanted); \
} while (0)

/* There is device 0. */
static void misuse_device_create(int zone) {
        REFUSE_DEVICE(EINVAL, d.name[0] = 0);
        REFUSE_DEVICE(EINVAL, d.name[1] = '/');
        REFUSE_DEVICE(EINVAL, memset(d.name, 'x', sizeof(d.name)));
        REFUSE_DEVICE(EEXIST, d.name[0] = 'a');
        REFUSE_DEVICE(EINVAL, d.virtio_id = 0);
        REFUSE_DEVICE(EINVAL, d.interrupt = 31);
        REFUSE_DEVICE(EINVAL, d.interrupt = 1020);
        REFUSE_DEVICE(EBUSY, d.interrupt = 64);
        REFUSE_DEVICE(EINVAL, d.interrupt = UINT32_MAX);
        REFUSE_DEVICE(EEXIST, d.interrupt = valid_device(0).interrupt);
        REFUSE_DEVICE(EEXIST, d.address = valid_device(0).address);
        REFUSE_DEVICE(EEXIST, d.address = valid_device(0).address + 0x100);
        REFUSE_DEVICE(EEXIST, d.address = VALID_RAM);
        REFUSE_DEVICE(EEXIST, d.address = 0x8000000);
        REFUSE_DEVICE(EINVAL, d.address = UINT64_MAX - 7);
        REFUSE_DEVICE(EINVAL, d.address += 1);
        REFUSE_DEVICE(EINVAL, d.size = 0);
        REFUSE_DEVICE(EINVAL, d.size = 0x1000);
        REFUSE_DEVICE(EINVAL, d.reserved[3] = 1);
        expect("DEVICE_CREATE from nowhere", ioctl(zone, HVISOR_DEVICE_CREATE, NOWHERE), EFAULT);
}

static void misuse_lists(int zone) {
        struct hvisor_zone_list zones = { .count = UINT32_MAX, .zones = (uintptr_t) NOWHERE };
        struct hvisor_device_list list = { .count = UINT32_MAX, .devices = (uintptr_t) NOWHERE };
        struct hvisor_device_open open_device = { .name = "nobody" };

        expect("ZONE_LIST to nowhere, huge count", ioctl(control, HVISOR_ZONE_LIST, &zones), EFAULT);
        zones = (struct hvisor_zone_list){ 0 };
        expect("ZONE_LIST with no room", ioctl(control, HVISOR_ZONE_LIST, &zones), 0);
        expect_true("ZONE_LIST tells how many there are", zones.count == 1);
        expect("DEVICE_LIST to nowhere, huge count", ioctl(zone, HVISOR_DEVICE_LIST, &list), EFAULT);
        list = (struct hvisor_device_list){ .reserved = 1 };
        expect("DEVICE_LIST, reserved", ioctl(zone, HVISOR_DEVICE_LIST, &list), EINVAL);
        expect("DEVICE_OPEN of nobody", ioctl(zone, HVISOR_DEVICE_OPEN, &open_device), ENOENT);
        memset(open_device.name, 'x', sizeof(open_device.name));
        expect("DEVICE_OPEN without an end", ioctl(zone, HVISOR_DEVICE_OPEN, &open_device), EINVAL);
        expect("ZONE_INFO to nowhere", ioctl(zone, HVISOR_ZONE_INFO, NOWHERE), EFAULT);
        expect_true("a zone is not mapped", mmap(NULL, 4096, PROT_READ, MAP_SHARED, zone, 0) == MAP_FAILED);
}

#define REFUSE_LOAD(wanted, ...) do { \
        struct hvisor_zone_load l = { .fd = file, .address = VALID_KERNEL, .size = 64 }; \
        __VA_ARGS__; \
        expect("LOAD with " #__VA_ARGS__, ioctl(zone, HVISOR_ZONE_LOAD, &l), wanted); \
} while (0)

static void misuse_load(int zone, int file, const char *path) {
        int directory = open("/", O_RDONLY), event = eventfd(0, 0), device = open("/dev/zero", O_RDONLY);
        int writer = open(path, O_WRONLY), pipes[2];

        must("pipe", pipe(pipes));
        REFUSE_LOAD(EBADF, l.fd = -1);
        REFUSE_LOAD(EBADF, l.fd = 1000);
        REFUSE_LOAD(EINVAL, l.fd = directory);
        REFUSE_LOAD(EINVAL, l.fd = event);
        REFUSE_LOAD(EINVAL, l.fd = device);
        REFUSE_LOAD(EINVAL, l.fd = pipes[0]);
        REFUSE_LOAD(EINVAL, l.fd = control);
        REFUSE_LOAD(EINVAL, l.fd = zone);
        REFUSE_LOAD(EINVAL, l.fd = writer);
        REFUSE_LOAD(EINVAL, l.reserved = 1);
        REFUSE_LOAD(EINVAL, l.size = 0);
        REFUSE_LOAD(EINVAL, l.offset = UINT64_MAX);
        REFUSE_LOAD(EFAULT, l.size = UINT64_MAX >> 1);
        REFUSE_LOAD(EFAULT, l.address = ROOT_RAM);
        REFUSE_LOAD(EFAULT, l.address = VALID_RAM + VALID_RAM_SIZE - 32);
        REFUSE_LOAD(EFAULT, l.address = VALID_RAM - 32);
        REFUSE_LOAD(EFAULT, l.address = UINT64_MAX - 32);
        REFUSE_LOAD(ENODATA, l.offset = 1 << 30);
        REFUSE_LOAD(ENODATA, l.size = VALID_RAM_SIZE / 2);
        expect("LOAD from nowhere", ioctl(zone, HVISOR_ZONE_LOAD, NOWHERE), EFAULT);
        for (int i = 0; i < 2; i++)
                close(pipes[i]);
        close(directory), close(event), close(device), close(writer);
}

/* ---- a zone's life -------------------------------------------------------------------------------------- */

static void expect_state(int zone, uint32_t state, const char *what) {
        struct hvisor_zone_info info = { 0 };

        expect_true(what, ioctl(zone, HVISOR_ZONE_INFO, &info) == 0 && info.state == state && info.id == VALID_ID);
}

static void load_kernel(int zone, int file) {
        struct hvisor_zone_load load = { .fd = file, .address = VALID_KERNEL, .size = (uint64_t) lseek(file, 0, SEEK_END) };

        expect("LOAD", ioctl(zone, HVISOR_ZONE_LOAD, &load), 0);
}

static void misuse_started(int zone, int file) {
        struct hvisor_device_create device = valid_device(1);

        expect_state(zone, HVISOR_ZONE_STARTED, "state is STARTED");
        expect("START of what runs", ioctl(zone, HVISOR_ZONE_START), EPERM);
        expect("DESTROY of what runs", ioctl(zone, HVISOR_ZONE_DESTROY), EBUSY);
        expect("DEVICE_CREATE in what runs", ioctl(zone, HVISOR_DEVICE_CREATE, &device), EPERM);
        REFUSE_LOAD(EPERM, l.size = 64);
        misuse_second_zone();
}

static void misuse_stopped(int zone, int file) {
        expect_state(zone, HVISOR_ZONE_STOPPED, "state is STOPPED");
        expect("STOP twice", ioctl(zone, HVISOR_ZONE_STOP), 0);
        expect("START of what was stopped", ioctl(zone, HVISOR_ZONE_START), EPERM);
        REFUSE_LOAD(EPERM, l.size = 64);
}

static void misuse_destroyed(int zone, int file) {
        struct hvisor_zone_info info;
        struct hvisor_device_list list = { 0 };
        struct hvisor_device_create device = valid_device(1);
        struct hvisor_device_open open_device = { .name = "a" };

        expect("INFO of what was destroyed", ioctl(zone, HVISOR_ZONE_INFO, &info), ESTALE);
        expect("START of what was destroyed", ioctl(zone, HVISOR_ZONE_START), ESTALE);
        expect("STOP of what was destroyed", ioctl(zone, HVISOR_ZONE_STOP), ESTALE);
        expect("DESTROY twice", ioctl(zone, HVISOR_ZONE_DESTROY), ESTALE);
        expect("DEVICE_LIST of what was destroyed", ioctl(zone, HVISOR_DEVICE_LIST, &list), ESTALE);
        expect("DEVICE_CREATE in what was destroyed", ioctl(zone, HVISOR_DEVICE_CREATE, &device), ESTALE);
        expect("DEVICE_OPEN in what was destroyed", ioctl(zone, HVISOR_DEVICE_OPEN, &open_device), ESTALE);
        REFUSE_LOAD(ESTALE, l.size = 64);
}

static void misuse_zone(const char *kernel) {
        struct hvisor_zone_create create = valid_zone();
        struct hvisor_device_create device = valid_device(0);
        struct hvisor_old_load_image image = { .user_buffer = (uintptr_t) &create, .size = 64, .load_paddr = VALID_KERNEL };
        int file = must(kernel, open(kernel, O_RDONLY)), zone = must("CREATE", ioctl(control, HVISOR_ZONE_CREATE, &create));

        close(must("DEVICE_CREATE", ioctl(zone, HVISOR_DEVICE_CREATE, &device)));
        expect_state(zone, HVISOR_ZONE_CREATED, "state is CREATED");
        misuse_numbers(zone, "a zone");
        misuse_second_zone();
        misuse_device_create(zone);
        misuse_lists(zone);
        misuse_load(zone, file, kernel);
        expect("old LOAD into a zone's RAM", ioctl(control, HVISOR_OLD_LOAD_IMAGE, &image), EBUSY);
        expect("STOP before START", ioctl(zone, HVISOR_ZONE_STOP), EPERM);

        load_kernel(zone, file);
        expect("START", ioctl(zone, HVISOR_ZONE_START), 0);
        misuse_started(zone, file);
        expect("STOP", ioctl(zone, HVISOR_ZONE_STOP), 0);
        misuse_stopped(zone, file);
        expect("DESTROY", ioctl(zone, HVISOR_ZONE_DESTROY), 0);
        misuse_destroyed(zone, file);
        close(zone);
        close(file);
}

static void misuse_devices_max(void) {
        struct hvisor_zone_create create = valid_zone();
        int zone = must("CREATE", ioctl(control, HVISOR_ZONE_CREATE, &create));

        for (unsigned n = 0; n <= HVISOR_DEVICES_MAX; n++) {
                struct hvisor_device_create device = valid_device(n);
                int fd = ioctl(zone, HVISOR_DEVICE_CREATE, &device);

                expect("DEVICE_CREATE of up to seven", fd, n < HVISOR_DEVICES_MAX ? 0 : E2BIG);
                if (fd >= 0)
                        close(fd);
        }
        expect("DESTROY before START", ioctl(zone, HVISOR_ZONE_DESTROY), 0);
        close(zone);
}

/* A descriptor is what counts, whose it is does not; the node itself is root's. */
static void misuse_by_others(void) {
        int status;

        if (must("fork", fork()) == 0) {
                must("setresuid", setresuid(65534, 65534, 65534));
                _exit(open("/dev/hvisor", O_RDWR) < 0 && errno == EACCES && open("/dev/hvisor", O_RDONLY) < 0 ? 0 : 1);
        }
        wait(&status);
        expect_true("/dev/hvisor is root's only", status == 0);
}

int main(int argc, char **argv) {
        setlinebuf(stdout);
        if (argc != 2) {
                fputs("usage: misuse KERNEL\n", stderr);
                return EXIT_FAILURE;
        }
        control = must("/dev/hvisor", open("/dev/hvisor", O_RDWR | O_CLOEXEC));
        misuse_control();
        misuse_old_calls();
        misuse_create();
        misuse_create_parts();
        misuse_zone(argv[1]);
        misuse_devices_max();
        misuse_by_others();
        return promises_end();
}
