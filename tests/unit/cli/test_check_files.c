/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/check_files.h"

/* The kind is known before the text is read. */
static void test_check_files_kind_follows_from_the_name(void **state _unused_) {
        static const struct {
                const char *path;
                enum file_kind kind;
        } c[] = {
                { "/etc/hvisor/hvisor.conf", SETTINGS_FILE }, { "/nowhere/etc/hvisor/hvisor.conf", SETTINGS_FILE },
                { "nowhere/hvisor.conf", SETTINGS_FILE },     { "/nowhere/etc/hvisor/board.conf", BOARD_FILE },
                { "nowhere/board.conf.example", BOARD_FILE }, { "nowhere/xhvisor.conf", ZONE_FILE },
                { "nowhere/linux2.conf", ZONE_FILE },         { "/nowhere/zones.d/hvisor.conf", ZONE_FILE },
                { "zones.d/board.conf", ZONE_FILE },          { "/nowhere/xzones.d/board.conf", BOARD_FILE },
                { "zones.d/board.conf.example", BOARD_FILE }, { "xzones.d/board.conf", BOARD_FILE },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct check_files files = {};
                struct diagnostics d = {};

                check_files_read(&files, c[i].path, &d);
                assert_int_equal(files.count, 1);
                assert_int_equal(files.items[0].kind, c[i].kind);
                check_files_clear(&files);
                diagnostics_clear(&d);
        }
}

/* ---- zones with drop-ins ---------------------------------------------------------------------------- */

static const char zone[] = "[Zone]\nId=1\nCPUs=2\nKernel=/k\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"
                           "[Memory ram]\nPhysicalAddress=0x50000000\nSize=128M\n";

struct scene {
        char dir[64];
        struct check_files files;
        struct diagnostics d;
};

static void put(const struct scene *s, const char *name, const char *text) {
        char path[160];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", s->dir, name);
        assert_int_equal(mkdir_parents(path), 0);
        f = fopen(path, "we");
        assert_true(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static int setup(void **state) {
        struct scene *s = calloc(1, sizeof(*s));

        strcpy(s->dir, "/tmp/check-XXXXXX");
        assert_non_null(mkdtemp(s->dir));
        put(s, "etc/a.conf.d/10.conf", "[Zone]\nCPUs=1\n");
        put(s, "etc/none.conf.d/1.conf", "[Zone]\nCPUs=1\n");
        put(s, "lib/a.conf", zone);
        put(s, "lib/a.conf.d/10.conf", "[Zone]\nCPUs=3\n");
        put(s, "lib/a.conf.d/20.conf", "[Zone]\nRestart=no\n");
        put(s, "lib/b.conf", "wrong");
        put(s, "etc/b.conf", zone);
        *state = s;
        return 0;
}

static int teardown(void **state) {
        struct scene *s = *state;
        char command[128];

        check_files_clear(&s->files);
        diagnostics_clear(&s->d);
        snprintf(command, sizeof(command), "rm -r %s", s->dir);
        assert_int_equal(system(command), 0);
        free(s);
        return 0;
}

static void expect_told(const struct scene *s, size_t i, enum severity severity, const char *file, const char *words) {
        char path[160];

        assert_true(i < s->d.count);
        snprintf(path, sizeof(path), "%s/%s", s->dir, file);
        assert_string_equal(s->d.items[i].file, path);
        assert_int_equal(s->d.items[i].severity, severity);
        assert_non_null(strstr(s->d.items[i].message, words));
}

static void test_check_merges_directories(void **state) {
        struct scene *s = *state;
        char etc[96], lib[96];
        const struct zone_dirs dirs = { { etc, lib } };

        snprintf(etc, sizeof(etc), "%s/etc", s->dir);
        snprintf(lib, sizeof(lib), "%s/lib", s->dir);
        check_files_read_zones(&s->files, &dirs, &s->d);
        assert_int_equal(s->files.count, 2);
        assert_int_equal(s->files.items[0].zone->cpus, 2);
        assert_int_equal(s->files.items[0].zone->restart, RESTART_NO);
        assert_int_equal(s->files.items[0].sources.count, 3);
        assert_int_equal(s->files.items[1].zone->cpus, 4);
        assert_int_equal(s->d.count, 1);
        expect_told(s, 0, SEVERITY_WARNING, "etc/none.conf.d", "drop-ins for no zone: there is no none.conf");
}

static void read_one(struct scene *s, const char *name) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", s->dir, name);
        check_files_read(&s->files, path, &s->d);
}

static void test_check_takes_a_drop_in_for_its_zone(void **state) {
        struct scene *s = *state;

        read_one(s, "lib/a.conf.d/20.conf");
        read_one(s, "lib/a.conf.d/10.conf");
        read_one(s, "lib/a.conf");
        read_one(s, "lib/a.conf.d");
        assert_int_equal(s->files.count, 1);
        assert_int_equal(s->files.items[0].zone->cpus, 8);
        assert_int_equal(s->d.count, 0);
        read_one(s, "lib/a.conf.d/30.conf");
        expect_told(s, 0, SEVERITY_NOTE, "lib/a.conf.d/30.conf", "does not count");
        read_one(s, "etc/none.conf.d/1.conf");
        expect_told(s, 1, SEVERITY_WARNING, "etc/none.conf.d", "drop-ins for no zone");
        assert_int_equal(s->files.count, 1);
        put(s, "lib/a.conf.d/40.conf", "[Zone]\nCPUS=1\n");
        check_files_clear(&s->files);
        read_one(s, "lib/a.conf");
        expect_told(s, 2, SEVERITY_ERROR, "lib/a.conf.d/40.conf", "did you mean");
        assert_int_equal(s->d.items[2].line, 2);
        assert_null(s->files.items[0].zone);
}

/* Wherever it was named; a file that is not there is called as it was asked for. */
static void test_check_names_masks_and_what_is_not_there(void **state) {
        struct scene *s = *state;
        char path[160];

        snprintf(path, sizeof(path), "%s/masked.conf", s->dir);
        assert_int_equal(symlink("/dev/null", path), 0);
        check_files_read(&s->files, path, &s->d);
        assert_int_equal(s->files.count + s->d.errors, 0);
        assert_string_equal(s->d.items[0].message, "masks the zone: there is none");
        check_files_read(&s->files, "nowhere.conf", &s->d);
        assert_string_equal(s->d.items[1].file, "nowhere.conf");
        check_files_read(&s->files, "nowhere.txt", &s->d);
        assert_non_null(strstr(s->d.items[2].message, "NAME.conf"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_check_files_kind_follows_from_the_name),
                cmocka_unit_test_setup_teardown(test_check_merges_directories, setup, teardown),
                cmocka_unit_test_setup_teardown(test_check_takes_a_drop_in_for_its_zone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_check_names_masks_and_what_is_not_there, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
