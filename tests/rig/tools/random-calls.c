// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * random-calls SEED CALLS: two processes call hvisor.ko at random on each other's zones and devices, with arguments that
 * are valid but for a word or two. Zones are never started: what a guest of random memory does is another matter.
 * Nothing may be there before; nothing is left afterwards. Prints how often each call was made and succeeded.
 * Exit status: 0 if every zone could be destroyed in the end.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "promise.h"
#include "valid.h"

#define PROCESSES 2
#define ZONES 3                         /* their ids: 1 … */
#define DESCRIPTORS 24

enum action {
        CONTROL_INFO, ZONE_CREATE, ZONE_OPEN, ZONE_LIST, ZONE_INFO, DEVICE_CREATE, DEVICE_OPEN, DEVICE_LIST, LOAD, STOP, DESTROY,
        ATTACH, STATE, ACK, BREAK, MEMORY, CONFIG, OLD_LIST, OLD_SHUTDOWN, OLD_LOAD, ANY_NUMBER, MAP, POLL, CLOSE, DUP, SIGNAL, _ACTIONS,
};

static const char *const names[_ACTIONS] = {
        "info", "create", "open", "list", "zone info", "device create", "device open", "device list", "load", "stop", "destroy",
        "attach", "state", "ack", "break", "memory", "config", "old list", "old shutdown", "old load", "any number", "map", "poll", "close",
        "dup", "signal",
};

/* Shared by the processes. */
static struct {
        unsigned made[_ACTIONS], succeeded[_ACTIONS];
} *counts;

enum kind { CONTROL, ZONE, DEVICE, OTHER };

static int descriptors[DESCRIPTORS], events[4], file;
static enum kind kinds[DESCRIPTORS];
static uint64_t state;
static sigjmp_buf back;

static uint64_t draw(void) {            /* xorshift64* */
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * 0x2545f4914f6cdd1d;
}

static uint64_t below(uint64_t n) {
        return (draw() >> 11) % n;
}

static uint64_t interesting(void) {
        static const uint64_t values[] = {
                0, 1, 2, 3, 7, 8, 31, 32, 64, 0xff, 0x200, 0xfff, 0x1000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
                VALID_RAM, VALID_RAM + VALID_RAM_SIZE, VALID_KERNEL, ROOT_RAM, 0x8000000, 0x40400000, 1ULL << 32, 1ULL << 48,
                0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX,
        };

        return below(4) ? values[below(sizeof(values) / sizeof(*values))] : draw();
}

static void spoil(void *argument, size_t size) {
        if (below(3))
                return;
        for (uint64_t n = 1 + below(2); n > 0; n--) {
                uint64_t value = interesting();
                size_t width = (size_t) 1 << below(4), at = below(size);

                memcpy((char *) argument + at, &value, width < size - at ? width : size - at);
        }
}

static unsigned pick(void) {
        return (unsigned) below(DESCRIPTORS);
}

/* Mostly one of the right kind, if there is one. */
static int any(enum kind kind) {
        unsigned i = pick(), tries = below(8) ? 2 * DESCRIPTORS : 0;

        while (kinds[i] != kind && tries-- > 0)
                i = pick();
        return descriptors[i];
}

/* In place of another one, if it is a descriptor at all. */
static void keep(long fd, enum kind kind) {
        unsigned i = 1 + (unsigned) below(DESCRIPTORS - 1);

        if (fd <= 2)
                return;
        close(descriptors[i]);
        descriptors[i] = (int) fd;
        kinds[i] = kind;
}

static void duplicate(void) {
        unsigned i = pick();

        keep(dup(descriptors[i]), kinds[i]);
}

/* ---- calls ---------------------------------------------------------------------------------------------- */

static long call(int fd, unsigned long number, void *argument, size_t size) {
        if (below(32) == 0)
                return ioctl(fd, number, interesting());
        spoil(argument, size);
        return ioctl(fd, number, argument);
}

#define CALL(fd, number, argument) call(fd, number, &(argument), sizeof(argument))

static long create_zone(void) {
        struct hvisor_zone_create z = valid_zone();
        unsigned n = (unsigned) below(ZONES);

        z.id = 1 + n;
        z.cpus = 1ULL << (2 + n);
        z.name[0] = (char) ('a' + n);
        z.regions[0].physical += n * VALID_RAM_SIZE;
        z.kernel_address += n * VALID_RAM_SIZE;
        return CALL(descriptors[0], HVISOR_ZONE_CREATE, z);
}

static long open_zone(void) {
        struct hvisor_zone_open open = { .id = 1 + (uint32_t) below(ZONES) };

        return CALL(descriptors[0], HVISOR_ZONE_OPEN, open);
}

static long create_device(void) {
        struct hvisor_device_create d = valid_device((unsigned) below(HVISOR_DEVICES_MAX));

        return CALL(any(ZONE), HVISOR_DEVICE_CREATE, d);
}

