/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker locked up as in production, in a process of its own; the test plays the
 * driver over memory that both share.
 */
#include <fcntl.h>
#include <hvisor.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/virtio_blk.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "base/log.h"
#include "base/tap.h"
#include "device/block.h"
#include "device/cage.h"
#include "device/console.h"
#include "device/net.h"
#include "device/rng.h"
#include "virtio/fake_transport.h"

#define TEST_UID   WORKER_UID(3, 78)
#define QUEUE_SIZE 64
#define PATIENCE   10000 /* moments of 2 ms, on a busy machine */
#define HEADER     DATA
#define STATUS     (DATA + 0x1000)
#define PAYLOAD    (DATA + 0x2000)

struct shared {
        struct fake_transport t;
        int files[4]; /* the device's own */
};

static struct shared *share(void) {
        struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        uint8_t *own;

        assert_ptr_not_equal(s, MAP_FAILED);
        log_set_level(LOG_ERR);
        fake_init(&s->t, QUEUE_SIZE);
        s->t.caged = true;
        /* RAM that is shared, too, in place of the process's own. */
        own = s->t.guest.ram;
        s->t.guest.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(s->t.guest.ram, MAP_FAILED);
        guest_memory_clear(s->t.guest.memory);
        assert_int_equal(guest_memory_add(s->t.guest.memory, RAM_BASE, RAM_SIZE, s->t.guest.ram), 0);
        for (unsigned q = 0; q < ELEMENTSOF(s->t.queues); q++)
                fake_queue_init(&s->t.queues[q], &s->t.guest, q, QUEUE_SIZE);
        free(own);
        return s;
}

static void unshare_all(struct shared *s) {
        guest_memory_free(s->t.guest.memory);
        close(s->t.base.event_fd);
        close(s->t.signal_fd);
        munmap(s->t.guest.ram, RAM_SIZE);
        munmap(s, sizeof(*s));
}

/* In the child. @misbehave: tries once what it must not. */
static void serve_caged(struct shared *s, const struct device_type *type, struct virtio_device *d, bool misbehave) {
        struct err e = { 0 };

        fake_serve(&s->t, d);
        /* Once it is another user: that forgets it. A test that fails leaves nobody behind. */
        if (cage_isolate("test", TEST_UID, &e) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
            cage_restrict(type, CAGE_HVISOR, s->files, ELEMENTSOF(s->files), &e) < 0)
                _exit(99);
        if (misbehave)
                (void) open("/dev/null", O_RDONLY);
        /* Not _exit(): before a function that never returns the sanitizer makes calls of its own. */
        (void) syscall(SYS_exit_group, server_run(s->t.server) == 0 ? 0 : 98);
}

static void sleep_a_moment(void) {
        static const struct timespec moment = { .tv_nsec = 2 * 1000 * 1000 };

        (void) nanosleep(&moment, NULL);
}

static bool wait_acknowledged(struct shared *s, uint64_t sequence) {
        for (unsigned i = 0; i < PATIENCE; i++) {
                if (__atomic_load_n(&s->t.acknowledged, __ATOMIC_ACQUIRE) == sequence)
                        return true;
                sleep_a_moment();
        }
        return false;
}

/*
 * The features are those that the devices here offer: the model itself is the child's. It may be reading the state right
 * now, a part of it old: only the second sequence says that all was there when it began to read.
 */
static void driver_up(struct shared *s, unsigned num_queues) {
        eventfd_t n;

        for (unsigned q = 0; q < num_queues; q++)
                s->t.state.queues[q].ready = true;
        s->t.state.features = VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH);
        s->t.state.status = STATUS_OK;
        assert_int_equal(eventfd_write(s->t.base.event_fd, 1), 0);
        for (uint64_t sequence = 1; sequence <= 2; sequence++) {
                __atomic_store_n(&s->t.state.sequence, sequence, __ATOMIC_RELEASE);
                assert_true(wait_acknowledged(s, sequence));
        }
        assert_int_equal(eventfd_read(s->t.base.event_fd, &n), 0);
}

