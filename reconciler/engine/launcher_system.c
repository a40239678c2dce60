/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real launcher. It opens all that a worker needs, so that the worker
 * itself may open nothing: base/worker.h is the contract.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/worker.h"
#include "engine/prepare.h"
#include "engine/process.h"
#include "engine/scope.h"
#include "engine/worker_log.h"

struct system_launcher {
        struct launcher launcher;
        sd_event *event;
        sd_bus *systemd; /* NULL: no scopes */
        bool no_systemd; /* said so already */
        struct launcher_stock stock;
        struct worker_logs *logs;
        const char *binary;
};

/* A pipe to us; and where our own stderr goes, for when there is nobody at its other end. */
static int prepare_log(struct system_launcher *l, const struct launch_request *q, struct command *c, struct err *e) {
        int own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        if (own < 0)
                return err_set(e, -errno, "standard error: %s", strerror(errno));
        command_add_owned_fd(c, WORKER_OPTION_LOG_FD, own);
        c->error_fd = worker_logs_open(l->logs, q->zone, q->device->name);
        return c->error_fd < 0 ? err_set(e, c->error_fd, "a pipe for its log: %s", strerror(-c->error_fd)) : 0;
}

/* ---- launching -------------------------------------------------------------------------------------- */

/* systemd may have been restarted since; a connection that broke is made anew. */
static sd_bus *systemd_bus(struct system_launcher *l) {
        int r;

        if (l->systemd && sd_bus_is_open(l->systemd) > 0)
                return l->systemd;
        l->systemd = sd_bus_flush_close_unref(l->systemd);
        r = scope_manager_open(l->event, &l->systemd);
        if (r < 0 && !l->no_systemd) {
                l->no_systemd = true;
                log_info("no systemd to make scopes (%s): workers are plain children", strerror(-r));
        }
        return l->systemd;
}

/*
 * systemd takes its time, the more so while the scope of the same name of the worker before is not gone yet. One that a
 * guest waits for goes ahead, unless it has limits, and is moved while it serves.
 */
static void put_into_scope(struct system_launcher *l, const struct launch_request *q, struct process *p) {
        const struct scope_limits limits = { q->device->cpu_quota, q->device->memory_max };
        sd_bus *bus = systemd_bus(l);

        if (q->urgent && !scope_limits_any(&limits))
                process_go(&p->gate);
        if (bus && scope_request(bus, l->event, q->zone, q->device->name, &limits, p->pid, &p->gate) == 0)
                return;
        if (scope_limits_any(&limits))
                log_warning("zone %s, device %s: there is no scope for it: CPUQuota= and MemoryMax= are not in force",
                            q->zone, q->device->name);
        process_go(&p->gate);
}

static int fill_command(struct system_launcher *l, const struct launch_request *q, struct command *c, struct err *e) {
        const struct device_preparation *p = device_preparation(q->device->type);
        int r = 0;

        command_add_argument(c, "%s", l->binary);
        command_add_argument(c, "%s", device_type_to_string(q->device->type));
        command_add_argument(c, "--%s=%s", WORKER_OPTION_ZONE, q->zone);
        command_add_argument(c, "--%s=%s", WORKER_OPTION_DEVICE, q->device->name);
        command_add_argument(c, "--%s=%016" PRIx64, WORKER_OPTION_COOKIE, q->cookie);
        command_add_argument(c, "--%s=%u", WORKER_OPTION_UID, WORKER_UID(q->zone_id, q->device->interrupt));
        command_add_fd(c, WORKER_OPTION_DEVICE_FD, q->device_fd);
        if (p->prepare)
                r = p->prepare(&l->stock, q, c, e);
        if (r >= 0)
                r = prepare_log(l, q, c, e);
        return r < 0 ? r : command_check(c, e);
}

static int system_launch(struct launcher *launcher, const struct launch_request *q, pid_t *ret_pid, int *ret_pidfd,
                         struct err *e) {
        struct system_launcher *l = (struct system_launcher *) launcher;
        _cleanup_(command_clear) struct command c = { .error_fd = -1 };
        struct process p;
        int r = fill_command(l, q, &c, e);

        if (r == 0)
                r = process_fork(c.arguments, c.error_fd, c.fds, c.num_fds, &p, e);
        if (r < 0)
                return r;
        put_into_scope(l, q, &p);
        *ret_pid = p.pid;
        *ret_pidfd = p.pidfd;
        return 0;
}

static void system_adopt(struct launcher *launcher, const struct adopted_worker *w) {
        device_adopt(&((struct system_launcher *) launcher)->stock, w);
}

static void system_forget(struct launcher *launcher, const char *zone, const struct zone_spec *keep) {
        struct system_launcher *l = (struct system_launcher *) launcher;

        device_forget(&l->stock, zone, keep);
        watches_drop(l->stock.watches, zone);
}

/*
 * By the files' identity: the number of a program that runs is not given to another, even after its name is gone.
 * The worker's own path leads nowhere, its mount namespace is empty; the link in /proc does not go by path.
 */
static bool system_is_current(struct launcher *launcher, pid_t pid) {
        const struct system_launcher *l = (struct system_launcher *) launcher;
        struct stat runs, installed;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/exe", (int) pid);
        if (stat(path, &runs) < 0 || stat(l->binary, &installed) < 0)
                return true;
        return runs.st_dev == installed.st_dev && runs.st_ino == installed.st_ino;
}

static void system_free(struct launcher *launcher) {
        struct system_launcher *l = (struct system_launcher *) launcher;

        consoles_free(l->stock.consoles);
        taps_free(l->stock.taps);
        watches_free(l->stock.watches);
        worker_logs_free(l->logs);
        sd_bus_flush_close_unref(l->systemd);
        sd_event_unref(l->event);
        free(l);
}

static const struct launcher_ops system_ops = {
        .free = system_free,
        .launch = system_launch,
        .adopt = system_adopt,
        .forget = system_forget,
        .is_current = system_is_current,
};

int launcher_system_new(sd_event *event, const char *worker_binary, void (*record)(const struct record *r),
                        struct launcher **ret, struct err *e) {
        _cleanup_(stored_fds_clear) struct stored_fds stored = {};
        struct system_launcher *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        *l = (struct system_launcher){
                .launcher.ops = &system_ops,
                .event = sd_event_ref(event),
                .binary = worker_binary,
        };
        r = fd_store_take(&stored);
        l->stock.watches = watches_new();
        if (r >= 0 && !l->stock.watches)
                r = -ENOMEM;
        if (r >= 0)
                r = consoles_new(&stored, &l->stock.consoles);
        if (r >= 0)
                r = taps_new(event, &stored, &l->stock.taps);
        if (r >= 0)
                r = worker_logs_new(event, record, &stored, &l->logs);
        if (r < 0) {
                system_free(&l->launcher);
                return err_set(e, r, "taking over what the fd store kept: %s", strerror(-r));
        }
        *ret = &l->launcher;
        return 0;
}
