/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directories that are watched: they come, go, are exchanged, mounted over; with drop-ins in them, and boards. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/watch_scene.h"

/* A directory that is made anew is told when it has been filled. */
static void test_watch_waits_until_a_new_directory_is_filled(void **state) {
        struct scene *s = *state;
        char away[160];

        mkdir(s->zones, 0755);
        watch_begin(s);
        snprintf(away, sizeof(away), "%s/away", s->dir);
        assert_int_equal(rename(s->zones, away), 0);
        mkdir(s->zones, 0755);
        for (unsigned i = 0; i < 10; i++) {
                char name[32];

                snprintf(name, sizeof(name), "z%u.conf", i);
                watch_put(s->zones, name, "x");
                assert_int_equal(changes_in(s, 20), 0);
        }
        expect_told(s, "all");
}

static void test_watch_follows_a_directory_that_comes_and_goes(void **state) {
        struct scene *s = *state;
        char other[128];

        watch_begin(s);
        mkdir(s->zones, 0755);
        expect_change(s);
        watch_put(s->zones, "a.conf", "x");
        expect_change(s);
        snprintf(other, sizeof(other), "%s/away", s->dir);
        assert_int_equal(rename(s->zones, other), 0);
        expect_change(s);
        watch_put(other, "b.conf", "x");
        assert_int_equal(changes_in(s, 120), 0);
        assert_int_equal(rename(other, s->zones), 0);
        expect_change(s);
        watch_put(s->zones, "c.conf", "x");
        expect_change(s);
}

static void test_watch_follows_a_symlinked_directory(void **state) {
        struct scene *s = *state;
        char one[128], two[128], link[128];

        snprintf(one, sizeof(one), "%s/one", s->dir);
        snprintf(two, sizeof(two), "%s/two", s->dir);
        snprintf(link, sizeof(link), "%s/link", s->dir);
        mkdir(one, 0755);
        mkdir(two, 0755);
        assert_int_equal(symlink(one, s->zones), 0);
        watch_begin(s);
        watch_put(one, "a.conf", "x");
        expect_change(s);
        assert_int_equal(symlink(two, link), 0);
        assert_int_equal(rename(link, s->zones), 0);
        expect_change(s);
        watch_put(two, "a.conf", "x");
        expect_change(s);
}

/* zones.d → current → v1, and board.conf → current/board.conf: a flip of "current" changes both. */
static void test_watch_follows_symlinks_to_symlinks(void **state) {
        struct scene *s = *state;
        char one[128], two[128], current[128], next[128];

        snprintf(one, sizeof(one), "%s/v1", s->dir);
        snprintf(two, sizeof(two), "%s/v2", s->dir);
        snprintf(current, sizeof(current), "%s/current", s->dir);
        snprintf(next, sizeof(next), "%s/next", s->dir);
        mkdir(one, 0755);
        mkdir(two, 0755);
        assert_int_equal(symlink("./v1", current), 0);
        assert_int_equal(symlink(current, s->zones), 0);
        assert_int_equal(symlink("current/../current/board.conf", s->board), 0);
        watch_put(two, "a.conf", "x");
        watch_put(one, "board.conf", "one");
        watch_put(two, "board.conf", "two");
        watch_begin(s);
        watch_put(one, "board.conf", "first");
        expect_change(s);
        assert_string_equal(s->board_text, "first");

        assert_int_equal(symlink(two, next), 0);
        assert_int_equal(rename(next, current), 0);
        expect_change(s);
        assert_string_equal(s->board_text, "two");
        watch_put(two, "b.conf", "x");
        expect_change(s);
        watch_put(two, "board.conf", "second");
        expect_change(s);
        assert_string_equal(s->board_text, "second");
        watch_put(one, "b.conf", "x");
        assert_int_equal(changes_in(s, 120), 0);
}

static void test_watch_survives_symlinks_in_a_circle(void **state) {
        struct scene *s = *state;

        assert_int_equal(symlink("zones.d", s->zones), 0);
        watch_begin(s);
        watch_put(s->dir, "board.conf", "x");
        expect_change(s);
        assert_int_equal(unlink(s->zones), 0);
        mkdir(s->zones, 0755);
        expect_change(s);
        watch_put(s->zones, "a.conf", "x");
        expect_change(s);
}