static bool wait_used(struct fake_queue *q, uint32_t *ret_length) {
        uint32_t head;

        for (unsigned i = 0; i < PATIENCE; i++) {
                if (fake_take_used(q, &head, ret_length))
                        return true;
                sleep_a_moment();
        }
        return false;
}

static int end(struct shared *s, pid_t pid) {
        int status;

        assert_int_equal(eventfd_write(s->t.signal_fd, 1), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

/* A line of /proc/PID/status, without its name. */
static void read_status(pid_t pid, const char *name, char *buffer, size_t size) {
        char path[64];
        FILE *f;

        (void) snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
        f = fopen(path, "re");
        assert_non_null(f);
        while (fgets(buffer, (int) size, f))
                if (strncmp(buffer, name, strlen(name)) == 0 && buffer[strlen(name)] == ':') {
                        memmove(buffer, buffer + strlen(name) + 2, strlen(buffer) - strlen(name) - 1);
                        buffer[strcspn(buffer, "\n")] = '\0';
                        fclose(f);
                        return;
                }
        fail_msg("no %s in %s", name, path);
}

static void assert_locked_up(pid_t pid) {
        static const struct {
                const char *name, *value;
        } rows[] = {
                { "CapEff", "0000000000000000" },
                { "CapPrm", "0000000000000000" },
                { "CapInh", "0000000000000000" },
                { "CapAmb", "0000000000000000" },
                { "NoNewPrivs", "1" },
                { "Seccomp", "2" },
        };
        char line[256];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                read_status(pid, rows[i].name, line, sizeof(line));
                assert_string_equal(line, rows[i].value);
        }
        if (geteuid() != 0)
                return;
        read_status(pid, "CapBnd", line, sizeof(line));
        assert_string_equal(line, "0000000000000000");
        read_status(pid, "Uid", line, sizeof(line));
        assert_int_not_equal(strtoul(line, NULL, 10), 0);
        read_status(pid, "Groups", line, sizeof(line));
        assert_int_equal(strspn(line, " "), strlen(line));
}

/* ---- block -------------------------------------------------------------------------------------------- */

static pid_t start_block(struct shared *s, bool threads, bool misbehave) {
        struct block_options o = { .image_events_fd = -1, .serial = "serial", .num_queues = 1 };
        struct virtio_device *d;
        struct err e = { 0 };
        pid_t pid;

        s->files[0] = memfd_create("image", MFD_CLOEXEC);
        s->files[1] = s->files[2] = s->files[3] = -1;
        assert_int_equal(ftruncate(s->files[0], 64 * 512), 0);
        pid = fork();
        if (pid == 0) {
                o.image_fd = s->files[0];
                if ((threads && block_io_threads_new(o.image_fd, BLOCK_IO_THREADS, &o.io) < 0) ||
                    block_new(&o, &d, &e) < 0)
                        _exit(97);
                serve_caged(s, &block_device_type, d, misbehave);
        }
        assert_true(pid > 0);
        return pid;
}

/* The child makes the kick eventfds, so requests are offered before the driver comes up; each has a sector of
 * its own in the guest's memory, since they may be carried out in any order. */
static void offer_request(struct shared *s, unsigned first, uint32_t type, uint32_t size, uint16_t flags) {
        struct virtio_blk_outhdr h = { .type = htole32(type) };
        uint64_t header = HEADER + first * 16;

        memcpy(fake_at(&s->t.guest, header), &h, sizeof(h));
        fake_desc(&s->t.queues[0], first, header, 16, D_NEXT, (uint16_t) (size > 0 ? first + 1 : first + 2));
        fake_desc(&s->t.queues[0], first + 1, PAYLOAD + first * 512, size, D_NEXT | flags, (uint16_t) (first + 2));
        fake_desc(&s->t.queues[0], first + 2, STATUS + first, 1, D_WRITE, 0);
        fake_offer(&s->t.queues[0], (uint16_t) first);
}

static void serve_disk(bool threads) {
        struct shared *s = share();
        pid_t pid = start_block(s, threads, false);
        uint32_t length, sum = 0;
        char disk[512];

        memset(fake_at(&s->t.guest, PAYLOAD + 3 * 512), 'c', 512);
        memset(fake_at(&s->t.guest, STATUS), 0xee, 64);
        offer_request(s, 3, VIRTIO_BLK_T_OUT, 512, 0);
        offer_request(s, 6, VIRTIO_BLK_T_FLUSH, 0, 0);
        offer_request(s, 9, VIRTIO_BLK_T_IN, 512, D_WRITE);
        driver_up(s, 1);
        for (unsigned i = 3; i <= 9; i += 3) {
                assert_true(wait_used(&s->t.queues[0], &length));
                sum += length;
        }
        for (unsigned i = 3; i <= 9; i += 3)
                assert_int_equal(*(uint8_t *) fake_at(&s->t.guest, STATUS + i), VIRTIO_BLK_S_OK);
        assert_int_equal(sum, 1 + 1 + 513);
        assert_int_equal(pread(s->files[0], disk, 512, 0), 512);
        assert_int_equal(disk[511], 'c');
        assert_locked_up(pid);
        assert_int_equal(end(s, pid), 0);
        close(s->files[0]);
        unshare_all(s);
}

static void test_cage_lets_a_disk_work(void **state) {
        (void) state;
        serve_disk(false);
}

static void test_cage_lets_a_disk_work_on_threads(void **state) {
        (void) state;
        serve_disk(true);
}

static void test_cage_kills_who_opens_a_file(void **state) {
        struct shared *s = share();
        pid_t pid = start_block(s, false, true);
        int status;

        (void) state;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
        close(s->files[0]);
        unshare_all(s);
}

#define IMAGE_SIZE (256 * 1024)

static long try_write_beyond(int fd) {
        return pwritev2(fd, &(struct iovec){ "x", 1 }, 1, IMAGE_SIZE, 0);
}

static long try_append(int fd) {
        return pwritev2(fd, &(struct iovec){ "x", 1 }, 1, 0, RWF_APPEND);
}

static long try_zero_beyond(int fd) {
        return fallocate(fd, FALLOC_FL_ZERO_RANGE, IMAGE_SIZE, IMAGE_SIZE);
}

static long try_zero_beyond_with_the_size_kept(int fd) {
        return fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, IMAGE_SIZE, IMAGE_SIZE);
}

