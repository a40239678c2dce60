/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvisor.ko, the hypervisor below it and the programs of its workers, simulated
 * behind open(), ioctl() and execve(): the daemon's own driver and launcher run
 * on it. It lies in memory that processes share, and outlives all of them.
 */
#pragma once

#include <hvisor.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MODULE_ZONES       4
#define MODULE_NEWBORN_MAX 16

struct module_zone {
        bool used, listed;
        unsigned life; /* counts the objects that were made here */
        int event;     /* eventfd: zone fds are copies of it */
        struct hvisor_zone_info info;
        struct hvisor_device_info devices[HVISOR_DEVICES_MAX];
};

struct module {
        struct module_zone zones[MODULE_ZONES];
        pid_t owner; /* the test: workers do not outlive it */
        uint64_t generations;
        pid_t newborn[MODULE_NEWBORN_MAX]; /* forked by the daemon, no worker yet; 0: none */
        unsigned threads;                  /* of the daemon's, that work */
};

void module_init(struct module *m);
void module_use(struct module *m);

/** module_zone() - NULL: there is none of that name */
struct module_zone *module_zone(struct module *m, const char *name);

/** module_device() - NULL: there is none of that name */
struct hvisor_device_info *module_device(struct module_zone *z, const char *name);

/** module_bury() - it notices workers that have ended; true: one has */
bool module_bury(struct module *m);

/** module_awaits() - a thread or process is at something that will make an event */
bool module_awaits(struct module *m);

/** module_crash() - the zone's guest ends */
void module_crash(struct module_zone *z);
