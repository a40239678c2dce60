/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each golden/NAME.conf (board-NAME.conf: a board) against NAME.expected, the
 * diagnostics word for word; a file that is right has no .expected. After a change
 * that is meant: GOLDEN_WRITE=1 build/unit/test_golden, and read the diff.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "common.h"
#include "check/check.h"

#define DIRECTORY "tests/unit/config/golden"

static int is_conf(const struct dirent *d) {
        const char *dot = strrchr(d->d_name, '.');

        return dot && strcmp(dot, ".conf") == 0;
}

/* Reads and reports under the file's bare name: the text must not depend on where the tests run. */
static int parse_file(const char *file, struct diagnostics *d) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;
        _cleanup_free_ char *text = NULL;
        char path[512], name[256];
        size_t size;

        snprintf(path, sizeof(path), DIRECTORY "/%s", file);
        snprintf(name, sizeof(name), "%.*s", (int) strlen(file) - 5, file);
        assert_int_equal(file_read(AT_FDCWD, path, CONFIG_FILE_MAX, &text, &size), 0);
        return strncmp(file, "board-", 6) == 0 ? board_spec_parse(file, text, size, d, &b)
                                               : zone_spec_parse(name, file, text, size, d, &z);
}

static void check_file(const char *file) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_free_ char *got = NULL, *want = NULL;
        char path[512];
        int r = parse_file(file, &d);

        assert_int_equal(r, d.errors > 0 ? -EBADMSG : 0);
        got = diagnostics_text(&d);
        snprintf(path, sizeof(path), DIRECTORY "/%.*s.expected", (int) strlen(file) - 5, file);
        if (getenv("GOLDEN_WRITE") && got[0])
                assert_int_equal(file_write_atomic(path, got, strlen(got)), 0);
        if (file_read(AT_FDCWD, path, CONFIG_FILE_MAX, &want, NULL) < 0)
                want = strdup("");
        if (strcmp(got, want) != 0)
                fprintf(stderr, "%s: got\n%s\n", file, got);
        assert_string_equal(got, want);
}

static void test_golden_diagnostics(void **state _unused_) {
        struct dirent **entries;
        int n = scandir(DIRECTORY, &entries, is_conf, alphasort);

        assert_true(n >= 10);
        for (int i = 0; i < n; i++) {
                check_file(entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
}

static void test_golden_examples_are_right(void **state _unused_) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;
        struct dirent **entries;
        int n = scandir("zones.d", &entries, is_conf, alphasort);

        assert_true(n > 1);
        assert_int_equal(load_board("zones.d/board.conf.example", &d, &b), 0);
        for (int i = 0; i < n; i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
                char path[300];

                snprintf(path, sizeof(path), "zones.d/%s", entries[i]->d_name);
                assert_int_equal(zone_spec_load(path, &d, &z), 0);
                assert_int_equal(zone_check_board(z, b, NULL, &d), 0);
                free(entries[i]);
        }
        free(entries);
        assert_int_equal(d.count, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden_diagnostics),
                cmocka_unit_test(test_golden_examples_are_right),
        };

        return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