static void test_watch_sees_each_directory(void **state) {
        struct scene *s = *state;
        char run[128], lib[128], from[160], to[160];

        snprintf(run, sizeof(run), "%s/run", s->dir);
        snprintf(lib, sizeof(lib), "%s/usr/lib", s->dir);
        s->paths.dirs = (struct zone_dirs){ { s->zones, run, lib } };
        mkdir(s->zones, 0755);
        watch_begin(s);
        watch_put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
        mkdir(run, 0755);
        watch_put(run, "a.conf", "x");
        expect_told(s, "all");
        watch_put(run, "b.conf", "x");
        expect_told(s, "b.conf");
        snprintf(from, sizeof(from), "%s/usr", s->dir);
        mkdir(from, 0755);
        mkdir(lib, 0755);
        expect_told(s, "all");
        watch_put(lib, "c.conf", "x");
        expect_told(s, "c.conf");

        /* from one to the other: in one go, when what went has had its time to come back */
        snprintf(from, sizeof(from), "%s/b.conf", run);
        snprintf(to, sizeof(to), "%s/b.conf", s->zones);
        assert_int_equal(rename(from, to), 0);
        expect_told(s, "b.conf");
        assert_int_equal(changes_in(s, 700), 0);

        snprintf(to, sizeof(to), "%s/away", s->dir);
        assert_int_equal(rename(run, to), 0);
        expect_told(s, "all");
        watch_put(lib, "c.conf", "y");
        expect_told(s, "c.conf");
}

/* ---- drop-ins --------------------------------------------------------------------------------------- */

static void drop_ins_of(const struct scene *s, const char *file, char path[160]) {
        snprintf(path, 160, "%s/%s.d", s->zones, file);
}

static void rename_path(const char *from, const char *to) {
        assert_int_equal(rename(from, to), 0);
}

static void test_watch_sees_drop_ins_that_are_there(void **state) {
        struct scene *s = *state;
        char dir[160], from[192], to[192];

        mkdir(s->zones, 0755);
        drop_ins_of(s, "a.conf", dir);
        mkdir(dir, 0755);
        watch_begin(s);
        watch_put(dir, "1.conf", "x");
        expect_told(s, "a.conf");
        watch_put(dir, "1.conf~", "x");
        watch_put(dir, ".1.conf.swp", "x");
        watch_put(dir, "README", "x");
        assert_int_equal(changes_in(s, 150), 0);
        snprintf(from, sizeof(from), "%s/README", dir);
        snprintf(to, sizeof(to), "%s/2.conf", dir);
        rename_path(from, to);
        expect_told(s, "a.conf");
        watch_put(s->zones, "b.conf", "x");
        expect_told(s, "b.conf");
        assert_int_equal(unlink(to), 0);
        expect_told(s, "a.conf");
        assert_int_equal(changes_in(s, 700), 0);
}

/* None of it is a look at all files: it costs what one file costs. */
static void test_watch_follows_drop_ins_that_come_and_go(void **state) {
        struct scene *s = *state;
        char dir[160], file[192], away[128];

        mkdir(s->zones, 0755);
        watch_begin(s);
        drop_ins_of(s, "a.conf", dir);
        snprintf(file, sizeof(file), "%s/1.conf", dir);
        snprintf(away, sizeof(away), "%s/away", s->dir);
        for (unsigned i = 0; i < 3; i++) {
                mkdir(dir, 0755);
                expect_told(s, "a.conf");
                watch_put(dir, "1.conf", "x");
                expect_told(s, "a.conf");
                rename_path(dir, away);
                expect_told(s, "a.conf");
                watch_put(away, "1.conf", "elsewhere");
                assert_int_equal(changes_in(s, 700), 0);
                rename_path(away, dir);
                expect_told(s, "a.conf");
                watch_put(dir, "1.conf", "y");
                expect_told(s, "a.conf");
                assert_int_equal(unlink(file) | rmdir(dir), 0);
                expect_told(s, "a.conf");
                assert_int_equal(changes_in(s, 700), 0);
        }
        watch_put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
}

