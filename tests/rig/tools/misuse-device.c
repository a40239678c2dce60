// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * misuse-device: the same for a device's descriptor: attaching, acknowledging, mapping the zone's RAM, and what is left
 * of them when the descriptor is shared, forked, or its zone destroyed. The zone is never started.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "promise.h"
#include "valid.h"

static int control, zone, call, kicks[2];

static int new_zone(void) {
        struct hvisor_zone_create create = valid_zone();
        struct hvisor_device_create device = valid_device(0);

        zone = must("CREATE", ioctl(control, HVISOR_ZONE_CREATE, &create));
        return must("DEVICE_CREATE", ioctl(zone, HVISOR_DEVICE_CREATE, &device));
}

static int open_again(void) {
        struct hvisor_device_open device = { .name = "a" };

        return must("DEVICE_OPEN", ioctl(zone, HVISOR_DEVICE_OPEN, &device));
}

static struct hvisor_device_info info(void) {
        struct hvisor_device_info found = { 0 };
        struct hvisor_device_list list = { .count = 1, .devices = (uintptr_t) &found };

        expect("DEVICE_LIST", ioctl(zone, HVISOR_DEVICE_LIST, &list), 0);
        return found;
}

static void *map(int device, uint64_t guest, size_t size, int protection, int flags) {
        return mmap(NULL, size, protection, flags, device, (off_t) guest);
}

/* ---- before and while attaching ------------------------------------------------------------------------- */

/* Every call of a worker's, on a descriptor that is none's. */
static void refuse_all(int device, int wanted, const char *which) {
        struct hvisor_device_state state;
        struct hvisor_device_config config = { 0 };
        struct hvisor_memory_region part = { VALID_RAM, VALID_RAM_SIZE };
        struct hvisor_memory memory;
        uint64_t sequence = 0;
        unsigned before = broken;

        expect("STATE", ioctl(device, HVISOR_DEVICE_STATE, &state), wanted);
        expect("ACK", ioctl(device, HVISOR_DEVICE_ACK, &sequence), wanted);
        expect("BREAK", ioctl(device, HVISOR_DEVICE_BREAK), wanted);
        expect("MEMORY", ioctl(device, HVISOR_DEVICE_MEMORY, &memory), wanted);
        expect("CONFIG", ioctl(device, HVISOR_DEVICE_CONFIG, &config), wanted);
        expect("MEMORY_FD", ioctl(device, HVISOR_DEVICE_MEMORY_FD, &part), wanted);
        errno = 0;
        expect_true("no mapping", map(device, VALID_RAM, 4096, PROT_READ, MAP_SHARED) == MAP_FAILED && errno == wanted);
        errno = 0;
        expect_true("no mapping of what is in flight",
                    map(device, HVISOR_INFLIGHT_OFFSET, 4096, PROT_READ, MAP_SHARED) == MAP_FAILED && errno == wanted);
        if (broken != before)
                printf("(%s)\n", which);
}

#define REFUSE_ATTACH(wanted, ...) do { \
        struct hvisor_device_attach a = valid_attach(call, kicks[0], kicks[1]); \
        __VA_ARGS__; \
        expect("ATTACH with " #__VA_ARGS__, ioctl(device, HVISOR_DEVICE_ATTACH, &a), wanted); \
} while (0)

