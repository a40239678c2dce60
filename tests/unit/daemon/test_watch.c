/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/watch_scene.h"

static void test_watch_judge_knows_what_matters(void **state _unused_) {
        static const struct {
                uint32_t mask;
                const char *name;
                enum watch_urgency urgency;
        } c[] = {
                { IN_MOVED_TO, "a.conf", WATCH_NOW },
                { IN_MOVED_FROM, "a.conf", WATCH_GONE },
                { IN_DELETE, "a.conf", WATCH_GONE },
                { IN_CLOSE_WRITE, "a.conf", WATCH_SETTLE },
                { IN_CREATE, "a.conf", WATCH_SETTLE },
                { IN_ATTRIB, "a.conf", WATCH_SETTLE },
                { IN_CLOSE_WRITE, "a.conf~", WATCH_IGNORE },
                { IN_CLOSE_WRITE, ".a.conf.swp", WATCH_IGNORE },
                { IN_CREATE, "4913", WATCH_IGNORE },
                { IN_CREATE, ".#a.conf", WATCH_IGNORE },
                { IN_MOVED_TO, "#a.conf#", WATCH_IGNORE },
                { IN_MOVED_TO, ".a.conf", WATCH_IGNORE },
                { IN_MOVED_TO, "..data", WATCH_NOW },
                { IN_CREATE, "..data_tmp", WATCH_IGNORE },
                { IN_CREATE | IN_ISDIR, "..2026_01_01", WATCH_IGNORE },
                { IN_Q_OVERFLOW, NULL, WATCH_GONE },
                { IN_DELETE_SELF, NULL, WATCH_GONE },
                { IN_MOVE_SELF, NULL, WATCH_GONE },
                { IN_IGNORED, NULL, WATCH_GONE },
                { IN_ATTRIB, NULL, WATCH_SETTLE },
                { IN_DELETE, "..data", WATCH_GONE },
                { IN_CREATE | IN_ISDIR, "a.conf.d", WATCH_SETTLE },
                { IN_MOVED_TO | IN_ISDIR, "a.conf.d", WATCH_NOW },
                { IN_DELETE | IN_ISDIR, "a.conf.d", WATCH_GONE },
                { IN_CREATE | IN_ISDIR, ".a.conf.d", WATCH_IGNORE },
                { IN_CREATE | IN_ISDIR, "a.d", WATCH_IGNORE },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++)
                assert_int_equal(watch_judge(c[i].mask, c[i].name), c[i].urgency);
}

/* ---- on a real directory ---------------------------------------------------------------------------- */

static void test_watch_settles_writes(void **state) {
        struct scene *s = *state;

        mkdir(s->zones, 0755);
        watch_begin(s);
        for (unsigned i = 0; i < 5; i++)
                watch_put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
        watch_put(s->zones, ".a.conf.swp", "x");
        watch_put(s->zones, "a.conf~", "x");
        assert_int_equal(changes_in(s, 120), 0);
}

static void move(const struct scene *s, const char *from, const char *to) {
        char old[160], new[160];

        watch_entry(s, from, old);
        watch_entry(s, to, new);
        assert_int_equal(rename(old, new), 0);
}

/* Each file has a time of its own: b is not taken for gone because a comes, and comes back in time. */
static void test_watch_waits_for_each_file_by_itself(void **state) {
        struct scene *s = *state;
        uint64_t start;

        mkdir(s->zones, 0755);
        watch_put(s->zones, "b.conf", "x");
        watch_put(s->zones, "c.conf", "x");
        watch_put(s->zones, ".new", "x");
        watch_begin(s);
        start = now_ms();
        move(s, "b.conf", "b.conf~");
        move(s, "c.conf", "c.conf~");
        move(s, ".new", "a.conf");
        expect_told(s, "a.conf");
        watch_put(s->zones, "b.conf", "y");
        expect_told(s, "b.conf");
        expect_told(s, "c.conf");
        assert_true(now_ms() - start >= RETURN_TIME / 1000);
}

/* What cannot be taken in is told again. */
static void test_watch_tells_again_what_was_told_in_vain(void **state) {
        struct scene *s = *state;

        mkdir(s->zones, 0755);
        watch_begin(s);
        s->fail = -ENOMEM;
        watch_put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
        s->fail = 0;
        expect_told(s, "all");
        assert_int_equal(changes_in(s, 1200), 0);
}

/* Thousands of events while the loop is busy elsewhere: some are lost, and all files are told once. */
static void test_watch_gets_over_a_full_queue(void **state) {
        struct scene *s = *state;
        unsigned max = 0;
        FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
        char y[160], z[160];

        assert_true(f && fscanf(f, "%u", &max) == 1);
        fclose(f);
        mkdir(s->zones, 0755);
        watch_put(s->zones, "y.conf", "x");
        watch_put(s->zones, "z.conf", "x");
        watch_begin(s);
        watch_entry(s, "y.conf", y);
        watch_entry(s, "z.conf", z);
        for (unsigned i = 0; i < max + 100; i++) /* two files only: they are not too many */
                assert_int_equal(utimensat(AT_FDCWD, i % 2 ? y : z, NULL, 0), 0);
        expect_told(s, "all");
        watch_put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
}