/* As mkdir && cp: what is in it before it is watched is read all the same, at the latest when it is told. */
static void test_watch_tells_a_directory_that_comes_filled(void **state) {
        struct scene *s = *state;
        char dir[160], other[160];

        mkdir(s->zones, 0755);
        watch_begin(s);
        drop_ins_of(s, "a.conf", dir);
        mkdir(dir, 0755);
        watch_put(dir, "1.conf", "x");
        watch_put(dir, "2.conf", "x");
        expect_told(s, "a.conf");
        assert_int_equal(changes_in(s, 150), 0);
        drop_ins_of(s, "b.conf", other);
        rename_path(dir, other);
        expect_told(s, "b.conf"); /* it came whole */
        expect_told(s, "a.conf"); /* that might have come back */
        watch_put(other, "1.conf", "y");
        expect_told(s, "b.conf");
}

/* A drop-in that is just being replaced is not taken for gone because another one comes. */
static void test_watch_waits_for_each_drop_in_by_itself(void **state) {
        struct scene *s = *state;
        char dir[160], one[192], two[192], backup[192];

        mkdir(s->zones, 0755);
        drop_ins_of(s, "a.conf", dir);
        mkdir(dir, 0755);
        watch_put(dir, "1.conf", "x");
        watch_put(dir, "new", "x");
        watch_begin(s);
        snprintf(one, sizeof(one), "%s/1.conf", dir);
        snprintf(backup, sizeof(backup), "%s/1.conf~", dir);
        rename_path(one, backup);
        snprintf(backup, sizeof(backup), "%s/new", dir);
        snprintf(two, sizeof(two), "%s/2.conf", dir);
        rename_path(backup, two);
        assert_int_equal(changes_in(s, 200), 0);
        watch_put(dir, "1.conf", "y");
        expect_told(s, "a.conf");
        assert_int_equal(changes_in(s, 700), 0);
}

/* A Kubernetes ConfigMap with a drop-in: zones.d/a.conf.d → ..data/a.conf.d, and ..data is replaced. */
static void test_watch_follows_symlinked_drop_ins(void **state) {
        struct scene *s = *state;
        char one[160], two[160], dir[160], data[160], next[160];

        mkdir(s->zones, 0755);
        watch_entry(s, "..1", one);
        watch_entry(s, "..2", two);
        watch_entry(s, "..data", data);
        watch_entry(s, "..data_tmp", next);
        drop_ins_of(s, "a.conf", dir);
        mkdir(one, 0755);
        mkdir(two, 0755);
        strcat(one, "/a.conf.d");
        strcat(two, "/a.conf.d");
        mkdir(one, 0755);
        mkdir(two, 0755);
        assert_int_equal(symlink("..1", data) | symlink("..data/a.conf.d", dir), 0);
        watch_begin(s);
        watch_put(one, "1.conf", "x");
        expect_told(s, "a.conf");
        assert_int_equal(symlink("..2", next), 0);
        rename_path(next, data);
        expect_told(s, "all");
        watch_put(two, "1.conf", "x");
        expect_told(s, "a.conf");
        watch_put(one, "1.conf", "y");
        assert_int_equal(changes_in(s, 150), 0);
}

/* One directory for two zones. */
static void test_watch_tells_both_zones_of_shared_drop_ins(void **state) {
        struct scene *s = *state;
        char shared[128], a[160], b[160];

        snprintf(shared, sizeof(shared), "%s/shared", s->dir);
        mkdir(s->zones, 0755);
        mkdir(shared, 0755);
        drop_ins_of(s, "a.conf", a);
        drop_ins_of(s, "b.conf", b);
        assert_int_equal(symlink("../shared", a) | symlink(shared, b), 0);
        watch_begin(s);
        watch_put(shared, "1.conf", "x");
        expect_change(s);
        assert_true(strstr(s->told, "a.conf") && strstr(s->told, "b.conf"));
        assert_int_equal(unlink(a), 0);
        expect_change(s);
        (void) changes_in(s, 700);
        watch_put(shared, "1.conf", "y");
        expect_told(s, "b.conf");
}

/* ---- boards, mounts --------------------------------------------------------------------------------- */

