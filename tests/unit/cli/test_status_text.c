/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each golden/NAME.json (plan-NAME.json: a plan) against NAME.expected: the table
 * of all zones, then each zone by itself. After a change that is meant:
 * GOLDEN_WRITE=1 build/unit/test_status_text, and read the diff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "cli/json.h"
#include "cli/status_text.h"

#define DIRECTORY "tests/unit/cli/golden"

static int is_json(const struct dirent *d) {
        const char *dot = strrchr(d->d_name, '.');

        return dot && strcmp(dot, ".json") == 0;
}

static void print_all(const json_t *json, const char *file, FILE *f, bool colour) {
        const json_t *zone;
        size_t i;

        if (strncmp(file, "plan-", 5) == 0) {
                plan_text_print(json, f);
                return;
        }
        assert_int_equal(status_print(json, f, colour), 0);
        json_array_foreach(json_object_get(json, "zones"), i, zone) {
                fprintf(f, "---- %zu\n", i);
                assert_int_equal(status_print_zone(json, zone, f, colour), 0);
        }
}

static char *printed(const char *file, bool colour) {
        char path[512], *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        json_t *json;

        snprintf(path, sizeof(path), DIRECTORY "/%s", file);
        json = json_load_file(path, 0, NULL);
        assert_non_null(json);
        print_all(json, file, f, colour);
        fclose(f);
        json_decref(json);
        return text;
}

static void check_file(const char *file) {
        _cleanup_free_ char *got = printed(file, false), *want = NULL;
        char path[512];

        for (const char *p = got; *p; p++)
                assert_true((unsigned char) *p >= 0x20 || *p == '\n');
        snprintf(path, sizeof(path), DIRECTORY "/%.*s.expected", (int) strlen(file) - 5, file);
        if (getenv("GOLDEN_WRITE"))
                assert_int_equal(file_write_atomic(path, got, strlen(got)), 0);
        assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &want, NULL), 0);
        if (strcmp(got, want) != 0)
                fprintf(stderr, "%s: got\n%s\n", file, got);
        assert_string_equal(got, want);
}

static void test_status_text_golden(void **state _unused_) {
        struct dirent **entries;
        int n = scandir(DIRECTORY, &entries, is_json, alphasort);

        assert_true(n >= 5);
        for (int i = 0; i < n; i++) {
                check_file(entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
}

/* Colours change nothing but colours. */
static void test_status_text_colours(void **state _unused_) {
        _cleanup_free_ char *plain = printed("many.json", false), *coloured = printed("many.json", true);
        char *to = coloured;

        assert_non_null(strstr(coloured, "\033[32mrunning\033[0m"));
        assert_non_null(strstr(coloured, "\033[1;31mfailed\033[0m"));
        for (const char *from = coloured; *from;)
                if (*from == '\033')
                        from = strchr(from, 'm') + 1;
                else
                        *to++ = *from++;
        *to = '\0';
        assert_string_equal(plain, coloured);
}

static void test_status_find_zone_prefers_ours(void **state _unused_) {
        json_t *status = json_loads("{\"zones\":[{\"name\":\"a\",\"state\":\"foreign\",\"id\":1},"
                                    "{\"name\":\"a\",\"state\":\"running\",\"id\":2},{\"name\":null}]}",
                                    0, NULL);

        assert_int_equal(json_number(status_find_zone(status, "a"), "id"), 2);
        assert_null(status_find_zone(status, "b"));
        json_decref(status);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_status_text_golden),
                cmocka_unit_test(test_status_text_colours),
                cmocka_unit_test(test_status_find_zone_prefers_ours),
        };

        return cmocka_run_group_tests_name("status_text", tests, NULL, NULL);
}
