/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zones that end or fail: what is tried again, when, and until when. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/machine.h"

static void test_engine_backs_off_and_is_cleared_by_a_change(void **state) {
        struct machine *m = *state;

        m->sim->fail[SIM_START] = -EIO;
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "failed");
        assert_string_equal(status(m, "one", "retry_in"), "1");
        pass_time(m, 1);
        pump_until_idle(m);
        assert_string_equal(status(m, "one", "retry_in"), "2");
        assert_string_equal(status(m, "one", "restarts"), "1");
        m->sim->log[0] = '\0';
        want_zone(m, "one", 1, "2", "# no change\n");
        pump(m, 20);
        assert_string_equal(m->sim->log, "");
        m->sim->fail[SIM_START] = 0;
        want_zone(m, "one", 1, "3", "");
        pump_until_state(m, "one", "running");
        assert_string_equal(status(m, "one", "message"), "");
}

static void test_engine_restart_by_hand_clears_failure(void **state) {
        struct machine *m = *state;

        m->sim->fail[SIM_START] = -EIO;
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "failed");
        m->sim->fail[SIM_START] = 0;
        assert_int_equal(engine_restart(m->engine, "one", NULL), 0);
        pump_until_state(m, "one", "running");
        m->sim->log[0] = '\0';
        assert_int_equal(engine_restart(m->engine, "one", NULL), 0);
        pump_until_idle(m);
        pump_until_state(m, "one", "running");
        assert_string_equal(m->sim->log, "stop destroy create device device launch launch load load start");
        assert_int_equal(engine_restart(m->engine, "other", NULL), -ENOENT);
}

static void test_engine_says_why_it_cannot_restart(void **state) {
        struct machine *m = *state;
        struct err err = {};

        want_zone(m, "one", 1, "2", "Bogus=1\n");
        assert_int_equal(engine_restart(m->engine, "one", &err), -EBADMSG);
        assert_non_null(strstr(err_text(&err, 0), "Bogus"));
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        want_zone(m, "two", 2, "2", "");
        assert_int_equal(engine_restart(m->engine, "two", &err), -EBADMSG);
        assert_non_null(strstr(err_text(&err, 0), "CPU 2 belongs to zone one"));

        assert_int_equal(unlink(m->board), 0);
        assert_int_equal(engine_reload(m->engine), 0);
        assert_int_equal(engine_restart(m->engine, "one", &err), -EBADMSG);
        assert_non_null(strstr(err_text(&err, 0), "board.conf"));
}

static void test_engine_waits_for_a_busy_cpu(void **state) {
        struct machine *m = *state;

        m->sim->fail[SIM_START] = -EBUSY;
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "failed");
        assert_string_equal(status(m, "one", "retry_in"), "1");
        m->sim->fail[SIM_START] = 0;
        pass_time(m, 1);
        pump_until_state(m, "one", "running");
}

static void test_engine_never_retries_a_lost_cpu(void **state) {
        struct machine *m = *state;

        m->sim->fail[SIM_START] = HYPERVISOR_CPUS_LOST;
        want_zone(m, "one", 1, "2-3", "");
        pump_until_state(m, "one", "failed");
        assert_string_equal(status(m, "one", "message"), "CPU 2-3 is lost until the board restarts");
        assert_string_equal(status(m, "one", "retry_in"), "");
        assert_null(sim_zone(m->sim, "one"));
        m->sim->log[0] = '\0';
        pass_time(m, 3600);
        pump(m, 20);
        assert_string_equal(m->sim->log, "");
}

/* It is asked between two passes: the state and the words are of the same moment. */
static void test_engine_tells_why_a_zone_ended_as_soon_as_that_it_did(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "Restart=no\n");
        pump_until_state(m, "one", "running");
        pump_until_idle(m);
        sim_power_off(m->sim, "one");
        assert_string_equal(status(m, "one", "state"), "exited");
        assert_string_equal(status(m, "one", "message"), "its guest powered off; Restart=no leaves it so");
}

