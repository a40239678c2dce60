/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fault/module.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/macros.h"
#include "base/system_calls.h"
#include "base/worker.h"
#include "fault/fakes.h"
#include "fault/fault.h"

#define FDS_MAX    1024
#define DEATH_TIME 2000 /* ms; who is told to end is given this before any clock jumps */

/* What a descriptor of this process, or of one that it was forked from, is of. */
static struct {
        unsigned life;
        int zone, device; /* -1: none */
} of_fd[FDS_MAX];
static struct module *module;

void module_init(struct module *m) {
        *m = (struct module){ .owner = getpid() };
        for (size_t i = 0; i < MODULE_ZONES; i++)
                m->zones[i].event = eventfd(0, EFD_NONBLOCK);
}

void module_use(struct module *m) {
        module = m;
}

struct module_zone *module_zone(struct module *m, const char *name) {
        for (size_t i = 0; i < MODULE_ZONES; i++)
                if (m->zones[i].used && strcmp(m->zones[i].info.name, name) == 0)
                        return &m->zones[i];
        return NULL;
}

struct hvisor_device_info *module_device(struct module_zone *z, const char *name) {
        for (size_t i = 0; z && i < z->info.num_devices; i++)
                if (strcmp(z->devices[i].name, name) == 0)
                        return &z->devices[i];
        return NULL;
}

static void poke(struct module_zone *z) {
        (void) eventfd_write(z->event, 1);
}

void module_crash(struct module_zone *z) {
        z->listed = false;
}

/* ---- descriptors ------------------------------------------------------------------------------------ */

static int hand_out(int fd, int zone, int device) {
        if (fd >= FDS_MAX)
                abort();
        if (fd >= 0) {
                of_fd[fd].life = module->zones[zone].life;
                of_fd[fd].zone = zone;
                of_fd[fd].device = device;
        }
        return fd;
}

static int refuse(int error) {
        errno = error;
        return -1;
}

static int open_zone(int i) {
        return hand_out(fcntl(module->zones[i].event, F_DUPFD_CLOEXEC, 3), i, -1);
}

static int open_device(int zone, int device) {
        return hand_out(open("/dev/null", O_RDWR | O_CLOEXEC), zone, device);
}

/* ---- calls ------------------------------------------------------------------------------------------ */

static int get_info(struct hvisor_info *ret) {
        *ret = (struct hvisor_info){ .abi_version = HVISOR_ABI_VERSION, .magic = 5, .root_cpus = 1 };
        return 0;
}

static int create_zone(const struct hvisor_zone_create *c) {
        for (int i = 0; i < MODULE_ZONES; i++)
                if (module->zones[i].used &&
                    (module->zones[i].info.id == c->id || strcmp(module->zones[i].info.name, c->name) == 0))
                        return refuse(EEXIST);
        for (int i = 0; i < MODULE_ZONES; i++) {
                struct module_zone *z = &module->zones[i];

                if (z->used)
                        continue;
                *z = (struct module_zone){ .used = true, .life = z->life + 1, .event = z->event };
                z->info = (struct hvisor_zone_info){ .id = c->id, .state = HVISOR_ZONE_CREATED, .cpus = c->cpus };
                memcpy(z->info.name, c->name, sizeof(z->info.name));
                memcpy(z->info.cookie, c->cookie, sizeof(z->info.cookie));
                return open_zone(i);
        }
        return refuse(ENOSPC);
}

static int find_zone(const struct hvisor_zone_open *o) {
        for (int i = 0; i < MODULE_ZONES; i++)
                if (module->zones[i].used && module->zones[i].info.id == o->id)
                        return open_zone(i);
        return refuse(ENOENT);
}

static int list_zones(struct hvisor_zone_list *l) {
        struct hvisor_zone_info *to = (void *) (uintptr_t) l->zones;

        l->count = 0;
        for (size_t i = 0; i < MODULE_ZONES; i++)
                if (module->zones[i].used)
                        to[l->count++] = module->zones[i].info;
        return 0;
}

static int list_old(struct hvisor_old_zone_list *l) {
        struct hvisor_old_zone_info *to = (void *) (uintptr_t) l->zones;
        int n = 0;

        to[n++] = (struct hvisor_old_zone_info){ .cpus = 1, .name = "root" };
        for (size_t i = 0; i < MODULE_ZONES; i++) {
                const struct module_zone *z = &module->zones[i];

                if (!z->used || !z->listed)
                        continue;
                to[n] = (struct hvisor_old_zone_info){ .zone_id = z->info.id, .cpus = z->info.cpus };
                memcpy(to[n++].name, z->info.name, sizeof(to->name));
        }
        return n;
}

