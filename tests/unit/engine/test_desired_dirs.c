/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories of zones' files one over the other, drop-ins, and what cannot be seen for a while. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/desired_scene.h"

static void expect_path(const struct desired_zone *z, enum file_state state, const char *dir, unsigned levels) {
        char path[160];

        assert_non_null(z);
        assert_int_equal(z->file_state, state);
        snprintf(path, sizeof(path), "%s/a.conf", dir);
        assert_string_equal(z->path, path);
        assert_int_equal(z->levels, levels);
        if (state == FILE_GOOD)
                assert_string_equal(z->spec->path, path);
}

static void follow_precedence(struct scene *s, bool all) {
        struct tree t = tree_new(s);

        assert_null(load_tree(&t, true));
        make_directory(t.lib); /* neither was there: one that comes is taken in */
        put(t.lib, "a.conf", ZONE);
        expect_path(load_tree(&t, all), FILE_GOOD, t.lib, 4);
        make_directory(t.run);
        put(t.run, "a.conf", ZONE);
        expect_path(load_tree(&t, all), FILE_GOOD, t.run, 6);
        mask(s->zones, "a.conf");
        expect_path(load_tree(&t, all), FILE_MASKED, s->zones, 7);
        rm(s->zones, "a.conf");
        put(s->zones, "a.conf", ""); /* masks nothing: a disk that ran full leaves such files */
        expect_path(load_tree(&t, all), FILE_BAD, s->zones, 7);
        rm(t.run, "a.conf");
        expect_path(load_tree(&t, all), FILE_BAD, s->zones, 5);
        rm(s->zones, "a.conf");
        expect_path(load_tree(&t, all), FILE_GOOD, t.lib, 4);
        mask(t.lib, "b.conf");
        mask(t.run, "a.conf");
        expect_path(load_tree(&t, all), FILE_MASKED, t.run, 6);
        rm(t.run, "a.conf");
        rm(t.lib, "a.conf");
        assert_null(load_tree(&t, all));
}

static void test_load_takes_the_highest_file(void **state) {
        follow_precedence(*state, true);
}

static void test_load_of_one_file_takes_the_highest(void **state) {
        follow_precedence(*state, false);
}

/* The same inode under the same name elsewhere: nothing of it changes but where it is. */
static void test_load_sees_that_a_file_moved(void **state) {
        struct scene *s = *state;
        struct tree t = tree_new(s);
        char from[160], to[160];

        make_directory(t.run);
        put(t.run, "a.conf", ZONE);
        next_tick();
        expect_path(load_tree(&t, true), FILE_GOOD, t.run, 2);
        snprintf(from, sizeof(from), "%s/a.conf", t.run);
        snprintf(to, sizeof(to), "%s/a.conf", s->zones);
        assert_int_equal(link(from, to), 0);
        next_tick();
        expect_path(load_tree(&t, true), FILE_GOOD, s->zones, 3);
        assert_int_equal(desired_find_id(&s->desired, 1)->level, 0);
        assert_null(desired_find_id(&s->desired, 2));
}

/* ---- what cannot be seen ---------------------------------------------------------------------------- */

/* What came from it stays; what is elsewhere goes on. */
static void test_load_loses_one_directory_of_several(void **state) {
        struct scene *s = *state;
        struct tree t = tree_new(s);
        char away[160];

        make_directory(t.run);
        make_directory(t.lib);
        put(t.run, "a.conf", ZONE);
        put(t.lib, "a.conf", "[Zo");
        put(s->zones, "b.conf", ZONE);
        (void) load_tree(&t, true);
        snprintf(away, sizeof(away), "%s/away", s->dir);
        assert_int_equal(rename(t.run, away), 0);
        expect_path(load_tree(&t, false), FILE_GOOD, t.run, 6);
        assert_non_null(strstr(s->desired.lost, t.run));
        rm(s->zones, "b.conf");
        put(s->zones, "c.conf", ZONE);
        (void) load_tree(&t, true);
        assert_null(desired_find(&s->desired, "b"));
        assert_int_equal(desired_find(&s->desired, "c")->file_state, FILE_GOOD);
        mask(s->zones, "a.conf");
        expect_path(load_tree(&t, false), FILE_MASKED, s->zones, 7);
        rm(s->zones, "a.conf");
        /* nobody knows what it said: the zone is not taken down, nor what is below it brought up */
        assert_int_equal(load_tree(&t, true)->levels, 6);
        assert_int_equal(rename(away, t.run), 0);
        expect_path(load_tree(&t, false), FILE_GOOD, t.run, 6);
        assert_null(s->desired.lost);
        /* one that had nothing takes nothing with it */
        rm(t.run, "a.conf");
        (void) load_tree(&t, true);
        assert_int_equal(rmdir(t.run), 0);
        expect_path(load_tree(&t, true), FILE_BAD, t.lib, 4);
        assert_null(s->desired.lost);
}

