/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transient scopes: a worker gets a unit of its own in systemd, out of the
 * daemon's cgroup, with its own accounting. Where systemd is not PID 1 or cannot be
 * reached there are no scopes, and workers are plain children, without limits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/err.h"

/** scope_manager_open() - systemd's bus, attached to @event; -errno if there is none to use */
int scope_manager_open(sd_event *event, sd_bus **ret);

/** scope_name() - "hvisor-ZONE-DEVICE.scope", unambiguous; -ENAMETOOLONG */
int scope_name(const char *zone, const char *device, char *buffer, size_t size);

struct scope_request;

/* Of all that runs in a scope. */
struct scope_limits {
        uint32_t cpu_quota;  /* percent of one CPU; 0: no limit */
        uint64_t memory_max; /* bytes; 0: no limit */
};

/** scope_limits_any() - true if there is one: without a scope it is not in force, and somebody has to say so */
static inline bool scope_limits_any(const struct scope_limits *l) {
        return l->cpu_quota || l->memory_max;
}

/**
 * scope_request() - asks systemd to move @pid into a new scope
 * @gate: where the process waits (process.h); taken over: opened once it was moved, and also if it cannot
 *     be: it is a plain child then, and a warning is logged
 *
 * Does not wait. Return: 0, -errno (nothing was asked, @gate is still the caller's).
 */
int scope_request(sd_bus *bus, sd_event *event, const char *zone, const char *device, const struct scope_limits *limits,
                  pid_t pid, int *gate);
