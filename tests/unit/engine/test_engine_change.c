/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file changes: what it costs, and what is kept while the new settings cannot be had. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/machine.h"

static void test_engine_does_nothing_for_the_same_text(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->sim->log[0] = '\0';
        want_zone(m, "one", 1, "2", "");
        want_zone(m, "one", 1, "2", "# a comment\n");
        pump(m, 50);
        assert_string_equal(m->sim->log, "");
}

static void test_engine_checks_before_it_stops(void **state) {
        struct machine *m = *state;
        char path[160];

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->sim->log[0] = '\0';
        snprintf(path, sizeof(path), "%s/Image", m->dir);
        assert_int_equal(unlink(path), 0);
        want_zone(m, "one", 1, "3", "");
        pump_until_idle(m);
        assert_string_equal(m->sim->log, "");
        assert_string_equal(status(m, "one", "state"), "running");
        assert_non_null(strstr(status(m, "one", "message"), "Image"));
}

static void test_engine_keeps_a_changed_image_while_the_file_is_bad(void **state) {
        struct machine *m = *state;
        uint64_t before, after;

        write_disk(m, "disk2");
        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");
        before = served(m, "one");
        want_disk(m, "one", 1, "Image", "disk2", "");
        pump_until_served_otherwise(m, "one", before);
        after = served(m, "one");

        want_disk(m, "one", 1, "Image", "disk2", "Bogus=1\n");
        pump_until_idle(m);
        assert_true(served(m, "one") == after);
        m->engine = engine_free(m->engine);
        engine_begin(m);
        pump_until_idle(m);
        assert_true(served(m, "one") == after);
}

static void test_engine_keeps_a_changed_policy_while_the_file_is_bad(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        want_zone(m, "one", 1, "2", "Restart=always\n");
        want_zone(m, "one", 1, "2", "Restart=always\nBogus=1\n");
        m->engine = engine_free(m->engine);
        engine_begin(m);
        sim_power_off(m->sim, "one");
        pass_time(m, 2);
        pass_time(m, 2);
        pump_until_state(m, "one", "running");
}