static void misuse_attach(int device) {
        int file = must("a file", open("/proc/self/exe", O_RDONLY)), closed = dup(call);

        close(closed);
        REFUSE_ATTACH(EINVAL, a.features = 0);
        REFUSE_ATTACH(EINVAL, a.features |= 1ULL << 34);
        REFUSE_ATTACH(EINVAL, a.num_queues = 0);
        REFUSE_ATTACH(EINVAL, a.num_queues = 17);
        REFUSE_ATTACH(EINVAL, a.num_queues = UINT32_MAX);
        REFUSE_ATTACH(EINVAL, a.num_queues = 1);
        REFUSE_ATTACH(EINVAL, a.queue_size_max[0] = 0);
        REFUSE_ATTACH(EINVAL, a.queue_size_max[1] = 3);
        REFUSE_ATTACH(EINVAL, a.queue_size_max[1] = 2048);
        REFUSE_ATTACH(EINVAL, a.queue_size_max[2] = 64);
        REFUSE_ATTACH(EINVAL, a.config_size = 257);
        REFUSE_ATTACH(EINVAL, a.config_size = UINT32_MAX);
        REFUSE_ATTACH(EINVAL, a.config[8] = 1);
        REFUSE_ATTACH(EINVAL, a.reserved0 = 1);
        REFUSE_ATTACH(EINVAL, a.reserved[3] = 1);
        REFUSE_ATTACH(EINVAL, a.generation = 1);
        REFUSE_ATTACH(EBADF, a.call_fd = -1);
        REFUSE_ATTACH(EBADF, a.call_fd = closed);
        REFUSE_ATTACH(EBADF, a.call_fd = INT32_MAX);
        REFUSE_ATTACH(EINVAL, a.call_fd = file);
        REFUSE_ATTACH(EINVAL, a.call_fd = device);
        REFUSE_ATTACH(EBADF, a.kick_fd[0] = -1);
        REFUSE_ATTACH(EBADF, a.kick_fd[1] = closed);
        REFUSE_ATTACH(EINVAL, a.kick_fd[1] = file);
        REFUSE_ATTACH(EINVAL, a.kick_fd[1] = kicks[0]);
        REFUSE_ATTACH(EINVAL, a.kick_fd[1] = call);
        REFUSE_ATTACH(EINVAL, a.kick_fd[2] = file);
        REFUSE_ATTACH(EINVAL, a.kick_fd[15] = 0);
        expect("ATTACH from nowhere", ioctl(device, HVISOR_DEVICE_ATTACH, NOWHERE), EFAULT);
        expect_true("nobody is attached", info().generation == 0 && info().worker_pid == 0 && info().flags == 0);
        close(file);
}

static void attach(int device) {
        struct hvisor_device_attach a = valid_attach(call, kicks[0], kicks[1]);

        must("ATTACH", ioctl(device, HVISOR_DEVICE_ATTACH, &a));
}

static void misuse_attached(int device) {
        int second = open_again();

        expect_true("the worker is listed", info().worker_pid == getpid() && info().flags == HVISOR_DEVICE_ATTACHED);
        REFUSE_ATTACH(EBUSY, a.cookie = 1);
        refuse_all(second, EPERM, "a second descriptor");
        device = second;
        REFUSE_ATTACH(EBUSY, a.cookie = 1);
        close(second);
}

static void misuse_acknowledge(int device) {
        struct pollfd p = { .fd = device, .events = POLLIN };
        struct hvisor_device_state state = { 0 };
        uint64_t sequence = UINT64_MAX;

        expect("STATE to nowhere", ioctl(device, HVISOR_DEVICE_STATE, NOWHERE), EFAULT);
        expect("ACK from nowhere", ioctl(device, HVISOR_DEVICE_ACK, NOWHERE), EFAULT);
        expect("ACK of the future", ioctl(device, HVISOR_DEVICE_ACK, &sequence), EINVAL);
        expect_true("the state is news", poll(&p, 1, 0) == 1 && p.revents == POLLIN);
        expect("STATE", ioctl(device, HVISOR_DEVICE_STATE, &state), 0);
        expect("ACK", ioctl(device, HVISOR_DEVICE_ACK, &state.sequence), 0);
        expect("ACK twice", ioctl(device, HVISOR_DEVICE_ACK, &state.sequence), 0);
        expect_true("the state is no news", poll(&p, 1, 0) == 0);
        sequence = state.sequence + 1;
        expect("ACK of what is next", ioctl(device, HVISOR_DEVICE_ACK, &sequence), EINVAL);
}

static void misuse_config(int device) {
        struct hvisor_device_config config = { 0 };

        expect("CONFIG from nowhere", ioctl(device, HVISOR_DEVICE_CONFIG, NOWHERE), EFAULT);
        config.config[7] = 1;
        expect("CONFIG", ioctl(device, HVISOR_DEVICE_CONFIG, &config), 0);
        expect("CONFIG again", ioctl(device, HVISOR_DEVICE_CONFIG, &config), 0);
        config.config[8] = 1;
        expect("CONFIG beyond config_size", ioctl(device, HVISOR_DEVICE_CONFIG, &config), EINVAL);
        config.config[8] = 0;
        config.reserved[3] = 1;
        expect("CONFIG with a reserved field", ioctl(device, HVISOR_DEVICE_CONFIG, &config), EINVAL);
}

