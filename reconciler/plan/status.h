/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person sees: wanted, observed, and what was tried, as one JSON value:
 *
 *   {"daemon": {"running": true, "pid": 1, "version": "…"},
 *    "hypervisor": {"name": "hvisor", "magic": 5},
 *    "message": "…" | null                 (of the whole: a directory lost, board.conf bad)
 *    "zones": [{"name", "id", "state": "running|starting|stopping|failed|exited|error|refused|waiting|
 *                                       foreign|masked|stopped",
 *               "cpus": "2-3", "file": "/etc/…" | null,
 *               "file_state": "good|bad|missing|masked|lost" | null,
 *               "message": "…" | null, "restarts": 0, "retry_in": seconds | null,
 *               "drop_ins": ["/etc/…"],       (in the order in which they are read; none are told of a bad file)
 *               "hides": ["/usr/lib/…"],      (files of the same name in lower directories)
 *               "devices": [{"name", "type", "address", "interrupt",
 *                            "state": "ready|starting|down|disabled|hung|broken|failed",
 *                            "message": "…" | null,
 *                            "worker_pid": 1 | null, "generation", "kicks", "calls",
 *                            "memory": bytes | null, "cpu_time": µs | null}]}]}
 *
 * "hypervisor" is null if it could not be asked. Pure.
 */
#pragma once

#include <jansson.h>

#include "live/live.h"
#include "plan/desired.h"
#include "plan/plan.h"

/* What the engine remembers of a zone: nothing that could be observed. */
enum zone_phase {
        PHASE_IDLE,
        PHASE_STARTING,
        PHASE_STOPPING,
        _PHASE_MAX,
};

struct device_history {
        char name[NAME_SIZE];
        bool starting;
        bool failed; /* its worker crashed too often: waits */
        char message[256];
};

struct zone_history {
        char name[NAME_SIZE];
        enum zone_phase phase;
        bool failed;       /* the last action failed */
        unsigned restarts; /* repairs since the last change */
        uint64_t retry_at; /* µs, same clock as status_input.now; 0: no retry planned */
        char message[512]; /* why it failed, or what goes on; "" if nothing is to be said */
        struct device_history devices[ZONE_DEVICES_MAX];
        size_t num_devices;
};

struct status_input {
        bool daemon_running;
        pid_t daemon_pid;
        const char *version;
        const struct desired *desired;
        const struct live *live; /* NULL: could not be observed */
        const struct plan *plan; /* NULL: none made */
        const struct zone_history *history;
        size_t num_history;
        uint64_t now; /* µs */
};

/** status_to_json() - NULL: out of memory */
json_t *status_to_json(const struct status_input *in);

/* For STATUS= ("2 zones running, 1 failed"). */
struct status_counts {
        unsigned running, failed, other;
};

/** status_count() - the zones of that JSON by their state, at little cost: this is done after each pass */
void status_count(const struct status_input *in, struct status_counts *ret);
