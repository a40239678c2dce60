/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real launcher. It opens all that a worker needs, so that the worker
 * itself may open nothing: base/worker.h is the contract.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mac.h"
#include "base/tap.h"
#include "base/worker.h"
#include "engine/console.h"
#include "engine/launcher.h"
#include "engine/process.h"
#include "engine/scope.h"
#include "engine/worker_log.h"

#define ARGUMENTS_MAX   12
#define DESCRIPTORS_MAX 6

struct system_launcher {
        struct launcher launcher;
        sd_event *event;
        sd_bus *systemd; /* NULL: no scopes */
        bool no_systemd; /* said so already */
        struct consoles *consoles;
        struct worker_logs *logs;
        const char *binary;
};

/* A worker's command line being put together, with the descriptors in it. */
struct command {
        char *arguments[ARGUMENTS_MAX + 1];
        size_t num_arguments;
        int fds[DESCRIPTORS_MAX];
        size_t num_fds;
        int owned[DESCRIPTORS_MAX]; /* those to be closed here afterwards */
        size_t num_owned;
        int error_fd; /* its stderr */
        bool out_of_memory;
};

static void command_clear(struct command *c) {
        for (size_t i = 0; i < c->num_arguments; i++)
                free(c->arguments[i]);
        for (size_t i = 0; i < c->num_owned; i++)
                fd_close(c->owned[i]);
        fd_close(c->error_fd);
}

_printf_(2, 3) static void add_argument(struct command *c, const char *format, ...) {
        va_list ap;
        char *s;
        int r;

        va_start(ap, format);
        r = vasprintf(&s, format, ap);
        va_end(ap);
        if (r < 0 || c->num_arguments == ARGUMENTS_MAX) {
                c->out_of_memory = true;
                return;
        }
        c->arguments[c->num_arguments++] = s;
}

static void add_fd(struct command *c, const char *option, int fd) {
        add_argument(c, "--%s=%d", option, fd);
        c->fds[c->num_fds++] = fd;
}

static void add_owned_fd(struct command *c, const char *option, int fd) {
        add_fd(c, option, fd);
        c->owned[c->num_owned++] = fd;
}

/* A pipe to us; and where our own stderr goes, for when there is nobody at its other end. */
static int prepare_log(struct system_launcher *l, const struct launch_request *q, struct command *c, struct err *e) {
        int own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        if (own < 0)
                return err_set(e, -errno, "standard error: %s", strerror(errno));
        add_owned_fd(c, WORKER_OPTION_LOG_FD, own);
        c->error_fd = worker_logs_open(l->logs, q->zone, q->device->name);
        return c->error_fd < 0 ? err_set(e, c->error_fd, "a pipe for its log: %s", strerror(-c->error_fd)) : 0;
}

/* ---- what each type needs --------------------------------------------------------------------------- */

static int prepare_block(struct system_launcher *l _unused_, const struct launch_request *q, struct command *c,
                         struct err *e _unused_) {
        add_fd(c, WORKER_OPTION_IMAGE_FD, q->image_fd);
        if (q->device->read_only)
                add_argument(c, "--%s", WORKER_OPTION_READ_ONLY);
        return 0;
}

static int prepare_console(struct system_launcher *l, const struct launch_request *q, struct command *c,
                           struct err *e) {
        const struct console *console;
        int r = consoles_get(l->consoles, q->zone, q->device->name, &console, e), events;

        if (r < 0)
                return r;
        events = console_watch(console);
        if (events < 0)
                return err_set(e, events, "watching %s: %s", console->slave, strerror(-events));
        add_fd(c, WORKER_OPTION_PTY_FD, console->master);
        add_owned_fd(c, WORKER_OPTION_PTY_EVENTS_FD, events);
        add_fd(c, WORKER_OPTION_HISTORY_FD, console->history);
        return 0;
}

/* Keeps the machine's id itself from showing in addresses: sd_id128_get_machine_app_specific(3). */
#define MAC_APPLICATION SD_ID128_MAKE(6b, 1f, 0d, 5c, 2e, 94, 4b, 0f, 9a, 37, c8, 51, e0, 7d, 42, 96)