static long open_device(void) {
        struct hvisor_device_open d = { 0 };

        d.name[0] = (char) ('a' + below(HVISOR_DEVICES_MAX));
        return CALL(any(ZONE), HVISOR_DEVICE_OPEN, d);
}

static long list_zones(void) {
        struct hvisor_zone_info zones[4];
        struct hvisor_zone_list l = { .count = 4, .zones = (uintptr_t) zones };

        return below(2) ? CALL(descriptors[0], HVISOR_ZONE_LIST, l) : ioctl(descriptors[0], HVISOR_ZONE_LIST, &l);
}

static long list_devices(void) {
        struct hvisor_device_info devices[HVISOR_DEVICES_MAX];
        struct hvisor_device_list l = { .count = HVISOR_DEVICES_MAX, .devices = (uintptr_t) devices };

        return CALL(any(ZONE), HVISOR_DEVICE_LIST, l);
}

static long load(void) {
        struct hvisor_zone_load l = { .fd = file, .address = VALID_KERNEL + below(ZONES) * VALID_RAM_SIZE, .size = 1 + below(4096) };

        return CALL(any(ZONE), HVISOR_ZONE_LOAD, l);
}

static long attach(void) {
        struct hvisor_device_attach a = valid_attach(events[0], events[1 + below(3)], events[1 + below(3)]);

        return CALL(any(DEVICE), HVISOR_DEVICE_ATTACH, a);
}

static long get_state(void) {
        struct hvisor_device_state s;
        int fd = any(DEVICE);
        long r = ioctl(fd, HVISOR_DEVICE_STATE, &s);

        return r < 0 || below(2) ? r : ioctl(fd, HVISOR_DEVICE_ACK, &s.sequence);
}

static long configure(void) {
        struct hvisor_device_config c = { 0 };

        c.config[below(8)] = (uint8_t) below(256);
        return CALL(any(DEVICE), HVISOR_DEVICE_CONFIG, c);
}

static long old_call(enum action action) {
        struct hvisor_old_zone_info zones[4];
        struct hvisor_old_zone_list l = { .cnt = below(5), .zones = (uintptr_t) zones };
        struct hvisor_old_load_image image = { .user_buffer = (uintptr_t) zones, .size = sizeof(zones), .load_paddr = VALID_RAM };

        if (action == OLD_LIST)
                return ioctl(descriptors[0], HVISOR_OLD_ZONE_LIST, &l);
        if (action == OLD_SHUTDOWN)
                return ioctl(descriptors[0], HVISOR_OLD_ZONE_SHUTDOWN, below(2) ? below(ZONES + 2) : interesting());
        image.load_paddr += below(0x30000000);
        return CALL(descriptors[0], HVISOR_OLD_LOAD_IMAGE, image);
}

static void on_bus_error(int signal) {
        siglongjmp(back, signal);
}

/* By the worker's own descriptor, or by one for somebody else; that one begins at 0. */
__attribute__((noinline)) static char *map_part(uint64_t guest, size_t size) {
        struct hvisor_memory_region part = { guest, size };
        int device = any(DEVICE), fd = below(2) ? -1 : (int) CALL(device, HVISOR_DEVICE_MEMORY_FD, part);
        char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd >= 0 ? fd : device, fd >= 0 ? 0 : (off_t) guest);

        if (fd >= 0)
                close(fd);
        return at;
}

/* Its pages may go at any moment, and the mapping outlives the descriptor here. */
static long map_and_touch(void) {
        size_t size = 4096 * (1 + below(16));
        uint64_t guest = below(4) ? VALID_RAM + 4096 * below(VALID_RAM_SIZE / 4096) : interesting();
        char *at;

        if (below(4) == 0)
                guest = HVISOR_INFLIGHT_OFFSET + 4096 * below(16);
        at = map_part(guest & ~0xfffULL, size);
        if (at == MAP_FAILED)
                return -1;
        if (sigsetjmp(back, 1) == 0)
                for (unsigned i = 0; i < 8; i++)
                        ((volatile char *) at)[below(size)]++;
        if (below(4))
                munmap(at, size);
        return 0;
}

static long any_number(void) {
        static char argument[16384];
        unsigned long number = below(2) ? _IOC(below(4), HVISOR_IOC_TYPE, below(0x50), below(16384)) : _IOC(below(4), 1, below(16), below(64));

        if (number == HVISOR_ZONE_START || number == HVISOR_OLD_ZONE_START)
                return 0;
        for (unsigned i = 0; i < 64; i++)
                argument[below(sizeof(argument))] = (char) draw();
        return ioctl(descriptors[pick()], number, below(4) ? argument : (void *) interesting());
}

static long poll_all(void) {
        struct pollfd p[DESCRIPTORS];

        for (unsigned i = 0; i < DESCRIPTORS; i++)
                p[i] = (struct pollfd){ .fd = descriptors[i], .events = POLLIN | POLLOUT };
        return poll(p, DESCRIPTORS, 0);
}

