/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/control.h"
#include "engine/sim.h"

/* A server in this process; each client is another one, which ends with 0 if it saw what it should. */
struct server {
        char dir[64], zones[96], board[96], specs[96], socket[96];
        struct sim *sim;
        sd_event *event;
        struct engine *engine;
        struct control *control;
};

static void on_upgraded(void *userdata _unused_) {
}

static int setup(void **state) {
        struct server *s = calloc(1, sizeof(*s));
        struct engine_config config = {};

        strcpy(s->dir, "/tmp/control-XXXXXX");
        assert_non_null(mkdtemp(s->dir));
        snprintf(s->zones, sizeof(s->zones), "%s/zones.d", s->dir);
        snprintf(s->board, sizeof(s->board), "%s/board.conf", s->dir);
        snprintf(s->specs, sizeof(s->specs), "%s/specs", s->dir);
        snprintf(s->socket, sizeof(s->socket), "%s/bus", s->dir);
        s->sim = sim_new();
        sim_add_foreign(s->sim, "other", 3, 4);
        assert_int_equal(sd_event_new(&s->event), 0);
        config = (struct engine_config){
                .event = s->event,
                .hypervisor = &s->sim->hypervisor,
                .launcher = &s->sim->launcher,
                .paths = { { { s->zones } }, s->board, s->specs },
                .version = "test",
        };
        assert_int_equal(engine_new(&config, &s->engine), 0);
        assert_int_equal(engine_reload(s->engine), 0);
        assert_int_equal(control_new(s->event, s->engine, s->socket, on_upgraded, s, &s->control, NULL), 0);
        *state = s;
        return 0;
}

static int teardown(void **state) {
        struct server *s = *state;

        control_free(s->control);
        assert_int_not_equal(access(s->socket, F_OK), 0);
        engine_free(s->engine);
        sim_free(s->sim);
        sd_event_unref(s->event);
        rmdir(s->dir);
        free(s);
        return 0;
}

static sd_bus *client_connect(const struct server *s, bool hello) {
        char address[128];
        sd_bus *bus = NULL;

        snprintf(address, sizeof(address), "unix:path=%s", s->socket);
        if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, address) < 0 || sd_bus_set_bus_client(bus, hello) < 0 ||
            sd_bus_start(bus) < 0)
                _exit(10);
        return bus;
}

static int call(sd_bus *bus, const char *method, const char *argument, char *ret, size_t size) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *text = "";
        int r = sd_bus_call_method(bus, NULL, CONTROL_PATH, CONTROL_INTERFACE, method, &error, &reply,
                                   argument ? "s" : "", argument);

        if (r >= 0 && !argument)
                sd_bus_message_read(reply, "s", &text);
        snprintf(ret, size, "%s", r < 0 ? error.message : text);
        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
        return r;
}

static int run_client(struct server *s, int (*client)(struct server *s)) {
        pid_t pid = fork();
        int status;

        if (pid == 0)
                _exit(client(s));
        while (waitpid(pid, &status, WNOHANG) == 0)
                sd_event_run(s->event, 5000);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int client_status(struct server *s) {
        sd_bus *bus = client_connect(s, false);
        char text[4096];

        if (call(bus, "Status", NULL, text, sizeof(text)) < 0)
                return 1;
        if (!strstr(text, "\"name\":\"other\",\"id\":3,\"state\":\"foreign\""))
                return 2;
        if (call(bus, "Plan", NULL, text, sizeof(text)) < 0 || !strstr(text, "\"note\":\"foreign\""))
                return 3;
        return 0;
}

static int client_restart(struct server *s) {
        sd_bus *bus = client_connect(s, false);
        char text[4096];

        if (call(bus, "Restart", "nothing", text, sizeof(text)) != -ENOENT ||
            strcmp(text, "there is no zone nothing") != 0)
                return 1;
        if (call(bus, "Restart", "other", text, sizeof(text)) != -EACCES || !strstr(text, "leaves it alone"))
                return 2;
        return call(bus, "Restart", "../x", text, sizeof(text)) == -EINVAL ? 0 : 3;
}

static int client_hello(struct server *s) {
        sd_bus *bus = client_connect(s, true);
        char text[4096];

        return call(bus, "Status", NULL, text, sizeof(text)) < 0;
}

static int client_rubbish(struct server *s) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        strcpy(address.sun_path, s->socket);
        for (unsigned i = 0; i < 100; i++) {
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

                if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                        return 1;
                (void) !write(fd, "\0rubbish\r\n\r\n", 12);
                close(fd);
        }
        return 0;
}

static int client_properties(struct server *s) {
        sd_bus *bus = client_connect(s, false);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *m = NULL;
        uint32_t failed;

        if (sd_bus_get_property_trivial(bus, NULL, CONTROL_PATH, CONTROL_INTERFACE, "ZonesFailed", &error, 'u',
                                        &failed) < 0 ||
            failed != 0)
                return 1;
        for (unsigned i = 0; i < 1000; i++) {
                int r = sd_bus_process(bus, &m);

                if (r < 0)
                        return 2;
                if (m && sd_bus_message_is_signal(m, "org.freedesktop.DBus.Properties", "PropertiesChanged"))
                        return 0;
                m = sd_bus_message_unref(m);
                if (r == 0)
                        sd_bus_wait(bus, 10000);
        }
        return 3;
}

/* The number changes over and over while the client listens. */
static int on_change_time(sd_event_source *source, uint64_t when _unused_, void *userdata) {
        static struct status_counts counts;

        counts.running++;
        control_changed(userdata, &counts);
        sd_event_source_set_time_relative(source, 20000);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void test_control_tells_what_changed(void **state) {
        struct server *s = *state;
        sd_event_source *source;

        assert_true(sd_event_add_time_relative(s->event, &source, CLOCK_MONOTONIC, 20000, 1, on_change_time,
                                               s->control) >= 0);
        assert_int_equal(run_client(s, client_properties), 0);
        sd_event_source_disable_unref(source);
}

static void test_control_answers(void **state) {
        assert_int_equal(run_client(*state, client_status), 0);
        assert_int_equal(run_client(*state, client_restart), 0);
}

static void test_control_takes_clients_of_a_bus(void **state) {
        assert_int_equal(run_client(*state, client_hello), 0);
}

static void test_control_serves_on_after_rubbish_and_many_clients(void **state) {
        assert_int_equal(run_client(*state, client_rubbish), 0);
        for (unsigned i = 0; i < 40; i++)
                assert_int_equal(run_client(*state, client_status), 0);
}

/* A client is at the door, and there is no descriptor for it: the loop must not spin meanwhile. */
static void test_control_pauses_without_descriptors(void **state) {
        struct server *s = *state;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), lowest_free;
        struct rlimit limit, none;
        unsigned turns = 0;

        strcpy(address.sun_path, s->socket);
        assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        lowest_free = dup(fd);
        close(lowest_free);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none = (struct rlimit){ .rlim_cur = (rlim_t) lowest_free, .rlim_max = limit.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        for (unsigned i = 0; i < 100; i++)
                turns += sd_event_run(s->event, 2000) > 0;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_true(turns < 20);
        close(fd);
        assert_int_equal(run_client(s, client_status), 0);
}

static void test_control_is_for_root_only(void **state) {
        struct server *s = *state;
        struct stat st;

        assert_int_equal(stat(s->socket, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_control_answers),
                T(test_control_tells_what_changed),
                T(test_control_takes_clients_of_a_bus),
                T(test_control_serves_on_after_rubbish_and_many_clients),
                T(test_control_pauses_without_descriptors),
                T(test_control_is_for_root_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
