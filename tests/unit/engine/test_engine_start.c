/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone comes and goes, as one and beside others. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/machine.h"

static void test_engine_starts_in_order_and_stops_in_reverse(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        assert_string_equal(m->sim->log, "create device device launch launch load load start");
        assert_true(applied_exists(m, "one"));
        m->sim->log[0] = '\0';
        unwant_zone(m, "one");
        pump_until_state(m, "one", "");
        assert_string_equal(m->sim->log, "stop destroy");
        assert_null(sim_zone(m->sim, "one"));
        assert_false(applied_exists(m, "one"));
}

static void test_engine_undoes_a_start_that_fails(void **state) {
        struct machine *m = *state;
        static const struct {
                enum sim_step step;
                int error;
                const char *log;
        } c[] = {
                { SIM_ZONE_CREATE, -EBUSY, "create" },
                { SIM_DEVICE_CREATE, -EEXIST, "create device destroy" },
                { SIM_LAUNCH, -EMFILE, "create device device launch destroy" },
                { SIM_LOAD, -EFAULT, "create device device launch launch load destroy" },
                { SIM_START, -EINVAL, "create device device launch launch load load start destroy" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                m->sim->fail[c[i].step] = c[i].error;
                want_zone(m, "one", 1, "2", "");
                pump_until_state(m, "one", "failed");
                assert_string_equal(m->sim->log, c[i].log);
                assert_null(sim_zone(m->sim, "one"));
                assert_non_null(strstr(status(m, "one", "message"), "simulated failure"));
                assert_string_equal(status(m, "one", "retry_in"), "1");
                assert_false(applied_exists(m, "one"));
                m->sim->fail[c[i].step] = 0;
                unwant_zone(m, "one");
                pump_until_state(m, "one", "");
                m->sim->log[0] = '\0';
        }
}

static void test_engine_undoes_a_start_whose_worker_does_not_serve(void **state) {
        static const struct {
                enum sim_worker how;
                const char *message;
        } c[] = {
                { SIM_WORKER_EXITS, "exited with status 1 before it served" },
                { SIM_WORKER_NEVER_ATTACHES, "did not attach to its device in time" },
        };
        struct machine *m = *state;

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                m->sim->worker = c[i].how;
                want_zone(m, "one", 1, "2", "");
                pump_until_state(m, "one", "failed");
                assert_string_equal(m->sim->log, "create device device launch launch destroy");
                assert_non_null(strstr(status(m, "one", "message"), c[i].message));
                unwant_zone(m, "one");
                pump_until_state(m, "one", "");
                m->sim->log[0] = '\0';
        }
}

static void test_engine_starts_zones_side_by_side(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        want_zone(m, "two", 2, "3", "");
        assert_string_equal(status(m, "one", "state"), "starting");
        assert_string_equal(status(m, "two", "state"), "starting");
        pump_until_state(m, "one", "running");
        pump_until_state(m, "two", "running");
}

static void test_engine_plans_nothing_for_what_is_under_way(void **state) {
        struct machine *m = *state;
        json_t *plan;

        m->sim->worker = SIM_WORKER_NEVER_ATTACHES;
        want_zone(m, "one", 1, "2", "");
        for (unsigned i = 0; i < 500 && !sim_device(m->sim, "one", "main"); i++)
                sd_event_run(m->event, 2000);
        plan = engine_plan(m->engine);
        assert_int_equal(json_array_size(json_object_get(plan, "actions")), 0);
        assert_string_equal(
                json_string_value(json_object_get(json_array_get(json_object_get(plan, "notes"), 0), "text")),
                "waiting for its workers");
        json_decref(plan);
        pump_until_state(m, "one", "failed"); /* its workers are gone, too */
}

static void test_engine_starts_what_it_cannot_write_down(void **state) {
        struct machine *m = *state;

        write_file(m->dir, "specs", "no directory");
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        assert_non_null(strstr(m->records, "remember failed"));
        assert_int_equal(engine_restart(m->engine, "one", NULL), 0);
        pump_until_idle(m);
        pump_until_state(m, "one", "running");
}

static void test_engine_tells_the_line_of_the_file(void **state) {
        struct machine *m = *state;

        want_disk(m, "one", 1, "Typo", "disk", "");
        pump_until_state(m, "one", "failed");
        assert_non_null(strstr(status(m, "one", "message"), "one.conf:6:8: Kernel="));
}

static void test_engine_leaves_foreign_zones_alone(void **state) {
        struct machine *m = *state;

        sim_add_foreign(m->sim, "other", 3, 4);
        want_zone(m, "one", 1, "2", "");
        pump(m, 20);
        assert_string_equal(m->sim->log, "");
        assert_string_equal(status(m, "one", "state"), "waiting");
        assert_string_equal(status(m, "other", "state"), "foreign");
        assert_int_equal(engine_restart(m->engine, "other", NULL), -EPERM);
}

static void test_engine_tells_two_notes_of_a_zone_once(void **state) {
        struct machine *m = *state;

        sim_add_foreign(m->sim, "one", 5, 8);
        want_zone(m, "one", 1, "2", "");
        want_zone(m, "two", 2, "3", "");
        assert_non_null(strstr(m->records, "a zone with id 5 has its name"));
        assert_non_null(strstr(m->records, "was not started by the reconciler: left alone"));
        m->records[0] = '\0';
        for (unsigned i = 0; i < 3; i++)
                engine_reconcile(m->engine);
        assert_string_equal(m->records, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                MACHINE_TEST(test_engine_starts_in_order_and_stops_in_reverse),
                MACHINE_TEST(test_engine_undoes_a_start_that_fails),
                MACHINE_TEST(test_engine_undoes_a_start_whose_worker_does_not_serve),
                MACHINE_TEST(test_engine_starts_zones_side_by_side),
                MACHINE_TEST(test_engine_plans_nothing_for_what_is_under_way),
                MACHINE_TEST(test_engine_starts_what_it_cannot_write_down),
                MACHINE_TEST(test_engine_tells_the_line_of_the_file),
                MACHINE_TEST(test_engine_leaves_foreign_zones_alone),
                MACHINE_TEST(test_engine_tells_two_notes_of_a_zone_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
