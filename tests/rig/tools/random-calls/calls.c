// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls of hvisor.ko: valid ones, spoilt ones, and none that root Linux or the board would not survive if it succeeded. */
#include <setjmp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "calls.h"
#include "random.h"

#define ARENA_SIZE (ZONES * VALID_RAM_SIZE)
#define ABOVE_IMAGE 0x800000UL          /* nothing but this far into a zone's RAM is written */
#define UNSPOILT 0x77686f6c65ULL        /* the cookie of a zone that may be started */

const uint32_t zone_ids[ZONES] = { 1, 3, 4 };
static const uint64_t cpus[ZONES] = { 1 << 2, 1 << 4, 1 << 5 };        /* the board has four */

static __thread sigjmp_buf back;

/* Where the module writes to: spoilt, a pointer to these leads to another of their pages or to none, never to a stack. */
static char *answers;

void prepare_answers(void) {
        answers = mmap((void *) 0x5580000000UL, 1UL << 31, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (answers == MAP_FAILED)
                must("room for answers", -1);
}

static long call(int fd, unsigned long number, void *argument, size_t size) {
        if (below(32) == 0)
                return ioctl(fd, number, interesting());
        spoil(argument, size);
        return ioctl(fd, number, argument);
}

#define CALL(fd, number, argument) call(fd, number, &(argument), sizeof(argument))

static bool overlaps(const struct hvisor_region *region, uint64_t start, uint64_t size) {
        return region->size && (region->physical < start ? start - region->physical < region->size : region->physical - start < size);
}

/*
 * RAM that is nobody's is root's to give away, the hypervisor's own, too, of which the module knows nothing. What is the
 * bystander's or root Linux's it has to refuse.
 */
static bool could_hurt(const struct hvisor_zone_create *z, bool *ret_steals) {
        *ret_steals = false;
        for (unsigned i = 0; i < HVISOR_REGIONS_MAX; i++) {
                const struct hvisor_region *region = &z->regions[i];

                if (region->type == HVISOR_REGION_IO)
                        continue;
                if (overlaps(region, BYSTANDER_RAM, 0x80000000 - BYSTANDER_RAM) || overlaps(region, ROOT_RAM, 0x1000000))
                        *ret_steals |= i < z->num_regions;
                else if (region->size && (region->physical < VALID_RAM || region->physical - VALID_RAM >= ARENA_SIZE ||
                                          region->size > ARENA_SIZE - (region->physical - VALID_RAM)))
                        return true;
        }
        *ret_steals |= z->id == BYSTANDER_ID || z->cpus & (1 << 3 | 3);
        return false;
}

long create_zone(void) {
        struct hvisor_zone_create z = valid_zone();
        unsigned n = (unsigned) below(ZONES);
        bool steals = false;
        long fd;

        z.id = zone_ids[n];
        z.cpus = cpus[n];
        z.name[0] = (char) ('a' + n);
        z.regions[0].physical += n * VALID_RAM_SIZE;
        z.kernel_address += n * VALID_RAM_SIZE;
        z.cookie[0] = UNSPOILT;
        if (spoil(&z, sizeof(z))) {
                z.cookie[0] = 0;
                if (could_hurt(&z, &steals))
                        return -1;
        }
        fd = ioctl(control, HVISOR_ZONE_CREATE, &z);
        if (fd >= 0 && steals) {
                note_theft();
                ioctl((int) fd, HVISOR_ZONE_DESTROY);
        }
        return keep(fd, ZONE);
}

long open_zone(void) {
        struct hvisor_zone_open open = { .id = zone_ids[below(ZONES)] };

        spoil(&open, sizeof(open));
        return open.id == BYSTANDER_ID ? -1 : keep(ioctl(control, HVISOR_ZONE_OPEN, &open), ZONE);
}

/* What is spoilt may be an interrupt that the end of the zone would take from root Linux. */
static bool may_start(int zone) {
        struct hvisor_zone_info info;

        return ioctl(zone, HVISOR_ZONE_INFO, &info) >= 0 && info.cookie[0] == UNSPOILT && info.id == zone_ids[0];
}

long create_device(void) {
        struct hvisor_device_create d = valid_device((unsigned) below(HVISOR_DEVICES_MAX));
        int zone = dup(any(ZONE));      /* the one that was looked at */
        long fd;

        d.interrupt += 10;
        if (!may_start(zone))
                spoil(&d, sizeof(d));
        fd = ioctl(zone, HVISOR_DEVICE_CREATE, &d);
        close(zone);
        return keep(fd, DEVICE);
}

long open_device(void) {
        struct hvisor_device_open d = { 0 };

        d.name[0] = (char) ('a' + below(HVISOR_DEVICES_MAX));
        return keep(CALL(any(ZONE), HVISOR_DEVICE_OPEN, d), DEVICE);
}

long list_zones(void) {
        struct hvisor_zone_list l = { .count = 4, .zones = (uintptr_t) answers };

        return below(2) ? CALL(control, HVISOR_ZONE_LIST, l) : ioctl(control, HVISOR_ZONE_LIST, &l);
}

long list_devices(void) {
        struct hvisor_device_list l = { .count = HVISOR_DEVICES_MAX, .devices = (uintptr_t) answers };

        return CALL(any(ZONE), HVISOR_DEVICE_LIST, l);
}

long load(void) {
        struct hvisor_zone_load l = { .fd = below(8) ? file : descriptors[pick()], .size = 1 + below(1 << below(18)) };
        uint64_t zone = VALID_RAM + below(ZONES) * VALID_RAM_SIZE;

        spoil(&l, sizeof(l));
        l.address = zone + ABOVE_IMAGE + below(VALID_RAM_SIZE - ABOVE_IMAGE);
        return ioctl(any(ZONE), HVISOR_ZONE_LOAD, &l);
}

/* Nothing keeps a guest that accesses what it does not have from doing so in the midst of a shutdown: the end of hvisor. */
static bool has_device_of_image(int zone) {
        struct hvisor_device_create d = valid_device(4);
        int fd;

        d.interrupt += 10;
        fd = ioctl(zone, HVISOR_DEVICE_CREATE, &d);
        if (fd < 0)
                return errno == EEXIST;
        keep(fd, DEVICE);
        return true;
}

long start(void) {
        struct hvisor_zone_load l = { .fd = image, .address = VALID_KERNEL, .size = (uint64_t) image_size };
        int zone = dup(any(ZONE));      /* the one that was looked at */
        long r = -1;

        if (image >= 0 && may_start(zone) && has_device_of_image(zone) && ioctl(zone, HVISOR_ZONE_LOAD, &l) >= 0)
                r = ioctl(zone, HVISOR_ZONE_START);
        close(zone);
        return r;
}

long attach(void) {
        struct hvisor_device_attach a = valid_attach(events[0], events[1 + below(3)], events[1 + below(3)]);

        return CALL(any(DEVICE), HVISOR_DEVICE_ATTACH, a);
}

long get_state(void) {
        struct hvisor_device_state s;
        int fd = any(DEVICE);
        long r = ioctl(fd, HVISOR_DEVICE_STATE, &s);

        return r < 0 || below(2) ? r : ioctl(fd, HVISOR_DEVICE_ACK, &s.sequence);
}

long configure(void) {
        struct hvisor_device_config c = { 0 };

        c.config[below(8)] = (uint8_t) below(256);
        return CALL(any(DEVICE), HVISOR_DEVICE_CONFIG, c);
}

long old_shutdown(void) {
        uint64_t id = below(2) ? below(ZONES + 2) : interesting();

        return (uint32_t) id == BYSTANDER_ID ? -1 : ioctl(control, HVISOR_OLD_ZONE_SHUTDOWN, id);
}

long old_list(void) {
        struct hvisor_old_zone_list l = { .cnt = below(5), .zones = (uintptr_t) answers };

        return ioctl(control, HVISOR_OLD_ZONE_LIST, &l);
}

long old_load(void) {
        static const char bytes[4096];
        struct hvisor_old_load_image l = { (uintptr_t) bytes, sizeof(bytes), VALID_RAM + below(0x30000000) };

        return CALL(control, HVISOR_OLD_LOAD_IMAGE, l);
}

void on_bus_error(int signal) {
        siglongjmp(back, signal);
}

/* By the worker's own descriptor, or by one for somebody else; that one begins at 0. */
__attribute__((noinline)) static char *map_part(uint64_t guest, size_t size) {
        struct hvisor_memory_region part = { guest, size };
        int device = any(DEVICE), fd = below(2) ? -1 : (int) ioctl(device, HVISOR_DEVICE_MEMORY_FD, &part);
        char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd >= 0 ? fd : device, fd >= 0 ? 0 : (off_t) guest);

        if (fd >= 0)
                close(fd);
        return at;
}