static long try_allocate(int fd) {
        return fallocate(fd, 0, IMAGE_SIZE, IMAGE_SIZE);
}

static long try_allocate_with_the_size_kept(int fd) {
        return fallocate(fd, FALLOC_FL_KEEP_SIZE, IMAGE_SIZE, IMAGE_SIZE);
}

static long try_truncate(int fd) {
        return ftruncate(fd, 2 * IMAGE_SIZE);
}

static long try_raise_limit(int fd _unused_) {
        return setrlimit(RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
}

/* What would take room of root Linux's file system that the image does not have. */
static const struct {
        const char *what;
        long (*attempt)(int fd);
        bool killed;
} growths[] = {
        { "write beyond the end", try_write_beyond, false },
        { "append", try_append, false },
        { "zero beyond the end", try_zero_beyond, false },
        { "zero beyond the end with the size kept", try_zero_beyond_with_the_size_kept, true },
        { "allocate", try_allocate, true },
        { "allocate with the size kept", try_allocate_with_the_size_kept, true },
        { "truncate", try_truncate, true },
        { "raise the limit", try_raise_limit, true },
};

/* Return: the status of a process, in a disk's cage if @caged, that tries it and ends with 0 if it was refused. */
static int try_growth(size_t i, int image, bool caged) {
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                int null = open("/dev/null", O_RDWR | O_CLOEXEC);
                struct err e = { 0 };

                /* A log that is a file would have a limit of its own, and there is only one for all. */
                (void) dup2(null, STDERR_FILENO);
                (void) signal(SIGXFSZ, SIG_IGN);
                if (caged && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                              cage_restrict(&block_device_type, CAGE_HVISOR, &image, 1, &e) < 0))
                        _exit(100);
                (void) syscall(SYS_exit_group, growths[i].attempt(image) >= 0);
        }
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static void test_cage_does_not_let_a_disk_take_more_room_than_its_image(void **state _unused_) {
        for (size_t i = 0; i < ELEMENTSOF(growths); i++) {
                int image = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), status;
                struct stat before, after;

                assert_int_equal(ftruncate(image, IMAGE_SIZE), 0);
                assert_int_equal(fstat(image, &before), 0);
                status = try_growth(i, image, true);
                if (growths[i].killed ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS : status != 0)
                        fail_msg("a caged disk can %s (status %#x)", growths[i].what, status);
                assert_int_equal(fstat(image, &after), 0);
                assert_int_equal(after.st_size, before.st_size);
                assert_int_equal(after.st_blocks, before.st_blocks);
                /* The attempt is one: without a cage it succeeds, where the file system knows it. */
                status = try_growth(i, image, false);
                if (status == 0 && growths[i].attempt != try_zero_beyond &&
                    growths[i].attempt != try_zero_beyond_with_the_size_kept)
                        fail_msg("not even an uncaged process can %s", growths[i].what);
                close(image);
        }
}

