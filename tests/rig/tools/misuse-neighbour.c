// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * misuse-neighbour: two zones side by side, each with a device that has a worker. What the descriptor of one device is good
 * for, in the hands of root and without any filter: that device. Neither zone is started.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "promise.h"
#include "valid.h"

#define NEIGHBOUR_RAM (VALID_RAM + VALID_RAM_SIZE)
#define BOTH          (PROT_READ | PROT_WRITE)

static int control;

/* Return: the device's descriptor, attached. */
static int new_zone(const struct hvisor_zone_create *create, int *ret_zone) {
        struct hvisor_device_create wanted = valid_device(0);
        struct hvisor_device_attach a = valid_attach(must("eventfd", eventfd(0, 0)), must("eventfd", eventfd(0, 0)),
                                                     must("eventfd", eventfd(0, 0)));
        int device;

        *ret_zone = must("CREATE", ioctl(control, HVISOR_ZONE_CREATE, create));
        device = must("DEVICE_CREATE", ioctl(*ret_zone, HVISOR_DEVICE_CREATE, &wanted));
        must("ATTACH", ioctl(device, HVISOR_DEVICE_ATTACH, &a));
        return device;
}

static void misuse_calls(int device) {
        static const struct {
                const char *what;
                unsigned long call;
        } calls[] = {
                { "INFO by a device", HVISOR_INFO },
                { "ZONE_CREATE by a device", HVISOR_ZONE_CREATE },
                { "ZONE_OPEN by a device", HVISOR_ZONE_OPEN },
                { "ZONE_LIST by a device", HVISOR_ZONE_LIST },
                { "ZONE_INFO by a device", HVISOR_ZONE_INFO },
                { "DEVICE_CREATE by a device", HVISOR_DEVICE_CREATE },
                { "DEVICE_OPEN by a device", HVISOR_DEVICE_OPEN },
                { "DEVICE_LIST by a device", HVISOR_DEVICE_LIST },
                { "ZONE_LOAD by a device", HVISOR_ZONE_LOAD },
                { "ZONE_START by a device", HVISOR_ZONE_START },
                { "ZONE_STOP by a device", HVISOR_ZONE_STOP },
                { "ZONE_DESTROY by a device", HVISOR_ZONE_DESTROY },
                { "the old ZONE_START by a device", HVISOR_OLD_ZONE_START },
                { "the old ZONE_SHUTDOWN by a device", HVISOR_OLD_ZONE_SHUTDOWN },
                { "the old LOAD_IMAGE by a device", HVISOR_OLD_LOAD_IMAGE },
        };
        static char argument[16384];

        for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
                expect(calls[i].what, ioctl(device, calls[i].call, argument), ENOTTY);
}

static void refuse_map(const char *what, int device, uint64_t guest, size_t size, int protection) {
        void *at = mmap(NULL, size, protection, MAP_SHARED, device, (off_t) guest);

        expect_true(what, at == MAP_FAILED && errno == EINVAL);
        if (at != MAP_FAILED)
                munmap(at, size);
}

static void refuse_memory_fd(const char *what, int device, uint64_t guest, uint64_t size) {
        struct hvisor_memory_region part = { .guest = guest, .size = size };

        expect(what, ioctl(device, HVISOR_DEVICE_MEMORY_FD, &part), EINVAL);
}

/* Each has its own: what one writes the other does not see at any address that it can map. */
static void misuse_memory(int own, int other) {
        char *mine = mmap(NULL, VALID_RAM_SIZE, BOTH, MAP_SHARED, own, VALID_RAM);
        char *others = mmap(NULL, VALID_RAM_SIZE, BOTH, MAP_SHARED, other, (off_t) NEIGHBOUR_RAM);

        expect_true("a zone's RAM is its own device's", mine != MAP_FAILED && others != MAP_FAILED);
        mine[0] = mine[VALID_RAM_SIZE - 1] = 'm';
        others[0] = others[VALID_RAM_SIZE - 1] = 'o';
        expect_true("and its own only", mine[0] == 'm' && mine[VALID_RAM_SIZE - 1] == 'm');
        munmap(mine, VALID_RAM_SIZE);
        munmap(others, VALID_RAM_SIZE);
        refuse_map("no mapping of another zone's RAM", own, NEIGHBOUR_RAM, 4096, BOTH);
        refuse_map("nor to read it", own, NEIGHBOUR_RAM, 4096, PROT_READ);
        refuse_map("nor the other way round", other, VALID_RAM, 4096, BOTH);
        refuse_map("no mapping of both", own, VALID_RAM, VALID_RAM_SIZE + 4096, BOTH);
        refuse_map("no mapping of all there is", own, 0, NEIGHBOUR_RAM + VALID_RAM_SIZE, BOTH);
        refuse_memory_fd("no descriptor of another zone's RAM", own, NEIGHBOUR_RAM, 4096);
        refuse_memory_fd("no descriptor of both", own, VALID_RAM, VALID_RAM_SIZE + 4096);
        mine = mmap(NULL, 4096, BOTH, MAP_SHARED, own, VALID_RAM);
        expect_true("its own as ever", mine != MAP_FAILED && mine[0] == 'm');
        munmap(mine, 4096);
}

/* A part in an IVC, with this interrupt. */
static void put_ivc(struct hvisor_zone_create *create, uint32_t interrupt) {
        memset(create->interrupts, 0, sizeof(create->interrupts));
        create->interrupts[interrupt / 32] |= 1U << interrupt % 32;
        create->num_ivcs = 1;
        create->ivcs[0] = (struct hvisor_ivc){ .id = 9, .control_table = 0xd0000000, .shared_memory = 0xd0001000, .rw_size = 4096,
                                               .interrupt = interrupt, .max_peers = 2 };
}

/* An IVC's interrupt is raised on the board itself: no other zone has it, not for a device either. */
static void misuse_ivc_interrupt(int zone) {
        struct hvisor_device_create wanted = valid_device(1);

        wanted.interrupt = 100;
        expect("a device with the neighbour's IVC's interrupt", ioctl(zone, HVISOR_DEVICE_CREATE, &wanted), EBUSY);
        wanted.interrupt = 101;
        close(must("a device with another", ioctl(zone, HVISOR_DEVICE_CREATE, &wanted)));
}

int main(void) {
        struct hvisor_zone_create create = valid_zone();
        int zones[2], devices[2];

        setlinebuf(stdout);
        control = must("/dev/hvisor", open("/dev/hvisor", O_RDWR | O_CLOEXEC));
        devices[0] = new_zone(&create, &zones[0]);
        create.id++;
        create.cpus = 1 << 2;
        strcpy(create.name, "neighbour");
        create.entry_point = create.kernel_address = NEIGHBOUR_RAM;
        create.regions[0].guest = create.regions[0].physical = NEIGHBOUR_RAM;
        put_ivc(&create, valid_device(0).interrupt);
        expect("an IVC with the interrupt of the neighbour's device", ioctl(control, HVISOR_ZONE_CREATE, &create), EBUSY);
        put_ivc(&create, 100);
        devices[1] = new_zone(&create, &zones[1]);
        misuse_ivc_interrupt(zones[0]);
        misuse_calls(devices[0]);
        misuse_memory(devices[0], devices[1]);
        for (int i = 0; i < 2; i++) {
                expect("DESTROY", ioctl(zones[i], HVISOR_ZONE_DESTROY), 0);
                close(devices[i]);
                close(zones[i]);
        }
        return promises_end();
}