static void touch(char *at, size_t size) {
        for (unsigned i = 0; i < 8; i++)
                ((volatile char *) at)[below(size)]++;
        switch (below(8)) {
        case 0:
                madvise(at, size, MADV_DONTNEED);
                break;
        case 1:
                mprotect(at, size, PROT_READ | (below(2) ? PROT_EXEC : 0));
                break;
        case 2:
                mremap(at, size, 2 * size, MREMAP_MAYMOVE);
                break;
        case 3:                         /* by the kernel's hand */
                pread(file, at, size, (off_t) below(4096));
                break;
        default:
                break;
        }
        ((volatile char *) at)[below(size)];
}

/* Its pages may go at any moment, and the mapping outlives the descriptor here. */
__attribute__((noinline)) long map_and_touch(void) {
        size_t size = 4096 * (1 + below(16));
        uint64_t guest = VALID_RAM + ABOVE_IMAGE + 4096 * below((VALID_RAM_SIZE - ABOVE_IMAGE) / 4096);
        char *at;

        if (below(4) == 0)
                guest = below(2) ? HVISOR_INFLIGHT_OFFSET + 4096 * below(16) : interesting() | 1ULL << 40;
        at = map_part(guest & ~0xfffULL, size);
        if (at == MAP_FAILED)
                return -1;
        if (sigsetjmp(back, 1) == 0)
                touch(at, size);
        if (below(4))
                munmap(at, size);
        return 0;
}