/* A creation is told, since it may be all that comes; the close of what is written slowly is told again. */
static void writes_slowly(struct scene *s, const char *path) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        expect_change(s);
        assert_int_equal(write(fd, "x", 1), 1);
        assert_int_equal(changes_in(s, 150), 0);
        close(fd);
        expect_change(s);
}

static void test_watch_tells_the_end_of_a_slow_write(void **state) {
        struct scene *s = *state;
        char path[128];

        mkdir(s->zones, 0755);
        watch_begin(s);
        snprintf(path, sizeof(path), "%s/a.conf", s->zones);
        writes_slowly(s, path);
        writes_slowly(s, s->board);
}

/* As cp(1) does it; sooner or later the daemon reads all of it, wherever in between it looked. */
static void test_watch_tells_a_board_that_is_copied(void **state) {
        struct scene *s = *state;

        mkdir(s->zones, 0755);
        watch_begin(s);
        for (unsigned i = 0; i < 8; i++) {
                pid_t pid;

                (void) unlink(s->board);
                (void) changes_in(s, 100);
                pid = fork();
                if (pid == 0) {
                        int fd = open(s->board, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

                        usleep(i * 1000);
                        (void) !write(fd, "whole", 5);
                        _exit(0);
                }
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                expect_change(s);
                assert_string_equal(s->board_text, "whole");
        }
}

static void test_watch_tells_links(void **state) {
        struct scene *s = *state;
        char path[128], link[128];
        int fd;

        mkdir(s->zones, 0755);
        watch_begin(s);
        watch_put(s->zones, ".tmp", "x");
        snprintf(path, sizeof(path), "%s/.tmp", s->zones);
        snprintf(link, sizeof(link), "%s/a.conf", s->zones);
        assert_int_equal(symlink(path, link), 0);
        expect_change(s);
        assert_int_equal(unlink(link), 0);
        (void) changes_in(s, 700);

        assert_int_equal(linkat(AT_FDCWD, path, AT_FDCWD, link, 0), 0);
        assert_int_equal(unlink(path), 0);
        expect_change(s);
        assert_int_equal(unlink(link), 0);
        (void) changes_in(s, 700);

        fd = open(s->zones, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
        if (fd < 0)
                return; /* not every file system has it */
        assert_int_equal(write(fd, "x", 1), 1);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        assert_int_equal(linkat(AT_FDCWD, path, AT_FDCWD, link, AT_SYMLINK_FOLLOW), 0);
        close(fd);
        expect_change(s);
}

static void test_watch_tells_a_rename(void **state) {
        struct scene *s = *state;
        char from[128], to[128];

        mkdir(s->zones, 0755);
        watch_begin(s);
        watch_put(s->zones, ".a.conf.new", "x");
        (void) changes_in(s, 100);
        snprintf(from, sizeof(from), "%s/.a.conf.new", s->zones);
        snprintf(to, sizeof(to), "%s/a.conf", s->zones);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(changes_in(s, 200), 1);
}

/* No descriptor is left just when the directory is replaced: what changes is found by looking, then as ever. */
static void test_watch_gets_over_a_lack_of_descriptors(void **state) {
        struct scene *s = *state;
        struct rlimit limit, none;
        int lowest_free;

        watch_begin(s);
        lowest_free = dup(0);
        close(lowest_free);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none = (struct rlimit){ .rlim_cur = (rlim_t) lowest_free, .rlim_max = limit.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        mkdir(s->zones, 0755);
        expect_change(s);
        assert_true(changes_in(s, 1100) >= 1);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_true(changes_in(s, 1200) >= 1);
        assert_int_equal(changes_in(s, 1200), 0);
        watch_put(s->zones, "a.conf", "x");
        expect_change(s);
}

/* None left already when it begins: zones are to be looked after all the same. */
static void test_watch_begins_without_descriptors(void **state) {
        struct scene *s = *state;
        struct rlimit limit, few;
        int first, spare[4];

        mkdir(s->zones, 0755);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        first = dup(0);
        for (size_t i = 0; i < ELEMENTSOF(spare); i++)
                spare[i] = dup(0);
        few = (struct rlimit){ .rlim_cur = (rlim_t) spare[ELEMENTSOF(spare) - 1] + 1, .rlim_max = limit.rlim_max };
        close(first); /* the one that there is: the table of mounts gets it */
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        watch_begin(s);
        expect_told(s, "all");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        expect_told(s, "all");
        assert_int_equal(changes_in(s, 1200), 0);
        watch_put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
        for (size_t i = 0; i < ELEMENTSOF(spare); i++)
                close(spare[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_watch_judge_knows_what_matters),
                WATCH_TEST(test_watch_settles_writes),
                WATCH_TEST(test_watch_waits_for_each_file_by_itself),
                WATCH_TEST(test_watch_tells_again_what_was_told_in_vain),
                WATCH_TEST(test_watch_gets_over_a_full_queue),
                WATCH_TEST(test_watch_tells_the_end_of_a_slow_write),
                WATCH_TEST(test_watch_tells_a_board_that_is_copied),
                WATCH_TEST(test_watch_tells_links),
                WATCH_TEST(test_watch_tells_a_rename),
                WATCH_TEST(test_watch_gets_over_a_lack_of_descriptors),
                WATCH_TEST(test_watch_begins_without_descriptors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
