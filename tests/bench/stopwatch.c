// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Takes times in root Linux, in ticks of the counter that zones see, too (cntvct_el0):
 *
 *   stopwatch rename FROM TO        the counter just before the rename
 *   stopwatch copy FILE             a plain copy of FILE to memory that is there and cached: what it took, in ticks
 *   stopwatch round-trips N         N times to another process and back by two eventfds: what each took, in ticks
 *   stopwatch run COMMAND WORD…     what COMMAND took from fork to its end, in ticks
 *   stopwatch begin COMMAND WORD…   the counter just before COMMAND is forked, which ends before this does
 *                                   (of both: what COMMAND prints goes to stderr, its status is this one's)
 *   stopwatch replace ZONE DEVICE   kills a device's worker: what it took until the next one was attached, in ticks
 *   stopwatch frequency             ticks in a second
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hvisor.h>

#define CHUNK     (1U << 20)
#define ZONES_MAX 16

static uint64_t counter(void) {
        uint64_t v;

        __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v) :: "memory");
        return v;
}

static void die(const char *what) {
        perror(what);
        exit(EXIT_FAILURE);
}

static void print_rename(const char *from, const char *to) {
        uint64_t before = counter();

        if (rename(from, to) < 0)
                die(to);
        printf("%" PRIu64 "\n", before);
}

/*
 * Through the page cache, as a loader that knows nothing better would do it: read(). Not to a mapping of the zone's RAM:
 * /dev/mem maps what is not root Linux's as device memory, and a copy to that is slow where caches are real.
 */
static void print_copy(const char *path) {
        int in = open(path, O_RDONLY|O_CLOEXEC);
        struct stat st;
        uint64_t before;
        char *ram;

        if (in < 0 || fstat(in, &st) < 0)
                die(path);
        ram = mmap(NULL, (size_t) st.st_size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_POPULATE, -1, 0);
        if (ram == MAP_FAILED)
                die("memory");
        before = counter();
        for (ssize_t n, done = 0; done < st.st_size; done += n) {
                n = read(in, ram + done, CHUNK);
                if (n <= 0)
                        die(path);
        }
        printf("%" PRIu64 "\n", counter() - before);
}

static void answer(int from, int to) {
        uint64_t one;

        while (read(from, &one, sizeof one) == sizeof one && write(to, &one, sizeof one) == sizeof one)
                ;
        _exit(0);
}

static void print_round_trips(unsigned long n) {
        int there = eventfd(0, EFD_CLOEXEC), back = eventfd(0, EFD_CLOEXEC);
        uint64_t one = 1, before;
        pid_t child;

        if (there < 0 || back < 0)
                die("eventfd");
        child = fork();
        if (child < 0)
                die("fork");
        if (child == 0)
                answer(there, back);
        for (unsigned long i = 0; i < n; i++) {
                before = counter();
                if (write(there, &one, sizeof one) < 0 || read(back, &one, sizeof one) < 0)
                        die("eventfd");
                printf("%" PRIu64 "\n", counter() - before);
        }
        kill(child, SIGKILL);
}

/* @from_fork: the time that it took, else the time at which it began. */
static void print_run(char **words, bool from_fork) {
        uint64_t before = counter();
        pid_t child = fork();
        int status;

        if (child == 0) {
                dup2(STDERR_FILENO, STDOUT_FILENO);
                execvp(words[0], words);
                _exit(127);
        }
        if (child < 0 || waitpid(child, &status, 0) < 0)
                die(words[0]);
        if (status != 0) {
                fprintf(stderr, "stopwatch: %s failed\n", words[0]);
                exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
        }
        printf("%" PRIu64 "\n", from_fork ? counter() - before : before);
}

static int open_zone(const char *name) {
        struct hvisor_zone_info zones[ZONES_MAX];
        struct hvisor_zone_list list = { .count = ZONES_MAX, .zones = (uintptr_t) zones };
        int control = open("/dev/hvisor", O_RDWR|O_CLOEXEC);

        if (control < 0 || ioctl(control, HVISOR_ZONE_LIST, &list) < 0)
                die("/dev/hvisor");
        for (unsigned i = 0; i < list.count && i < ZONES_MAX; i++)
                if (strcmp(zones[i].name, name) == 0)
                        return ioctl(control, HVISOR_ZONE_OPEN, &(struct hvisor_zone_open){ .id = zones[i].id });
        return -1;
}

static struct hvisor_device_info find_device(int zone, const char *name) {
        struct hvisor_device_info devices[HVISOR_DEVICES_MAX];
        struct hvisor_device_list list = { .count = HVISOR_DEVICES_MAX, .devices = (uintptr_t) devices };

        if (ioctl(zone, HVISOR_DEVICE_LIST, &list) < 0)
                die("devices");
        for (unsigned i = 0; i < list.count && i < HVISOR_DEVICES_MAX; i++)
                if (strcmp(devices[i].name, name) == 0)
                        return devices[i];
        fprintf(stderr, "stopwatch: no device %s\n", name);
        exit(EXIT_FAILURE);
}

static void print_replace(const char *name, const char *device) {
        struct pollfd change = { .fd = open_zone(name), .events = POLLIN };
        struct hvisor_device_info before, now;
        struct hvisor_zone_info seen;
        uint64_t start;

        if (change.fd < 0)
                die(name);
        before = find_device(change.fd, device);
        start = counter();
        if (before.worker_pid <= 0 || kill(before.worker_pid, SIGKILL) < 0)
                die(device);
        do {
                if (poll(&change, 1, 10000) <= 0 || ioctl(change.fd, HVISOR_ZONE_INFO, &seen) < 0)
                        die(device);
                now = find_device(change.fd, device);
        } while (now.generation == before.generation || !(now.flags & HVISOR_DEVICE_ATTACHED));
        printf("%" PRIu64 "\n", counter() - start);
}

int main(int argc, char **argv) {
        uint64_t frequency;

        if (argc == 4 && strcmp(argv[1], "rename") == 0) {
                print_rename(argv[2], argv[3]);
        } else if (argc == 3 && strcmp(argv[1], "copy") == 0) {
                print_copy(argv[2]);
        } else if (argc == 3 && strcmp(argv[1], "round-trips") == 0) {
                print_round_trips(strtoul(argv[2], NULL, 0));
        } else if (argc >= 3 && strcmp(argv[1], "run") == 0) {
                print_run(argv + 2, true);
        } else if (argc >= 3 && strcmp(argv[1], "begin") == 0) {
                print_run(argv + 2, false);
        } else if (argc == 4 && strcmp(argv[1], "replace") == 0) {
                print_replace(argv[2], argv[3]);
        } else if (argc == 2 && strcmp(argv[1], "frequency") == 0) {
                __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
                printf("%" PRIu64 "\n", frequency);
        } else {
                fputs("usage: stopwatch rename FROM TO | copy FILE | round-trips N | run COMMAND… | begin COMMAND… | replace ZONE DEVICE | frequency\n", stderr);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
