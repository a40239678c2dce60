/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "daemon/watch.h"

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

struct scene {
        char dir[64], zones[96], board[96];
        struct watch_paths paths;
        sd_event *event;
        struct watch *watch;
        unsigned changes;
        char told[512];      /* of each change its files, or "all"; of one that names none "board" */
        int fail;            /* what a change returns */
        char board_text[16]; /* what could be read of the board at the last change */
};

static int on_change(const struct watch_changes *c, void *userdata) {
        _cleanup_free_ char *text = NULL;
        struct scene *s = userdata;
        size_t used = strlen(s->told);

        s->changes++;
        used += snprintf(s->told + used, sizeof(s->told) - used, "%s%s", used ? "; " : "",
                         c->all         ? "all"
                         : c->num_files ? ""
                                        : "board");
        for (size_t i = 0; !c->all && i < c->num_files && used < sizeof(s->told); i++)
                used += snprintf(s->told + used, sizeof(s->told) - used, "%s%s", i ? " " : "", c->files[i]);
        s->board_text[0] = '\0';
        if (file_read(AT_FDCWD, s->board, sizeof(s->board_text) - 1, &text, NULL) == 0)
                strcpy(s->board_text, text);
        return s->fail;
}

static int setup(void **state) {
        struct scene *s = calloc(1, sizeof(*s));

        strcpy(s->dir, "/tmp/watch-XXXXXX");
        assert_non_null(mkdtemp(s->dir));
        snprintf(s->zones, sizeof(s->zones), "%s/zones.d", s->dir);
        s->paths = (struct watch_paths){ .dirs = { { s->zones } }, .file = s->board };
        snprintf(s->board, sizeof(s->board), "%s/board.conf", s->dir);
        assert_int_equal(sd_event_new(&s->event), 0);
        *state = s;
        return 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw _unused_) {
        return remove(path);
}

static int teardown(void **state) {
        struct scene *s = *state;

        watch_free(s->watch);
        sd_event_unref(s->event);
        nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(s);
        return 0;
}

static void begin(struct scene *s) {
        assert_int_equal(watch_new(s->event, &s->paths, on_change, s, &s->watch), 0);
}

static uint64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Runs the loop for a while; how many changes were told in it? */
static unsigned changes_in(struct scene *s, unsigned ms) {
        uint64_t end = now_ms() + ms;

        s->changes = 0;
        s->told[0] = '\0';
        while (now_ms() < end)
                sd_event_run(s->event, 5000);
        return s->changes;
}

/* Runs the loop until a change is told, and what goes with it; on a machine that is busy, too. */
static void expect_change(struct scene *s) {
        uint64_t end = now_ms() + 10000;

        s->changes = 0;
        s->told[0] = '\0';
        while (s->changes == 0 && now_ms() < end)
                sd_event_run(s->event, 5000);
        assert_true(s->changes > 0);
        for (end = now_ms() + 80; now_ms() < end;)
                sd_event_run(s->event, 5000);
}

static void expect_told(struct scene *s, const char *told) {
        expect_change(s);
        assert_string_equal(s->told, told);
}

