// wrap: zone_spec_merge board_spec_parse file_read
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/parse.h"
#include "engine/desired_scene.h"

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

int __real_zone_spec_merge(const char *name, const struct zone_source *files, size_t count, struct diagnostics *d,
                           struct zone_spec **ret);
int __wrap_zone_spec_merge(const char *name, const struct zone_source *files, size_t count, struct diagnostics *d,
                           struct zone_spec **ret);
int __real_board_spec_parse(const char *path, const char *text, size_t size, struct diagnostics *d,
                            struct board_spec **ret);
int __wrap_board_spec_parse(const char *path, const char *text, size_t size, struct diagnostics *d,
                            struct board_spec **ret);

int __wrap_zone_spec_merge(const char *name, const struct zone_source *files, size_t count, struct diagnostics *d,
                           struct zone_spec **ret) {
        return no_memory ? -ENOMEM : __real_zone_spec_merge(name, files, count, d, ret);
}

int __wrap_board_spec_parse(const char *path, const char *text, size_t size, struct diagnostics *d,
                            struct board_spec **ret) {
        return no_memory ? -ENOMEM : __real_board_spec_parse(path, text, size, d, ret);
}

static void load_in_vain(struct scene *s) {
        const struct desired_paths paths = { .dirs = { { s->zones } }, .board_path = s->board, .specs_dir = s->specs };

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

/* ---- what is read ----------------------------------------------------------------------------------- */

static unsigned reads; /* of zones' files */

int __real_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);
int __wrap_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);

int __wrap_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size) {
        reads += dirfd != AT_FDCWD;
        return __real_file_read(dirfd, path, max, ret, ret_size);
}

static unsigned reads_of_load(struct scene *s) {
        reads = 0;
        (void) load(s);
        return reads;
}

static unsigned reads_of_load_file(struct scene *s, const char *file) {
        const struct desired_paths paths = { .dirs = { { s->zones } }, .board_path = s->board, .specs_dir = s->specs };

        reads = 0;
        assert_int_equal(desired_load_files(&s->desired, &paths, &file, 1), 0);
        return reads;
}

static void rename_file(const struct scene *s, const char *from, const char *to) {
        char old[160], new[160];

        path_of(s, from, old);
        path_of(s, to, new);
        assert_int_equal(rename(old, new), 0);
}

#define MANY 300

static void put_many(struct scene *s) {
        for (unsigned i = 0; i < MANY; i++) {
                char name[32];

                snprintf(name, sizeof(name), "zone-%u.conf", i * 7 % MANY);
                put(s->zones, name, ZONE);
        }
        next_tick();
}

static void test_load_reads_only_what_changed(void **state) {
        struct scene *s = *state;
        char path[160];

        put_many(s);
        assert_int_equal(reads_of_load(s), MANY);
        assert_int_equal(reads_of_load(s), 0);
        put(s->zones, "zone-5.conf", ZONE "# other\n");
        next_tick();
        assert_int_equal(reads_of_load(s), 1);
        path_of(s, "zone-6.conf", path);
        assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0);
        next_tick();
        assert_int_equal(reads_of_load(s), 1);
        assert_int_equal(reads_of_load(s), 0);
        /* two files change places: sizes and times stay, as mv(1) leaves them */
        rename_file(s, "zone-1.conf", "aside");
        rename_file(s, "zone-2.conf", "zone-1.conf");
        rename_file(s, "aside", "zone-2.conf");
        next_tick();
        assert_int_equal(reads_of_load(s), 2);
        assert_int_equal(s->desired.num_zones, MANY);
        for (size_t i = 1; i < s->desired.num_zones; i++)
                assert_true(strcmp(s->desired.zones[i - 1].name, s->desired.zones[i].name) < 0);
}

/* One edit costs one read, however many files there are. */
static void test_load_of_one_file_reads_one(void **state) {
        struct scene *s = *state;
        const struct zone_spec *other;

        put_many(s);
        (void) load(s);
        other = desired_find(&s->desired, "zone-7")->spec;
        put(s->zones, "zone-5.conf", "[Zo");
        assert_int_equal(reads_of_load_file(s, "zone-5.conf"), 1);
        assert_int_equal(desired_find(&s->desired, "zone-5")->file_state, FILE_BAD);
        assert_ptr_equal(desired_find(&s->desired, "zone-7")->spec, other);
        put(s->zones, "new.conf", ZONE);
        assert_int_equal(reads_of_load_file(s, "new.conf"), 1);
        assert_int_equal(desired_find(&s->desired, "new")->file_state, FILE_GOOD);
        remove_file(s, "new.conf");
        assert_int_equal(reads_of_load_file(s, "new.conf"), 0);
        assert_null(desired_find(&s->desired, "new"));
        assert_int_equal(s->desired.num_zones, MANY);
        /* the board is looked at with any file */
        put(s->dir, "board.conf", BOARD);
        assert_int_equal(reads_of_load_file(s, "nothing.conf"), 0);
        assert_non_null(s->desired.board);
}

/* The named file is in another directory than before: so may be all others. */
static void test_load_of_one_file_sees_another_directory(void **state) {
        struct scene *s = *state;
        char away[160];

        put(s->zones, "a.conf", ZONE);
        put(s->zones, "b.conf", ZONE);
        assert_non_null(load(s));
        snprintf(away, sizeof(away), "%s/away", s->dir);
        assert_int_equal(rename(s->zones, away), 0);
        assert_int_equal(mkdir(s->zones, 0755), 0);
        put(s->zones, "b.conf", ZONE);
        assert_int_equal(reads_of_load_file(s, "b.conf"), 1);
        assert_null(desired_find(&s->desired, "a"));
}

