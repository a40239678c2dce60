/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices' processes: one that ends is replaced. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/machine.h"

static void test_engine_replaces_a_killed_worker(void **state) {
        struct machine *m = *state;
        pid_t pid;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        pid = sim_device(m->sim, "one", "root")->worker_pid;
        m->sim->log[0] = '\0';
        kill(pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_string_equal(m->sim->log, "launch");
        assert_true(any_worker_runs(m, "one"));
        assert_int_not_equal(sim_device(m->sim, "one", "root")->worker_pid, pid);
        assert_string_equal(status(m, "one", "state"), "running");
        assert_non_null(strstr(m->records, "was killed by signal 9 (KILL)"));
}

static void test_engine_slows_down_a_worker_that_crashes_at_once(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->sim->worker = SIM_WORKER_EXITS;
        m->sim->launches = 0;
        kill(sim_device(m->sim, "one", "root")->worker_pid, SIGKILL);
        pump(m, 400);
        assert_in_range(m->sim->launches, 3, 6);
        assert_string_equal(status(m, "one", "state"), "running");
        m->sim->worker = SIM_WORKER_SERVES;
        pass_time(m, 300);
        pump_until_idle(m);
        assert_true(any_worker_runs(m, "one"));
}

/* Who mends the file does not wait for the back-off of what was wrong. */
static void test_engine_tries_other_settings_at_once(void **state) {
        struct machine *m = *state;
        unsigned launches;

        write_disk(m, "bad");
        write_disk(m, "good");
        want_disk(m, "one", 1, "Image", "bad", "");
        pump_until_state(m, "one", "running");
        m->sim->worker = SIM_WORKER_EXITS;
        kill(sim_device(m->sim, "one", "root")->worker_pid, SIGKILL);
        pump(m, 400);
        for (unsigned i = 0; i < 6; i++) { /* until it waits for minutes */
                pass_time(m, 300);
                pump(m, 50);
        }
        launches = m->sim->launches;
        engine_reconcile(m->engine);
        pump(m, 100);
        assert_int_equal(m->sim->launches, launches);
        m->sim->worker = SIM_WORKER_SERVES;
        want_disk(m, "one", 1, "Image", "good", "");
        pump_until_idle(m);
        for (unsigned i = 0; i < 500 && !any_worker_runs(m, "one"); i++)
                pump(m, 2);
        assert_true(any_worker_runs(m, "one"));
        assert_int_equal(m->sim->launches, launches + 1);
}

static void test_engine_kills_a_hung_worker(void **state) {
        static const char *const why[] = { "did not let go of the device's queues in time",
                                           "showed no sign of life for too long" };
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        for (unsigned silent = 0; silent < 2; silent++) {
                struct device_live *d = sim_device(m->sim, "one", "root");
                uint64_t generation = d->generation;
                pid_t pid = d->worker_pid;

                assert_null(strstr(m->records, why[silent]));
                d->hung = true;
                d->silent = silent;
                engine_reconcile(m->engine);
                for (unsigned i = 0; i < 500 && sim_device(m->sim, "one", "root")->generation == generation; i++)
                        pump(m, 2);
                pump_until_idle(m);
                assert_int_not_equal(sim_device(m->sim, "one", "root")->worker_pid, pid);
                assert_true(any_worker_runs(m, "one"));
                assert_non_null(strstr(m->records, why[silent]));
        }
}

static void pump_until_attached(struct machine *m, const char *device, bool attached) {
        for (unsigned i = 0; i < 500 && sim_device(m->sim, "one", device)->attached != attached; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_int_equal(sim_device(m->sim, "one", device)->attached, attached);
}

/* Enabled= in a section of its own, beside which the others are the same. */
static void want_entropy(struct machine *m, const char *enabled) {
        char section[80];

        snprintf(section, sizeof(section), "[Rng dice]\nAddress=0xa003000\nInterrupt=72\nEnabled=%s\n", enabled);
        want_zone(m, "one", 1, "2", section);
}

static void test_engine_takes_a_worker_away_and_gives_it_back(void **state) {
        struct machine *m = *state;
        unsigned launches;
        pid_t others;

        want_entropy(m, "yes");
        pump_until_state(m, "one", "running");
        others = sim_device(m->sim, "one", "root")->worker_pid;
        want_entropy(m, "no");
        pump_until_attached(m, "dice", false);
        for (unsigned i = 0; i < 500 && !sim_device(m->sim, "one", "dice")->withdrawn; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_true(sim_device(m->sim, "one", "dice")->withdrawn);
        assert_string_equal(status(m, "one", "state"), "running");
        assert_int_equal(m->engine->plan.num_actions, 0);
        assert_non_null(strstr(m->records, "is stopped: Enabled=no"));
        assert_null(strstr(m->records, "was killed"));

        launches = m->sim->launches;
        want_entropy(m, "yes");
        pump_until_attached(m, "dice", true);
        assert_int_equal(m->sim->launches, launches + 1);
        assert_int_equal(sim_device(m->sim, "one", "root")->worker_pid, others);
}

static void test_engine_starts_a_zone_without_the_worker_of_a_disabled_device(void **state) {
        struct machine *m = *state;

        want_entropy(m, "no");
        pump_until_state(m, "one", "running");
        pump_until_idle(m);
        assert_false(sim_device(m->sim, "one", "dice")->attached);
        assert_int_equal(sim_device(m->sim, "one", "dice")->generation, 0);
        assert_int_equal(m->engine->plan.num_actions, 0);
        want_entropy(m, "yes");
        pump_until_attached(m, "dice", true);
}

/* ---- new programs ----------------------------------------------------------------------------------- */

struct followed {
        struct machine *m;
        char told[256]; /* "0/2 one root, …; result" */
        bool ended;
        int result;
};

static void on_progress(void *userdata, size_t done, size_t total, const char *zone, const char *device) {
        struct followed *f = userdata;
        size_t used = strlen(f->told);

        snprintf(f->told + used, sizeof(f->told) - used, "%zu/%zu %s %s, ", done, total, zone, device);
        /* whoever was replaced before serves by now */
        assert_true(done == 0 || sim_device(f->m->sim, "one", "root")->attached);
}

static void on_ended(void *userdata, int result, const char *text _unused_) {
        struct followed *f = userdata;

        assert_false(f->ended);
        f->ended = true;
        f->result = result;
}

static void upgrade(struct machine *m, bool all, struct followed *f) {
        const struct upgrade_watcher watcher = { f, on_progress, on_ended };

        *f = (struct followed){ .m = m };
        assert_int_equal(engine_upgrade(m->engine, all, &watcher, NULL), 0);
        assert_int_equal(engine_upgrade(m->engine, all, &watcher, NULL), -EBUSY);
        for (unsigned i = 0; i < 2000 && !f->ended; i++)
                pump(m, 2);
        assert_true(f->ended);
}

static pid_t worker_of(struct machine *m, const char *device) {
        return sim_device(m->sim, "one", device)->worker_pid;
}

static void test_engine_upgrade_replaces_one_worker_after_another(void **state) {
        struct machine *m = *state;
        struct followed f;
        pid_t root, console;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        root = worker_of(m, "root");
        console = worker_of(m, "main");
        upgrade(m, false, &f); /* nothing is older */
        assert_int_equal(f.result, 0);
        assert_string_equal(f.told, "");
        assert_int_equal(worker_of(m, "root"), root);

        m->sim->installed_after = MAX(root, console);
        upgrade(m, false, &f);
        assert_int_equal(f.result, 0);
        assert_string_equal(f.told, "0/2 one root, 1/2 one main, ");
        pump_until_idle(m);
        assert_true(any_worker_runs(m, "one"));
        assert_true(worker_of(m, "root") > m->sim->installed_after && worker_of(m, "main") > m->sim->installed_after);
        assert_string_equal(status(m, "one", "state"), "running");
        assert_non_null(strstr(m->records, "upgrade done: 2 workers replaced"));

        root = worker_of(m, "root");
        upgrade(m, true, &f);
        assert_int_not_equal(worker_of(m, "root"), root);
}

static void test_engine_upgrade_ends_with_the_first_worker_that_does_not_come_up(void **state) {
        struct machine *m = *state;
        struct followed f;
        pid_t console;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        console = worker_of(m, "main");
        m->sim->worker = SIM_WORKER_EXITS;
        upgrade(m, true, &f);
        assert_true(f.result < 0);
        assert_string_equal(f.told, "0/2 one root, ");
        assert_int_equal(worker_of(m, "main"), console);
        assert_string_equal(status(m, "one", "state"), "running");
        m->sim->worker = SIM_WORKER_SERVES;
        pass_time(m, 300);
        pump_until_idle(m);
        assert_true(any_worker_runs(m, "one"));
}

/* ---- a file system that does not answer ------------------------------------------------------------- */

static atomic_int hung_since, hung; /* how many opens have begun to wait; whether they still do */

/* The libc's own, but for a file called "hung". */
int open(const char *path, int flags, ...) {
        const char *name = strrchr(path, '/');
        mode_t mode = 0;
        va_list ap;

        va_start(ap, flags);
        if (flags & O_CREAT)
                mode = va_arg(ap, mode_t);
        va_end(ap);
        if (name && strcmp(name, "/hung") == 0) {
                hung_since++;
                for (unsigned i = 0; i < 20000 && hung; i++) /* a test that fails does not hang, too */
                        usleep(1000);
        }
        return (int) syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static void pump_until_hung(struct machine *m) {
        for (unsigned i = 0; i < 5000 && hung_since == 0; i++)
                sd_event_run(m->event, 2000);
        assert_int_not_equal(hung_since, 0);
}

static void test_engine_goes_on_while_an_image_does_not_open(void **state) {
        struct machine *m = *state;
        uint64_t before;
        pid_t pid;

        write_disk(m, "hung");
        write_disk(m, "disk2");
        want_disk(m, "one", 1, "Image", "disk", "");
        want_disk(m, "two", 2, "Image", "disk2", "");
        pump_until_state(m, "one", "running");
        pump_until_state(m, "two", "running");
        before = served(m, "one");
        pid = sim_device(m->sim, "one", "root")->worker_pid;

        /* Another image for one's disk; the old one is served until it is there. */
        hung = true;
        want_disk(m, "one", 1, "Image", "hung", "");
        pump_until_hung(m);
        unwant_zone(m, "two");
        pump_until_state(m, "two", "");
        want_disk(m, "two", 2, "Image", "disk2", "");
        pump_until_state(m, "two", "running");
        assert_int_equal(sim_device(m->sim, "one", "root")->worker_pid, pid);
        assert_int_equal(hung_since, 1);

        /* The zone itself can go and come back meanwhile. */
        unwant_zone(m, "one");
        pump_until_state(m, "one", "");
        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");
        hung = false;
        pump(m, 20);
        assert_true(served(m, "one") == before);
        hung_since = 0;
        want_disk(m, "one", 1, "Image", "hung", "");
        pump_until_served_otherwise(m, "one", before);
}

/* Who has found out that an image does not come names another one; or the first one again. */
static void test_engine_opens_another_image_while_one_does_not_open(void **state) {
        struct machine *m = *state;
        uint64_t before;
        pid_t pid;

        write_disk(m, "hung");
        write_disk(m, "disk2");
        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");
        before = served(m, "one");
        pid = sim_device(m->sim, "one", "root")->worker_pid;
        hung = true;
        hung_since = 0;
        want_disk(m, "one", 1, "Image", "hung", "");
        pump_until_hung(m);
        want_disk(m, "one", 1, "Image", "disk", "");
        pump(m, 20);
        hung = false;
        pump(m, 100);
        assert_int_equal(sim_device(m->sim, "one", "root")->worker_pid, pid);

        hung = true;
        hung_since = 0;
        want_disk(m, "one", 1, "Image", "hung", "");
        pump_until_hung(m);
        want_disk(m, "one", 1, "Image", "disk2", "");
        pump_until_served_otherwise(m, "one", before);

        hung_since = 0;
        want_disk(m, "one", 1, "Image", "hung", "");
        pump_until_hung(m);
        want_disk(m, "one", 1, "Image", "disk2", "");
        pump(m, 20);
        kill(sim_device(m->sim, "one", "root")->worker_pid, SIGKILL);
        pump_until_state(m, "one", "running");
        for (unsigned i = 0; i < 500 && sim_device(m->sim, "one", "root")->generation < 3; i++)
                pump(m, 2);
        assert_int_equal(sim_device(m->sim, "one", "root")->generation, 3);
        hung = false;
}

static void test_engine_goes_on_while_a_start_waits_for_an_image(void **state) {
        struct machine *m = *state;

        write_disk(m, "hung");
        hung = true;
        hung_since = 0;
        want_disk(m, "one", 1, "Image", "hung", "");
        pump_until_hung(m);
        want_zone(m, "two", 2, "3", "");
        pump_until_state(m, "two", "running");
        assert_string_equal(status(m, "one", "state"), "starting");
        hung = false;
        pump_until_state(m, "one", "running");
}

/* Settings that restart the zone, and name an image that does not open. */
static void want_hung_restart(struct machine *m) {
        hung_since = 0;
        want_disk(m, "one", 1, "Image2", "hung", "");
        pump_until_hung(m);
}

/* The file counts, though its zone's check does not come to an end: corrected, or deleted. */
static void test_engine_gives_up_a_check_that_hangs(void **state) {
        struct machine *m = *state;
        pid_t pid;

        write_disk(m, "hung");
        write_disk(m, "Image2");
        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");
        pid = sim_device(m->sim, "one", "root")->worker_pid;
        hung = true;

        /* A restart; the file is corrected: the zone runs on, and a dead worker is replaced. */
        want_hung_restart(m);
        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_idle(m);
        assert_string_equal(status(m, "one", "state"), "running");
        assert_int_equal(sim_device(m->sim, "one", "root")->worker_pid, pid);
        assert_non_null(strstr(m->records, "restart abandoned: its file"));
        kill(pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        assert_int_equal(sim_device(m->sim, "one", "root")->generation, 2);

        /* A restart; the file becomes bad: the zone stays as it is. It is deleted: the zone goes. */
        want_hung_restart(m);
        want_disk(m, "one", 1, "Image", "disk", "Nonsense=1\n");
        pump_until_idle(m);
        assert_string_equal(status(m, "one", "state"), "running");
        want_hung_restart(m);
        unwant_zone(m, "one");
        pump_until_state(m, "one", "");

        /* A start; the file is deleted, or corrected. */
        want_hung_restart(m);
        unwant_zone(m, "one");
        pump_until_state(m, "one", "");
        want_hung_restart(m);
        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");

        /* What comes of the checks in the end is nobody's. */
        m->sim->log[0] = '\0';
        hung = false;
        pump(m, 100);
        assert_string_equal(m->sim->log, "");
        assert_string_equal(status(m, "one", "state"), "running");
}

static void test_engine_restarts_as_asked_though_the_file_changes_meanwhile(void **state) {
        struct machine *m = *state;

        write_disk(m, "hung");
        want_disk(m, "one", 1, "Image", "hung", "");
        pump_until_state(m, "one", "running");
        hung = true;
        hung_since = 0;
        assert_int_equal(engine_restart(m->engine, "one", NULL), 0);
        pump_until_hung(m);
        m->sim->log[0] = '\0';
        want_disk(m, "one", 1, "Image", "disk", "");
        for (unsigned i = 0; i < 500 && !strstr(m->sim->log, "start"); i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_non_null(strstr(m->sim->log, "stop"));
        assert_string_equal(status(m, "one", "state"), "running");
        m->sim->log[0] = '\0';
        hung = false;
        pump(m, 100);
        assert_string_equal(m->sim->log, ""); /* once */

        /* Deleted, it is not restarted first with what it had. */
        want_disk(m, "one", 1, "Image", "hung", "");
        pump_until_served_otherwise(m, "one", served(m, "one"));
        pump_until_idle(m);
        hung = true;
        hung_since = 0;
        assert_int_equal(engine_restart(m->engine, "one", NULL), 0);
        pump_until_hung(m);
        unwant_zone(m, "one");
        pump_until_state(m, "one", "");
        hung = false;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                MACHINE_TEST(test_engine_replaces_a_killed_worker),
                MACHINE_TEST(test_engine_slows_down_a_worker_that_crashes_at_once),
                MACHINE_TEST(test_engine_tries_other_settings_at_once),
                MACHINE_TEST(test_engine_kills_a_hung_worker),
                MACHINE_TEST(test_engine_takes_a_worker_away_and_gives_it_back),
                MACHINE_TEST(test_engine_upgrade_replaces_one_worker_after_another),
                MACHINE_TEST(test_engine_upgrade_ends_with_the_first_worker_that_does_not_come_up),
                MACHINE_TEST(test_engine_starts_a_zone_without_the_worker_of_a_disabled_device),
                MACHINE_TEST(test_engine_goes_on_while_an_image_does_not_open),
                MACHINE_TEST(test_engine_opens_another_image_while_one_does_not_open),
                MACHINE_TEST(test_engine_goes_on_while_a_start_waits_for_an_image),
                MACHINE_TEST(test_engine_gives_up_a_check_that_hangs),
                MACHINE_TEST(test_engine_restarts_as_asked_though_the_file_changes_meanwhile),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
