// wrap: file_read
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that cannot be read just now: for want of descriptors, or because nobody sees their directory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
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
        unsetenv("HVISOR_BOARDS");
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

/* ---- a board's description -------------------------------------------------------------------------- */

static int description_error;

int __real_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);
int __wrap_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);

int __wrap_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size) {
        if (description_error && strstr(path, "/boards/my.conf"))
                return description_error;
        return __real_file_read(dirfd, path, max, ret, ret_size);
}

/* What its file said itself stands in a description from now on. */
static void describe_board(struct machine *m) {
        char directory[80], description[96];

        snprintf(directory, sizeof(directory), "%s/boards", m->dir);
        snprintf(description, sizeof(description), "%s/my.conf", directory);
        assert_int_equal(mkdir(directory, 0755), 0);
        assert_int_equal(rename(m->board, description), 0);
        setenv("HVISOR_BOARDS", directory, 1);
        write_file(m->dir, "board.conf", "[Board]\nBoard=my\n");
}

static void test_engine_keeps_a_board_whose_description_it_has_no_descriptor_for(void **state) {
        struct machine *m = *state;

        describe_board(m);
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        description_error = -EMFILE;
        assert_int_equal(engine_reload(m->engine), -EMFILE);
        description_error = 0;
        write_zone(m, "two", 2, "3", "");
        pump_until_state(m, "two", "running"); /* by itself, within the second */
        assert_null(strstr(m->records, "my.conf cannot be read"));
}

static void test_engine_reads_a_description_again_that_a_disk_did_not_give(void **state) {
        struct machine *m = *state;

        describe_board(m);
        description_error = -EIO;
        want_zone(m, "one", 1, "2", "");
        pump_until_idle(m);
        assert_string_equal(status(m, "one", "state"), "refused");
        assert_non_null(strstr(status(m, "one", "message"), "my.conf cannot be read: Input/output error"));
        description_error = 0;
        pass_time(m, 11);
        pump_until_state(m, "one", "running");
}

/* ---- directories that nobody has seen --------------------------------------------------------------- */

/* To a daemon that starts now, and that knows nothing of zone a but that it runs. */
static void lose(struct machine *m, const char *directory) {
        char copy[160];

        m->engine = engine_free(m->engine);
        snprintf(copy, sizeof(copy), "%s/a.conf", m->specs);
        assert_int_equal(unlink(copy), 0);
        assert_int_equal(symlink(directory, directory), 0);
        m->sim->log[0] = m->records[0] = '\0';
}

/* It goes on, and that is so for who waits for what it has: another is not taken down for its sake. */
static void test_engine_makes_no_room_for_who_waits_for_a_zone_of_a_lost_directory(void **state) {
        struct machine *m = *state;
        char file[160], lower[160];

        write_zone(m, "a", 1, "2", "");
        snprintf(file, sizeof(file), "%s/a.conf", m->zones);
        snprintf(lower, sizeof(lower), "%s/a.conf", m->lower[0]);
        assert_int_equal(mkdir(m->lower[0], 0755), 0);
        assert_int_equal(rename(file, lower), 0);
        want_zone(m, "b", 2, "3", "");
        pump_until_state(m, "a", "running");
        pump_until_state(m, "b", "running");
        assert_int_equal(unlink(lower), 0);
        assert_int_equal(rmdir(m->lower[0]), 0);
        lose(m, m->lower[0]);
        write_zone(m, "b", 2, "2-3", "");
        engine_begin(m);
        pump(m, 100);
        assert_string_equal(m->sim->log, "");
        assert_string_equal(status(m, "a", "state"), "running");
        assert_string_equal(status(m, "b", "state"), "running");
        assert_non_null(strstr(m->records, "CPU 2 belongs to zone a; it runs on as it was"));
}

static void test_engine_stops_no_zone_of_a_lost_directory_for_its_drop_ins(void **state) {
        struct machine *m = *state;
        char path[160];

        want_zone(m, "a", 1, "2", "");
        pump_until_state(m, "a", "running");
        unlink(strcat(strcpy(path, m->zones), "/a.conf"));
        assert_int_equal(rmdir(m->zones), 0);
        assert_int_equal(mkdir(m->lower[0], 0755), 0);
        assert_int_equal(mkdir(strcat(strcpy(path, m->lower[0]), "/a.conf.d"), 0755), 0);
        write_file(path, "x.conf", "[Zone]\nRestart=always\n");
        lose(m, m->zones);
        engine_begin(m);
        pump(m, 100);
        assert_string_equal(m->sim->log, "");
        assert_string_equal(status(m, "a", "state"), "running");
        assert_non_null(strstr(m->records, "it goes on"));
        /* its directory is there, and nothing in it: that is known now */
        assert_int_equal(unlink(m->zones), 0);
        assert_int_equal(mkdir(m->zones, 0755), 0);
        assert_int_equal(engine_reload(m->engine), 0);
        pump_until_idle(m);
        assert_string_equal(m->sim->log, "stop destroy");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_engine_stops_nothing_before_it_has_read_anything, machine_setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_engine_looks_after_zones_while_files_cannot_be_read, machine_setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_engine_keeps_a_board_whose_description_it_has_no_descriptor_for,
                                                machine_setup, teardown),
                cmocka_unit_test_setup_teardown(test_engine_reads_a_description_again_that_a_disk_did_not_give,
                                                machine_setup, teardown),
                MACHINE_TEST(test_engine_makes_no_room_for_who_waits_for_a_zone_of_a_lost_directory),
                MACHINE_TEST(test_engine_stops_no_zone_of_a_lost_directory_for_its_drop_ins),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
