/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/scope.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/fd.h"
#include "base/log.h"
#include "engine/backoff.h"
#include "engine/process.h"

#define SYSTEMD         "org.freedesktop.systemd1"
#define SYSTEMD_PATH    "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD ".Manager"
#define SLICE           "hvisor.slice"
/* It stops the zones before the board goes down, in reverse of the order: its workers are still there then. */
#define ZONES_SERVICE "hvisor-zones.service"

/* The scope of the worker before may live on for a moment after its last process. */
#define TRIES_MAX       20
#define TRY_AGAIN_AFTER (50 * 1000) /* µs */
/* One of this name that has not gone by then was made for a process that had ended already: systemd waits for
 * its end. */
#define STOP_AFTER_TRIES (TRIES_MAX / 2)
#define MOVE_TIMEOUT     (5 * SECOND)

struct scope_request {
        sd_bus *bus;
        sd_event *event;
        sd_bus_slot *call, *removed;
        sd_event_source *timer;
        char unit[256];
        char *job; /* object path; NULL until the call was answered */
        struct scope_limits limits;
        pid_t pid;
        int gate;
        unsigned tries;
};

/* ---- systemd ---------------------------------------------------------------------------------------- */

static int connect_private(sd_bus **ret) {
        sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        if (r >= 0)
                r = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0) {
                sd_bus_unref(bus);
                return r;
        }
        *ret = bus;
        return 0;
}

/*
 * systemd's own socket first, as systemctl does for root: it needs no bus
 * daemon, which small systems do not have. Else the system bus.
 */
int scope_manager_open(sd_event *event, sd_bus **ret) {
        sd_bus *bus = NULL;
        int r;

        if (sd_booted() <= 0)
                return -EOPNOTSUPP;
        r = connect_private(&bus);
        if (r < 0)
                r = sd_bus_open_system(&bus);
        if (r < 0)
                return r;
        r = sd_bus_call_method_async(bus, NULL, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe", NULL, NULL, "");
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0) {
                sd_bus_flush_close_unref(bus);
                return r;
        }
        *ret = bus;
        return 0;
}

/* ---- names ------------------------------------------------------------------------------------------ */

/* "-" separates zone and device, so it is escaped inside them, the way systemd-escape(1) does. */
static bool append_escaped(char *buffer, size_t size, size_t *used, const char *name) {
        for (; *name; name++) {
                bool plain = isalnum((unsigned char) *name) || *name == '_' || *name == '.';

                if (size - *used < 5)
                        return false;
                *used += snprintf(buffer + *used, size - *used, plain ? "%c" : "\\x%02x", (unsigned char) *name);
        }
        return true;
}

int scope_name(const char *zone, const char *device, char *buffer, size_t size) {
        static const char prefix[] = "hvisor-", suffix[] = ".scope";
        size_t used = sizeof(prefix) - 1;

        if (size < sizeof(prefix))
                return -ENAMETOOLONG;
        memcpy(buffer, prefix, sizeof(prefix));
        if (!append_escaped(buffer, size, &used, zone) || size - used < 2)
                return -ENAMETOOLONG;
        buffer[used++] = '-';
        if (!append_escaped(buffer, size, &used, device) || size - used < sizeof(suffix))
                return -ENAMETOOLONG;
        memcpy(buffer + used, suffix, sizeof(suffix));
        return 0;
}

/* ---- one request ------------------------------------------------------------------------------------ */

static void request_free(struct scope_request *q) {
        sd_bus_slot_unref(q->call);
        sd_bus_slot_unref(q->removed);
        sd_event_source_disable_unref(q->timer);
        sd_bus_unref(q->bus);
        free(q->job);
        fd_close(q->gate);
        free(q);
}

static void request_end(struct scope_request *q, const char *why_not) {
        if (why_not)
                log_warning("%s: %s; the worker runs as a plain child of the daemon%s", q->unit, why_not,
                            scope_limits_any(&q->limits) ? ", without its CPUQuota= and MemoryMax=" : "");
        process_go(&q->gate);
        request_free(q);
}

static int on_move_timeout(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        request_end(userdata, "systemd does not answer");
        return 0;
}

static int request_send(struct scope_request *q);

static int on_try_again(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        struct scope_request *q = userdata;
        int r = request_send(q);

        if (r < 0)
                request_end(q, strerror(-r));
        return 0;
}