/* ---- the zone's RAM ------------------------------------------------------------------------------------- */

static void refuse_map(int device, const char *what, uint64_t guest, size_t size, int protection, int flags) {
        void *at = map(device, guest, size, protection, flags);

        expect_true(what, at == MAP_FAILED && (errno == EINVAL || errno == EOVERFLOW));
        if (at != MAP_FAILED)
                munmap(at, size);
}

static void misuse_map(int device) {
        int both = PROT_READ | PROT_WRITE;

        refuse_map(device, "no private mapping", VALID_RAM, 4096, both, MAP_PRIVATE);
        refuse_map(device, "no code", VALID_RAM, 4096, PROT_READ | PROT_EXEC, MAP_SHARED);
        refuse_map(device, "no mapping of guest address 0", 0, 4096, both, MAP_SHARED);
        refuse_map(device, "no mapping of root's RAM", ROOT_RAM, 4096, both, MAP_SHARED);
        refuse_map(device, "no mapping before RAM", VALID_RAM - 4096, 4096, both, MAP_SHARED);
        refuse_map(device, "no mapping into RAM", VALID_RAM - 4096, 8192, both, MAP_SHARED);
        refuse_map(device, "no mapping out of RAM", VALID_RAM + VALID_RAM_SIZE - 4096, 8192, both, MAP_SHARED);
        refuse_map(device, "no mapping beyond RAM", VALID_RAM + VALID_RAM_SIZE, 4096, both, MAP_SHARED);
        refuse_map(device, "no mapping of more than RAM", VALID_RAM, VALID_RAM_SIZE + 4096, both, MAP_SHARED);
        refuse_map(device, "no mapping of the last page there is", UINT64_MAX << 12, 4096, both, MAP_SHARED);
}

