/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hypervisor and a launcher that simulate themselves: what the engine asks
 * for is done in memory and written down in order, and any step can be told to
 * fail. Workers are real processes (they sleep), so pidfds are real, too.
 * It lies in memory that processes share: it outlives an engine whose process
 * is killed.
 */
#pragma once

#include <pthread.h>

#include "engine/launcher.h"
#include "hypervisor/hypervisor.h"

enum sim_step {
        SIM_ZONE_CREATE,
        SIM_DEVICE_CREATE,
        SIM_LAUNCH,
        SIM_LOAD,
        SIM_START,
        SIM_STOP,
        SIM_DESTROY,
        _SIM_STEP_MAX,
};

/* How workers behave. */
enum sim_worker {
        SIM_WORKER_SERVES,
        SIM_WORKER_SERVES_LATER, /* attaches by itself, some time after its launch, as real ones do */
        SIM_WORKER_EXITS,        /* at once, with status 1 */
        SIM_WORKER_NEVER_ATTACHES,
};

struct sim_zone {
        bool used;
        bool object; /* made by the engine: can be opened */
        struct zone_live live;
        int event;     /* eventfd: the zone fd is a copy of it */
        long event_id; /* that copies have in common */
};

struct sim {
        struct hypervisor hypervisor;
        struct launcher launcher;
        pthread_mutex_t lock;
        struct sim_zone zones[8];
        struct root_facts root;  /* what root Linux uses of the board */
        int observe_succeeds;    /* so many observations; of those after them */
        int observe_fails;       /* so many return -EIO */
        unsigned observations;   /* that were asked for */
        unsigned looks;          /* at what is listed only */
        int fail[_SIM_STEP_MAX]; /* what the step returns instead */
        enum sim_worker worker;
        char log[4096]; /* one word per call, in order */
        uint64_t generations;
        unsigned launches;
        pid_t installed_after; /* workers up to this pid run an older program */
        unsigned moments;      /* that have passed: one before each step, one after it */
        unsigned kill_at;      /* the process is killed (SIGKILL) at this moment; 0: never */
};

extern const struct hypervisor_ops sim_hypervisor_ops;

struct sim *sim_new(void);
void sim_free(struct sim *s);

/** sim_survive() - the process that used it has been killed, perhaps in the midst of something */
void sim_survive(struct sim *s);

struct zone_live *sim_zone(struct sim *s, const char *name); /* NULL: no such zone */
struct zone_live *sim_zone_of(struct sim *s, int zone_fd);   /* NULL: no zone's */
struct device_live *sim_device(struct sim *s, const char *zone, const char *device);

/** sim_add_foreign() - a zone that somebody else started */
void sim_add_foreign(struct sim *s, const char *name, uint32_t id, uint64_t cpus);

/** sim_stir() - something has happened to a device of the zone, that makes no difference */
void sim_stir(struct sim *s, const char *name);

/** sim_power_off() - the zone's guest ends by itself */
void sim_power_off(struct sim *s, const char *name);