static void test_engine_follows_the_restart_policy(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "Restart=on-failure\n");
        pump_until_state(m, "one", "running");
        sim_power_off(m->sim, "one");
        pass_time(m, 2);
        pump(m, 20);
        assert_string_equal(status(m, "one", "state"), "exited");
        m->sim->log[0] = '\0';
        want_zone(m, "one", 1, "2", "Restart=always\n");
        assert_string_equal(status(m, "one", "retry_in"), "1");
        want_zone(m, "one", 1, "2", "Restart=no\n");
        assert_string_equal(status(m, "one", "retry_in"), "");
        want_zone(m, "one", 1, "2", "Restart=always\n");
        pass_time(m, 2);
        pump_until_state(m, "one", "running");
        assert_string_equal(m->sim->log, "stop destroy create device device launch launch load load start");
}

static void test_engine_tells_of_an_ended_zone_with_a_bad_file_once(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        sim_power_off(m->sim, "one");
        want_zone(m, "one", 1, "2", "Bogus=1\n");
        m->records[0] = '\0';
        for (unsigned i = 0; i < 3; i++)
                engine_reconcile(m->engine);
        assert_string_equal(m->records, "");
}

static void test_engine_ends_all_that_is_ours(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        want_zone(m, "two", 2, "3", "");
        sim_add_foreign(m->sim, "other", 3, 16);
        pump_until_state(m, "one", "running");
        pump_until_state(m, "two", "running");
        engine_end_all(m->engine, "the board goes down");
        pump_until_idle(m);
        assert_null(sim_zone(m->sim, "one"));
        assert_null(sim_zone(m->sim, "two"));
        assert_string_equal(status(m, "other", "state"), "foreign");
        assert_non_null(strstr(m->records, "stop: the board goes down"));
        assert_false(any_worker_runs(m, "one") || any_worker_runs(m, "two"));
        pass_time(m, 600);
        assert_null(sim_zone(m->sim, "one"));
}

/* ---- what is tried again, and when ------------------------------------------------------------------ */

/* What can happen to a zone, by what its file says of it. */
static void test_engine_life_table(void **state) {
        enum event { POWER_OFF, ERROR, BUSY, LOST, IO_ERROR };
        static const struct {
                const char *policy;
                enum event event;
                const char *state, *retry_in, *message;
        } c[] = {
                { "no", POWER_OFF, "exited", "", "its guest powered off; Restart=no leaves it so" },
                { "on-failure", POWER_OFF, "exited", "", "its guest powered off; Restart=on-failure leaves it so" },
                { "always", POWER_OFF, "exited", "1", "its guest powered off" },
                { "no", ERROR, "error", "", "its guest accessed memory outside its regions; Restart=no leaves it so" },
                { "on-failure", ERROR, "error", "1", "its guest accessed memory outside its regions" },
                { "always", ERROR, "error", "1", "its guest accessed memory outside its regions" },
                /* A start that did not succeed is no end: Restart= is not asked. */
                { "no", BUSY, "failed", "1", "simulated failure of start" },
                { "always", BUSY, "failed", "1", "simulated failure of start" },
                { "no", IO_ERROR, "failed", "1", "simulated failure of start" },
                { "no", LOST, "failed", "", "CPU 2 is lost until the board restarts" },
                { "always", LOST, "failed", "", "CPU 2 is lost until the board restarts" },
        };
        struct machine *m = *state;

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                char line[64];

                snprintf(line, sizeof(line), "Restart=%s\n", c[i].policy);
                m->sim->fail[SIM_START] = c[i].event == BUSY       ? -EBUSY
                                          : c[i].event == IO_ERROR ? -EIO
                                          : c[i].event == LOST     ? HYPERVISOR_CPUS_LOST
                                                                   : 0;
                want_zone(m, "one", 1, "2", line);
                pump_until_state(m, "one", m->sim->fail[SIM_START] ? "failed" : "running");
                if (c[i].event == POWER_OFF)
                        sim_power_off(m->sim, "one");
                if (c[i].event == ERROR)
                        sim_zone(m->sim, "one")->in_error = true;
                engine_reconcile(m->engine);
                assert_string_equal(status(m, "one", "state"), c[i].state);
                assert_string_equal(status(m, "one", "retry_in"), c[i].retry_in);
                assert_non_null(strstr(status(m, "one", "message"), c[i].message));

                /* And that is just what comes of it. */
                m->sim->fail[SIM_START] = 0;
                m->sim->log[0] = '\0';
                pass_time(m, 1);
                pump_until_idle(m);
                assert_string_equal(status(m, "one", "state"), c[i].retry_in[0] ? "running" : c[i].state);
                pass_time(m, 3600);
                assert_int_equal(strstr(m->sim->log, "start") != NULL, c[i].retry_in[0] != '\0');
                unwant_zone(m, "one");
                pump_until_state(m, "one", "");
        }
}

