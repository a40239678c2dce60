/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define LATER 20000 /* µs that a worker takes until it serves */

static struct sim *of(struct hypervisor *h) {
        return (struct sim *) h;
}

static void moment(struct sim *s) {
        if (++s->moments == s->kill_at)
                kill(getpid(), SIGKILL);
}

static int step(struct sim *s, enum sim_step which, struct err *e) {
        static const char *const words[_SIM_STEP_MAX] = {
                [SIM_ZONE_CREATE] = "create", [SIM_DEVICE_CREATE] = "device", [SIM_LAUNCH] = "launch",
                [SIM_LOAD] = "load",          [SIM_START] = "start",          [SIM_STOP] = "stop",
                [SIM_DESTROY] = "destroy",
        };
        size_t used = strlen(s->log);

        moment(s);
        snprintf(s->log + used, sizeof(s->log) - used, "%s%s", used ? " " : "", words[which]);
        if (s->fail[which] < 0)
                return err_set(e, s->fail[which], "simulated failure of %s", words[which]);
        return s->fail[which];
}

/* Copies of an eventfd have one "eventfd-id" in fdinfo; -1: it is none. */
static long event_id(int fd) {
        char path[32], line[64];
        long id = -1;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
        f = fopen(path, "re");
        while (f && id < 0 && fgets(line, sizeof(line), f))
                (void) sscanf(line, "eventfd-id: %ld", &id);
        if (f)
                fclose(f);
        return id;
}

static struct sim_zone *by_fd(struct sim *s, int fd) {
        long id = event_id(fd);

        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++)
                if (s->zones[i].used && s->zones[i].object && s->zones[i].event_id == id)
                        return &s->zones[i];
        return NULL;
}

static void poke(struct sim_zone *z) {
        (void) eventfd_write(z->event, 1);
}

static struct sim_zone *find(struct sim *s, const char *name, bool foreign) {
        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++)
                if (s->zones[i].used && strcmp(s->zones[i].live.name, name) == 0 &&
                    (s->zones[i].live.object == ZONE_OBJECT_NONE) == foreign)
                        return &s->zones[i];
        return NULL;
}

static struct sim_zone *unused(struct sim *s) {
        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++)
                if (!s->zones[i].used) {
                        s->zones[i] = (struct sim_zone){ .used = true,
                                                         .event = s->zones[i].event,
                                                         .event_id = s->zones[i].event_id };
                        return &s->zones[i];
                }
        return NULL;
}

struct zone_live *sim_zone(struct sim *s, const char *name) {
        struct sim_zone *z = find(s, name, false);

        return z ? &z->live : NULL;
}

struct zone_live *sim_zone_of(struct sim *s, int zone_fd) {
        struct sim_zone *z = by_fd(s, zone_fd);

        return z ? &z->live : NULL;
}

struct device_live *sim_device(struct sim *s, const char *zone, const char *device) {
        struct zone_live *z = sim_zone(s, zone);

        for (size_t i = 0; z && i < z->num_devices; i++)
                if (strcmp(z->devices[i].name, device) == 0)
                        return &z->devices[i];
        return NULL;
}

void sim_add_foreign(struct sim *s, const char *name, uint32_t id, uint64_t cpus) {
        struct sim_zone *z = unused(s);

        z->live = (struct zone_live){ .id = id, .cpus = cpus, .listed = true };
        snprintf(z->live.name, sizeof(z->live.name), "%s", name);
}

void sim_stir(struct sim *s, const char *name) {
        poke(find(s, name, false));
}

void sim_power_off(struct sim *s, const char *name) {
        sim_zone(s, name)->listed = false;
}

/* ---- the hypervisor --------------------------------------------------------------------------------- */

/* Whoever's child it is. */
static bool ended(pid_t pid) {
        struct pollfd p = { .fd = pidfd_open(pid, 0), .events = POLLIN };
        bool yes = p.fd < 0 || poll(&p, 1, 0) == 1;

        if (p.fd >= 0)
                close(p.fd);
        return yes;
}

static int sim_observe(struct hypervisor *h, struct live *ret, struct err *e) {
        struct sim *s = of(h);

        s->observations++;
        if (s->observe_succeeds > 0) {
                s->observe_succeeds--;
        } else if (s->observe_fails > 0) {
                s->observe_fails--;
                return err_set(e, -EIO, "simulated failure to observe");
        }
        pthread_mutex_lock(&s->lock);
        ret->hypervisor = h->ops->name;
        ret->magic = 5;
        ret->root = s->root;
        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++) {
                struct zone_live *z = &s->zones[i].live;

                if (!s->zones[i].used)
                        continue;
                for (size_t j = 0; j < z->num_devices; j++)
                        if (z->devices[j].worker_pid && ended(z->devices[j].worker_pid)) {
                                z->devices[j].worker_pid = 0;
                                z->devices[j].attached = z->devices[j].hung = false;
                        }
                *live_add(ret) = *z;
        }
        pthread_mutex_unlock(&s->lock);
        return 0;
}