/* ---- console ------------------------------------------------------------------------------------------ */

static void open_console_files(struct shared *s, char slave[static 64]) {
        char fifo[64];
        struct termios raw;
        int fd;

        (void) snprintf(fifo, sizeof(fifo), "/tmp/hvisor-cage-%d", (int) getpid());
        s->files[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_true(s->files[0] >= 0);
        assert_int_equal(unlockpt(s->files[0]), 0);
        assert_int_equal(ptsname_r(s->files[0], slave, 64), 0);
        s->files[1] = inotify_init1(IN_CLOEXEC);
        assert_true(inotify_add_watch(s->files[1], slave, IN_OPEN | IN_CLOSE) >= 0);
        s->files[2] = memfd_create("history", MFD_CLOEXEC);
        assert_int_equal(ftruncate(s->files[2], WORKER_HISTORY_SIZE), 0);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        s->files[3] = open(fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        assert_true(s->files[3] >= 0);
        assert_int_equal(unlink(fifo), 0);
        fd = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_int_equal(tcgetattr(fd, &raw), 0);
        cfmakeraw(&raw);
        assert_int_equal(tcsetattr(fd, TCSANOW, &raw), 0);
        close(fd);
}

static void assert_reads(int fd, const char *text) {
        char buffer[64] = "";
        size_t n = 0;

        while (n < strlen(text)) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t r;

                assert_int_equal(poll(&p, 1, 5000), 1);
                r = read(fd, buffer + n, sizeof(buffer) - 1 - n);
                assert_true(r > 0);
                n += (size_t) r;
        }
        assert_string_equal(buffer, text);
}

static void test_cage_lets_a_console_work(void **state) {
        struct shared *s = share();
        struct virtio_device *d;
        struct err e = { 0 };
        char slave[64];
        uint32_t length;
        int client;
        pid_t pid;

        (void) state;
        open_console_files(s, slave);
        pid = fork();
        if (pid == 0) {
                if (console_new(&(struct console_fds){ s->files[0], s->files[1], s->files[2], s->files[3], -1 }, "z",
                                "d", &d, &e) < 0)
                        _exit(97);
                serve_caged(s, &console_device_type, d, false);
        }
        assert_true(pid > 0);
        fake_desc(&s->t.queues[1], 3, PAYLOAD, 6, 0, 0);
        memcpy(fake_at(&s->t.guest, PAYLOAD), "hello\n", 6);
        fake_offer(&s->t.queues[1], 3);
        fake_desc(&s->t.queues[0], 3, PAYLOAD + 64, 64, D_WRITE, 0);
        fake_offer(&s->t.queues[0], 3);
        driver_up(s, 2);
        assert_true(wait_used(&s->t.queues[1], &length));

        /* Twice, so that the slave is renewed in between. */
        for (unsigned i = 0; i < 2; i++) {
                client = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
                assert_true(client >= 0);
                assert_reads(client, "hello\n");
                if (i == 1)
                        assert_int_equal(write(client, "typed", 5), 5);
                else
                        close(client);
        }
        assert_true(wait_used(&s->t.queues[0], &length));
        assert_true(length > 0);
        assert_memory_equal(fake_at(&s->t.guest, PAYLOAD + 64), "typed", length);
        fake_desc(&s->t.queues[0], 4, PAYLOAD + 128, 64, D_WRITE, 0);
        fake_offer(&s->t.queues[0], 4);
        assert_int_equal(write(s->files[3], "piped", 5), 5);
        assert_true(wait_used(&s->t.queues[0], &length));
        assert_memory_equal(fake_at(&s->t.guest, PAYLOAD + 128), "piped", length);
        assert_locked_up(pid);
        close(client);
        assert_int_equal(end(s, pid), 0);
        for (unsigned i = 0; i < 4; i++)
                close(s->files[i]);
        unshare_all(s);
}

/* ---- net ---------------------------------------------------------------------------------------------- */

bool tap_is_gone(int fd _unused_) {
        return false;
}

/* The pair of sockets that stands for the tap knows nothing of it; but it is asked. */
int tap_set_offloads(int fd, unsigned offloads) {
        assert_true(ioctl(fd, TUNSETOFFLOAD, (unsigned long) offloads) < 0 && errno == ENOTTY);
        return 0;
}

/* No test names a tap. */
int tap_open(const char *name, unsigned queues, struct tap *ret, struct err *e) {
        (void) name;
        (void) queues;
        (void) ret;
        (void) e;
        return -ENODEV;
}

int tap_identify(int fd, struct tap_identity *ret) {
        struct ifreq request;

        assert_true(ioctl(fd, TUNGETIFF, &request) < 0 && errno == ENOTTY);
        *ret = (struct tap_identity){ .on = false };
        return 0;
}

int tap_queue_enable(int fd, bool on) {
        struct ifreq request = { .ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

        assert_true(ioctl(fd, TUNSETQUEUE, &request) < 0 && errno == ENOTTY);
        return 0;
}

static void test_cage_lets_a_network_card_work(void **state) {
        struct shared *s = share();
        struct virtio_device *d;
        struct err e = { 0 };
        char frame[12 + 64] = "";
        struct pollfd p;
        uint32_t length;
        int pair[2];
        pid_t pid;

        (void) state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        s->files[0] = pair[0];
        s->files[1] = s->files[2] = s->files[3] = -1;
        pid = fork();
        if (pid == 0) {
                const struct net_settings settings = {
                        .name = "test",
                        .taps = { s->files[0] },
                        .num_taps = 1,
                        .pairs = 1,
                        .link_fd = -1,
                        .mac = { 2 },
                };

                if (net_new(&settings, &d, &e) < 0)
                        _exit(97);
                serve_caged(s, &net_device_type, d, false);
        }
        assert_true(pid > 0);
        fake_desc(&s->t.queues[NET_QUEUE_TRANSMIT], 3, PAYLOAD, sizeof(frame), 0, 0);
        memset(fake_at(&s->t.guest, PAYLOAD + 12), 't', 64);
        fake_offer(&s->t.queues[NET_QUEUE_TRANSMIT], 3);
        fake_desc(&s->t.queues[NET_QUEUE_RECEIVE], 3, PAYLOAD + 4096, 1530, D_WRITE, 0);
        fake_offer(&s->t.queues[NET_QUEUE_RECEIVE], 3);
        driver_up(s, 2);
        assert_true(wait_used(&s->t.queues[NET_QUEUE_TRANSMIT], &length));
        p = (struct pollfd){ .fd = pair[1], .events = POLLIN };
        assert_int_equal(poll(&p, 1, 5000), 1);
        assert_int_equal(read(pair[1], frame, sizeof(frame)), sizeof(frame));
        assert_int_equal(frame[12], 't');
        assert_int_equal(write(pair[1], frame, sizeof(frame)), sizeof(frame));
        assert_true(wait_used(&s->t.queues[NET_QUEUE_RECEIVE], &length));
        assert_int_equal(length, sizeof(frame));
        assert_memory_equal(fake_at(&s->t.guest, PAYLOAD + 4096 + 12), frame + 12, 64);
        assert_locked_up(pid);
        assert_int_equal(end(s, pid), 0);
        close(pair[0]);
        close(pair[1]);
        unshare_all(s);
}

/* ---- rng ---------------------------------------------------------------------------------------------- */

static void test_cage_lets_a_source_of_entropy_work(void **state) {
        static const uint8_t zeroes[256];
        struct shared *s = share();
        struct virtio_device *d;
        struct err e = { 0 };
        uint32_t length;
        pid_t pid;

        (void) state;
        s->files[0] = s->files[1] = s->files[2] = s->files[3] = -1;
        pid = fork();
        if (pid == 0) {
                if (rng_new(&d, &e) < 0)
                        _exit(97);
                serve_caged(s, &rng_device_type, d, false);
        }
        assert_true(pid > 0);
        fake_desc(&s->t.queues[0], 3, PAYLOAD, sizeof(zeroes), D_WRITE, 0);
        fake_offer(&s->t.queues[0], 3);
        driver_up(s, 1);
        assert_true(wait_used(&s->t.queues[0], &length));
        assert_int_equal(length, sizeof(zeroes));
        assert_memory_not_equal(fake_at(&s->t.guest, PAYLOAD), zeroes, sizeof(zeroes));
        assert_locked_up(pid);
        assert_int_equal(end(s, pid), 0);
        unshare_all(s);
}

/* ---- each wall by itself ------------------------------------------------------------------------------ */

/* What a caged process knows of the world outside, and must not reach. */
struct outside {
        pid_t pid;
        struct sockaddr_un abstract;
        struct sockaddr_in tcp;
        int listeners[2];
};

static void open_outside(struct outside *o) {
        socklen_t size = sizeof(o->tcp);

        *o = (struct outside){ .pid = getpid(),
                               .abstract = { .sun_family = AF_UNIX },
                               .tcp = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
        (void) snprintf(o->abstract.sun_path + 1, sizeof(o->abstract.sun_path) - 1, "hvisor-test-cage-%d", o->pid);
        o->listeners[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(o->listeners[0], (struct sockaddr *) &o->abstract, sizeof(o->abstract)), 0);
        o->listeners[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(o->listeners[1], (struct sockaddr *) &o->tcp, sizeof(o->tcp)), 0);
        assert_int_equal(getsockname(o->listeners[1], (struct sockaddr *) &o->tcp, &size), 0);
        for (size_t i = 0; i < ELEMENTSOF(o->listeners); i++)
                assert_int_equal(listen(o->listeners[i], 1), 0);
}

static int try_open_file(const struct outside *o _unused_) {
        return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int try_open_device(const struct outside *o _unused_) {
        return open("/dev/hvisor", O_RDWR | O_CLOEXEC);
}

static int try_open_root(const struct outside *o _unused_) {
        return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int try_leave_root(const struct outside *o _unused_) {
        return open("../../../../etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int try_make_file(const struct outside *o _unused_) {
        return open("/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int try_connect(int family, const void *address, size_t size) {
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        return fd < 0 ? fd : connect(fd, address, (socklen_t) size);
}

static int try_connect_abstract(const struct outside *o) {
        return try_connect(AF_UNIX, &o->abstract, sizeof(o->abstract));
}

static int try_connect_tcp(const struct outside *o) {
        return try_connect(AF_INET, &o->tcp, sizeof(o->tcp));
}

static int try_packet_socket(const struct outside *o _unused_) {
        return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static int try_ptrace(const struct outside *o) {
        return (int) ptrace(PTRACE_SEIZE, o->pid, NULL, NULL);
}

static int try_read_memory(const struct outside *o) {
        char byte;
        struct iovec to = { &byte, 1 }, from = { (void *) o, 1 };

        return (int) process_vm_readv(o->pid, &to, 1, &from, 1, 0);
}

static int try_signal(const struct outside *o) {
        return kill(o->pid, 0);
}

static int try_signal_all(const struct outside *o _unused_) {
        return kill(-1, 0);
}

static int try_become_root(const struct outside *o _unused_) {
        return setuid(0);
}

static int try_mount(const struct outside *o _unused_) {
        return mount("proc", "/", "proc", 0, NULL);
}

static int try_host_name(const struct outside *o _unused_) {
        return sethostname("caged", 5);
}

/* A ring that was there before the cage, and without restrictions of its own. Return: its descriptor, or -1. */
static struct {
        int fd;
        uint8_t *rings;
        struct io_uring_sqe *entries;
        struct io_uring_params p;
} ring;

static void open_ring(void) {
        size_t size;

        ring.fd = (int) syscall(SYS_io_uring_setup, 1, &ring.p);
        if (ring.fd < 0)
                return;
        size = ring.p.cq_off.cqes + ring.p.cq_entries * sizeof(struct io_uring_cqe);
        size = MAX(size, ring.p.sq_off.array + ring.p.sq_entries * sizeof(uint32_t));
        ring.rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
        ring.entries = mmap(NULL, ring.p.sq_entries * sizeof(*ring.entries), PROT_READ | PROT_WRITE, MAP_SHARED,
                            ring.fd, IORING_OFF_SQES);
        if (ring.rings == MAP_FAILED || ring.entries == MAP_FAILED)
                _exit(101);
}

static int try_open_by_ring(const struct outside *o _unused_) {
        if (ring.fd < 0)
                return -1; /* this kernel has none: nothing goes through */
        ring.entries[0] = (struct io_uring_sqe){
                .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t) "/etc/passwd", .open_flags = O_RDONLY
        };
        *(uint32_t *) (ring.rings + ring.p.sq_off.array) = 0;
        __atomic_store_n((uint32_t *) (ring.rings + ring.p.sq_off.tail), 1, __ATOMIC_RELEASE);
        if (syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
                return -1;
        return ((struct io_uring_cqe *) (ring.rings + ring.p.cq_off.cqes))->res;
}

/* Those that are possible to root and do no harm are tried uncaged, too: it is the cage that refuses. */
static const struct {
        const char *what;
        int (*attempt)(const struct outside *o);
        bool possible;
} attempts[] = {
        { "open a file", try_open_file, true },
        { "open a file by io_uring", try_open_by_ring, true },
        { "open the module's device", try_open_device, false },
        { "open the root", try_open_root, true },
        { "leave the root", try_leave_root, true },
        { "make a file", try_make_file, false },
        { "connect to an abstract socket", try_connect_abstract, true },
        { "connect by TCP", try_connect_tcp, true },
        { "make a packet socket", try_packet_socket, false },
        { "ptrace", try_ptrace, true },
        { "read another process's memory", try_read_memory, true },
        { "signal another process", try_signal, true },
        { "signal all processes", try_signal_all, true },
        { "become root", try_become_root, true },
        { "mount", try_mount, false },
        { "set the host name", try_host_name, false },
};

static pid_t fork_as_first(void) {
        return (pid_t) syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* Return: the status of a process that tries it. */
static int try_one(size_t i, const struct outside *o, bool caged) {
        int status;
        pid_t pid = caged ? fork_as_first() : fork();

        if (pid == 0) {
                struct err e = { 0 };

                open_ring();
                if (caged && cage_isolate("test", TEST_UID, &e) < 0)
                        _exit(100);
                _exit(attempts[i].attempt(o) >= 0);
        }
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static bool has_rings(void) {
        int fd = (int) syscall(SYS_io_uring_setup, 1, &(struct io_uring_params){ 0 });

        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

static void test_cage_refuses_each_thing_without_the_filter_too(void **state _unused_) {
        struct outside o;

        if (geteuid() != 0)
                skip();
        open_outside(&o);
        for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
                int status;

                if (attempts[i].possible && (attempts[i].attempt != try_open_by_ring || has_rings())) {
                        status = try_one(i, &o, false);
                        if (status == 0)
                                fail_msg("not even an uncaged process can %s", attempts[i].what);
                }
                status = try_one(i, &o, true);
                if (status != 0)
                        fail_msg("a caged process can %s (status %#x)", attempts[i].what, status);
        }
        for (size_t i = 0; i < ELEMENTSOF(o.listeners); i++)
                close(o.listeners[i]);
}

static const struct {
        long call;
        unsigned long arguments[3];
        const char *what;
} denied[] = {
        { SYS_openat, { (unsigned long) AT_FDCWD, 0, 0 }, "openat" },
        { SYS_socket, { AF_UNIX, SOCK_STREAM, 0 }, "socket" },
        { SYS_connect, { 0, 0, 0 }, "connect" },
        { SYS_ptrace, { PTRACE_TRACEME, 0, 0 }, "ptrace" },
        { SYS_kill, { 1, 0, 0 }, "kill" },
        { SYS_tgkill, { 1, 1, 0 }, "tgkill" },
        { SYS_pidfd_open, { 1, 0, 0 }, "pidfd_open" },
        { SYS_process_vm_readv, { 1, 0, 0 }, "process_vm_readv" },
        { SYS_mmap, { 0, 4096, PROT_EXEC }, "mmap" },
        { SYS_mprotect, { 0, 4096, PROT_EXEC }, "mprotect" },
        { SYS_execve, { 0, 0, 0 }, "execve" },
        { SYS_clone, { SIGCHLD, 0, 0 }, "clone" },
        { SYS_unshare, { 0, 0, 0 }, "unshare" },
        { SYS_prctl, { PR_GET_NAME, 0, 0 }, "prctl" },
        { SYS_io_uring_setup, { 1, 0, 0 }, "io_uring_setup" },
        { SYS_ioctl, { 0, HVISOR_ZONE_STOP, 0 }, "ioctl of another kind" },
};

/* Return: the status of a process that makes the call. */
static int make_denied_call(const struct device_type *type, enum cage_transport transport, size_t i) {
        const unsigned long *a = denied[i].arguments;
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                struct err e = { 0 };

                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || cage_restrict(type, transport, NULL, 0, &e) < 0)
                        _exit(100);
                (void) syscall(denied[i].call, a[0], a[1], a[2], 0, 0, 0);
                (void) syscall(SYS_exit_group, 0);
        }
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

/* Every type, every transport, every call: the kernel ends the process, no error comes back. */
static void test_cage_filter_kills_for_each_call_that_is_not_on_the_list(void **state _unused_) {
        for (const struct device_type *const *type = device_types; *type; type++)
                for (unsigned t = CAGE_HVISOR; t <= CAGE_VHOST_USER; t++)
                        for (size_t i = 0; i < ELEMENTSOF(denied); i++) {
                                int status = make_denied_call(*type, (enum cage_transport) t, i);

                                if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
                                        fail_msg("%s: %s is not refused (status %#x)", (*type)->name, denied[i].what,
                                                 status);
                        }
}

/* ---- descriptors -------------------------------------------------------------------------------------- */

static void test_cage_close_others_keeps_what_is_named(void **state) {
        static const struct {
                int fd;
                bool open;
        } rows[] = { { 0, true },   { 1, true },  { 2, true },  { 20, false }, { 21, true },
                     { 22, false }, { 23, true }, { 24, true }, { 25, false } };
        int status;
        pid_t pid;

        (void) state;
        pid = fork();
        if (pid == 0) {
                int keep[] = { 24, 21, 23 };

                for (int fd = 20; fd <= 25; fd++)
                        if (dup2(1, fd) < 0)
                                _exit(100);
                if (cage_close_others(keep, ELEMENTSOF(keep)) < 0)
                        _exit(101);
                for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                        if ((fcntl(rows[i].fd, F_GETFD) >= 0) != rows[i].open)
                                _exit(rows[i].fd + 1);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cage_lets_a_disk_work),
                cmocka_unit_test(test_cage_lets_a_disk_work_on_threads),
                cmocka_unit_test(test_cage_kills_who_opens_a_file),
                cmocka_unit_test(test_cage_does_not_let_a_disk_take_more_room_than_its_image),
                cmocka_unit_test(test_cage_lets_a_console_work),
                cmocka_unit_test(test_cage_lets_a_network_card_work),
                cmocka_unit_test(test_cage_lets_a_source_of_entropy_work),
                cmocka_unit_test(test_cage_refuses_each_thing_without_the_filter_too),
                cmocka_unit_test(test_cage_filter_kills_for_each_call_that_is_not_on_the_list),
                cmocka_unit_test(test_cage_close_others_keeps_what_is_named),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