/* The file's, or one that is this zone's and device's on this machine alone, and the same at every start. */
static void choose_mac(const struct launch_request *q, uint8_t ret[static MAC_SIZE]) {
        sd_id128_t machine = SD_ID128_NULL;

        memcpy(ret, q->device->mac, MAC_SIZE);
        if (!mac_is_zero(ret))
                return;
        (void) sd_id128_get_machine_app_specific(MAC_APPLICATION, &machine); /* a machine without one is its own */
        mac_derive(&machine, sizeof(machine), q->zone, q->device->name, ret);
}

static int prepare_net(struct system_launcher *l _unused_, const struct launch_request *q, struct command *c,
                       struct err *e) {
        const char *tap = q->device->tap;
        uint8_t mac[MAC_SIZE];
        int fd, r;

        r = tap_open(tap, &fd, e);
        if (r < 0)
                return r;
        add_owned_fd(c, WORKER_OPTION_TAP_FD, fd);
        choose_mac(q, mac);
        add_argument(c, "--%s=" MAC_FORMAT, WORKER_OPTION_MAC_ADDRESS, MAC_ARGS(mac));
        if (tap_is_down(tap))
                log_warning("zone %s, device %s: %s is down, no frame passes; ip link set %s up", q->zone,
                            q->device->name, tap, tap);
        return 0;
}

static const struct {
        const char *name;
        int (*prepare)(struct system_launcher *l, const struct launch_request *q, struct command *c, struct err *e);
} types[_DEVICE_TYPE_MAX] = {
        [DEVICE_BLOCK] = { WORKER_TYPE_BLOCK, prepare_block },
        [DEVICE_CONSOLE] = { WORKER_TYPE_CONSOLE, prepare_console },
        [DEVICE_NET] = { WORKER_TYPE_NET, prepare_net },
};

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

static void put_into_scope(struct system_launcher *l, const struct launch_request *q, struct process *p) {
        sd_bus *bus = systemd_bus(l);

        if (bus && scope_request(bus, l->event, q->zone, q->device->name, p->pid, &p->gate) == 0)
                return;
        process_go(&p->gate);
}

static int fill_command(struct system_launcher *l, const struct launch_request *q, struct command *c, struct err *e) {
        int r;

        add_argument(c, "%s", l->binary);
        add_argument(c, "%s", types[q->device->type].name);
        add_argument(c, "--%s=%s", WORKER_OPTION_ZONE, q->zone);
        add_argument(c, "--%s=%s", WORKER_OPTION_DEVICE, q->device->name);
        add_argument(c, "--%s=%016" PRIx64, WORKER_OPTION_COOKIE, q->cookie);
        add_fd(c, WORKER_OPTION_DEVICE_FD, q->device_fd);
        r = types[q->device->type].prepare(l, q, c, e);
        if (r >= 0)
                r = prepare_log(l, q, c, e);
        if (r < 0)
                return r;
        return c->out_of_memory ? -ENOMEM : 0;
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

static void system_adopt(struct launcher *launcher, const char *zone, const char *device, pid_t pid, int pidfd) {
        struct system_launcher *l = (struct system_launcher *) launcher;

        consoles_regain(l->consoles, zone, device, pid, pidfd);
}

static void system_forget(struct launcher *launcher, const char *zone) {
        consoles_drop(((struct system_launcher *) launcher)->consoles, zone);
}

static void system_free(struct launcher *launcher) {
        struct system_launcher *l = (struct system_launcher *) launcher;

        consoles_free(l->consoles);
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
        if (r >= 0)
                r = consoles_new(&stored, &l->consoles);
        if (r >= 0)
                r = worker_logs_new(event, record, &stored, &l->logs);
        if (r < 0) {
                system_free(&l->launcher);
                return err_set(e, r, "taking over what the fd store kept: %s", strerror(-r));
        }
        *ret = &l->launcher;
        return 0;
}
