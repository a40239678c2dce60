/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

#include "base/fd.h"
#include "base/log.h"

#define CLIENTS_MAX 32
#define QUEUE_MAX   16            /* signals that a client has not read */
#define PAUSE_TIME  (1000 * 1000) /* µs */

struct client {
        struct control *control;
        sd_bus *bus; /* NULL: free */
};

struct control {
        sd_event *event;
        struct engine *engine;
        sd_event_source *source;
        sd_event_source *pause; /* enabled: nobody is let in until it elapses */
        char *path;
        int fd;
        struct client clients[CLIENTS_MAX];
        struct status_counts counts;
        sd_bus_message *upgrade; /* that is not answered yet */
        void (*upgraded)(void *userdata);
        void *userdata;
};

/* ---- methods ---------------------------------------------------------------------------------------- */

static int reply_json(sd_bus_message *m, json_t *value) {
        _cleanup_free_ char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

        json_decref(value);
        if (!text)
                return sd_bus_reply_method_errnof(m, ENOMEM, "out of memory, or the hypervisor cannot be asked");
        return sd_bus_reply_method_return(m, "s", text);
}

static int on_status(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        return reply_json(m, engine_status(((struct client *) userdata)->control->engine));
}

static int on_plan(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        struct engine *engine = ((struct client *) userdata)->control->engine;
        struct err err = {};
        int r = engine_check_loaded(engine, &err);

        if (r < 0)
                return sd_bus_reply_method_errnof(m, -r, "%s", err_text(&err, r));
        return reply_json(m, engine_plan(engine));
}

static int on_restart(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        struct err err = {};
        const char *zone;
        int r = sd_bus_message_read(m, "s", &zone);

        if (r < 0)
                return r;
        r = engine_restart(((struct client *) userdata)->control->engine, zone, &err);
        if (r < 0)
                return sd_bus_reply_method_errnof(m, -r, "%s", err_text(&err, r));
        return sd_bus_reply_method_return(m, "");
}

static void on_upgrade_progress(void *userdata, size_t done, size_t total, const char *zone, const char *device) {
        sd_bus *bus = sd_bus_message_get_bus(((struct control *) userdata)->upgrade);

        (void) sd_bus_emit_signal(bus, CONTROL_PATH, CONTROL_INTERFACE, "UpgradeProgress", "uuss", (uint32_t) done,
                                  (uint32_t) total, zone, device);
}

/* Who asked may have left meanwhile; what was asked for is done all the same. */
static void on_upgrade_ended(void *userdata, int result, const char *text) {
        struct control *c = userdata;

        if (result < 0)
                (void) sd_bus_reply_method_errnof(c->upgrade, -result, "%s", text);
        else
                (void) sd_bus_reply_method_return(c->upgrade, "s", text);
        (void) sd_bus_flush(sd_bus_message_get_bus(c->upgrade));
        c->upgrade = sd_bus_message_unref(c->upgrade);
        if (result >= 0)
                c->upgraded(c->userdata);
}

static int on_upgrade(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        struct control *c = ((struct client *) userdata)->control;
        const struct upgrade_watcher watcher = { c, on_upgrade_progress, on_upgrade_ended };
        struct err err = {};
        int all, r = sd_bus_message_read(m, "b", &all);

        if (r < 0)
                return r;
        r = engine_upgrade(c->engine, all, &watcher, &err);
        if (r < 0)
                return sd_bus_reply_method_errnof(m, -r, "%s", err_text(&err, r));
        c->upgrade = sd_bus_message_ref(m);
        return 1;
}

static int get_version(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                       const char *property _unused_, sd_bus_message *reply, void *userdata _unused_,
                       sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "s", VERSION);
}

static const struct count_property {
        const char *name;
        size_t offset;
} counts[] = {
        { "ZonesRunning", offsetof(struct status_counts, running) },
        { "ZonesFailed", offsetof(struct status_counts, failed) },
        { "ZonesOther", offsetof(struct status_counts, other) },
};