/* To a daemon that has just started, the copies tell which of the directories had the zone. */
static void test_load_knows_where_applied_zones_came_from(void **state) {
        struct scene *s = *state;
        struct tree t = tree_new(s);
        char text[512];

        snprintf(text, sizeof(text), "# %s/a.conf\n" ZONE, t.run);
        put(s->specs, "a.conf", text);
        assert_int_equal(load_tree(&t, true)->file_state, FILE_LOST);
        assert_non_null(strstr(s->desired.lost, t.run));
        make_directory(t.run);
        assert_int_equal(load_tree(&t, true)->file_state, FILE_MISSING);
        assert_null(s->desired.lost);

        desired_clear(&s->desired);
        assert_int_equal(rmdir(t.run), 0);
        snprintf(text, sizeof(text), "# %s/a.conf\n" ZONE, s->zones);
        put(s->specs, "a.conf", text);
        assert_int_equal(load_tree(&t, true)->file_state, FILE_MISSING);
        assert_null(s->desired.lost);
}

/* ---- drop-ins --------------------------------------------------------------------------------------- */

static void follow_drop_ins(struct scene *s, bool all) {
        struct tree t = tree_new(s);
        char path[160];

        make_directory(t.run);
        make_directory(t.lib);
        put(t.lib, "a.conf", ZONE);
        (void) load_tree(&t, true);
        expect_cpus(load_tree(&t, all), 4, 0);
        put_drop_in(t.lib, "10-cpus.conf", "[Zone]\nCPUs=1\n");
        expect_cpus(load_tree(&t, all), 2, 1);
        put_drop_in(t.run, "05-cpus.conf", "[Zone]\nCPUs=3\n"); /* by name, whatever directory */
        expect_cpus(load_tree(&t, all), 2, 2);
        put_drop_in(s->zones, "10-cpus.conf", "[Zone]\nCPUs=0\n"); /* hides the lowest's */
        expect_cpus(load_tree(&t, all), 1, 2);
        rm(s->zones, "a.conf.d/10-cpus.conf");
        mask(s->zones, "a.conf.d/10-cpus.conf");
        expect_cpus(load_tree(&t, all), 8, 1);
        assert_int_equal(desired_find(&s->desired, "a")->drop_levels, 7);
        put_drop_in(s->zones, "20.conf", "[Zone]\nCPUS=1\n");
        assert_int_equal(load_tree(&t, all)->file_state, FILE_BAD);
        snprintf(path, sizeof(path), "%s/a.conf.d/20.conf:2:1: unknown key", s->zones);
        assert_non_null(strstr(desired_find(&s->desired, "a")->message, path));
        rm(s->zones, "a.conf.d/20.conf");
        expect_cpus(load_tree(&t, all), 8, 1);
        /* the zone's file goes, its drop-ins stay: they are told, and do nothing */
        rm(t.lib, "a.conf");
        assert_int_equal(load_tree(&t, all)->file_state, FILE_MISSING);
        snprintf(path, sizeof(path), "%s/a.conf.d: drop-ins for no zone", s->zones);
        assert_non_null(strstr(desired_find(&s->desired, "a")->message, path));
        put(s->zones, "a.conf", ZONE);
        expect_cpus(load_tree(&t, all), 8, 1);
        rm(s->zones, "a.conf.d/10-cpus.conf");
        rm(s->zones, "a.conf.d");
        rm(t.run, "a.conf.d/05-cpus.conf");
        rm(t.run, "a.conf.d");
        rm(t.lib, "a.conf.d/10-cpus.conf");
        rm(t.lib, "a.conf.d");
        expect_cpus(load_tree(&t, all), 4, 0);
        rm(s->zones, "a.conf");
        assert_null(load_tree(&t, all));
}

static void test_load_merges_drop_ins(void **state) {
        follow_drop_ins(*state, true);
}

static void test_load_of_one_file_merges_drop_ins(void **state) {
        follow_drop_ins(*state, false);
}

