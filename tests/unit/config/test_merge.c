/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each merge/NAME/ is a zone with drop-ins: zone.conf, then what is in zone.conf.d/, and in expected either what is wrong,
 * word for word, or the settings that come of it. After a change that is meant:
 * GOLDEN_WRITE=1 build/unit/test_merge, and read the diff.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "common.h"
#include "check/conflict.h"
#include "config/zone_listing.h"

#define DIRECTORY "tests/unit/config/merge"

static int is_case(const struct dirent *d) {
        return d->d_name[0] != '.';
}

static void find(const struct zone_dirs *dirs, const int *fds, const char *file, struct zone_sources *ret) {
        const struct zone_search at = { dirs, fds, file };
        char *bad;

        assert_int_equal(zone_sources_add(ret, &at, 0), 0);
        assert_int_equal(zone_sources_add_drop_ins(ret, &at, UINT8_MAX, &bad), 0);
}

/* Reads and reports under paths that begin with the case's name, wherever the tests run. */
static void read_all(struct zone_sources *s) {
        for (size_t i = 0; i < s->count; i++) {
                struct zone_source *f = &s->items[i];
                size_t directory = strlen(f->path) - strlen(f->file);

                assert_int_equal(file_read(f->directory, f->file, CONFIG_FILE_MAX, &f->text, &f->size), 0);
                memmove(f->path, f->file, strlen(f->path) + 1 - directory);
                f->file = f->path;
        }
}

static char *result_of(const struct zone_sources *s) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
        char *text;
        int r = zone_spec_merge("zone", s->items, s->count, &d, &z);

        assert_int_equal(r, d.errors > 0 ? -EBADMSG : 0);
        if (r < 0)
                return diagnostics_text(&d);
        assert_int_equal(z->num_drop_ins, s->count - 1);
        for (size_t i = 1; i < s->count; i++)
                assert_string_equal(z->drop_ins[i - 1], s->items[i].path);
        assert_int_equal(zone_spec_format(z, &text), 0);
        return text;
}

static void check_case(const char *name) {
        _cleanup_(zone_sources_clear) struct zone_sources s = {};
        _cleanup_free_ char *got = NULL, *want = NULL;
        char path[512], expected[512];
        const struct zone_dirs dirs = { { path } };
        int fds[ZONE_DIRS_MAX];

        snprintf(path, sizeof(path), DIRECTORY "/%s", name);
        snprintf(expected, sizeof(expected), DIRECTORY "/%s/expected", name);
        zone_dirs_open(&dirs, fds);
        find(&dirs, fds, "zone.conf", &s);
        read_all(&s);
        zone_dirs_close(fds);
        got = result_of(&s);
        if (getenv("GOLDEN_WRITE"))
                assert_int_equal(file_write_atomic(expected, got, strlen(got)), 0);
        if (file_read(AT_FDCWD, expected, CONFIG_FILE_MAX, &want, NULL) < 0)
                want = strdup("");
        if (strcmp(got, want) != 0)
                fprintf(stderr, "%s: got\n%s\n", name, got);
        assert_string_equal(got, want);
}