/* The guest powers off; what is told of the next try is what happens. */
static void expect_next_try(struct machine *m, const char *retry_in, const char *tries_before) {
        sim_power_off(m->sim, "one");
        engine_reconcile(m->engine);
        assert_string_equal(status(m, "one", "retry_in"), retry_in);
        assert_string_equal(status(m, "one", "restarts"), tries_before);
        m->sim->log[0] = '\0';
        if (atoi(retry_in) > 2) { /* this machine is slow, but not so slow */
                pass_time(m, atoi(retry_in) - 2);
                assert_string_equal(m->sim->log, "");
                assert_string_equal(status(m, "one", "state"), "exited");
        }
        pass_time(m, 2);
        pump_until_state(m, "one", "running");
        assert_string_equal(status(m, "one", "retry_in"), "");
}

static void test_engine_waits_twice_as_long_each_time_up_to_five_minutes(void **state) {
        static const char *const delays[] = { "1", "2", "4", "8", "16", "32", "64", "128", "256", "300", "300" };
        struct machine *m = *state;
        char tries[16];

        want_zone(m, "one", 1, "2", "Restart=always\n");
        pump_until_state(m, "one", "running");
        for (size_t i = 0; i < ELEMENTSOF(delays); i++) {
                snprintf(tries, sizeof(tries), "%zu", i);
                expect_next_try(m, delays[i], tries);
        }
        /* Ten minutes of health are forgiven, not nine. */
        pass_time(m, 540);
        expect_next_try(m, "300", "11");
        pass_time(m, 600);
        expect_next_try(m, "1", "12");
        expect_next_try(m, "2", "13");
}

/* Of a change of any cost, and of a person's restart. */
static void test_engine_forgets_failures_for_a_change(void **state) {
        static const char *const changes[] = { "Restart=on-failure\n", "OnChange=hold\n", "Interrupts=40\n" };
        struct machine *m = *state;

        m->sim->fail[SIM_START] = -EIO;
        for (size_t i = 0; i < ELEMENTSOF(changes) + 2; i++) {
                want_zone(m, "one", 1, "2", "Restart=always\n");
                pump_until_state(m, "one", "failed");
                pass_time(m, 1);
                pump_until_idle(m);
                assert_string_equal(status(m, "one", "retry_in"), "2");
                assert_string_equal(status(m, "one", "restarts"), "1");
                m->sim->log[0] = '\0';
                if (i < ELEMENTSOF(changes))
                        want_zone(m, "one", 1, "2", changes[i]);
                else if (i == ELEMENTSOF(changes))
                        want_disk(m, "one", 1, "Image", "disk", "");
                else
                        assert_int_equal(engine_restart(m->engine, "one", NULL), 0);
                pump_until_idle(m);
                assert_non_null(strstr(m->sim->log, "start"));
                assert_string_equal(status(m, "one", "retry_in"), "1");
                assert_string_equal(status(m, "one", "restarts"), "0");
                unwant_zone(m, "one");
                pump_until_state(m, "one", "");
        }
}