static unsigned count_of(const struct status_counts *n, size_t offset) {
        return *(const unsigned *) ((const char *) n + offset);
}

static int get_count(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                     const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        const struct control *c = ((struct client *) userdata)->control;

        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                if (strcmp(counts[i].name, property) == 0)
                        return sd_bus_message_append(reply, "u", count_of(&c->counts, counts[i].offset));
        return -ENOENT;
}

static const sd_bus_vtable methods[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Status", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", status), on_status,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Plan", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", plan), on_plan, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Restart", SD_BUS_ARGS("s", zone), SD_BUS_NO_RESULT, on_restart,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Upgrade", SD_BUS_ARGS("b", all), SD_BUS_RESULT("s", result), on_upgrade,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("UpgradeProgress", SD_BUS_ARGS("u", done, "u", total, "s", zone, "s", device), 0),
        SD_BUS_SIGNAL("Changed", "", 0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("ZonesRunning", "u", get_count, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ZonesFailed", "u", get_count, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ZonesOther", "u", get_count, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

/* Programs that expect a bus daemon, as busctl(1) does, say hello to it first. */
static int on_hello(sd_bus_message *m, void *userdata _unused_, sd_bus_error *error _unused_) {
        return sd_bus_reply_method_return(m, "s", ":1.1");
}

static const sd_bus_vtable bus_methods[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Hello", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", name), on_hello,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- clients ---------------------------------------------------------------------------------------- */

static void client_close(struct client *c) {
        c->bus = sd_bus_close_unref(c->bus);
}

/* sd-bus itself tells of the other end's going, as a signal of its own making. */
static int on_disconnected(sd_bus_message *m _unused_, void *userdata, sd_bus_error *error _unused_) {
        client_close(userdata);
        return 0;
}

static int client_open(struct client *c, int *fd) {
        sd_id128_t id;
        int r = sd_bus_new(&c->bus);

        if (r < 0)
                return r;
        r = sd_bus_set_fd(c->bus, *fd, *fd);
        if (r < 0)
                return r;
        *fd = -1; /* the bus has it now */
        r = sd_id128_randomize(&id);
        if (r >= 0)
                r = sd_bus_set_server(c->bus, 1, id);
        if (r >= 0)
                r = sd_bus_set_description(c->bus, "control");
        if (r >= 0)
                r = sd_bus_start(c->bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(c->bus, NULL, CONTROL_PATH, CONTROL_INTERFACE, methods, c);
        if (r >= 0)
                r = sd_bus_add_object_vtable(c->bus, NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus", bus_methods,
                                             c);
        if (r >= 0)
                r = sd_bus_match_signal(c->bus, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                        "Disconnected", on_disconnected, c);
        if (r >= 0)
                r = sd_bus_attach_event(c->bus, c->control->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

/* The socket's mode keeps others out already; this holds if somebody changes it. */
static bool is_root(int fd) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == 0 || peer.uid == getuid());
}

/* Who waits at the door keeps the listener readable: without a pause the loop would turn at full speed. */
static void control_pause(struct control *c, int error) {
        log_warning("control socket: nobody can be let in for a second: %s", strerror(-error));
        sd_event_source_set_enabled(c->source, SD_EVENT_OFF);
        sd_event_source_set_time_relative(c->pause, PAUSE_TIME);
        sd_event_source_set_enabled(c->pause, SD_EVENT_ONESHOT);
}

static int on_pause_over(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        struct control *c = userdata;

        sd_event_source_set_enabled(c->source, SD_EVENT_ON);
        return 0;
}

static int on_connection(sd_event_source *s _unused_, int listener, uint32_t events _unused_, void *userdata) {
        struct control *c = userdata;
        _cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        int r = fd < 0 ? -errno : 0;

        if (error_is_lack(r))
                control_pause(c, r);
        if (r < 0 || !is_root(fd))
                return 0;
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                struct client *client = &c->clients[i];

                if (client->bus)
                        continue;
                r = client_open(client, &fd);
                if (r < 0 && r != -ECONNRESET && r != -EPIPE) /* it only looked whether anybody is there */
                        log_warning("control socket: a client cannot be served: %s", strerror(-r));
                if (r < 0)
                        client_close(client);
                return 0;
        }
        log_warning("control socket: more than %d clients at once", CLIENTS_MAX);
        return 0;
}

/* It has something to read yet, and will ask then: nothing piles up for one that does not. */
static bool is_behind(sd_bus *bus) {
        uint64_t n;

        return sd_bus_get_n_queued_write(bus, &n) < 0 || n > QUEUE_MAX;
}

void control_changed(struct control *c, const struct status_counts *now) {
        const struct status_counts before = c->counts;

        c->counts = *now;
        for (size_t j = 0; j < CLIENTS_MAX; j++)
                if (c->clients[j].bus && !is_behind(c->clients[j].bus))
                        (void) sd_bus_emit_signal(c->clients[j].bus, CONTROL_PATH, CONTROL_INTERFACE, "Changed", "");
        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                if (count_of(&before, counts[i].offset) == count_of(now, counts[i].offset))
                        continue;
                for (size_t j = 0; j < CLIENTS_MAX; j++)
                        if (c->clients[j].bus && !is_behind(c->clients[j].bus))
                                (void) sd_bus_emit_properties_changed(c->clients[j].bus, CONTROL_PATH,
                                                                      CONTROL_INTERFACE, counts[i].name, NULL);
        }
}

/* ---- life ------------------------------------------------------------------------------------------- */

/* Bound beside its place and renamed: nobody sees it before it listens, or with another mode. */
static int listen_at(const char *path) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (fd < 0)
                return -errno;
        if (snprintf(address.sun_path, sizeof(address.sun_path), "%s~", path) >= (int) sizeof(address.sun_path))
                return -ENAMETOOLONG;
        (void) unlink(address.sun_path);
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        if (chmod(address.sun_path, 0600) < 0 || listen(fd, SOMAXCONN) < 0 || rename(address.sun_path, path) < 0) {
                int r = -errno;

                (void) unlink(address.sun_path);
                return r;
        }
        return TAKE_FD(fd);
}