static void test_merge_is_golden(void **state _unused_) {
        struct dirent **entries;
        int n = scandir(DIRECTORY, &entries, is_case, alphasort);

        assert_true(n >= 8);
        for (int i = 0; i < n; i++) {
                check_case(entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
}

/* ---- which drop-ins, in which order ----------------------------------------------------------------- */

static void put(const char *dir, const char *level, const char *file) {
        char path[256];
        int fd;

        snprintf(path, sizeof(path), "%s/%s", dir, level);
        (void) mkdir(path, 0755);
        snprintf(path, sizeof(path), "%s/%s/a.conf.d", dir, level);
        (void) mkdir(path, 0755);
        snprintf(path, sizeof(path), "%s/%s/a.conf.d/%s", dir, level, file);
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        close(fd);
}

static void test_drop_ins_of_all_directories_by_name(void **state _unused_) {
        static const char *const want[] = { "a.conf", "a.conf.d/05-first.conf", "a.conf.d/10-one.conf",
                                            "a.conf.d/20-two.conf", "a.conf.d/30-three.conf" };
        static const char *const levels[] = { "etc", "lib", "etc", "run", "lib" };
        _cleanup_(zone_sources_clear) struct zone_sources s = {};
        char dir[] = "/tmp/merge-XXXXXX", etc[64], run[64], lib[64], path[256], command[128];
        const struct zone_dirs dirs = { { etc, run, lib } };
        int fds[ZONE_DIRS_MAX];

        assert_non_null(mkdtemp(dir));
        snprintf(etc, sizeof(etc), "%s/etc", dir);
        snprintf(run, sizeof(run), "%s/run", dir);
        snprintf(lib, sizeof(lib), "%s/lib", dir);
        put(dir, "lib", "05-first.conf");
        put(dir, "lib", "10-one.conf");
        put(dir, "run", "10-one.conf");
        put(dir, "etc", "10-one.conf");
        put(dir, "lib", "20-two.conf");
        put(dir, "run", "20-two.conf");
        put(dir, "lib", "30-three.conf");
        put(dir, "etc", ".hidden.conf");
        put(dir, "etc", "10-one.conf~");
        put(dir, "etc", "README");
        zone_dirs_open(&dirs, fds);
        find(&dirs, fds, "a.conf", &s);
        zone_dirs_close(fds);
        assert_int_equal(s.count, ELEMENTSOF(want));
        for (size_t i = 0; i < s.count; i++) {
                assert_string_equal(s.items[i].file, want[i]);
                snprintf(path, sizeof(path), "%s/%s/%s", dir, levels[i], want[i]);
                assert_string_equal(s.items[i].path, path);
        }
        snprintf(command, sizeof(command), "rm -r %s", dir);
        assert_int_equal(system(command), 0);
}

static void test_drop_ins_that_are_too_many_or_none(void **state _unused_) {
        char dir[] = "/tmp/merge-XXXXXX", etc[64], name[32], command[256];
        const struct zone_dirs dirs = { { etc } };
        _cleanup_(zone_sources_clear) struct zone_sources s = {};
        const struct zone_search at = { &dirs, (int[ZONE_DIRS_MAX]){ -1 }, "a.conf" };
        char *bad;

        assert_non_null(mkdtemp(dir));
        snprintf(etc, sizeof(etc), "%s/etc", dir);
        put(dir, "etc", "x");
        *(int *) at.fds = open(etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(zone_sources_add_drop_ins(&s, &at, 1, &bad), 0);
        assert_int_equal(s.count, 0);
        for (unsigned i = 0; i <= ZONE_DROP_INS_MAX; i++) {
                snprintf(name, sizeof(name), "%u.conf", i);
                put(dir, "etc", name);
        }
        assert_int_equal(zone_sources_add_drop_ins(&s, &at, 1, &bad), -E2BIG);
        assert_non_null(strstr(bad, "/etc/a.conf.d"));
        free(bad);
        snprintf(command, sizeof(command), "rm -r %s/a.conf.d && touch %s/a.conf.d", etc, etc);
        assert_int_equal(system(command), 0);
        assert_int_equal(zone_sources_add_drop_ins(&s, &at, 1, &bad), -ENOTDIR);
        free(bad);
        fd_close(at.fds[0]);
        snprintf(command, sizeof(command), "rm -r %s", dir);
        assert_int_equal(system(command), 0);
}

/* ---- what is found later has its place -------------------------------------------------------------- */

static struct zone_spec *merged(const char *name, const char *main_path, const char *text, const char *drop_in_path,
                                const char *drop_in) {
        const struct zone_source files[] = {
                { .path = (char *) main_path, .text = (char *) text, .size = strlen(text) },
                { .path = (char *) drop_in_path, .text = (char *) drop_in, .size = strlen(drop_in) },
        };
        struct diagnostics d = {};
        struct zone_spec *z = NULL;

        assert_int_equal(zone_spec_merge(name, files, 2, &d, &z), 0);
        return z;
}

static void test_conflicts_name_the_drop_in(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *a =
                merged("a", "/etc/a.conf", good_zone, "/etc/a.conf.d/1.conf", "[Zone]\nId=7\n\nCPUs=5\n");
        _cleanup_(zone_spec_freep) struct zone_spec *b =
                merged("b", "/lib/b.conf", good_zone, "/etc/b.conf.d/2.conf", "# cpus\n[Zone]\nCPUs=5-6\n");
        _cleanup_(zone_spec_freep) struct zone_spec *copy = zone_spec_copy(b);
        char text[512];

        assert_true(zone_conflict_tell(a, copy, text, sizeof(text)));
        assert_non_null(strstr(text, "/etc/a.conf.d/1.conf:4:6: CPU 5 belongs to zone b (/etc/b.conf.d/2.conf:3:6)"));
        assert_true(zone_conflict_tell(copy, a, text, sizeof(text)));
        assert_non_null(strstr(text, "/etc/b.conf.d/2.conf:3:6: CPU 5 belongs to zone a (/etc/a.conf.d/1.conf:4:6)"));
        assert_string_equal(zone_spot(a, a, "Kernel").path, "/etc/a.conf");
        assert_string_equal(zone_spot(a, NULL, NULL).path, "/etc/a.conf");
        assert_false(zone_spec_same_files(a, b));
        assert_true(zone_spec_same_files(b, copy));
}

/* ---- the example that is shipped -------------------------------------------------------------------- */

static char *example(const char *path) {
        char *text;

        assert_int_equal(file_read(AT_FDCWD, path, CONFIG_FILE_MAX, &text, NULL), 0);
        return text;
}

static void test_example_changes_the_other_one(void **state _unused_) {
        _cleanup_free_ char *zone = example("zones.d/linux2.conf"), *drop_in = example("zones.d/override.conf.example");
        _cleanup_(zone_spec_freep) struct zone_spec *z = merged("linux2", "a", zone, "b", drop_in);

        assert_int_equal(z->cpus, BIT(3));
        assert_null(z->initrd.path);
        assert_int_equal(z->restart, RESTART_ALWAYS);
        assert_true(zone_spec_find_device(z, "root")->read_only);
        assert_string_equal(zone_spec_find_device(z, "data")->image, "/var/lib/hvisor/data.img");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_merge_is_golden),
                cmocka_unit_test(test_drop_ins_of_all_directories_by_name),
                cmocka_unit_test(test_drop_ins_that_are_too_many_or_none),
                cmocka_unit_test(test_conflicts_name_the_drop_in),
                cmocka_unit_test(test_example_changes_the_other_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