static int sim_observe_listed(struct hypervisor *h, struct live *ret, struct err *e _unused_) {
        struct sim *s = of(h);

        s->looks++;
        pthread_mutex_lock(&s->lock);
        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++)
                if (s->zones[i].used && s->zones[i].live.listed)
                        *live_add(ret) = s->zones[i].live;
        pthread_mutex_unlock(&s->lock);
        return 0;
}

static int sim_zone_create(struct hypervisor *h, const struct zone_making *m, int *ret_fd, struct err *e) {
        struct sim *s = of(h);
        struct sim_zone *z;
        int r;

        pthread_mutex_lock(&s->lock);
        r = step(s, SIM_ZONE_CREATE, e);
        if (r == 0) {
                z = unused(s);
                z->object = true;
                z->live.id = m->spec->id;
                z->live.cpus = m->spec->cpus;
                memcpy(z->live.name, m->spec->name, NAME_SIZE);
                z->live.object = ZONE_OBJECT_CREATED;
                z->live.owner_cookie = m->owner_cookie;
                z->live.spec_cookie = m->spec_cookie;
                *ret_fd = fcntl(z->event, F_DUPFD_CLOEXEC, 3);
                moment(s);
        }
        pthread_mutex_unlock(&s->lock);
        return r;
}

static int sim_zone_open(struct hypervisor *h, uint32_t id, int *ret_fd, struct err *e) {
        struct sim *s = of(h);

        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++)
                if (s->zones[i].used && s->zones[i].live.id == id && s->zones[i].object) {
                        *ret_fd = fcntl(s->zones[i].event, F_DUPFD_CLOEXEC, 3);
                        return 0;
                }
        return err_set(e, -ENOENT, "no such zone");
}

static int sim_zone_acknowledge(struct hypervisor *h _unused_, int zone_fd) {
        eventfd_t value;

        return eventfd_read(zone_fd, &value);
}

static int sim_device_create(struct hypervisor *h, int zone_fd, const struct device_spec *d, int *ret_fd,
                             struct err *e) {
        struct sim *s = of(h);
        struct zone_live *z = &by_fd(s, zone_fd)->live;
        struct device_live *l = &z->devices[z->num_devices];
        int r = step(s, SIM_DEVICE_CREATE, e);

        if (r < 0)
                return r;
        *l = (struct device_live){ .virtio_id = device_virtio_id(d), .interrupt = d->interrupt };
        l->address = d->address;
        memcpy(l->name, d->name, NAME_SIZE);
        z->num_devices++;
        *ret_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        moment(s);
        return 0;
}

static int sim_device_open(struct hypervisor *h _unused_, int zone_fd _unused_, const char *name _unused_, int *ret_fd,
                           struct err *e _unused_) {
        *ret_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        return 0;
}

static int sim_device_withdraw(struct hypervisor *h, int zone_fd, const char *name, struct err *e _unused_) {
        struct sim *s = of(h);
        struct sim_zone *z;
        int r = -EBUSY;

        pthread_mutex_lock(&s->lock);
        z = by_fd(s, zone_fd);
        for (size_t i = 0; z && i < z->live.num_devices; i++)
                if (strcmp(z->live.devices[i].name, name) == 0 && !z->live.devices[i].attached) {
                        z->live.devices[i].withdrawn = true;
                        poke(z);
                        r = 0;
                }
        pthread_mutex_unlock(&s->lock);
        return r;
}

static int sim_load(struct hypervisor *h, int zone_fd _unused_, const struct boot_file *file _unused_, struct err *e) {
        struct sim *s = of(h);
        int r;

        pthread_mutex_lock(&s->lock);
        r = step(s, SIM_LOAD, e);
        moment(s);
        pthread_mutex_unlock(&s->lock);
        return r;
}

static int change(struct hypervisor *h, int fd, enum sim_step which, enum zone_object to, struct err *e) {
        struct sim *s = of(h);
        struct sim_zone *z;
        int r;

        usleep(2000); /* such calls take their time */
        pthread_mutex_lock(&s->lock);
        r = step(s, which, e);
        z = by_fd(s, fd);
        if (r == 0) {
                z->live.object = to;
                z->live.listed = to == ZONE_OBJECT_STARTED;
                if (to == ZONE_OBJECT_NONE)
                        *z = (struct sim_zone){ .event = z->event, .event_id = z->event_id };
                moment(s);
        }
        pthread_mutex_unlock(&s->lock);
        return r;
}

static int sim_start(struct hypervisor *h, int zone_fd, const struct zone_spec *z _unused_, struct err *e) {
        return change(h, zone_fd, SIM_START, ZONE_OBJECT_STARTED, e);
}