static int create_device(int zone, const struct hvisor_device_create *c) {
        struct module_zone *z = &module->zones[zone];
        struct hvisor_device_info *d = &z->devices[z->info.num_devices];

        if (z->info.state != HVISOR_ZONE_CREATED || z->info.num_devices == HVISOR_DEVICES_MAX)
                return refuse(EPERM);
        *d = (struct hvisor_device_info){
                .virtio_id = c->virtio_id,
                .interrupt = c->interrupt,
                .address = c->address,
        };
        memcpy(d->name, c->name, sizeof(d->name));
        return open_device(zone, (int) z->info.num_devices++);
}

static int find_device(int zone, const struct hvisor_device_open *o) {
        struct hvisor_device_info *d = module_device(&module->zones[zone], o->name);

        return d ? open_device(zone, (int) (d - module->zones[zone].devices)) : refuse(ENOENT);
}

static int list_devices(const struct module_zone *z, struct hvisor_device_list *l) {
        (void) module_bury(module);
        l->count = z->info.num_devices;
        memcpy((void *) (uintptr_t) l->devices, z->devices, z->info.num_devices * sizeof(z->devices[0]));
        return 0;
}

static int set_state(struct module_zone *z, uint32_t from, uint32_t to) {
        if (z->info.state != from && to != HVISOR_ZONE_STOPPED)
                return refuse(EPERM);
        z->info.state = to;
        z->listed = to == HVISOR_ZONE_STARTED;
        return 0;
}

static int destroy(struct module_zone *z) {
        if (z->listed)
                return refuse(EBUSY);
        *z = (struct module_zone){ .life = z->life, .event = z->event };
        poke(z);
        return 0;
}

static int withdraw(struct hvisor_device_info *d) {
        if (d->flags & HVISOR_DEVICE_ATTACHED)
                return refuse(EBUSY);
        d->flags |= HVISOR_DEVICE_WITHDRAWN;
        return 0;
}

static int load(const struct hvisor_zone_load *l) {
        char byte;

        return pread(l->fd, &byte, 1, (off_t) (l->offset + l->size - 1)) == 1 ? 0 : refuse(ENODATA);
}

static int call_zone(int fd, unsigned long request, void *argument) {
        struct module_zone *z = &module->zones[of_fd[fd].zone];
        eventfd_t any;

        if (!z->used || z->life != of_fd[fd].life)
                return refuse(ESTALE);
        switch (request) {
        case HVISOR_ZONE_INFO:
                (void) eventfd_read(fd, &any);
                *(struct hvisor_zone_info *) argument = z->info;
                return 0;
        case HVISOR_DEVICE_CREATE:
                return create_device(of_fd[fd].zone, argument);
        case HVISOR_DEVICE_OPEN:
                return find_device(of_fd[fd].zone, argument);
        case HVISOR_DEVICE_LIST:
                return list_devices(z, argument);
        case HVISOR_DEVICE_WITHDRAW:
                return withdraw(&z->devices[of_fd[fd].device]);
        case HVISOR_ZONE_LOAD:
                return load(argument);
        case HVISOR_ZONE_START:
                return set_state(z, HVISOR_ZONE_CREATED, HVISOR_ZONE_STARTED);
        case HVISOR_ZONE_STOP:
                return set_state(z, HVISOR_ZONE_STARTED, HVISOR_ZONE_STOPPED);
        case HVISOR_ZONE_DESTROY:
                return destroy(z);
        }
        return refuse(ENOTTY);
}

int fake_ioctl(int fd, unsigned long request, void *argument) {
        FAULT_MUTED;

        switch (request) {
        case HVISOR_INFO:
                return get_info(argument);
        case HVISOR_ZONE_CREATE:
                return create_zone(argument);
        case HVISOR_ZONE_OPEN:
                return find_zone(argument);
        case HVISOR_ZONE_LIST:
                return list_zones(argument);
        case HVISOR_OLD_ZONE_LIST:
                return list_old(argument);
        }
        return _IOC_TYPE(request) == HVISOR_IOC_TYPE ? call_zone(fd, request, argument)
                                                     : __real_ioctl(fd, request, argument);
}

/* ---- files that are other ones here ------------------------------------------------------------------ */

static const char *other_path(const char *path) {
        static const char *const others[][2] = {
                { DEVICE_NODE, "/dev/null" },
                { "/proc/iomem", "/dev/null" },
                { "/proc/interrupts", "/dev/null" },
        };

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (strcmp(path, others[i][0]) == 0)
                        return others[i][1];
        return path;
}

int fake_open(const char *path, int flags, unsigned mode) {
        return __real_open(other_path(path), flags, mode);
}

FILE *fake_fopen(const char *path, const char *mode) {
        return __real_fopen(other_path(path), mode);
}

/* ---- workers ---------------------------------------------------------------------------------------- */

static void remember_newborn(pid_t pid) {
        for (size_t i = 0; i < MODULE_NEWBORN_MAX; i++)
                if (module->newborn[i] == 0) {
                        module->newborn[i] = pid;
                        return;
                }
        abort();
}

