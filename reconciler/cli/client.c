/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "cli/client.h"

/* Connects once by hand: sd-bus would tell a dead socket only at the first call. */
static int socket_connect(int *ret) {
        const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = RUN_BUS };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return errno == ENOENT || errno == ECONNREFUSED ? -ENOTCONN : -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

bool client_daemon_runs(void) {
        _cleanup_close_ int fd = -1;

        /* "Not allowed" is an answer, too: the call itself will say so. */
        return socket_connect(&fd) != -ENOTCONN;
}

static int bus_open(sd_bus **ret) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int fd, r;

        r = socket_connect(&fd);
        if (r < 0)
                return r;
        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0) {
                close(fd);
                return r;
        }
        r = sd_bus_start(bus);
        if (r < 0)
                return r;
        (void) sd_bus_set_method_call_timeout(bus, CLIENT_TIMEOUT_S * UINT64_C(1000000));
        *ret = TAKE_PTR(bus);
        return 0;
}

static int open_failed(int r, struct err *e) {
        if (r == -ENOTCONN)
                return err_set(e, r, CLIENT_NOT_RUNNING);
        if (r == -EACCES || r == -EPERM)
                return err_set(e, -EACCES, "not allowed to talk to the reconciler; become root (sudo)");
        return err_set(e, r, "%s: %s", RUN_BUS, strerror(-r));
}

int client_call(const char *method, const char *argument, char **ret, struct err *e) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *text;
        int r = bus_open(&bus);

        if (r < 0)
                return open_failed(r, e);
        if (argument)
                r = sd_bus_call_method(bus, NULL, CLIENT_OBJECT, CLIENT_INTERFACE, method, &error, &reply, "s",
                                       argument);
        else
                r = sd_bus_call_method(bus, NULL, CLIENT_OBJECT, CLIENT_INTERFACE, method, &error, &reply, NULL);
        /* With words of the daemon's it is an answer: what was asked for is refused, not who asks. */
        if (r == -EACCES && !error.message)
                return open_failed(r, e);
        if (r < 0)
                return err_set(e, r, "%s", error.message ? error.message : strerror(-r));
        if (!ret)
                return 0;
        r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return err_set(e, r, "the reconciler's answer was not understood: %s", strerror(-r));
        *ret = strdup(text);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

/* Turns the connection until @done, for @timeout µs at most between two messages; 0, -errno (-EINTR: a signal). */
static int bus_turn(sd_bus *bus, const bool *done, uint64_t timeout) {
        while (!*done) {
                int r = sd_bus_process(bus, NULL);

                if (r == 0 && !*done)
                        r = sd_bus_wait(bus, timeout) ?: -ETIMEDOUT;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The answer to a call, taken apart once it has come. */
struct answer {
        bool here;
        char *text;
        int result;
        struct err *err;
};

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        const sd_bus_error *failure = sd_bus_message_get_error(m);
        struct answer *a = userdata;
        const char *text;

        a->here = true;
        if (failure)
                a->result = err_set(a->err, -sd_bus_error_get_errno(failure), "%s", failure->message ?: failure->name);
        else if (sd_bus_message_read(m, "s", &text) < 0 || !(a->text = strdup(text)))
                a->result = err_set(a->err, -EBADMSG, "the reconciler's answer was not understood");
        return 0;
}

int client_call_long(const char *method, bool flag, const char *signal, sd_bus_message_handler_t progress, char **ret,
                     struct err *e) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        struct answer answer = { .err = e };
        int r = bus_open(&bus);

        if (r < 0)
                return open_failed(r, e);
        r = sd_bus_match_signal(bus, NULL, NULL, CLIENT_OBJECT, CLIENT_INTERFACE, signal, progress, NULL);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, UINT64_MAX);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, NULL, NULL, CLIENT_OBJECT, CLIENT_INTERFACE, method, on_answer,
                                             &answer, "b", flag);
        if (r >= 0)
                r = bus_turn(bus, &answer.here, UINT64_MAX);
        if (r < 0)
                return err_set(e, r, "the reconciler went away: %s", strerror(-r));
        *ret = answer.text;
        return answer.result;
}

int client_call_json(const char *method, json_t **ret, struct err *e) {
        _cleanup_free_ char *text = NULL;
        json_error_t error;
        json_t *json;
        int r = client_call(method, NULL, &text, e);

        if (r < 0)
                return r;
        json = json_loads(text, 0, &error);
        if (!json)
                return err_set(e, -EBADMSG, "the reconciler's answer was not understood: %s", error.text);
        *ret = json;
        return 0;
}

/* ---- changes ---------------------------------------------------------------------------------------- */

#define ABSENT_TIME 2000000 /* µs between two looks whether it is back */

static int on_changed(sd_bus_message *m _unused_, void *userdata, sd_bus_error *error _unused_) {
        ((struct client_watch *) userdata)->changed = true;
        return 0;
}

void client_watch_begin(struct client_watch *w) {
        if (w->bus || bus_open(&w->bus) < 0)
                return;
        if (sd_bus_match_signal(w->bus, NULL, NULL, CLIENT_OBJECT, CLIENT_INTERFACE, "Changed", on_changed, w) < 0)
                client_watch_end(w);
}

void client_watch_wait(struct client_watch *w, uint64_t timeout) {
        int r = 0;

        if (w->bus)
                r = bus_turn(w->bus, &w->changed, timeout);
        else
                (void) usleep(MIN(timeout, (uint64_t) ABSENT_TIME));
        if (r < 0 && r != -EINTR && r != -ETIMEDOUT)
                client_watch_end(w);
        w->changed = false;
}

void client_watch_end(struct client_watch *w) {
        w->bus = sd_bus_flush_close_unref(w->bus);
}