static void test_engine_replaces_a_killed_worker_while_a_change_fails(void **state) {
        struct machine *m = *state;

        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");
        want_disk(m, "one", 1, "Typo", "disk", "");
        pump_until_idle(m);
        kill(sim_device(m->sim, "one", "root")->worker_pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_true(any_worker_runs(m, "one"));
        assert_string_equal(status(m, "one", "state"), "running");
        assert_non_null(strstr(status(m, "one", "message"), "Typo"));
}

static void test_engine_keeps_a_disk_whose_new_image_is_not_there(void **state) {
        struct machine *m = *state;
        uint64_t before;
        pid_t pid;

        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");
        before = served(m, "one");
        pid = sim_device(m->sim, "one", "root")->worker_pid;
        m->records[0] = '\0';
        want_disk(m, "one", 1, "Image", "nowhere", "");
        pump_until_idle(m);
        engine_reconcile(m->engine);
        assert_int_equal(sim_device(m->sim, "one", "root")->worker_pid, pid);
        assert_non_null(strstr(m->records, "worker-restart refused: "));
        assert_null(strstr(strstr(m->records, "refused: ") + 1, "refused: "));

        kill(pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_true(any_worker_runs(m, "one"));
        assert_true(served(m, "one") == before);

        write_disk(m, "nowhere");
        engine_reconcile(m->engine);
        pump_until_served_otherwise(m, "one", before);
}

static void test_engine_leaves_another_zones_disk_alone(void **state) {
        struct machine *m = *state;
        uint64_t before;

        write_disk(m, "disk2");
        want_disk(m, "one", 1, "Image", "disk", "");
        want_disk(m, "two", 2, "Image", "disk2", "");
        pump_until_state(m, "one", "running");
        pump_until_state(m, "two", "running");
        before = served(m, "two");
        want_disk(m, "two", 2, "Image", "disk", "");
        pump_until_idle(m);
        assert_true(served(m, "two") == before);
        assert_true(any_worker_runs(m, "two"));
        assert_non_null(strstr(status(m, "two", "message"), "zone one uses the image"));
}

/* Its worker attaches by itself, which is one event: the pass that sees it is the last that anything asks for. */
static void test_engine_starts_a_zone_once_its_image_is_free(void **state) {
        struct machine *m = *state;
        uint64_t before;

        write_disk(m, "disk2");
        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");
        before = served(m, "one");
        pump(m, 100);
        m->sim->worker = SIM_WORKER_SERVES_LATER;
        want_disk(m, "one", 1, "Image", "disk2", "");
        want_disk(m, "two", 2, "Image", "disk", "");
        assert_string_equal(status(m, "two", "state"), "waiting");
        pump_until_served_otherwise(m, "one", before);
        pump_until_state(m, "two", "running");
}

static void test_engine_holds_a_change_back_until_the_next_start(void **state) {
        struct machine *m = *state;
        pid_t pid;

        want_zone(m, "one", 1, "2", "OnChange=hold\n");
        pump_until_state(m, "one", "running");
        m->sim->log[0] = '\0';
        want_zone(m, "one", 1, "3", "OnChange=hold\n");
        pump_until_idle(m);
        assert_string_equal(m->sim->log, "");
        assert_string_equal(status(m, "one", "state"), "running");
        assert_string_equal(status(m, "one", "cpus"), "2");
        assert_non_null(strstr(status(m, "one", "message"), "CPUs changed from 2 to 3"));

        /* Neither a worker's end nor another daemon brings it about. */
        m->engine = engine_free(m->engine);
        engine_begin(m);
        pid = sim_device(m->sim, "one", "root")->worker_pid;
        kill(pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_string_equal(m->sim->log, "launch");

        m->sim->log[0] = '\0';
        assert_int_equal(engine_restart(m->engine, "one", NULL), 0);
        pump_until_idle(m);
        assert_string_equal(m->sim->log, "stop destroy create device device launch launch load load start");
        assert_string_equal(status(m, "one", "cpus"), "3");
        assert_string_equal(status(m, "one", "message"), "");
}

static void test_engine_makes_a_held_change_once_the_file_says_so(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "OnChange=hold\n");
        pump_until_state(m, "one", "running");
        m->sim->log[0] = '\0';
        want_zone(m, "one", 1, "2", "");
        want_zone(m, "one", 1, "2", "OnChange=hold\n");
        want_zone(m, "one", 1, "3", "OnChange=hold\n");
        pump_until_idle(m);
        assert_string_equal(m->sim->log, "");
        want_zone(m, "one", 1, "3", "OnChange=restart\n");
        pump_until_idle(m);
        assert_string_equal(m->sim->log, "stop destroy create device device launch launch load load start");
        assert_string_equal(status(m, "one", "cpus"), "3");
        assert_non_null(strstr(m->records, "zone-restart begun: restart: CPUs changed from 2 to 3"));
}

/* ---- a restart as it was that fails ----------------------------------------------------------------- */

static void spoil(struct machine *m) {
        want_zone(m, "one", 1, "2", "Bogus=1\n");
}

static void make_wait(struct machine *m) {
        sim_add_foreign(m->sim, "theirs", 3, BIT(1));
        want_zone(m, "one", 1, "1-2", "Restart=always\n");
}

/* Its file's settings cannot be had, and its repair with those that it has fails half-way. */
static void fail_to_repair(struct machine *m, void (*change)(struct machine *m)) {
        want_zone(m, "one", 1, "2", "Restart=always\n");
        pump_until_state(m, "one", "running");
        change(m);
        pump_until_idle(m);
        m->sim->fail[SIM_LAUNCH] = -EMFILE;
        sim_power_off(m->sim, "one");
        pass_time(m, 2);
        pass_time(m, 2);
        pump_until_state(m, "one", "failed");
        assert_null(sim_zone(m->sim, "one"));
        assert_true(applied_exists(m, "one"));
        m->sim->fail[SIM_LAUNCH] = 0;
}

static void assert_comes_back(struct machine *m) {
        pass_time(m, 310);
        pump_until_state(m, "one", "running");
        assert_string_equal(status(m, "one", "cpus"), "2");
}

static void test_engine_brings_a_zone_back_whose_file_is_bad(void **state) {
        fail_to_repair(*state, spoil);
        assert_comes_back(*state);
}

static void test_engine_brings_a_zone_back_whose_change_waits(void **state) {
        fail_to_repair(*state, make_wait);
        assert_comes_back(*state);
}

static void test_engine_brings_a_zone_back_that_an_earlier_one_took_down(void **state) {
        struct machine *m = *state;

        fail_to_repair(m, spoil);
        m->engine = engine_free(m->engine);
        engine_begin(m);
        assert_comes_back(m);
}

static void test_engine_brings_a_zone_back_when_it_is_asked_to(void **state) {
        struct machine *m = *state;
        struct err e = {};

        fail_to_repair(m, spoil);
        assert_int_equal(engine_restart(m->engine, "one", &e), 0);
        pump_until_state(m, "one", "running");
}

static void test_engine_brings_no_zone_back_whose_file_went(void **state) {
        struct machine *m = *state;

        fail_to_repair(m, spoil);
        unwant_zone(m, "one");
        assert_false(applied_exists(m, "one"));
        spoil(m);
        pass_time(m, 310);
        pump_until_idle(m);
        assert_string_equal(status(m, "one", "state"), "refused");
        assert_null(sim_zone(m->sim, "one"));
}

/* Somebody else's zone has its CPU meanwhile. */
static void test_engine_brings_a_zone_back_once_there_is_room(void **state) {
        struct machine *m = *state;

        fail_to_repair(m, spoil);
        sim_add_foreign(m->sim, "theirs", 3, BIT(2));
        pass_time(m, 310);
        assert_string_equal(status(m, "one", "state"), "refused");
        for (size_t i = 0; i < ELEMENTSOF(m->sim->zones); i++)
                if (m->sim->zones[i].used)
                        m->sim->zones[i].used = false;
        assert_comes_back(m);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                MACHINE_TEST(test_engine_does_nothing_for_the_same_text),
                MACHINE_TEST(test_engine_checks_before_it_stops),
                MACHINE_TEST(test_engine_keeps_a_changed_image_while_the_file_is_bad),
                MACHINE_TEST(test_engine_keeps_a_changed_policy_while_the_file_is_bad),
                MACHINE_TEST(test_engine_replaces_a_killed_worker_while_a_change_fails),
                MACHINE_TEST(test_engine_keeps_a_disk_whose_new_image_is_not_there),
                MACHINE_TEST(test_engine_leaves_another_zones_disk_alone),
                MACHINE_TEST(test_engine_starts_a_zone_once_its_image_is_free),
                MACHINE_TEST(test_engine_holds_a_change_back_until_the_next_start),
                MACHINE_TEST(test_engine_makes_a_held_change_once_the_file_says_so),
                MACHINE_TEST(test_engine_brings_a_zone_back_whose_file_is_bad),
                MACHINE_TEST(test_engine_brings_a_zone_back_whose_change_waits),
                MACHINE_TEST(test_engine_brings_a_zone_back_that_an_earlier_one_took_down),
                MACHINE_TEST(test_engine_brings_a_zone_back_when_it_is_asked_to),
                MACHINE_TEST(test_engine_brings_no_zone_back_whose_file_went),
                MACHINE_TEST(test_engine_brings_a_zone_back_once_there_is_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
