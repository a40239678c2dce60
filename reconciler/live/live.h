/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is: zones, devices and workers as the hypervisor and the kernel
 * report them at one moment. Plain data, filled by an observer
 * (hypervisor/), read by the planner and the status, never edited by them.
 * Zone 0 (root Linux) is not among the zones.
 */
#pragma once

#include <sys/types.h>

#include "base/hash.h"
#include "check/check.h"
#include "config/spec.h"

/* What a worker's scope has used. */
struct usage {
        bool known;        /* false: no worker, or one without a scope */
        uint64_t memory;   /* bytes, now; cached file contents included */
        uint64_t cpu_time; /* µs, since its worker was started */
};

struct device_live {
        char name[NAME_SIZE];
        uint32_t virtio_id;
        uint32_t interrupt;
        uint64_t address;    /* guest */
        bool attached;       /* has a worker */
        bool hung;           /* its worker gave no sign in time and was revoked */
        bool silent;         /* hung: it was not asked for a reset */
        bool broken;         /* NEEDS_RESET: the guest violated the protocol */
        bool withdrawn;      /* the guest sees no device, or will not after its reset */
        pid_t worker_pid;    /* 0: none */
        uint64_t generation; /* counts attachments */
        uint64_t cookie;     /* device_spec_cookie() of what the last worker served with */
        uint32_t status;     /* virtio device status (virtio 1.2, 2.1) */
        uint64_t kicks, calls;
        struct usage usage; /* live_measure() */
};

/* The zone object in the kernel module. */
enum zone_object {
        ZONE_OBJECT_NONE, /* started by other means */
        ZONE_OBJECT_CREATED,
        ZONE_OBJECT_STARTED,
        ZONE_OBJECT_STOPPED,
        _ZONE_OBJECT_MAX,
};

struct zone_live {
        uint32_t id;
        char name[NAME_SIZE];
        uint64_t cpus;
        bool listed;   /* the hypervisor's list has it */
        bool in_error; /* and says that its guest went outside its regions */
        enum zone_object object;
        uint64_t owner_cookie; /* zone_owner_cookie() if this project made it */
        uint64_t spec_cookie;  /* zone_spec_cookie() of what it was made from */
        struct device_live devices[ZONE_DEVICES_MAX];
        size_t num_devices;
};

struct live {
        const char *hypervisor; /* static: "hvisor" */
        uint32_t magic;         /* the hypervisor's configuration version */
        struct root_facts root;
        struct zone_live *zones;
        size_t num_zones;
};

/* What the above adds up to. */
enum zone_state {
        ZONE_ABSENT,    /* neither listed nor an object */
        ZONE_FOREIGN,   /* runs, but not by us: never touched */
        ZONE_HALF_MADE, /* object made, never started: left by a start that was cut off */
        ZONE_RUNNING,
        ZONE_ERROR,   /* runs, but its guest went outside its regions */
        ZONE_EXITED,  /* was started and is no longer listed: the guest powered off */
        ZONE_STOPPED, /* was shut down, object not yet destroyed */
        _ZONE_STATE_MAX,
};

/** zone_live_state() - pure; ZONE_ABSENT for NULL */
enum zone_state zone_live_state(const struct zone_live *z);

/** zone_owner_cookie() - marks a zone object as made by this project for the file of that name */
static inline uint64_t zone_owner_cookie(const char *name) {
        return hash_string(name);
}

/** device_live_serves() - with these settings, or, where it is not to be served, not at all */
bool device_live_serves(const struct device_live *d, const struct device_spec *s);

/** live_measure() - fills in what each worker uses: three small files of each, so for who asks only */
void live_measure(struct live *l);

/** live_add() - room for one more zone, zeroed, owned by @l; NULL: out of memory. Moves the others. */
struct zone_live *live_add(struct live *l);

/** live_find() - our zone of that name; NULL if there is none. Foreign ones have live_find_foreign(). */
const struct zone_live *live_find(const struct live *l, const char *name);

/** live_find_foreign() - a foreign zone of that name, or NULL */
const struct zone_live *live_find_foreign(const struct live *l, const char *name);

const struct device_live *zone_live_find_device(const struct zone_live *z, const char *name);

/** live_listing() - what the hypervisor lists, as a number: another one when a zone came, ended or went wrong */
uint64_t live_listing(const struct live *l);

/** live_clear() - frees what it holds; leaves it empty and usable */
void live_clear(struct live *l);
