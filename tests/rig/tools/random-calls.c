// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * random-calls SEED SECONDS [IMAGE]: processes of several threads call hvisor.ko at random on each other's zones and devices,
 * with arguments that are valid but for a word or two; they hand descriptors to each other, fork, and are killed in the midst.
 * With IMAGE, a payload for zone 1, the one of the zones that nothing was spoilt of is started and stopped as well: what a
 * guest of random memory does is another matter. Zone 2 is somebody else's.
 *
 * Prints how often each call was made and succeeded. Exit status: 0 if every zone could be destroyed in the end, and nothing
 * was given that is another's.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "random-calls/calls.h"
#include "random-calls/random.h"

#define PROCESSES 3
#define THREADS 3
#define LIFE_MS 1500                    /* of a process, at most: it is killed then */

static long fork_and_call(void);

static const struct {
        const char *name;
        long (*act)(void);
} actions[] = {
        { "info", info },
        { "create", create_zone },
        { "open", open_zone },
        { "list", list_zones },
        { "zone info", zone_info },
        { "device create", create_device },
        { "device open", open_device },
        { "device list", list_devices },
        { "load", load },
        { "start", start },
        { "stop", stop },
        { "destroy", destroy },
        { "attach", attach },
        { "state", get_state },
        { "ack", acknowledge },
        { "break", break_device },
        { "withdraw", withdraw },
        { "memory", list_memory },
        { "config", configure },
        { "old list", old_list },
        { "old shutdown", old_shutdown },
        { "old load", old_load },
        { "any number", any_number },
        { "map", map_and_touch },
        { "poll", poll_all },
        { "epoll", watch },
        { "close", put_away },
        { "dup", duplicate },
        { "signal", signal_event },
        { "new event", renew_event },
        { "send", send_one },
        { "receive", receive_one },
        { "fork", fork_and_call },
};

#define ACTIONS (sizeof(actions) / sizeof(*actions))

__thread uint64_t random_state;
int image = -1;
off_t image_size;

/* Shared by the processes. */
static struct {
        unsigned made[ACTIONS], succeeded[ACTIONS], stolen;
} *counts;

void note_theft(void) {
        __atomic_add_fetch(&counts->stolen, 1, __ATOMIC_RELAXED);
}

static void act(void) {
        size_t n = below(ACTIONS);
        long r = actions[n].act();

        __atomic_add_fetch(&counts->made[n], 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&counts->succeeded[n], r >= 0, __ATOMIC_RELAXED);
}

/* With all descriptors, and no mapping: they are not inherited. */
static long fork_and_call(void) {
        pid_t pid = below(8) ? -1 : fork();

        if (pid != 0)
                return pid;
        for (unsigned i = 0; i < 8; i++)
                actions[below(ACTIONS - 1)].act();
        _exit(EXIT_SUCCESS);
}

static void *run_thread(void *seed) {
        random_begin((uintptr_t) seed);
        for (;;)
                act();
        return NULL;
}

/* Until it is killed. */
static void run_process(uint64_t seed) {
        pthread_t thread;

        setpgid(0, 0);                  /* and of its children */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGBUS, on_bus_error);
        signal(SIGCHLD, SIG_IGN);
        prepare_answers();
        file = must("a file", open("/proc/self/exe", O_RDONLY));
        control = must("/dev/hvisor", open("/dev/hvisor", O_RDWR));
        for (unsigned i = 0; i < DESCRIPTORS; i++) {
                descriptors[i] = must("dup", dup(file));
                kinds[i] = OTHER;
        }
        for (unsigned i = 0; i < EVENTS; i++)
                events[i] = must("eventfd", eventfd(0, EFD_NONBLOCK));
        for (unsigned i = 1; i < THREADS; i++)
                must("a thread", -pthread_create(&thread, NULL, run_thread, (void *) (uintptr_t) (seed * THREADS + i)));
        run_thread((void *) (uintptr_t) (seed * THREADS));
}

static int64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static pid_t begin(uint64_t seed) {
        pid_t pid = must("fork", fork());

        if (pid == 0)
                run_process(seed);
        return pid;
}

static void end(pid_t pid) {
        int status;

        kill(pid, SIGKILL);
        kill(-pid, SIGKILL);
        waitpid(pid, &status, 0);
        if (status != SIGKILL)
                printf("a process ended with wait status %#x\n", status);
        expect_true("a process lived until it was killed", status == SIGKILL);
}

static void run(uint64_t seed, int64_t until) {
        pid_t pids[PROCESSES];
        uint64_t next = seed * 1000;

        for (unsigned i = 0; i < PROCESSES; i++)
                pids[i] = begin(next++);
        while (now_ms() < until) {
                unsigned i = (unsigned) below(PROCESSES);

                usleep((useconds_t) (1000 * below(LIFE_MS)) / PROCESSES);
                end(pids[i]);
                pids[i] = begin(next++);
        }
        for (unsigned i = 0; i < PROCESSES; i++)
                end(pids[i]);
        while (wait(NULL) > 0)          /* their children, which are this one's since */
                continue;
}

static void end_zone(uint32_t id) {
        struct hvisor_zone_open open = { .id = id };
        int zone = ioctl(control, HVISOR_ZONE_OPEN, &open);

        if (zone < 0)
                return;
        ioctl(zone, HVISOR_ZONE_STOP);
        expect("DESTROY in the end", ioctl(zone, HVISOR_ZONE_DESTROY), 0);
        close(zone);
}

/* Those that were begun with a spoilt id, too. */
static void end_all(void) {
        struct hvisor_zone_info zones[16];
        struct hvisor_zone_list list = { .count = 16, .zones = (uintptr_t) zones };
        unsigned left = 0;

        control = must("/dev/hvisor", open("/dev/hvisor", O_RDWR | O_CLOEXEC));
        must("ZONE_LIST", ioctl(control, HVISOR_ZONE_LIST, &list));
        for (unsigned i = 0; i < list.count && i < 16; i++)
                if (zones[i].id != BYSTANDER_ID)
                        end_zone(zones[i].id);
        list.count = 16;
        must("ZONE_LIST", ioctl(control, HVISOR_ZONE_LIST, &list));
        for (unsigned i = 0; i < list.count && i < 16; i++)
                left += zones[i].id != BYSTANDER_ID;
        expect_true("nothing is left", left == 0);
        close(control);
}

int main(int argc, char **argv) {
        uint64_t seed = argc > 2 ? strtoull(argv[1], NULL, 0) : 0;
        unsigned seconds = argc > 2 ? (unsigned) strtoul(argv[2], NULL, 0) : 0;

        setlinebuf(stdout);
        counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (!seconds || counts == MAP_FAILED) {
                fputs("usage: random-calls SEED SECONDS [IMAGE]\n", stderr);
                return EXIT_FAILURE;
        }
        printf("seed %llu, %u seconds\n", (unsigned long long) seed, seconds);
        if (argc > 3) {
                image = must(argv[3], open(argv[3], O_RDONLY));
                image_size = lseek(image, 0, SEEK_END);
        }
        must("socketpair", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, mail));
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        random_begin(seed);
        run(seed, now_ms() + (int64_t) seconds * 1000);
        close(mail[0]);
        close(mail[1]);
        end_all();
        expect_true("nothing was given that is another's", counts->stolen == 0);
        for (size_t i = 0; i < ACTIONS; i++)
                printf("%s: %u of %u\n", actions[i].name, counts->succeeded[i], counts->made[i]);
        return promises_end();
}