static void forget_newborn(pid_t pid) {
        for (size_t i = 0; i < MODULE_NEWBORN_MAX; i++)
                if (module->newborn[i] == pid)
                        module->newborn[i] = 0;
}

/* Only what can fail by itself counts: nobody is refused a signal to his own child. PID namespaces would hide pids. */
long fake_syscall(long number, long a, long b, long c, long d, long e) {
        static const struct fault_row clone_row = { "clone", MINUS_ONE, { EAGAIN, ENOMEM, EPERM } },
                                      open_row = { "pidfd_open", MINUS_ONE, { EMFILE, ENOMEM } },
                                      get_row = { "pidfd_getfd", MINUS_ONE, { EMFILE, EPERM } };
        const struct fault_row *row = number == SYS_clone         ? &clone_row
                                      : number == SYS_pidfd_open  ? &open_row
                                      : number == SYS_pidfd_getfd ? &get_row
                                                                  : NULL;
        struct fault_verdict v = {};
        long r;

        if (row)
                v = fault_decide(row, __builtin_return_address(0));
        if (v.fails)
                return v.value;
        r = __real_syscall(number, number == SYS_clone ? a & ~CLONE_NEWPID : a, b, c, d, e);
        if (number == SYS_clone && r > 0)
                remember_newborn((pid_t) r);
        if (number == SYS_pidfd_send_signal && r == 0)
                (void) poll(&(struct pollfd){ .fd = (int) a, .events = POLLIN }, 1, DEATH_TIME);
        return r;
}

static const char *option(char *const arguments[], const char *name) {
        size_t n = strlen(name);

        for (; *arguments; arguments++)
                if (strncmp(*arguments, "--", 2) == 0 && strncmp(*arguments + 2, name, n) == 0 &&
                    (*arguments)[n + 2] == '=')
                        return *arguments + n + 3;
        abort();
}

/* The worker: it attaches, and serves until it is told to end. Everything that it was given has to be there. */
int fake_execve(const char *program _unused_, char *const arguments[], char *const environment[] _unused_) {
        int fd = atoi(option(arguments, WORKER_OPTION_DEVICE_FD));
        struct module_zone *z = &module->zones[of_fd[fd].zone];
        sigset_t none;

        fault_muted++;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (z->used && z->life == of_fd[fd].life) {
                struct hvisor_device_info *d = &z->devices[of_fd[fd].device];

                d->cookie = strtoull(option(arguments, WORKER_OPTION_COOKIE), NULL, 16);
                d->worker_pid = getpid();
                d->generation = __atomic_add_fetch(&module->generations, 1, __ATOMIC_RELAXED);
                d->flags = HVISOR_DEVICE_ATTACHED;
                poke(z);
        }
        forget_newborn(getpid());
        while (kill(module->owner, 0) == 0)
                sleep(1);
        _exit(0);
}

/* Whoever's child it is. */
static bool has_ended(pid_t pid) {
        struct pollfd p = { .fd = sys_pidfd_open(pid, 0), .events = POLLIN };
        bool yes = p.fd < 0 || poll(&p, 1, 0) == 1;

        if (p.fd >= 0)
                close(p.fd);
        return yes;
}

bool module_bury(struct module *m) {
        bool any = false;

        for (size_t i = 0; i < MODULE_ZONES; i++)
                for (size_t j = 0; m->zones[i].used && j < m->zones[i].info.num_devices; j++) {
                        struct hvisor_device_info *d = &m->zones[i].devices[j];

                        if (!d->worker_pid || !has_ended(d->worker_pid))
                                continue;
                        d->worker_pid = 0;
                        d->flags &= ~HVISOR_DEVICE_ATTACHED;
                        poke(&m->zones[i]);
                        any = true;
                }
        return any;
}

bool module_awaits(struct module *m) {
        bool any = __atomic_load_n(&m->threads, __ATOMIC_ACQUIRE);

        for (size_t i = 0; i < MODULE_NEWBORN_MAX; i++) {
                if (m->newborn[i] && has_ended(m->newborn[i]))
                        m->newborn[i] = 0;
                any |= m->newborn[i] != 0;
        }
        return any;
}

/* ---- threads ---------------------------------------------------------------------------------------- */

struct thread {
        void *(*run)(void *);
        void *argument;
};

static void *run_thread(void *argument) {
        struct thread t = *(struct thread *) argument;
        void *r;

        fault_muted++;
        free(argument);
        fault_muted--;
        r = t.run(t.argument);
        __atomic_sub_fetch(&module->threads, 1, __ATOMIC_RELEASE);
        return r;
}

int fake_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
        FAULT_MUTED;
        struct thread *t = malloc(sizeof(*t));

        *t = (struct thread){ run, argument };
        __atomic_add_fetch(&module->threads, 1, __ATOMIC_ACQUIRE);
        return __real_pthread_create(ret, attributes, run_thread, t);
}