static void put(const char *dir, const char *name, const char *text) {
        char path[256];
        int fd;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

static void test_watch_settles_writes(void **state) {
        struct scene *s = *state;

        mkdir(s->zones, 0755);
        begin(s);
        for (unsigned i = 0; i < 5; i++)
                put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
        put(s->zones, ".a.conf.swp", "x");
        put(s->zones, "a.conf~", "x");
        assert_int_equal(changes_in(s, 120), 0);
}

static void entry(const struct scene *s, const char *name, char path[160]) {
        snprintf(path, 160, "%s/%s", s->zones, name);
}

static void move(const struct scene *s, const char *from, const char *to) {
        char old[160], new[160];

        entry(s, from, old);
        entry(s, to, new);
        assert_int_equal(rename(old, new), 0);
}

/* Each file has a time of its own: b is not taken for gone because a comes, and comes back in time. */
static void test_watch_waits_for_each_file_by_itself(void **state) {
        struct scene *s = *state;
        uint64_t start;

        mkdir(s->zones, 0755);
        put(s->zones, "b.conf", "x");
        put(s->zones, "c.conf", "x");
        put(s->zones, ".new", "x");
        begin(s);
        start = now_ms();
        move(s, "b.conf", "b.conf~");
        move(s, "c.conf", "c.conf~");
        move(s, ".new", "a.conf");
        expect_told(s, "a.conf");
        put(s->zones, "b.conf", "y");
        expect_told(s, "b.conf");
        expect_told(s, "c.conf");
        assert_true(now_ms() - start >= RETURN_TIME / 1000);
}

/* What cannot be taken in is told again. */
static void test_watch_tells_again_what_was_told_in_vain(void **state) {
        struct scene *s = *state;

        mkdir(s->zones, 0755);
        begin(s);
        s->fail = -ENOMEM;
        put(s->zones, "a.conf", "x");
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
        put(s->zones, "y.conf", "x");
        put(s->zones, "z.conf", "x");
        begin(s);
        entry(s, "y.conf", y);
        entry(s, "z.conf", z);
        for (unsigned i = 0; i < max + 100; i++) /* two files only: they are not too many */
                assert_int_equal(utimensat(AT_FDCWD, i % 2 ? y : z, NULL, 0), 0);
        expect_told(s, "all");
        put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
}

/* A directory that is made anew is told when it has been filled. */
static void test_watch_waits_until_a_new_directory_is_filled(void **state) {
        struct scene *s = *state;
        char away[160];

        mkdir(s->zones, 0755);
        begin(s);
        snprintf(away, sizeof(away), "%s/away", s->dir);
        assert_int_equal(rename(s->zones, away), 0);
        mkdir(s->zones, 0755);
        for (unsigned i = 0; i < 10; i++) {
                char name[32];

                snprintf(name, sizeof(name), "z%u.conf", i);
                put(s->zones, name, "x");
                assert_int_equal(changes_in(s, 20), 0);
        }
        expect_told(s, "all");
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
        begin(s);
        snprintf(path, sizeof(path), "%s/a.conf", s->zones);
        writes_slowly(s, path);
        writes_slowly(s, s->board);
}

/* As cp(1) does it; sooner or later the daemon reads all of it, wherever in between it looked. */
static void test_watch_tells_a_board_that_is_copied(void **state) {
        struct scene *s = *state;

        mkdir(s->zones, 0755);
        begin(s);
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
        begin(s);
        put(s->zones, ".tmp", "x");
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
        begin(s);
        put(s->zones, ".a.conf.new", "x");
        (void) changes_in(s, 100);
        snprintf(from, sizeof(from), "%s/.a.conf.new", s->zones);
        snprintf(to, sizeof(to), "%s/a.conf", s->zones);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(changes_in(s, 200), 1);
}

static void test_watch_follows_a_directory_that_comes_and_goes(void **state) {
        struct scene *s = *state;
        char other[128];

        begin(s);
        mkdir(s->zones, 0755);
        expect_change(s);
        put(s->zones, "a.conf", "x");
        expect_change(s);
        snprintf(other, sizeof(other), "%s/away", s->dir);
        assert_int_equal(rename(s->zones, other), 0);
        expect_change(s);
        put(other, "b.conf", "x");
        assert_int_equal(changes_in(s, 120), 0);
        assert_int_equal(rename(other, s->zones), 0);
        expect_change(s);
        put(s->zones, "c.conf", "x");
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
        begin(s);
        put(one, "a.conf", "x");
        expect_change(s);
        assert_int_equal(symlink(two, link), 0);
        assert_int_equal(rename(link, s->zones), 0);
        expect_change(s);
        put(two, "a.conf", "x");
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
        put(two, "a.conf", "x");
        put(one, "board.conf", "one");
        put(two, "board.conf", "two");
        begin(s);
        put(one, "board.conf", "first");
        expect_change(s);
        assert_string_equal(s->board_text, "first");

        assert_int_equal(symlink(two, next), 0);
        assert_int_equal(rename(next, current), 0);
        expect_change(s);
        assert_string_equal(s->board_text, "two");
        put(two, "b.conf", "x");
        expect_change(s);
        put(two, "board.conf", "second");
        expect_change(s);
        assert_string_equal(s->board_text, "second");
        put(one, "b.conf", "x");
        assert_int_equal(changes_in(s, 120), 0);
}

static void test_watch_survives_symlinks_in_a_circle(void **state) {
        struct scene *s = *state;

        assert_int_equal(symlink("zones.d", s->zones), 0);
        begin(s);
        put(s->dir, "board.conf", "x");
        expect_change(s);
        assert_int_equal(unlink(s->zones), 0);
        mkdir(s->zones, 0755);
        expect_change(s);
        put(s->zones, "a.conf", "x");
        expect_change(s);
}

/* No descriptor is left just when the directory is replaced: what changes is found by looking, then as ever. */
static void test_watch_gets_over_a_lack_of_descriptors(void **state) {
        struct scene *s = *state;
        struct rlimit limit, none;
        int lowest_free;

        begin(s);
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
        put(s->zones, "a.conf", "x");
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
        begin(s);
        expect_told(s, "all");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        expect_told(s, "all");
        assert_int_equal(changes_in(s, 1200), 0);
        put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
        for (size_t i = 0; i < ELEMENTSOF(spare); i++)
                close(spare[i]);
}

/* ---- several directories ---------------------------------------------------------------------------- */

static void test_watch_sees_each_directory(void **state) {
        struct scene *s = *state;
        char run[128], lib[128], from[160], to[160];

        snprintf(run, sizeof(run), "%s/run", s->dir);
        snprintf(lib, sizeof(lib), "%s/usr/lib", s->dir);
        s->paths.dirs = (struct zone_dirs){ { s->zones, run, lib } };
        mkdir(s->zones, 0755);
        begin(s);
        put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
        mkdir(run, 0755);
        put(run, "a.conf", "x");
        expect_told(s, "all");
        put(run, "b.conf", "x");
        expect_told(s, "b.conf");
        snprintf(from, sizeof(from), "%s/usr", s->dir);
        mkdir(from, 0755);
        mkdir(lib, 0755);
        expect_told(s, "all");
        put(lib, "c.conf", "x");
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
        put(lib, "c.conf", "y");
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
        begin(s);
        put(dir, "1.conf", "x");
        expect_told(s, "a.conf");
        put(dir, "1.conf~", "x");
        put(dir, ".1.conf.swp", "x");
        put(dir, "README", "x");
        assert_int_equal(changes_in(s, 150), 0);
        snprintf(from, sizeof(from), "%s/README", dir);
        snprintf(to, sizeof(to), "%s/2.conf", dir);
        rename_path(from, to);
        expect_told(s, "a.conf");
        put(s->zones, "b.conf", "x");
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
        begin(s);
        drop_ins_of(s, "a.conf", dir);
        snprintf(file, sizeof(file), "%s/1.conf", dir);
        snprintf(away, sizeof(away), "%s/away", s->dir);
        for (unsigned i = 0; i < 3; i++) {
                mkdir(dir, 0755);
                expect_told(s, "a.conf");
                put(dir, "1.conf", "x");
                expect_told(s, "a.conf");
                rename_path(dir, away);
                expect_told(s, "a.conf");
                put(away, "1.conf", "elsewhere");
                assert_int_equal(changes_in(s, 700), 0);
                rename_path(away, dir);
                expect_told(s, "a.conf");
                put(dir, "1.conf", "y");
                expect_told(s, "a.conf");
                assert_int_equal(unlink(file) | rmdir(dir), 0);
                expect_told(s, "a.conf");
                assert_int_equal(changes_in(s, 700), 0);
        }
        put(s->zones, "a.conf", "x");
        expect_told(s, "a.conf");
}

/* As mkdir && cp: what is in it before it is watched is read all the same, at the latest when it is told. */
static void test_watch_tells_a_directory_that_comes_filled(void **state) {
        struct scene *s = *state;
        char dir[160], other[160];

        mkdir(s->zones, 0755);
        begin(s);
        drop_ins_of(s, "a.conf", dir);
        mkdir(dir, 0755);
        put(dir, "1.conf", "x");
        put(dir, "2.conf", "x");
        expect_told(s, "a.conf");
        assert_int_equal(changes_in(s, 150), 0);
        drop_ins_of(s, "b.conf", other);
        rename_path(dir, other);
        expect_told(s, "b.conf"); /* it came whole */
        expect_told(s, "a.conf"); /* that might have come back */
        put(other, "1.conf", "y");
        expect_told(s, "b.conf");
}

/* A drop-in that is just being replaced is not taken for gone because another one comes. */
static void test_watch_waits_for_each_drop_in_by_itself(void **state) {
        struct scene *s = *state;
        char dir[160], one[192], two[192], backup[192];

        mkdir(s->zones, 0755);
        drop_ins_of(s, "a.conf", dir);
        mkdir(dir, 0755);
        put(dir, "1.conf", "x");
        put(dir, "new", "x");
        begin(s);
        snprintf(one, sizeof(one), "%s/1.conf", dir);
        snprintf(backup, sizeof(backup), "%s/1.conf~", dir);
        rename_path(one, backup);
        snprintf(backup, sizeof(backup), "%s/new", dir);
        snprintf(two, sizeof(two), "%s/2.conf", dir);
        rename_path(backup, two);
        assert_int_equal(changes_in(s, 200), 0);
        put(dir, "1.conf", "y");
        expect_told(s, "a.conf");
        assert_int_equal(changes_in(s, 700), 0);
}

/* A Kubernetes ConfigMap with a drop-in: zones.d/a.conf.d → ..data/a.conf.d, and ..data is replaced. */
static void test_watch_follows_symlinked_drop_ins(void **state) {
        struct scene *s = *state;
        char one[160], two[160], dir[160], data[160], next[160];

        mkdir(s->zones, 0755);
        entry(s, "..1", one);
        entry(s, "..2", two);
        entry(s, "..data", data);
        entry(s, "..data_tmp", next);
        drop_ins_of(s, "a.conf", dir);
        mkdir(one, 0755);
        mkdir(two, 0755);
        strcat(one, "/a.conf.d");
        strcat(two, "/a.conf.d");
        mkdir(one, 0755);
        mkdir(two, 0755);
        assert_int_equal(symlink("..1", data) | symlink("..data/a.conf.d", dir), 0);
        begin(s);
        put(one, "1.conf", "x");
        expect_told(s, "a.conf");
        assert_int_equal(symlink("..2", next), 0);
        rename_path(next, data);
        expect_told(s, "all");
        put(two, "1.conf", "x");
        expect_told(s, "a.conf");
        put(one, "1.conf", "y");
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
        begin(s);
        put(shared, "1.conf", "x");
        expect_change(s);
        assert_true(strstr(s->told, "a.conf") && strstr(s->told, "b.conf"));
        assert_int_equal(unlink(a), 0);
        expect_change(s);
        (void) changes_in(s, 700);
        put(shared, "1.conf", "y");
        expect_told(s, "b.conf");
}

static void test_watch_sees_the_board(void **state) {
        struct scene *s = *state;

        mkdir(s->zones, 0755);
        begin(s);
        put(s->dir, "board.conf", "x");
        expect_change(s);
        put(s->dir, "board.conf", "y");
        expect_change(s);
        put(s->dir, "other.conf", "y");
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
        begin(s);
        put(boards, "imx8mp.conf", "x");
        expect_told(s, "board");
        put(boards, "imx8mp.conf~", "x");
        assert_int_equal(changes_in(s, 120), 0);
        mkdir(own, 0755); /* one that comes */
        expect_told(s, "all");
        put(own, "imx8mp.conf", "x");
        expect_told(s, "board");
        snprintf(gone, sizeof(gone), "%s/imx8mp.conf", own);
        snprintf(back, sizeof(back), "%s/imx8mp.conf", s->dir);
        assert_int_equal(rename(gone, back), 0);
        expect_told(s, "board");
        put(s->zones, "a.conf", "x");
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
        begin(s);
        assert_int_equal(mount("tmpfs", s->zones, "tmpfs", 0, NULL), 0);
        expect_told(s, "all");
        put(s->zones, "b.conf", "x");
        expect_told(s, "b.conf");
        assert_int_equal(umount(s->zones), 0);
        expect_told(s, "all");
        put(s->zones, "c.conf", "x");
        expect_told(s, "c.conf");

        /* over drop-ins */
        drop_ins_of(s, "c.conf", other);
        mkdir(other, 0755);
        expect_told(s, "c.conf");
        assert_int_equal(mount("tmpfs", other, "tmpfs", 0, NULL), 0);
        expect_told(s, "all");
        put(other, "1.conf", "x");
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
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_watch_judge_knows_what_matters),
                T(test_watch_settles_writes),
                T(test_watch_waits_for_each_file_by_itself),
                T(test_watch_tells_again_what_was_told_in_vain),
                T(test_watch_gets_over_a_full_queue),
                T(test_watch_waits_until_a_new_directory_is_filled),
                T(test_watch_tells_the_end_of_a_slow_write),
                T(test_watch_tells_a_board_that_is_copied),
                T(test_watch_tells_links),
                T(test_watch_tells_a_rename),
                T(test_watch_follows_a_directory_that_comes_and_goes),
                T(test_watch_follows_a_symlinked_directory),
                T(test_watch_follows_symlinks_to_symlinks),
                T(test_watch_survives_symlinks_in_a_circle),
                T(test_watch_gets_over_a_lack_of_descriptors),
                T(test_watch_begins_without_descriptors),
                T(test_watch_sees_each_directory),
                T(test_watch_sees_drop_ins_that_are_there),
                T(test_watch_follows_drop_ins_that_come_and_go),
                T(test_watch_tells_a_directory_that_comes_filled),
                T(test_watch_waits_for_each_drop_in_by_itself),
                T(test_watch_follows_symlinked_drop_ins),
                T(test_watch_tells_both_zones_of_shared_drop_ins),
                T(test_watch_sees_the_board),
                T(test_watch_sees_descriptions_of_boards),
                T(test_watch_sees_mounts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
