/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon is killed at each moment of what it does: before and after every
 * step that the hypervisor or a worker sees. The next one has to bring the zone
 * to the same end as if nothing had been, with nothing left over.
 *
 * The daemon that dies is a process of its own; the simulated hypervisor and
 * the workers outlive it, and become this process's.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/parse.h"
#include "engine/machine.h"

#define MOMENTS_MAX 100 /* far more than any action has */

/* What happens to zone "one", and how it has to end. */
struct story {
        void (*before)(struct machine *m);
        void (*change)(struct machine *m);
        const char *state; /* in the status; "": gone */
        const char *cpus;  /* that it has in the end; NULL: none */
};

/* ---- the daemon that dies --------------------------------------------------------------------------- */

static bool at_its_end(struct machine *m, const struct story *s) {
        const char *cpus = s->cpus ?: "";

        return !engine_busy(m->engine) && strcmp(status(m, "one", "state"), s->state) == 0 &&
               (!cpus[0] || strcmp(status(m, "one", "cpus"), cpus) == 0);
}

_Noreturn static void live_and_die(struct machine *m, const struct story *s) {
        alarm(20); /* the parent takes any other signal than SIGKILL for a failure */
        if (sd_event_new(&m->event) < 0)
                _exit(1);
        engine_begin(m);
        while (!at_its_end(m, s))
                sd_event_run(m->event, 2000);
        _exit(0);
}

/* False: it came to its end before that moment. */
static bool daemon_is_killed_at(struct machine *m, const struct story *s, unsigned moment) {
        pid_t pid;
        int how;

        m->engine = engine_free(m->engine);
        sim_survive(m->sim);
        m->sim->kill_at = moment;
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                live_and_die(m, s);
        assert_int_equal(waitpid(pid, &how, 0), pid);
        sim_survive(m->sim);
        if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
                return false;
        if (!WIFSIGNALED(how) || WTERMSIG(how) != SIGKILL)
                fail_msg("moment %u: the daemon ended by itself (status %#x); log: %s", moment, how, m->sim->log);
        return true;
}

/* ---- the one that follows --------------------------------------------------------------------------- */

/* What the next daemon finds of its spec. */
static void assert_applied(struct machine *m, const char *cpus) {
        struct diagnostics d = {};
        struct zone_spec *z = NULL;
        char path[160];

        assert_int_equal(applied_exists(m, "one"), cpus != NULL);
        if (!cpus)
                return;
        snprintf(path, sizeof(path), "%s/one.conf", m->specs);
        assert_int_equal(zone_spec_load(path, &d, &z), 0);
        assert_int_equal(z->cpus, BIT(atoi(cpus)));
        zone_spec_free(z);
        diagnostics_clear(&d);
}

static void assert_ends_well(struct machine *m, const struct story *s, unsigned moment) {
        json_t *plan;

        engine_begin(m);
        pump_until_state(m, "one", s->state);
        pump_until_idle(m);
        if (!at_its_end(m, s) || (sim_zone(m->sim, "one") != NULL) != (s->cpus != NULL))
                fail_msg("moment %u: zone one is \"%s\" on CPU %s; log: %s\n%s", moment, status(m, "one", "state"),
                         status(m, "one", "cpus"), m->sim->log, m->records);
        assert_int_equal(count_children(), s->cpus ? 2 : 0);
        assert_applied(m, s->cpus);
        plan = engine_plan(m->engine);
        if (m->sim->fail[SIM_START] == 0)
                assert_int_equal(json_array_size(json_object_get(plan, "actions")), 0);
        json_decref(plan);
}

static void clean_up(struct machine *m) {
        char path[160];

        memset(m->sim->fail, 0, sizeof(m->sim->fail));
        snprintf(path, sizeof(path), "%s/one.conf", m->zones);
        (void) unlink(path);
        assert_int_equal(engine_reload(m->engine), 0);
        pump_until_state(m, "one", "");
        pump_until_idle(m);
        assert_null(sim_zone(m->sim, "one"));
        assert_int_equal(count_children(), 0);
        m->records[0] = m->sim->log[0] = '\0';
}

static void tell_at_each_moment(struct machine *m, const struct story *s, unsigned at_least) {
        unsigned moment = 0;

        prctl(PR_SET_CHILD_SUBREAPER, 1);
        for (bool killed = true; killed;) {
                assert_in_range(++moment, 1, MOMENTS_MAX);
                s->before(m);
                m->engine = engine_free(m->engine);
                s->change(m);
                m->sim->log[0] = '\0';
                killed = daemon_is_killed_at(m, s, moment);
                assert_ends_well(m, s, moment);
                clean_up(m);
        }
        assert_in_range(moment, at_least, MOMENTS_MAX);
}

/* ---- stories ---------------------------------------------------------------------------------------- */

static void nothing(struct machine *m _unused_) {
}

static void it_runs(struct machine *m) {
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
}

static void it_is_half_made(struct machine *m) {
        it_runs(m);
        sim_zone(m->sim, "one")->object = ZONE_OBJECT_CREATED;
        sim_zone(m->sim, "one")->listed = false;
}

static void it_is_stopped(struct machine *m) {
        it_runs(m);
        sim_zone(m->sim, "one")->object = ZONE_OBJECT_STOPPED;
        sim_zone(m->sim, "one")->listed = false;
}

static void its_file_comes(struct machine *m) {
        write_zone(m, "one", 1, "2", "");
}

static void its_file_changes(struct machine *m) {
        write_zone(m, "one", 1, "3", "");
}

static void its_file_goes(struct machine *m) {
        char path[160];

        snprintf(path, sizeof(path), "%s/one.conf", m->zones);
        assert_int_equal(unlink(path), 0);
}

static void it_comes_but_cannot_start(struct machine *m) {
        m->sim->fail[SIM_START] = -EIO;
        its_file_comes(m);
}

/* Moments: two for each step, one for what is forgotten: the last was not reached. */
static void test_engine_killed_while_a_zone_starts(void **state) {
        tell_at_each_moment(*state, &(struct story){ nothing, its_file_comes, "running", "2" }, 2 * 8 + 1);
}

static void test_engine_killed_while_a_zone_stops(void **state) {
        tell_at_each_moment(*state, &(struct story){ it_runs, its_file_goes, "", NULL }, 2 * 2 + 1 + 1);
}

static void test_engine_killed_while_a_zone_restarts(void **state) {
        tell_at_each_moment(*state, &(struct story){ it_runs, its_file_changes, "running", "3" }, 2 * 10 + 1);
}

static void test_engine_killed_while_a_start_is_undone(void **state) {
        tell_at_each_moment(*state, &(struct story){ nothing, it_comes_but_cannot_start, "failed", NULL },
                            2 * 9 - 1 + 1 + 1);
}

static void test_engine_killed_while_it_makes_good_for_one_that_was(void **state) {
        tell_at_each_moment(*state, &(struct story){ it_is_half_made, nothing, "running", "2" }, 2 * 9 + 1 + 1);
        tell_at_each_moment(*state, &(struct story){ it_is_stopped, its_file_goes, "", NULL }, 2 + 1 + 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                MACHINE_TEST(test_engine_killed_while_a_zone_starts),
                MACHINE_TEST(test_engine_killed_while_a_zone_stops),
                MACHINE_TEST(test_engine_killed_while_a_zone_restarts),
                MACHINE_TEST(test_engine_killed_while_a_start_is_undone),
                MACHINE_TEST(test_engine_killed_while_it_makes_good_for_one_that_was),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