static void test_load_sees_a_change_within_a_tick(void **state) {
        struct scene *s = *state;

        for (unsigned i = 0; i < 100; i++) {
                put(s->zones, "a.conf", ZONE "# one\n");
                put(s->zones, "a.conf", ZONE "# 1st\n");
                assert_int_equal(load(s)->file_state, FILE_GOOD);
                put(s->zones, "a.conf", ZONE "[bad\n");
                put(s->zones, "a.conf", ZONE "[bad!");
                assert_int_equal(load(s)->file_state, FILE_BAD);
        }
}

/* ---- what is no file -------------------------------------------------------------------------------- */

static void make_fifo(const char *path) {
        assert_int_equal(mkfifo(path, 0644), 0);
}

static void make_dangling(const char *path) {
        assert_int_equal(symlink("nowhere", path), 0);
}

static void make_circle(const char *path) {
        assert_int_equal(symlink("a.conf", path), 0);
}

static void make_device(const char *path) {
        assert_int_equal(symlink("/dev/zero", path), 0);
}

static void make_huge(const char *path) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        assert_int_equal(ftruncate(fd, 1 << 30), 0);
        close(fd);
}

static void make_closed(const char *path) {
        close(begin_writing(path, ZONE));
        assert_int_equal(chmod(path, 0), 0);
}

/* None is opened that could do something, none holds anybody up, each is told; the file that comes then is taken. */
static void test_load_tells_what_is_no_file(void **state) {
        struct scene *s = *state;
        static const struct {
                void (*make)(const char *path);
                unsigned reads;
                const char *message;
        } c[] = {
                { make_directory, 0, "a.conf: is a directory, not a file" },
                { make_fifo, 0, "a.conf: not a regular file" },
                { make_dangling, 0, "a.conf: a symlink to nowhere" },
                { make_circle, 0, "a.conf: a symlink that leads back to itself" },
                { make_device, 0, "a.conf: not a regular file" },
                { make_huge, 1, "a.conf: too large for a zone's file" },
                { make_closed, 1, "a.conf: cannot be read: Permission denied" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                const struct desired_zone *z;
                char path[160];

                if (c[i].make == make_closed && geteuid() == 0)
                        continue; /* root reads it */
                path_of(s, "a.conf", path);
                c[i].make(path);
                assert_int_equal(reads_of_load(s), c[i].reads);
                z = desired_find(&s->desired, "a");
                assert_int_equal(z->file_state, FILE_BAD);
                if (!strstr(z->message, c[i].message))
                        fail_msg("%s: not %s", z->message, c[i].message);
                remove_file(s, "a.conf");
                put(s->zones, "a.conf", ZONE);
                assert_int_equal(load(s)->file_state, FILE_GOOD);
                remove_file(s, "a.conf");
                assert_null(load(s));
        }
}

/* Files whose names make no zone's, and are shown by one name: a zone's own file comes first, then the first of them. */
static void test_load_shows_one_of_each_name(void **state) {
        struct scene *s = *state;

        put(s->zones, "a b.conf", ZONE);
        put(s->zones, "a+b.conf", ZONE);
        assert_null(load(s));
        assert_int_equal(s->desired.num_zones, 1);
        assert_string_equal(s->desired.zones[0].name, "a_b");
        assert_non_null(strstr(s->desired.zones[0].message, "a b.conf: a zone's name is"));
        put(s->zones, "a_b.conf", ZONE);
        (void) load(s);
        assert_int_equal(s->desired.num_zones, 1);
        assert_int_equal(s->desired.zones[0].file_state, FILE_GOOD);
        remove_file(s, "a_b.conf");
        assert_int_equal(reads_of_load_file(s, "a b.conf"), 0);
        assert_int_equal(s->desired.zones[0].file_state, FILE_BAD);
}

/* Looks tell by stat(2) which files to read, drop-ins too; an edit reads those of one zone. */
static void test_load_reads_only_drop_ins_that_changed(void **state) {
        struct scene *s = *state;

        put_many(s);
        put(s->zones, "a.conf", ZONE);
        put_drop_in(s->zones, "1.conf", "[Zone]\nCPUs=1\n");
        put_drop_in(s->zones, "2.conf", "[Zone]\nCPUs=3\n");
        next_tick();
        assert_int_equal(reads_of_load(s), MANY + 3);
        assert_int_equal(reads_of_load(s), 0);
        put_drop_in(s->zones, "1.conf", "[Zone]\nCPUs=0\n");
        next_tick();
        assert_int_equal(reads_of_load(s), 3);
        assert_int_equal(reads_of_load(s), 0);
        put_drop_in(s->zones, "3.conf", "# nothing\n");
        assert_int_equal(reads_of_load_file(s, "a.conf"), 4);
        rm(s->zones, "a.conf.d/1.conf");
        next_tick();
        assert_int_equal(reads_of_load(s), 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SCENE_TEST(test_load_takes_no_new_file_before_its_writer_closed_it),
                SCENE_TEST(test_load_knows_that_an_applied_zone_has_a_file),
                SCENE_TEST(test_load_keeps_the_board_while_it_is_written),
                SCENE_TEST(test_load_reads_again_what_was_read_in_vain),
                SCENE_TEST(test_load_reads_only_what_changed),
                SCENE_TEST(test_load_of_one_file_reads_one),
                SCENE_TEST(test_load_of_one_file_sees_another_directory),
                SCENE_TEST(test_load_sees_a_change_within_a_tick),
                SCENE_TEST(test_load_tells_what_is_no_file),
                SCENE_TEST(test_load_shows_one_of_each_name),
                SCENE_TEST(test_load_reads_only_drop_ins_that_changed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