/* A child has none of the parent's mappings: touching one is a SIGSEGV. */
static bool child_sees(volatile char *at) {
        int status;

        if (must("fork", fork()) == 0) {
                char c = *at;

                (void) c;
                _exit(0);
        }
        wait(&status);
        return !(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static char *misuse_mapping(int device) {
        char *at = map(device, VALID_RAM, VALID_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
        char *page = map(device, VALID_RAM + 0x3000, 4096, PROT_READ, MAP_SHARED);
        char *elsewhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        expect_true("RAM is mapped", at != MAP_FAILED && page != MAP_FAILED);
        if (at == MAP_FAILED || page == MAP_FAILED)
                exit(EXIT_FAILURE);
        at[0x3000] = 'x';
        at[VALID_RAM_SIZE - 1] = 'y';
        expect_true("two mappings show the same", page[0] == 'x');
        expect("mprotect to code", mprotect(at, 4096, PROT_READ | PROT_EXEC), EACCES);
        expect_true("it does not grow", mremap(page, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
        expect_true("it does not move", mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) == MAP_FAILED);
        expect_true("a child does not see it", !child_sees(at));
        munmap(page, 4096);
        return at;
}

/* Two queues' parts, as whole pages: what one worker writes there the next one finds. */
static size_t inflight_size(void) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE);

        return (2 * HVISOR_INFLIGHT_QUEUE_SIZE + page - 1) / page * page;
}

static char *map_inflight(int device) {
        char *at = map(device, HVISOR_INFLIGHT_OFFSET, inflight_size(), PROT_READ | PROT_WRITE, MAP_SHARED);

        expect_true("what is in flight is mapped", at != MAP_FAILED);
        if (at == MAP_FAILED)
                exit(EXIT_FAILURE);
        return at;
}

static void misuse_inflight(int device) {
        size_t size = inflight_size(), page = (size_t) sysconf(_SC_PAGESIZE);
        int both = PROT_READ | PROT_WRITE;
        char *at;

        refuse_map(device, "no private record", HVISOR_INFLIGHT_OFFSET, size, both, MAP_PRIVATE);
        refuse_map(device, "no record of code", HVISOR_INFLIGHT_OFFSET, size, PROT_READ | PROT_EXEC, MAP_SHARED);
        refuse_map(device, "no more than the record", HVISOR_INFLIGHT_OFFSET, size + page, both, MAP_SHARED);
        refuse_map(device, "nothing behind it", HVISOR_INFLIGHT_OFFSET + size, page, both, MAP_SHARED);
        refuse_map(device, "nothing before it", HVISOR_INFLIGHT_OFFSET - page, 2 * page, both, MAP_SHARED);
        at = map_inflight(device);
        expect_true("it is zero at first", at[0] == 0 && at[size - 1] == 0 && memcmp(at, at + 1, size - 1) == 0);
        at[0] = 'x';
        at[size - 1] = 'y';
        expect_true("a child does not see the record", !child_sees(at));
        munmap(at, size);
}

static char *misuse_inflight_of_successor(int device) {
        char *at = map_inflight(device);

        expect_true("the next worker finds what was there", at[0] == 'x' && at[inflight_size() - 1] == 'y');
        return at;
}

/* The kernel itself must not reach it once it is taken away, either. */
static sigjmp_buf back;

static void on_bus_error(int signal) {
        siglongjmp(back, signal);
}

static bool is_gone(volatile char *at) {
        int pipes[2];
        bool gone;

        signal(SIGBUS, on_bus_error);
        gone = sigsetjmp(back, 1) != 0;
        if (!gone)
                *at = 1;
        signal(SIGBUS, SIG_DFL);
        must("pipe", pipe(pipes));
        gone = gone && write(pipes[1], (const void *) at, 1) < 0 && errno == EFAULT;
        close(pipes[0]), close(pipes[1]);
        return gone;
}

/* ---- the end -------------------------------------------------------------------------------------------- */

/* The attachment is the open file's, not a process': it ends with its last descriptor. */
static void misuse_sharing(void) {
        int device = open_again(), copy, status;

        attach(device);
        copy = dup(device);
        close(device);
        expect_true("a copy of the descriptor keeps the worker", info().flags == HVISOR_DEVICE_ATTACHED);
        if (must("fork", fork()) == 0) {
                struct hvisor_device_state state;

                _exit(ioctl(copy, HVISOR_DEVICE_STATE, &state) == 0 ? 0 : 1);
        }
        wait(&status);
        expect_true("a child may use it", status == 0);
        expect_true("and its end changes nothing", info().flags == HVISOR_DEVICE_ATTACHED && info().worker_pid == getpid());
        close(copy);
        expect_true("the last one's end ends the worker", info().flags == 0 && info().worker_pid == 0);
}

#define REFUSE_PART(guest, size) do { \
        struct hvisor_memory_region part = { guest, size }; \
        expect("MEMORY_FD of " #guest ", " #size, ioctl(device, HVISOR_DEVICE_MEMORY_FD, &part), EINVAL); \
} while (0)

/* What another process gets: as much as was meant for it, and nothing once the worker is gone. */
static void misuse_memory_fd(int device, char **ret_ram, char **ret_inflight) {
        struct hvisor_memory_region upper = { VALID_RAM + 4096, VALID_RAM_SIZE - 4096 }, flight = { HVISOR_INFLIGHT_OFFSET, 4096 };
        char *own = map(device, VALID_RAM, VALID_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
        int ram, inflight;

        REFUSE_PART(VALID_RAM, 0);
        REFUSE_PART(VALID_RAM, VALID_RAM_SIZE + 4096);
        REFUSE_PART(VALID_RAM - 4096, 8192);
        REFUSE_PART(VALID_RAM + 1, 4096);
        REFUSE_PART(VALID_RAM, 4097);
        REFUSE_PART(VALID_RAM, UINT64_MAX - 4095);
        REFUSE_PART(UINT64_MAX - 4095, 8192);
        REFUSE_PART(HVISOR_INFLIGHT_OFFSET, 1 << 20);
        REFUSE_PART(HVISOR_INFLIGHT_OFFSET + 4096, 4096);
        expect("MEMORY_FD from nowhere", ioctl(device, HVISOR_DEVICE_MEMORY_FD, NOWHERE), EFAULT);
        ram = must("MEMORY_FD", ioctl(device, HVISOR_DEVICE_MEMORY_FD, &upper));
        inflight = must("MEMORY_FD of what is in flight", ioctl(device, HVISOR_DEVICE_MEMORY_FD, &flight));
        expect_true("not beyond its part", map(ram, 0, VALID_RAM_SIZE, PROT_READ, MAP_SHARED) == MAP_FAILED);
        expect_true("not behind its part", map(ram, VALID_RAM_SIZE, 4096, PROT_READ, MAP_SHARED) == MAP_FAILED);
        expect_true("not private", map(ram, 0, 4096, PROT_READ, MAP_PRIVATE) == MAP_FAILED);
        expect_true("not executable", map(ram, 0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED) == MAP_FAILED);
        expect_true("nothing to be read", read(ram, own, 1) < 0 && write(ram, own, 1) < 0);
        *ret_ram = map(ram, 0, upper.size, PROT_READ | PROT_WRITE, MAP_SHARED);
        *ret_inflight = map(inflight, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED);
        expect_true("both are mapped", *ret_ram != MAP_FAILED && *ret_inflight != MAP_FAILED && own != MAP_FAILED);
        own[4096] = 'r';
        expect_true("it is the same memory", (*ret_ram)[0] == 'r');
        (*ret_inflight)[4000] = 'f';
        close(ram);
        close(inflight);
        munmap(own, VALID_RAM_SIZE);
}

static void use_what_is_nothing(char *ram, char *inflight) {
        expect_true("the RAM is nothing", ram[0] == 0 && inflight[4000] == 0);
        ram[4096] = 'n';
        expect_true("the same page everywhere", ram[0] == 'n' && inflight[0] == 'n');
        munmap(ram, VALID_RAM_SIZE - 4096);
        munmap(inflight, 4096);
}

/* A later worker must not be less than what the driver may rely on. */
static void misuse_succession(int device) {
        uint64_t generation = info().generation;

        REFUSE_ATTACH(EINVAL, a.num_queues = 1; a.queue_size_max[1] = 0; a.kick_fd[1] = -1);
        REFUSE_ATTACH(EINVAL, a.config_size = 4);
        REFUSE_ATTACH(EINVAL, a.queue_size_max[0] = 32);
        expect_true("refused ones do not count", info().generation == generation);
        REFUSE_ATTACH(0, a.config[0] = 1; a.queue_size_max[0] = 128);
        expect_true("the next one does", info().generation == generation + 1);
}

static void misuse_destroyed(int device, char *ram, char *inflight) {
        struct pollfd p = { .fd = device, .events = POLLIN };
        int late;

        expect("DESTROY", ioctl(zone, HVISOR_ZONE_DESTROY), 0);
        refuse_all(device, ESTALE, "the worker's descriptor");
        REFUSE_ATTACH(ESTALE, a.cookie = 1);
        expect_true("poll tells the worker", poll(&p, 1, 0) == 1 && (p.revents & POLLHUP));
        expect_true("RAM is gone", is_gone(ram));
        expect_true("what was in flight is gone", is_gone(inflight));
        late = dup(device);
        close(device);
        refuse_all(late, ESTALE, "a copy of it");
        close(late);
        must("write to the call eventfd of nobody", eventfd_write(call, 1));
}

int main(void) {
        char *ram, *others_ram, *others_inflight;
        int device;

        setlinebuf(stdout);
        control = must("/dev/hvisor", open("/dev/hvisor", O_RDWR | O_CLOEXEC));
        call = must("eventfd", eventfd(0, EFD_NONBLOCK));
        for (int i = 0; i < 2; i++)
                kicks[i] = must("eventfd", eventfd(0, EFD_NONBLOCK));
        device = new_zone();
        refuse_all(device, EPERM, "before attaching");
        misuse_attach(device);
        attach(device);
        misuse_attached(device);
        misuse_acknowledge(device);
        misuse_config(device);
        misuse_map(device);
        misuse_inflight(device);
        misuse_memory_fd(device, &others_ram, &others_inflight);
        munmap(misuse_mapping(device), VALID_RAM_SIZE);
        close(device);
        use_what_is_nothing(others_ram, others_inflight);
        misuse_sharing();
        device = open_again();
        misuse_succession(device);
        ram = misuse_mapping(device);
        misuse_destroyed(device, ram, misuse_inflight_of_successor(device));
        close(zone);
        return promises_end();
}
