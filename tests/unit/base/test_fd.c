/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fd.h"

struct scene {
        char dir[32], path[48];
};

static int setup(void **state) {
        struct scene *s = calloc(1, sizeof(*s));

        strcpy(s->dir, "/tmp/fd-XXXXXX");
        assert_non_null(mkdtemp(s->dir));
        snprintf(s->path, sizeof(s->path), "%s/file", s->dir);
        *state = s;
        return 0;
}

static int teardown(void **state) {
        struct scene *s = *state;

        (void) unlink(s->path);
        (void) rmdir(s->dir);
        free(s);
        return 0;
}

static int read_all(const struct scene *s, size_t max, char **ret) {
        size_t size;
        int r = file_read(AT_FDCWD, s->path, max, ret, &size);

        if (r == 0)
                assert_int_equal(size, strlen(*ret));
        return r;
}

static void test_file_read_takes_no_half_of_a_file(void **state) {
        struct scene *s = *state;
        char *text = NULL;
        int fd = open(s->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, "half", 4), 0);
        assert_int_equal(read_all(s, 100, &text), -EAGAIN);
        assert_null(text);
        assert_int_equal(write_all(fd, " and half", 9), 0);
        fd_close(fd);
        assert_int_equal(read_all(s, 100, &text), 0);
        assert_string_equal(text, "half and half");
        free(text);
}

/* Whoever has it open for reading only, like another reader of ours, is in nobody's way. */
static void test_file_read_minds_no_reader(void **state) {
        struct scene *s = *state;
        char *text = NULL, beside[300];
        int fd;

        assert_int_equal(file_write_atomic(s->path, "text", 4), 0);
        fd = open(s->path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(read_all(s, 4, &text), 0);
                assert_string_equal(text, "text");
                free(text);
        }
        fd_close(fd);
        /* also over what a writer that died has left, */
        snprintf(beside, sizeof(beside), "%s.new", s->path);
        assert_int_equal(symlink("/nowhere/at/all", beside), 0);
        assert_int_equal(file_write_atomic(s->path, "text", 4), 0);
        assert_int_equal(unlink(beside), -1);
        assert_int_equal(read_all(s, 4, &text), 0);
        assert_string_equal(text, "text");
        free(text);
        /* and leaves nothing behind that would be in a writer's way */
        fd = open(s->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        assert_true(fd >= 0);
        fd_close(fd);
}

static void test_file_read_refuses_what_is_no_small_file(void **state) {
        struct scene *s = *state;
        char *text = NULL;

        assert_int_equal(read_all(s, 4, &text), -ENOENT);
        assert_int_equal(file_write_atomic(s->path, "12345", 5), 0);
        assert_int_equal(read_all(s, 4, &text), -EFBIG);
        assert_int_equal(file_read(AT_FDCWD, s->dir, 4, &text, NULL), -EISDIR);
        assert_int_equal(unlink(s->path), 0);
        assert_int_equal(mkfifo(s->path, 0600), 0);
        assert_int_equal(read_all(s, 4, &text), -EINVAL);
        assert_null(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_file_read_takes_no_half_of_a_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_file_read_minds_no_reader, setup, teardown),
                cmocka_unit_test_setup_teardown(test_file_read_refuses_what_is_no_small_file, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