long any_number(void) {
        static char argument[16384];
        unsigned long number = below(2) ? _IOC(below(4), HVISOR_IOC_TYPE, below(0x50), below(16384)) : _IOC(below(4), 1, below(16), below(64));

        if (number == HVISOR_ZONE_START || number == HVISOR_OLD_ZONE_START || number == HVISOR_OLD_ZONE_SHUTDOWN)
                return 0;
        for (unsigned i = 0; i < 64; i++)
                argument[below(sizeof(argument))] = (char) draw();
        return ioctl(below(4) ? descriptors[pick()] : control, number, below(4) ? argument : (void *) interesting());
}

long info(void) {
        struct hvisor_info info;

        return ioctl(control, HVISOR_INFO, &info);
}

long zone_info(void) {
        struct hvisor_zone_info info;

        return ioctl(any(ZONE), HVISOR_ZONE_INFO, &info);
}

long stop(void) {
        return ioctl(any(ZONE), HVISOR_ZONE_STOP);
}

long destroy(void) {
        return below(8) ? 0 : ioctl(any(ZONE), HVISOR_ZONE_DESTROY);
}

long acknowledge(void) {
        uint64_t sequence = below(4);

        return CALL(any(DEVICE), HVISOR_DEVICE_ACK, sequence);
}

long break_device(void) {
        return ioctl(any(DEVICE), HVISOR_DEVICE_BREAK);
}

long withdraw(void) {
        return ioctl(any(DEVICE), HVISOR_DEVICE_WITHDRAW);
}

long list_memory(void) {
        struct hvisor_memory memory;

        return ioctl(any(DEVICE), HVISOR_DEVICE_MEMORY, &memory);
}
