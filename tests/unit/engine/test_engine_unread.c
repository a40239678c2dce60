/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that cannot be read just now: for want of descriptors, or because nobody sees their directory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/machine.h"

static struct rlimit descriptors;

static void take_descriptors(void) {
        struct rlimit none;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
        none = descriptors;
        none.rlim_cur = 3;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void give_descriptors(void) {
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
}

static int teardown(void **state) {
        if (descriptors.rlim_cur > 0)
                give_descriptors();
        return machine_teardown(state);
}

/* ---- nothing was read yet --------------------------------------------------------------------------- */

/* A daemon starts, and has no descriptors to read anything with. */
static void begin_in_vain(struct machine *m) {
        m->engine = engine_free(m->engine);
        m->sim->log[0] = m->records[0] = '\0';
        engine_make(m);
        take_descriptors();
        assert_int_equal(engine_reload(m->engine), -EMFILE);
        give_descriptors();
}

static void on_progress(void *userdata _unused_, size_t done _unused_, size_t total _unused_, const char *zone _unused_,
                        const char *device _unused_) {
}

static void on_ended(void *userdata _unused_, int result _unused_, const char *text _unused_) {
}

/* An empty list is not what somebody wants: nothing is stopped for it, whatever brings a pass about. */
static void test_engine_stops_nothing_before_it_has_read_anything(void **state) {
        const struct upgrade_watcher watcher = { .progress = on_progress, .ended = on_ended };
        struct machine *m = *state;
        struct err err = {};
        uint64_t before;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        before = served(m, "one");
        begin_in_vain(m);
        assert_int_equal(engine_upgrade(m->engine, false, &watcher, &err), -EAGAIN);
        assert_non_null(strstr(err.text, "could not be read yet: Too many open files"));
        assert_int_equal(engine_restart(m->engine, "one", &err), -EAGAIN);
        assert_int_equal(engine_check_loaded(m->engine, &err), -EAGAIN);
        assert_null(engine_plan(m->engine));
        assert_string_equal(status(m, "one", "state"), "running");
        engine_reconcile(m->engine);
        pump(m, 50);
        assert_string_equal(m->sim->log, "");
        /* and it comes to read them by itself */
        for (unsigned i = 0; i < 500 && engine_check_loaded(m->engine, NULL) < 0; i++)
                pump(m, 20);
        assert_int_equal(engine_restart(m->engine, "nobody", NULL), -ENOENT);
        pump(m, 50);
        assert_string_equal(m->sim->log, "");
        assert_int_equal(served(m, "one"), before);
}

/* ---- they were read before -------------------------------------------------------------------------- */

/* Who looks after a zone looks at it, not at its file. */
static void test_engine_looks_after_zones_while_files_cannot_be_read(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "Restart=always");
        pump_until_state(m, "one", "running");
        pump_until_idle(m);
        m->sim->log[0] = m->records[0] = '\0';
        take_descriptors();
        assert_int_equal(engine_reload(m->engine), -EMFILE);
        sim_power_off(m->sim, "one");
        for (unsigned i = 0; i < 200 && !strstr(m->records, "powered off"); i++)
                pump(m, 20);
        give_descriptors();
        assert_non_null(strstr(m->records, "powered off"));
        pump_until_state(m, "one", "running");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_engine_stops_nothing_before_it_has_read_anything, machine_setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_engine_looks_after_zones_while_files_cannot_be_read, machine_setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