/* The path of a disk is nothing that the guest would see: it may be just what was wrong. */
static void test_engine_tries_at_once_with_another_image(void **state) {
        struct machine *m = *state;

        want_disk(m, "one", 1, "Image", "nowhere", "");
        pump_until_state(m, "one", "failed");
        pass_time(m, 1);
        pump_until_idle(m);
        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_idle(m);
        assert_string_equal(status(m, "one", "state"), "running");
        assert_string_equal(status(m, "one", "restarts"), "0");
}

/* A guest that resets its devices without end, say: with each of the events the daemon looks at everything. */
static void test_engine_looks_seldom_at_a_zone_that_is_never_still(void **state) {
        struct machine *m = *state;
        unsigned before;

        want_zone(m, "one", 1, "2", "");
        want_zone(m, "two", 2, "3", "");
        pump_until_state(m, "one", "running");
        pump_until_state(m, "two", "running");
        pump(m, 600); /* what was stirred by the start is forgotten */
        before = m->sim->observations;
        for (unsigned i = 0; i < 300; i++) {
                sim_stir(m->sim, "one");
                sd_event_run(m->event, 0);
                sd_event_run(m->event, 0);
        }
        assert_in_range(m->sim->observations - before, 2, 150);
        /* another zone's is seen to at once, and this one's last, too, in the end */
        before = m->sim->observations;
        sim_stir(m->sim, "two");
        pump(m, 20);
        assert_true(m->sim->observations > before);
        before = m->sim->observations;
        pump(m, 600);
        assert_true(m->sim->observations > before);
}

static void pump_until_look(struct machine *m) {
        for (unsigned looks = m->sim->looks; m->sim->looks == looks;)
                pump(m, 20);
}

/* While nothing is to be done it asks for the hypervisor's list alone, and makes a pass when that has changed: also
 * if somebody who asked for the status saw the change first. */
static void test_engine_asks_only_for_the_list_of_zones(void **state) {
        struct machine *m = *state;
        unsigned observations;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        pump_until_idle(m);
        pump_until_look(m);
        observations = m->sim->observations;
        pump_until_look(m);
        assert_int_equal(m->sim->observations, observations);
        sim_power_off(m->sim, "one");
        assert_string_equal(status(m, "one", "state"), "exited");
        m->records[0] = '\0';
        for (unsigned i = 0; i < 1000 && !m->records[0]; i++)
                pump(m, 20);
        assert_non_null(strstr(m->records, "powered off"));
}

/* A foreign zone, one that waits for it, one whose place is taken, one that ended, a bad file: each may stand for ever. */
static void test_engine_asks_only_for_the_list_while_notes_stand(void **state) {
        struct machine *m = *state;
        unsigned observations;

        want_zone(m, "ended", 1, "1", "Restart=no\n");
        pump_until_state(m, "ended", "running");
        sim_power_off(m->sim, "ended");
        pump_until_state(m, "ended", "exited");
        want_zone(m, "runs", 2, "2", "");
        pump_until_state(m, "runs", "running");
        sim_add_foreign(m->sim, "foreign", 6, 1 << 3);
        want_zone(m, "waits", 3, "3", "");
        want_zone(m, "bad", 4, "17", "");
        want_zone(m, "taken", 2, "0", "");
        assert_string_equal(status(m, "waits", "state"), "waiting");
        pump_until_idle(m);
        pump_until_look(m);
        observations = m->sim->observations;
        pump_until_look(m);
        pump_until_look(m);
        assert_int_equal(m->sim->observations, observations);
        for (size_t i = 0; i < ELEMENTSOF(m->sim->zones); i++)
                if (m->sim->zones[i].used && m->sim->zones[i].live.id == 6)
                        m->sim->zones[i].used = false;
        pump_until_state(m, "waits", "running");
}