/* What cannot be read, or is still being written, hurts its zone and no other; no half of it is taken. */
static void test_load_tells_drop_ins_that_cannot_be_read(void **state) {
        struct scene *s = *state;
        char path[160];
        int fd;

        put(s->zones, "a.conf", ZONE);
        put_drop_in(s->zones, "1.conf", "[Zone]\nCPUs=1\n");
        expect_cpus(load(s), 2, 1);
        path_of(s, "a.conf.d/1.conf", path);
        fd = begin_writing(path, "[Zo");
        expect_cpus(load(s), 2, 1);
        close(fd);
        assert_int_equal(load(s)->file_state, FILE_BAD);
        rm(s->zones, "a.conf.d/1.conf");
        assert_int_equal(symlink("nowhere", path), 0);
        assert_non_null(strstr(load(s)->message, "a.conf.d/1.conf: a symlink to nowhere"));
        rm(s->zones, "a.conf.d/1.conf");
        make_directory(path);
        assert_non_null(strstr(load(s)->message, "a.conf.d/1.conf: is a directory"));
        rm(s->zones, "a.conf.d/1.conf");
        rm(s->zones, "a.conf.d");
        put(s->zones, "a.conf.d", "");
        assert_non_null(strstr(load(s)->message, "a.conf.d: is a file, not a directory of drop-ins"));
        rm(s->zones, "a.conf.d");
        expect_cpus(load(s), 4, 0);
        /* what is behind it may be back at any time: the zone is not read without it */
        path_of(s, "a.conf.d", path);
        assert_int_equal(symlink("/nowhere/a.conf.d", path), 0);
        assert_int_equal(load(s)->file_state, FILE_BAD);
        assert_non_null(strstr(load(s)->message, "a.conf.d: a symlink to nowhere"));
        rm(s->zones, "a.conf.d");
        expect_cpus(load(s), 4, 0);
}

/* A zone whose drop-ins cannot be seen is not one without them. */
static void test_load_keeps_zones_whose_drop_ins_are_lost(void **state) {
        struct scene *s = *state;
        struct tree t = tree_new(s);
        char away[160], text[512];

        make_directory(t.run);
        put(s->zones, "a.conf", ZONE);
        put_drop_in(t.run, "1.conf", "[Zone]\nCPUs=1\n");
        expect_cpus(load_tree(&t, true), 2, 1);
        snprintf(away, sizeof(away), "%s/away", s->dir);
        assert_int_equal(rename(t.run, away), 0);
        put(s->zones, "a.conf", ZONE "# other\n");
        expect_cpus(load_tree(&t, false), 2, 1);
        assert_non_null(strstr(s->desired.lost, t.run));
        /* nor to a daemon that starts now */
        snprintf(text, sizeof(text), "# %s/a.conf\n# %s/a.conf.d/1.conf\n" ZONE, s->zones, t.run);
        put(s->specs, "a.conf", text);
        desired_clear(&s->desired);
        assert_int_equal(load_tree(&t, true)->file_state, FILE_LOST);
        assert_int_equal(s->desired.zones[0].applied->num_drop_ins, 1);
        rm(s->zones, "a.conf");
        mask(s->zones, "a.conf");
        assert_int_equal(load_tree(&t, true)->file_state, FILE_MASKED);
}

/* One whose name makes none is told where it is first, also while that cannot be seen. */
static void test_load_keeps_what_a_lost_directory_was_told_for(void **state) {
        struct scene *s = *state;
        struct tree t = tree_new(s);
        char away[160], path[160];

        make_directory(t.run);
        put(s->zones, "b c.conf", ZONE);
        put(t.run, "b c.conf", ZONE);
        (void) load_tree(&t, true);
        snprintf(away, sizeof(away), "%s/away", s->dir);
        assert_int_equal(rename(s->zones, away), 0);
        (void) load_tree(&t, true);
        path_of(s, "b c.conf", path);
        assert_non_null(strstr(desired_find(&s->desired, "b_c")->message, path));
        assert_int_equal(desired_find(&s->desired, "b_c")->levels, 3);
}

/*
 * One that cannot be seen when the daemon starts may have anything, a mask too: nothing below it is taken for what
 * counts. That which is not there at all has nothing.
 */
