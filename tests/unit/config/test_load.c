/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "common.h"

static char directory[] = "/tmp/hvisor-load-XXXXXX";

static int enter_directory(void **state _unused_) {
        assert_non_null(mkdtemp(directory));
        return chdir(directory);
}

static int leave_directory(void **state _unused_) {
        return chdir("/") < 0 ? -1 : rmdir(directory);
}

static void put(const char *name, const char *text, size_t size) {
        assert_int_equal(file_write_atomic(name, text, size), 0);
}

static void test_load_names_zones_by_their_files(void **state _unused_) {
        static const struct {
                const char *file, *name, *error;
        } c[] = {
                { "linux2.conf", "linux2", NULL },
                { "a.b.conf", "a.b", NULL },
                { "no-suffix", "no-suffix", NULL },
                { "a b.conf", NULL,
                  "a b.conf: \"a b\" cannot be a zone's name: 1 to 31 of A-Z a-z 0-9 . _ -, no dot first" },
                { "0123456789012345678901234567890.conf", "0123456789012345678901234567890", NULL },
                { "01234567890123456789012345678901.conf", NULL,
                  "01234567890123456789012345678901.conf: \"01234567890123456789012345678901\" cannot be a "
                  "zone's "
                  "name: 1 to 31 of A-Z a-z 0-9 . _ -, no dot first" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
                char first[256];
                int r;

                put(c[i].file, good_zone, strlen(good_zone));
                r = zone_spec_load(c[i].file, &d, &z);
                unlink(c[i].file);
                diagnostics_first_error(&d, first, sizeof(first));
                assert_string_equal(first, c[i].error ? c[i].error : "");
                assert_int_equal(r, c[i].error ? -EBADMSG : 0);
                if (!c[i].error) {
                        assert_string_equal(z->name, c[i].name);
                        assert_string_equal(z->path, c[i].file);
                }
        }
}

static void test_load_refuses_what_is_no_file(void **state _unused_) {
        static char large[CONFIG_FILE_MAX + 1];
        static const struct {
                const char *file, *error;
                int want;
        } c[] = {
                { "none", "none: cannot be read: No such file or directory", -ENOENT },
                { ".", ".: cannot be read: Is a directory", -EISDIR },
                { "fifo", "fifo: not a regular file", -EINVAL },
                { "large", "large: larger than 262144 bytes", -EFBIG },
        };

        assert_int_equal(mkfifo("fifo", 0600), 0);
        memset(large, '\n', sizeof(large));
        put("large", large, sizeof(large));
        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                struct zone_spec *z = NULL;
                struct board_spec *b = NULL;
                char first[256];

                assert_int_equal(zone_spec_load(c[i].file, &d, &z), c[i].want);
                assert_int_equal(load_board(c[i].file, &d, &b), c[i].want);
                assert_null(z);
                assert_null(b);
                assert_int_equal(d.errors, 2);
                diagnostics_first_error(&d, first, sizeof(first));
                assert_string_equal(first, c[i].error);
        }
        unlink("fifo");
        unlink("large");
}

/* The largest file there may be, full of mistakes or of nothing, is done in no time. */
static void test_load_of_large_files_is_quick(void **state _unused_) {
        static const char *const pieces[] = { "\n", "[\n", "x=\n", "[Memory a]\n", "[Zone]\nId=1\n", "=", "a" };
        static char text[CONFIG_FILE_MAX];

        for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                struct zone_spec *z = NULL;
                size_t n = strlen(pieces[i]);

                for (size_t at = 0; at < sizeof(text); at++)
                        text[at] = pieces[i][at % n];
                alarm(10);
                assert_int_equal(zone_spec_parse("x", "x.conf", text, sizeof(text), &d, &z), -EBADMSG);
                alarm(0);
                assert_true(d.count <= 101);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_load_names_zones_by_their_files),
                cmocka_unit_test(test_load_refuses_what_is_no_file),
                cmocka_unit_test(test_load_of_large_files_is_quick),
        };

        return cmocka_run_group_tests_name("load", tests, enter_directory, leave_directory);
}