static int sim_stop(struct hypervisor *h, int zone_fd, struct err *e) {
        return change(h, zone_fd, SIM_STOP, ZONE_OBJECT_STOPPED, e);
}

static int sim_destroy(struct hypervisor *h, int zone_fd, struct err *e) {
        return change(h, zone_fd, SIM_DESTROY, ZONE_OBJECT_NONE, e);
}

static void sim_close(struct hypervisor *h _unused_) {
}

const struct hypervisor_ops sim_hypervisor_ops = {
        .name = "sim",
        .close = sim_close,
        .observe = sim_observe,
        .observe_listed = sim_observe_listed,
        .zone_create = sim_zone_create,
        .zone_open = sim_zone_open,
        .zone_acknowledge = sim_zone_acknowledge,
        .device_create = sim_device_create,
        .device_open = sim_device_open,
        .device_withdraw = sim_device_withdraw,
        .zone_load = sim_load,
        .zone_start = sim_start,
        .zone_stop = sim_stop,
        .zone_destroy = sim_destroy,
};

/* ---- the launcher ----------------------------------------------------------------------------------- */

static void attach(struct sim *s, const struct launch_request *q, pid_t pid) {
        struct device_live *d = sim_device(s, q->zone, q->device->name);

        d->attached = true;
        d->worker_pid = pid;
        d->generation = ++s->generations;
        d->cookie = q->cookie;
        poke(find(s, q->zone, false));
}

static void attach_later(struct sim *s, const struct launch_request *q) {
        usleep(LATER);
        pthread_mutex_lock(&s->lock);
        attach(s, q, getpid());
        pthread_mutex_unlock(&s->lock);
}

static pid_t sleeper(struct sim *s, const struct launch_request *q) {
        pid_t pid = fork();

        if (pid == 0) {
                sigset_t none;

                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                if (s->worker == SIM_WORKER_EXITS)
                        _exit(1);
                if (s->worker == SIM_WORKER_SERVES_LATER)
                        attach_later(s, q);
                for (;;)
                        pause();
        }
        return pid;
}

static int sim_launch(struct launcher *l, const struct launch_request *q, pid_t *ret_pid, int *ret_pidfd,
                      struct err *e) {
        struct sim *s = (struct sim *) ((char *) l - offsetof(struct sim, launcher));
        int r = step(s, SIM_LAUNCH, e);

        if (r < 0)
                return r;
        s->launches++;
        *ret_pid = sleeper(s, q);
        *ret_pidfd = pidfd_open(*ret_pid, 0);
        if (s->worker == SIM_WORKER_SERVES)
                attach(s, q, *ret_pid);
        moment(s);
        return 0;
}

static void sim_adopt(struct launcher *l _unused_, const struct adopted_worker *w _unused_) {
}

static void sim_forget(struct launcher *l, const char *zone _unused_, const struct zone_spec *keep _unused_) {
        moment((struct sim *) ((char *) l - offsetof(struct sim, launcher)));
}

/* Every worker of before the last sim_install(). */
static bool sim_is_current(struct launcher *l, pid_t pid) {
        const struct sim *s = (struct sim *) ((char *) l - offsetof(struct sim, launcher));

        return pid > s->installed_after;
}

static void sim_launcher_free(struct launcher *l _unused_) {
}

static const struct launcher_ops launcher_ops = {
        .free = sim_launcher_free,
        .launch = sim_launch,
        .adopt = sim_adopt,
        .forget = sim_forget,
        .is_current = sim_is_current,
};

/* Workers attach by themselves, and they are processes. */
static void lock_init(struct sim *s) {
        pthread_mutexattr_t shared;

        pthread_mutexattr_init(&shared);
        pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
        pthread_mutex_init(&s->lock, &shared);
        pthread_mutexattr_destroy(&shared);
}

struct sim *sim_new(void) {
        struct sim *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (s == MAP_FAILED)
                abort();
        *s = (struct sim){ .hypervisor.ops = &sim_hypervisor_ops, .launcher.ops = &launcher_ops };
        lock_init(s);
        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++)
                s->zones[i].event_id = event_id(s->zones[i].event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        return s;
}

void sim_survive(struct sim *s) {
        lock_init(s);
        s->kill_at = s->moments = 0;
}

void sim_free(struct sim *s) {
        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++) {
                struct sim_zone *z = &s->zones[i];

                for (size_t j = 0; z->used && j < z->live.num_devices; j++)
                        if (z->live.devices[j].worker_pid) {
                                kill(z->live.devices[j].worker_pid, SIGKILL);
                                waitpid(z->live.devices[j].worker_pid, NULL, 0);
                        }
                close(z->event);
        }
        pthread_mutex_destroy(&s->lock);
        munmap(s, sizeof(*s));
}