static long act(enum action action) {
        struct hvisor_info info;
        struct hvisor_zone_info zone;
        struct hvisor_memory memory;
        uint64_t sequence = below(4);
        long r;

        switch (action) {
        case CONTROL_INFO:
                return ioctl(descriptors[0], HVISOR_INFO, &info);
        case ZONE_CREATE:
                keep(r = create_zone(), ZONE);
                return r;
        case ZONE_OPEN:
                keep(r = open_zone(), ZONE);
                return r;
        case ZONE_LIST:
                return list_zones();
        case ZONE_INFO:
                return ioctl(any(ZONE), HVISOR_ZONE_INFO, &zone);
        case DEVICE_CREATE:
                keep(r = create_device(), DEVICE);
                return r;
        case DEVICE_OPEN:
                keep(r = open_device(), DEVICE);
                return r;
        case DEVICE_LIST:
                return list_devices();
        case LOAD:
                return load();
        case STOP:
                return ioctl(any(ZONE), HVISOR_ZONE_STOP);
        case DESTROY:
                return below(8) ? 0 : ioctl(any(ZONE), HVISOR_ZONE_DESTROY);
        case ATTACH:
                return attach();
        case STATE:
                return get_state();
        case ACK:
                return CALL(any(DEVICE), HVISOR_DEVICE_ACK, sequence);
        case BREAK:
                return ioctl(any(DEVICE), HVISOR_DEVICE_BREAK);
        case MEMORY:
                return ioctl(any(DEVICE), HVISOR_DEVICE_MEMORY, &memory);
        case CONFIG:
                return configure();
        case OLD_LIST:
        case OLD_SHUTDOWN:
        case OLD_LOAD:
                return old_call(action);
        case ANY_NUMBER:
                return any_number();
        case MAP:
                return map_and_touch();
        case POLL:
                return poll_all();
        case CLOSE:
                keep(dup(file), OTHER);
                return 0;
        case DUP:
                duplicate();
                return 0;
        case SIGNAL:
                return eventfd_write(events[below(4)], 1);
        case _ACTIONS:
                break;
        }
        return -1;
}

/* ---- processes ------------------------------------------------------------------------------------------ */

static void run(uint64_t seed, unsigned calls) {
        state = seed * 0x9e3779b97f4a7c15 + 1;
        signal(SIGBUS, on_bus_error);
        file = must("a file", open("/proc/self/exe", O_RDONLY));
        descriptors[0] = must("/dev/hvisor", open("/dev/hvisor", O_RDWR));
        for (unsigned i = 1; i < DESCRIPTORS; i++) {
                descriptors[i] = must("dup", dup(file));
                kinds[i] = OTHER;
        }
        for (unsigned i = 0; i < 4; i++)
                events[i] = must("eventfd", eventfd(0, EFD_NONBLOCK));
        while (calls-- > 0) {
                enum action action = (enum action) below(_ACTIONS);
                long r = act(action);

                __atomic_add_fetch(&counts->made[action], 1, __ATOMIC_RELAXED);
                __atomic_add_fetch(&counts->succeeded[action], r >= 0, __ATOMIC_RELAXED);
        }
        _exit(EXIT_SUCCESS);
}

static void destroy_all(void) {
        struct hvisor_zone_info zones[16];
        struct hvisor_zone_list list = { .count = 16, .zones = (uintptr_t) zones };
        int control = must("/dev/hvisor", open("/dev/hvisor", O_RDWR | O_CLOEXEC));

        must("ZONE_LIST", ioctl(control, HVISOR_ZONE_LIST, &list));
        for (unsigned i = 0; i < list.count && i < 16; i++) {
                struct hvisor_zone_open open = { .id = zones[i].id };
                int zone = must("ZONE_OPEN", ioctl(control, HVISOR_ZONE_OPEN, &open));

                must("DESTROY", ioctl(zone, HVISOR_ZONE_DESTROY));
                close(zone);
        }
        list.count = 0;
        must("ZONE_LIST", ioctl(control, HVISOR_ZONE_LIST, &list));
        expect_true("nothing is left", list.count == 0);
        close(control);
}

int main(int argc, char **argv) {
        uint64_t seed = argc == 3 ? strtoull(argv[1], NULL, 0) : 0;
        unsigned calls = argc == 3 ? (unsigned) strtoul(argv[2], NULL, 0) : 0;

        counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (!calls || counts == MAP_FAILED) {
                fputs("usage: random-calls SEED CALLS\n", stderr);
                return EXIT_FAILURE;
        }
        for (unsigned i = 0; i < PROCESSES; i++)
                if (must("fork", fork()) == 0)
                        run(seed * PROCESSES + i, calls);
        for (unsigned i = 0; i < PROCESSES; i++) {
                int status;

                wait(&status);
                expect_true("both processes came to their end", status == 0);
        }
        destroy_all();
        for (unsigned i = 0; i < _ACTIONS; i++)
                printf("%s: %u of %u\n", names[i], counts->succeeded[i], counts->made[i]);
        return promises_end();
}