/* Nobody tells of what root Linux gives back, nor of the object of a zone that others have not started yet. */
static void test_engine_looks_at_everything_while_no_event_would_tell(void **state) {
        struct machine *m = *state;
        struct zone_live *others;
        unsigned observations;

        want_zone(m, "one", 1, "1", "");
        pump_until_state(m, "one", "running");
        m->sim->root = (struct root_facts){ .known = true, .cpus = 1 << 3 };
        want_zone(m, "two", 2, "3", "");
        pump_until_idle(m);
        assert_string_equal(status(m, "two", "state"), "refused");
        m->sim->root.cpus = 0;
        pump_until_state(m, "two", "running");

        sim_add_foreign(m->sim, "others", 6, 1);
        others = &m->sim->zones[2].live;
        assert_int_equal(others->id, 6);
        others->object = ZONE_OBJECT_CREATED;
        others->listed = false;
        want_zone(m, "three", 3, "0", "");
        pump_until_idle(m);
        assert_string_equal(status(m, "three", "state"), "waiting");
        observations = m->sim->observations;
        for (unsigned i = 0; i < 1000 && m->sim->observations == observations; i++)
                pump(m, 20);
        assert_true(m->sim->observations > observations);
        m->sim->zones[2].used = false;
        pump_until_state(m, "three", "running");
}

/* Of no zone of ours, nor of any that runs: what is in the way goes without a word all the same. */
static void test_engine_waits_for_others_with_nothing_of_its_own(void **state) {
        struct machine *m = *state;
        struct zone_live *others = &m->sim->zones[0].live;

        m->sim->root = (struct root_facts){ .known = true, .cpus = 1 << 3 };
        want_zone(m, "one", 1, "3", "");
        pump_until_idle(m);
        assert_string_equal(status(m, "one", "state"), "refused");
        m->sim->root.cpus = 0;
        pump_until_state(m, "one", "running");
        unwant_zone(m, "one");
        pump_until_state(m, "one", "");

        sim_add_foreign(m->sim, "others", 6, 1);
        assert_int_equal(others->id, 6);
        others->object = ZONE_OBJECT_CREATED;
        others->listed = false;
        want_zone(m, "two", 2, "0", "");
        pump_until_idle(m);
        assert_string_equal(status(m, "two", "state"), "waiting");
        m->sim->zones[0].used = false;
        pump_until_state(m, "two", "running");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                MACHINE_TEST(test_engine_asks_only_for_the_list_while_notes_stand),
                MACHINE_TEST(test_engine_looks_at_everything_while_no_event_would_tell),
                MACHINE_TEST(test_engine_waits_for_others_with_nothing_of_its_own),
                MACHINE_TEST(test_engine_asks_only_for_the_list_of_zones),
                MACHINE_TEST(test_engine_looks_seldom_at_a_zone_that_is_never_still),
                MACHINE_TEST(test_engine_backs_off_and_is_cleared_by_a_change),
                MACHINE_TEST(test_engine_restart_by_hand_clears_failure),
                MACHINE_TEST(test_engine_says_why_it_cannot_restart),
                MACHINE_TEST(test_engine_waits_for_a_busy_cpu),
                MACHINE_TEST(test_engine_never_retries_a_lost_cpu),
                MACHINE_TEST(test_engine_follows_the_restart_policy),
                MACHINE_TEST(test_engine_ends_all_that_is_ours),
                MACHINE_TEST(test_engine_tells_of_an_ended_zone_with_a_bad_file_once),
                MACHINE_TEST(test_engine_life_table),
                MACHINE_TEST(test_engine_tells_why_a_zone_ended_as_soon_as_that_it_did),
                MACHINE_TEST(test_engine_waits_twice_as_long_each_time_up_to_five_minutes),
                MACHINE_TEST(test_engine_forgets_failures_for_a_change),
                MACHINE_TEST(test_engine_tries_at_once_with_another_image),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