static int set_timer(struct scope_request *q, uint64_t after, sd_event_time_handler_t handler) {
        q->timer = sd_event_source_disable_unref(q->timer);
        return sd_event_add_time_relative(q->event, &q->timer, CLOCK_MONOTONIC, after, 1000, handler, q);
}

static void stop_stale(struct scope_request *q) {
        (void) sd_bus_call_method_async(q->bus, NULL, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, "StopUnit", NULL, NULL,
                                        "ss", q->unit, "replace");
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        struct scope_request *q = userdata;
        const sd_bus_error *failure = sd_bus_message_get_error(m);
        const char *job;

        if (failure) {
                bool taken = strcmp(failure->name, SYSTEMD ".UnitExists") == 0;

                if (taken && q->tries == STOP_AFTER_TRIES)
                        stop_stale(q);
                if (taken && q->tries++ < TRIES_MAX && set_timer(q, TRY_AGAIN_AFTER, on_try_again) >= 0)
                        return 0;
                request_end(q, failure->message ?: failure->name);
                return 0;
        }
        if (sd_bus_message_read(m, "o", &job) >= 0)
                q->job = strdup(job);
        if (!q->job)
                request_end(q, "no job in systemd's answer");
        return 0;
}

/* The answer to the call comes when the job is queued; the process is moved when the job is done. */
static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        struct scope_request *q = userdata;
        const char *job, *unit, *result;
        uint32_t id;

        if (sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) < 0 || strcmp(unit, q->unit) != 0)
                return 0;
        if (!q->job || strcmp(job, q->job) != 0)
                return 0;
        request_end(q, strcmp(result, "done") == 0 ? NULL : result);
        return 0;
}

/* µs of CPU time in a second; systemd's own CPUQuota= is 10000 of them for each percent. */
#define QUOTA_OF_PERCENT 10000

static int append_limits(sd_bus_message *m, const struct scope_limits *l) {
        int r = sd_bus_message_append(m, "(sv)(sv)(sv)", "CPUAccounting", "b", 1, "MemoryAccounting", "b", 1,
                                      "TasksAccounting", "b", 1);

        if (r >= 0 && l->cpu_quota)
                r = sd_bus_message_append(m, "(sv)", "CPUQuotaPerSecUSec", "t",
                                          (uint64_t) l->cpu_quota * QUOTA_OF_PERCENT);
        if (r >= 0 && l->memory_max)
                r = sd_bus_message_append(m, "(sv)", "MemoryMax", "t", l->memory_max);
        return r;
}

static int append_properties(sd_bus_message *m, const struct scope_request *q) {
        int r = sd_bus_message_open_container(m, 'a', "(sv)");

        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)", "Description", "s", "hvisor virtio device",
                                          "Slice", "s", SLICE, "CollectMode", "s", "inactive-or-failed", "PIDs", "au",
                                          1, (uint32_t) q->pid, "Before", "as", 1, ZONES_SERVICE);
        if (r >= 0)
                r = append_limits(m, &q->limits);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r;
}

static int request_send(struct scope_request *q) {
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(q->bus, &m, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                               "StartTransientUnit");

        if (r >= 0)
                r = sd_bus_message_append(m, "ss", q->unit, "fail");
        if (r >= 0)
                r = append_properties(m, q);
        if (r >= 0)
                r = sd_bus_message_append(m, "a(sa(sv))", 0);
        q->call = sd_bus_slot_unref(q->call);
        if (r >= 0)
                r = sd_bus_call_async(q->bus, &q->call, m, on_answer, q, MOVE_TIMEOUT);
        sd_bus_message_unref(m);
        if (r >= 0)
                r = set_timer(q, MOVE_TIMEOUT, on_move_timeout);
        return r;
}

int scope_request(sd_bus *bus, sd_event *event, const char *zone, const char *device, const struct scope_limits *limits,
                  pid_t pid, int *gate) {
        struct scope_request *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                return -ENOMEM;
        *q = (struct scope_request){
                .bus = sd_bus_ref(bus),
                .event = event,
                .limits = *limits,
                .pid = pid,
                .gate = -1,
        };
        r = scope_name(zone, device, q->unit, sizeof(q->unit));
        if (r >= 0)
                r = sd_bus_match_signal_async(bus, &q->removed, NULL, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved",
                                              on_job_removed, NULL, q);
        if (r >= 0)
                r = request_send(q);
        if (r < 0) {
                request_free(q);
                return r;
        }
        q->gate = TAKE_FD(*gate);
        return 0;
}
