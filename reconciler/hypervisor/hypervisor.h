/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What zones run on: one table of operations, one driver per hypervisor.
 * Descriptors stand for objects: a zone fd for a zone object, a device fd for
 * one of its devices; both O_CLOEXEC, owned by the caller, closed by close().
 * Objects outlive descriptors. Return 0 or -errno with the story in @e, which
 * may be NULL; never logs.
 */
#pragma once

#include "base/err.h"
#include "boot/boot.h"
#include "config/spec.h"
#include "live/live.h"

struct hypervisor;

/* zone_start() only: all of the zone's CPUs are gone until the board restarts; do not retry. */
#define HYPERVISOR_CPUS_LOST 1

/* What a driver is told of a zone, beside its spec. */
struct zone_making {
        const struct zone_spec *spec;
        const struct board_spec *board;
        const struct boot *boot; /* what it boots from: where, and how large */
        uint64_t owner_cookie, spec_cookie;
};

/* One of those that the hypervisor itself lists. */
struct zone_listed {
        uint32_t id; /* 0: root Linux */
        uint64_t cpus;
        char name[NAME_SIZE];
        bool in_error;
};

struct hypervisor_ops {
        const char *name;
        void (*close)(struct hypervisor *h);
        int (*observe)(struct hypervisor *h, struct live *ret, struct err *e);
        int (*observe_listed)(struct hypervisor *h, struct live *ret, struct err *e);
        int (*list)(struct hypervisor *h, struct zone_listed **ret, struct err *e);
        int (*zone_create)(struct hypervisor *h, const struct zone_making *m, int *ret_fd, struct err *e);
        int (*zone_open)(struct hypervisor *h, uint32_t id, int *ret_fd, struct err *e);
        int (*zone_acknowledge)(struct hypervisor *h, int zone_fd);
        int (*device_create)(struct hypervisor *h, int zone_fd, const struct device_spec *d, int *ret_fd,
                             struct err *e);
        int (*device_open)(struct hypervisor *h, int zone_fd, const char *name, int *ret_fd, struct err *e);
        int (*device_withdraw)(struct hypervisor *h, int zone_fd, const char *name, struct err *e);
        int (*zone_load)(struct hypervisor *h, int zone_fd, const struct boot_file *file, struct err *e);
        int (*zone_start)(struct hypervisor *h, int zone_fd, const struct zone_spec *z, struct err *e);
        int (*zone_stop)(struct hypervisor *h, int zone_fd, struct err *e);
        int (*zone_destroy)(struct hypervisor *h, int zone_fd, struct err *e);
};

/* Every driver's object begins with it. */
struct hypervisor {
        const struct hypervisor_ops *ops;
};

/**
 * hypervisor_hvisor_open() - hvisor.ko
 *
 * Return: 0, -errno; @e says what to do: load the module, become root.
 */
int hypervisor_hvisor_open(struct hypervisor **ret, struct err *e);

struct hypervisor *hypervisor_close(struct hypervisor *h);
DEFINE_CLEANUP(struct hypervisor *, hypervisor_close);

/** hypervisor_observe() - all zones, devices and workers as of now; @ret empty before, live_clear() */
int hypervisor_observe(struct hypervisor *h, struct live *ret, struct err *e);

/**
 * hypervisor_observe_listed() - only what the hypervisor itself lists: ids, names, in_error; one call
 *
 * For live_listing(): it costs a fraction of the above.
 */
int hypervisor_observe_listed(struct hypervisor *h, struct live *ret, struct err *e);

/** hypervisor_list() - the same as it is, root Linux included. @ret: free(). Return: how many, -errno. */
int hypervisor_list(struct hypervisor *h, struct zone_listed **ret, struct err *e);

/** hypervisor_zone_create() - a zone object without devices, not running */
int hypervisor_zone_create(struct hypervisor *h, const struct zone_making *m, int *ret_fd, struct err *e);

int hypervisor_zone_open(struct hypervisor *h, uint32_t id, int *ret_fd, struct err *e);

/** hypervisor_zone_acknowledge() - a zone fd polls readable when a device changed; this takes note of it */
int hypervisor_zone_acknowledge(struct hypervisor *h, int zone_fd);

/** hypervisor_device_create() - before the zone was started only */
int hypervisor_device_create(struct hypervisor *h, int zone_fd, const struct device_spec *d, int *ret_fd,
                             struct err *e);
int hypervisor_device_open(struct hypervisor *h, int zone_fd, const char *name, int *ret_fd, struct err *e);

/** hypervisor_device_withdraw() - of one without a worker: the guest sees no device in its window, until the next
 * worker; a driver that is bound to it sees so from its next reset on */
int hypervisor_device_withdraw(struct hypervisor *h, int zone_fd, const char *name, struct err *e);

/*
 * These block, for seconds perhaps: call them in a thread of their own. They
 * may run beside every other operation.
 */

/** hypervisor_zone_load() - copies the whole file to its place in the zone's RAM; nothing if there is none
 * @name: of the file, for messages */
int hypervisor_zone_load(struct hypervisor *h, int zone_fd, const struct boot_file *file, const char *name,
                         struct err *e);

/**
 * hypervisor_zone_start() - lets the guest run
 *
 * Return: 0, -EBUSY (a zone that is listed has one of the CPUs: nothing was changed, wait for it),
 * HYPERVISOR_CPUS_LOST, -errno.
 */
int hypervisor_zone_start(struct hypervisor *h, int zone_fd, const struct zone_spec *z, struct err *e);

/** hypervisor_zone_stop() - a power cut for the guest; 0 also if it had ended by itself */
int hypervisor_zone_stop(struct hypervisor *h, int zone_fd, struct err *e);

/** hypervisor_zone_destroy() - when it returns 0 no worker can reach the zone's RAM, and the object is gone
 */
int hypervisor_zone_destroy(struct hypervisor *h, int zone_fd, struct err *e);