static void test_watch_sees_the_board(void **state) {
        struct scene *s = *state;

        mkdir(s->zones, 0755);
        watch_begin(s);
        watch_put(s->dir, "board.conf", "x");
        expect_change(s);
        watch_put(s->dir, "board.conf", "y");
        expect_change(s);
        watch_put(s->dir, "other.conf", "y");
        assert_int_equal(changes_in(s, 120), 0);
}

/* What board.conf names is read with it, and changes with it. */
static void test_watch_sees_descriptions_of_boards(void **state) {
        struct scene *s = *state;
        char own[96], boards[96], gone[160], back[160];

        snprintf(own, sizeof(own), "%s/own", s->dir);
        snprintf(boards, sizeof(boards), "%s/boards", s->dir);
        mkdir(s->zones, 0755);
        mkdir(boards, 0755);
        s->paths.boards[0] = own;
        s->paths.boards[1] = boards;
        watch_begin(s);
        watch_put(boards, "imx8mp.conf", "x");
        expect_told(s, "board");
        watch_put(boards, "imx8mp.conf~", "x");
        assert_int_equal(changes_in(s, 120), 0);
        mkdir(own, 0755); /* one that comes */
        expect_told(s, "all");
        watch_put(own, "imx8mp.conf", "x");
        expect_told(s, "board");
        snprintf(gone, sizeof(gone), "%s/imx8mp.conf", own);
        snprintf(back, sizeof(back), "%s/imx8mp.conf", s->dir);
        assert_int_equal(rename(gone, back), 0);
        expect_told(s, "board");
        watch_put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
}

/* inotify says nothing of a mount over the directory, nor of its end. Comes last: the process has mounts of its own then. */
static void test_watch_sees_mounts(void **state) {
        struct scene *s = *state;
        char other[160];

        if (unshare(CLONE_NEWNS) < 0)
                skip(); /* it takes root */
        assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        mkdir(s->zones, 0755);
        watch_begin(s);
        assert_int_equal(mount("tmpfs", s->zones, "tmpfs", 0, NULL), 0);
        expect_told(s, "all");
        watch_put(s->zones, "b.conf", "x");
        expect_told(s, "b.conf");
        assert_int_equal(umount(s->zones), 0);
        expect_told(s, "all");
        watch_put(s->zones, "c.conf", "x");
        expect_told(s, "c.conf");

        /* over drop-ins */
        drop_ins_of(s, "c.conf", other);
        mkdir(other, 0755);
        expect_told(s, "c.conf");
        assert_int_equal(mount("tmpfs", other, "tmpfs", 0, NULL), 0);
        expect_told(s, "all");
        watch_put(other, "1.conf", "x");
        expect_told(s, "c.conf");
        assert_int_equal(umount(other), 0);
        expect_told(s, "all");

        /* elsewhere: nothing of ours */
        snprintf(other, sizeof(other), "%s/other", s->dir);
        mkdir(other, 0755);
        assert_int_equal(mount("tmpfs", other, "tmpfs", 0, NULL), 0);
        assert_int_equal(changes_in(s, 700), 0);
        assert_int_equal(umount(other), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                WATCH_TEST(test_watch_waits_until_a_new_directory_is_filled),
                WATCH_TEST(test_watch_follows_a_directory_that_comes_and_goes),
                WATCH_TEST(test_watch_follows_a_symlinked_directory),
                WATCH_TEST(test_watch_follows_symlinks_to_symlinks),
                WATCH_TEST(test_watch_survives_symlinks_in_a_circle),
                WATCH_TEST(test_watch_sees_each_directory),
                WATCH_TEST(test_watch_sees_drop_ins_that_are_there),
                WATCH_TEST(test_watch_follows_drop_ins_that_come_and_go),
                WATCH_TEST(test_watch_tells_a_directory_that_comes_filled),
                WATCH_TEST(test_watch_waits_for_each_drop_in_by_itself),
                WATCH_TEST(test_watch_follows_symlinked_drop_ins),
                WATCH_TEST(test_watch_tells_both_zones_of_shared_drop_ins),
                WATCH_TEST(test_watch_sees_the_board),
                WATCH_TEST(test_watch_sees_descriptions_of_boards),
                WATCH_TEST(test_watch_sees_mounts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