int control_new(sd_event *event, struct engine *engine, const char *socket_path, void (*upgraded)(void *userdata),
                void *userdata, struct control **ret, struct err *e) {
        _cleanup_(control_freep) struct control *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        *c = (struct control){
                .event = event,
                .engine = engine,
                .fd = -1,
                .upgraded = upgraded,
                .userdata = userdata,
        };
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                c->clients[i].control = c;
        r = mkdir_parents(socket_path);
        if (r < 0)
                return err_set(e, r, "the directory of %s: %s", socket_path, strerror(-r));
        c->fd = listen_at(socket_path);
        if (c->fd < 0)
                return err_set(e, c->fd, "the control socket %s: %s", socket_path, strerror(-c->fd));
        c->path = strdup(socket_path);
        r = c->path ? sd_event_add_io(event, &c->source, c->fd, EPOLLIN, on_connection, c) : -ENOMEM;
        if (r >= 0)
                r = sd_event_add_time_relative(event, &c->pause, CLOCK_MONOTONIC, 0, 0, on_pause_over, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->pause, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

struct control *control_free(struct control *c) {
        if (!c)
                return NULL;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (c->clients[i].bus)
                        client_close(&c->clients[i]);
        sd_bus_message_unref(c->upgrade);
        sd_event_source_disable_unref(c->source);
        sd_event_source_disable_unref(c->pause);
        if (c->path)
                (void) unlink(c->path);
        fd_close(c->fd);
        free(c->path);
        free(c);
        return NULL;
}
