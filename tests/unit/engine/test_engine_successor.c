/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One daemon ends, the next takes over what there is. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/machine.h"

static void test_engine_adopts_what_runs(void **state) {
        struct machine *m = *state;
        pid_t pid;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        pid = sim_device(m->sim, "one", "root")->worker_pid;
        m->engine = engine_free(m->engine);
        m->sim->log[0] = '\0';
        engine_begin(m);
        pump(m, 20);
        assert_string_equal(m->sim->log, "");
        assert_int_equal(sim_device(m->sim, "one", "root")->worker_pid, pid);
        assert_non_null(strstr(m->records, "worker-adopt done"));

        kill(pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(m->sim, "one", "root")->worker_pid == pid; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_string_equal(m->sim->log, "launch");
}

static void test_engine_keeps_the_last_good_spec_over_its_own_restart(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->engine = engine_free(m->engine);
        write_file(m->zones, "one.conf", "[Zone]\nId=none\n");
        m->sim->log[0] = '\0';
        engine_begin(m);
        assert_string_equal(status(m, "one", "file_state"), "bad");
        assert_string_equal(status(m, "one", "state"), "running");
        kill(sim_device(m->sim, "one", "root")->worker_pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_string_equal(m->sim->log, "launch");
}

static void test_engine_cleans_up_after_a_daemon_that_died_midway(void **state) {
        struct machine *m = *state;
        struct zone_live *z;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->engine = engine_free(m->engine);
        z = sim_zone(m->sim, "one");
        z->object = ZONE_OBJECT_CREATED;
        z->listed = false;
        m->sim->log[0] = '\0';
        engine_begin(m);
        pump_until_state(m, "one", "running");
        assert_string_equal(m->sim->log, "destroy create device device launch launch load load start");
}

static void test_engine_goes_on_after_it_could_not_observe(void **state) {
        struct machine *m = *state;

        for (int fails = 1; fails <= 3; fails++) {
                want_zone(m, "one", 1, "2", "");
                for (unsigned i = 0; i < 500 && !sim_device(m->sim, "one", "main"); i++)
                        sd_event_run(m->event, 2000);
                m->sim->observe_fails = fails;
                pump(m, 20);
                pass_time(m, 1);
                pump_until_state(m, "one", "running");
                unwant_zone(m, "one");
                pump_until_state(m, "one", "");
        }
}

static void test_engine_adopts_workers_in_spite_of_a_failed_look(void **state) {
        struct machine *m = *state;
        pid_t pid;

        for (int fails = 1; fails <= 2; fails++) {
                want_zone(m, "one", 1, "2", "");
                pump_until_state(m, "one", "running");
                pid = sim_device(m->sim, "one", "root")->worker_pid;
                m->engine = engine_free(m->engine);
                m->sim->observe_succeeds = fails - 1;
                m->sim->observe_fails = 1;
                engine_begin(m);
                m->records[0] = '\0';
                engine_reconcile(m->engine);
                assert_non_null(strstr(m->records, "worker-adopt done"));
                assert_int_equal(sim_device(m->sim, "one", "root")->worker_pid, pid);
        }
}

/* It has lost its device, and holds the image that its successor has to have. */
static void test_engine_ends_a_worker_that_hung_before_it_came(void **state) {
        struct machine *m = *state;
        struct device_live *d;
        pid_t pid;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->engine = engine_free(m->engine);
        d = sim_device(m->sim, "one", "root");
        pid = d->worker_pid;
        d->attached = false;
        d->hung = true;
        engine_begin(m);
        for (unsigned i = 0; i < 500 && (d->worker_pid == pid || !d->attached); i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_true(d->attached && d->worker_pid != pid);
        assert_int_equal(count_children(), 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                MACHINE_TEST(test_engine_adopts_what_runs),
                MACHINE_TEST(test_engine_keeps_the_last_good_spec_over_its_own_restart),
                MACHINE_TEST(test_engine_cleans_up_after_a_daemon_that_died_midway),
                MACHINE_TEST(test_engine_goes_on_after_it_could_not_observe),
                MACHINE_TEST(test_engine_adopts_workers_in_spite_of_a_failed_look),
                MACHINE_TEST(test_engine_ends_a_worker_that_hung_before_it_came),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