static void test_load_trusts_nothing_below_a_directory_that_it_never_saw(void **state) {
        struct scene *s = *state;
        struct tree t = tree_new(s);
        char away[160];

        make_directory(t.run);
        make_directory(t.lib);
        mask(s->zones, "a.conf");
        put(t.lib, "a.conf", ZONE);
        put(t.lib, "b c.conf", ZONE);
        snprintf(away, sizeof(away), "%s/away", s->dir);
        assert_int_equal(rename(s->zones, away), 0);
        assert_int_equal(symlink(s->zones, s->zones), 0); /* to itself: it is there, and cannot be opened */
        for (unsigned all = 0; all < 2; all++) {
                assert_int_equal(load_tree(&t, all)->file_state, FILE_LOST);
                assert_null(desired_find(&s->desired, "a")->spec);
                assert_non_null(strstr(s->desired.lost, s->zones));
                assert_int_equal(desired_find(&s->desired, "b_c")->file_state, FILE_BAD);
        }
        put(t.run, "a.conf", ZONE);
        assert_int_equal(load_tree(&t, false)->file_state, FILE_LOST);
        rm(t.run, "a.conf");
        assert_int_equal(unlink(s->zones) | rename(away, s->zones), 0);
        expect_path(load_tree(&t, true), FILE_MASKED, s->zones, 5);
        /* once it was seen, what it does not have is known */
        put(t.run, "d.conf", ZONE);
        assert_int_equal(rename(s->zones, away), 0);
        assert_int_equal(symlink(s->zones, s->zones), 0);
        expect_path(load_tree(&t, true), FILE_MASKED, s->zones, 5);
        assert_int_equal(desired_find(&s->desired, "d")->file_state, FILE_GOOD);
}

/* There is no zone yet that they are of; when its file comes, it is not one without drop-ins. */
static void test_load_remembers_drop_ins_for_no_zone_while_they_are_lost(void **state) {
        struct scene *s = *state;
        struct tree t = tree_new(s);
        char away[160];

        make_directory(t.run);
        put_drop_in(s->zones, "1.conf", "[Zone]\nCPUs=1\n");
        assert_int_equal(load_tree(&t, true)->file_state, FILE_MISSING);
        snprintf(away, sizeof(away), "%s/away", s->dir);
        assert_int_equal(rename(s->zones, away), 0);
        (void) load_tree(&t, true);
        assert_non_null(s->desired.lost);
        (void) load_tree(&t, true);
        put(t.run, "a.conf", ZONE);
        assert_int_equal(load_tree(&t, false)->file_state, FILE_LOST);
        assert_int_equal(rename(away, s->zones), 0);
        expect_cpus(load_tree(&t, false), 2, 1);
}

/* Comes last: the process has mounts of its own then. */
static void test_load_takes_no_unmounted_directory_for_an_empty_one(void **state) {
        struct scene *s = *state;

        if (unshare(CLONE_NEWNS) < 0)
                skip(); /* it takes root */
        assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(mount("tmpfs", s->zones, "tmpfs", 0, NULL), 0);
        put(s->zones, "a.conf", ZONE);
        assert_non_null(load(s));
        assert_null(s->desired.lost);
        assert_int_equal(umount(s->zones), 0);
        assert_int_equal(load(s)->file_state, FILE_GOOD);
        assert_non_null(strstr(s->desired.lost, "unmounted"));
        /* it comes back, with another file; one that was emptied is empty */
        assert_int_equal(mount("tmpfs", s->zones, "tmpfs", 0, NULL), 0);
        put(s->zones, "b.conf", ZONE);
        assert_null(load(s));
        assert_null(s->desired.lost);
        remove_file(s, "b.conf");
        (void) load(s);
        assert_null(s->desired.lost);
        assert_int_equal(s->desired.num_zones, 0);
        assert_int_equal(umount(s->zones), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SCENE_TEST(test_load_takes_the_highest_file),
                SCENE_TEST(test_load_of_one_file_takes_the_highest),
                SCENE_TEST(test_load_sees_that_a_file_moved),
                SCENE_TEST(test_load_loses_one_directory_of_several),
                SCENE_TEST(test_load_knows_where_applied_zones_came_from),
                SCENE_TEST(test_load_merges_drop_ins),
                SCENE_TEST(test_load_of_one_file_merges_drop_ins),
                SCENE_TEST(test_load_tells_drop_ins_that_cannot_be_read),
                SCENE_TEST(test_load_keeps_zones_whose_drop_ins_are_lost),
                SCENE_TEST(test_load_keeps_what_a_lost_directory_was_told_for),
                SCENE_TEST(test_load_trusts_nothing_below_a_directory_that_it_never_saw),
                SCENE_TEST(test_load_remembers_drop_ins_for_no_zone_while_they_are_lost),
                SCENE_TEST(test_load_takes_no_unmounted_directory_for_an_empty_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
