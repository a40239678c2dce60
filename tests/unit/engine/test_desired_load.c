// sources: reconciler/engine/desired_load.c reconciler/plan/desired.c reconciler/config/*.c reconciler/base/fd.c reconciler/base/err.c -Wl,--wrap=zone_spec_parse,--wrap=board_spec_parse
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fd.h"
#include "config/parse.h"
#include "engine/desired_load.h"

#define BOARD                                                                                                          \
        "[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n[GIC]\nVersion=3\nDistributorAddress=0x8000000\n"            \
        "DistributorSize=0x10000\nRedistributorAddress=0x80a0000\nRedistributorSize=0xf60000\n"
#define ZONE                                                                                                           \
        "[Zone]\nId=1\nCPUs=2\nKernel=/Image\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"                       \
        "[Memory ram]\nPhysicalAddress=0x50000000\nSize=128M\n"

struct scene {
        char dir[64], zones[96], specs[96], board[96];
        struct desired desired;
};

static int setup(void **state) {
        struct scene *s = calloc(1, sizeof(*s));

        strcpy(s->dir, "/tmp/desired-XXXXXX");
        assert_non_null(mkdtemp(s->dir));
        snprintf(s->zones, sizeof(s->zones), "%s/zones.d", s->dir);
        snprintf(s->specs, sizeof(s->specs), "%s/specs", s->dir);
        snprintf(s->board, sizeof(s->board), "%s/board.conf", s->dir);
        assert_int_equal(mkdir(s->zones, 0755) | mkdir(s->specs, 0755), 0);
        *state = s;
        return 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw _unused_) {
        return remove(path);
}

static int teardown(void **state) {
        struct scene *s = *state;

        desired_clear(&s->desired);
        nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(s);
        return 0;
}

/* A descriptor that is still open for writing. */
static int begin_writing(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        return fd;
}

static void put(const char *dir, const char *name, const char *text) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        close(begin_writing(path, text));
}

static const struct desired_zone *load(struct scene *s) {
        const struct desired_paths paths = { .zones_dir = s->zones, .board_path = s->board, .specs_dir = s->specs };

        assert_int_equal(desired_load(&s->desired, &paths), 0);
        return desired_find(&s->desired, "a");
}

static int begin_writing_a(struct scene *s, const char *text) {
        char path[160];

        snprintf(path, sizeof(path), "%s/a.conf", s->zones);
        return begin_writing(path, text);
}

static void test_load_takes_no_new_file_before_its_writer_closed_it(void **state) {
        struct scene *s = *state;
        const struct desired_zone *z;
        int fd = begin_writing_a(s, "[Zo");

        assert_null(load(s));
        close(fd);
        z = load(s);
        assert_non_null(z);
        assert_int_equal(z->file_state, FILE_BAD);
        put(s->zones, "a.conf", ZONE);
        z = load(s);
        assert_string_equal(z->message ? z->message : "", "");
        assert_int_equal(z->file_state, FILE_GOOD);
        fd = begin_writing_a(s, "[Zo");
        assert_int_equal(load(s)->file_state, FILE_GOOD);
        close(fd);
        assert_int_equal(load(s)->file_state, FILE_BAD);
}

/* A daemon that starts meanwhile: the zone has a file, so it is not one to be removed. */
static void test_load_knows_that_an_applied_zone_has_a_file(void **state) {
        struct scene *s = *state;
        int fd = begin_writing_a(s, "[Zo");

        put(s->specs, "a.conf", ZONE);
        assert_int_equal(load(s)->file_state, FILE_BAD);
        assert_non_null(strstr(load(s)->message, "is being written"));
        close(fd);
}

static void test_load_keeps_the_board_while_it_is_written(void **state) {
        struct scene *s = *state;
        const struct board_spec *board;
        int fd;

        (void) load(s);
        assert_null(s->desired.board);
        put(s->dir, "board.conf", BOARD);
        (void) load(s);
        board = s->desired.board;
        assert_non_null(board);
        fd = begin_writing(s->board, "[Bo");
        (void) load(s);
        assert_ptr_equal(s->desired.board, board);
        assert_null(s->desired.board_message);
        close(fd);
        (void) load(s);
        assert_null(s->desired.board);
        assert_non_null(s->desired.board_message);
        put(s->dir, "board.conf", BOARD);
        (void) load(s);
        assert_non_null(s->desired.board);
}

/* ---- without memory --------------------------------------------------------------------------------- */

static bool no_memory;

int __real_zone_spec_parse(const char *name, const char *path, const char *text, size_t size, struct diagnostics *d,
                           struct zone_spec **ret);
int __wrap_zone_spec_parse(const char *name, const char *path, const char *text, size_t size, struct diagnostics *d,
                           struct zone_spec **ret);
int __real_board_spec_parse(const char *path, const char *text, size_t size, struct diagnostics *d,
                            struct board_spec **ret);
int __wrap_board_spec_parse(const char *path, const char *text, size_t size, struct diagnostics *d,
                            struct board_spec **ret);

int __wrap_zone_spec_parse(const char *name, const char *path, const char *text, size_t size, struct diagnostics *d,
                           struct zone_spec **ret) {
        return no_memory ? -ENOMEM : __real_zone_spec_parse(name, path, text, size, d, ret);
}

int __wrap_board_spec_parse(const char *path, const char *text, size_t size, struct diagnostics *d,
                            struct board_spec **ret) {
        return no_memory ? -ENOMEM : __real_board_spec_parse(path, text, size, d, ret);
}

static void load_in_vain(struct scene *s) {
        const struct desired_paths paths = { .zones_dir = s->zones, .board_path = s->board, .specs_dir = s->specs };

        no_memory = true;
        assert_int_equal(desired_load(&s->desired, &paths), -ENOMEM);
        no_memory = false;
}

static void test_load_reads_again_what_was_read_in_vain(void **state) {
        struct scene *s = *state;

        put(s->dir, "board.conf", "[Bo");
        put(s->zones, "a.conf", "[Zo");
        assert_int_equal(load(s)->file_state, FILE_BAD);
        put(s->dir, "board.conf", BOARD);
        load_in_vain(s);
        (void) load(s);
        assert_non_null(s->desired.board);
        put(s->zones, "a.conf", ZONE);
        load_in_vain(s);
        assert_int_equal(load(s)->file_state, FILE_GOOD);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_load_takes_no_new_file_before_its_writer_closed_it),
                T(test_load_knows_that_an_applied_zone_has_a_file),
                T(test_load_keeps_the_board_while_it_is_written),
                T(test_load_reads_again_what_was_read_in_vain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
