// wrap: zone_spec_merge board_spec_parse file_read
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
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

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
        const struct desired_paths paths = { .dirs = { { s->zones } }, .board_path = s->board, .specs_dir = s->specs };

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

/* The kernel's stamps are as coarse as its tick: what was written in this one is not trusted. */
static void next_tick(void) {
        usleep(30000);
}

static void path_of(const struct scene *s, const char *file, char path[160]) {
        snprintf(path, 160, "%s/%s", s->zones, file);
}

static void rename_file(const struct scene *s, const char *from, const char *to) {
        char old[160], new[160];

        path_of(s, from, old);
        path_of(s, to, new);
        assert_int_equal(rename(old, new), 0);
}

static void remove_file(const struct scene *s, const char *file) {
        char path[160];

        path_of(s, file, path);
        assert_int_equal(remove(path), 0);
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

static void make_directory(const char *path) {
        assert_int_equal(mkdir(path, 0755), 0);
}

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

/* ---- directories one over the other ----------------------------------------------------------------- */

struct tree {
        struct scene *scene;
        char run[96], lib[96];
        struct desired_paths paths;
};

static struct tree tree_new(struct scene *s) {
        struct tree t = { .scene = s };

        snprintf(t.run, sizeof(t.run), "%s/run", s->dir);
        snprintf(t.lib, sizeof(t.lib), "%s/lib", s->dir);
        return t;
}

/* Whatever way is taken to it, all that is known of "a" is the same. */
static const struct desired_zone *load_tree(struct tree *t, bool all) {
        const struct desired_paths paths = {
                .dirs = { { t->scene->zones, t->run, t->lib } },
                .board_path = t->scene->board,
                .specs_dir = t->scene->specs,
        };
        const char *file = "a.conf";

        if (all)
                assert_int_equal(desired_load(&t->scene->desired, &paths), 0);
        else
                assert_int_equal(desired_load_files(&t->scene->desired, &paths, &file, 1), 0);
        return desired_find(&t->scene->desired, "a");
}

static void mask(const char *dir, const char *name) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(symlink("/dev/null", path), 0);
}

static void rm(const char *dir, const char *name) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(remove(path), 0);
}

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

static void put_drop_in(const char *dir, const char *name, const char *text) {
        char path[160];

        snprintf(path, sizeof(path), "%s/a.conf.d", dir);
        (void) mkdir(path, 0755);
        put(path, name, text);
}

static void expect_cpus(const struct desired_zone *z, uint64_t cpus, size_t drop_ins) {
        assert_non_null(z);
        assert_string_equal(z->message ?: "", "");
        assert_int_equal(z->file_state, FILE_GOOD);
        assert_int_equal(z->spec->cpus, cpus);
        assert_int_equal(z->spec->num_drop_ins, drop_ins);
}

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

/* ---- what is no longer there ------------------------------------------------------------------------ */

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
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_load_takes_no_new_file_before_its_writer_closed_it),
                T(test_load_knows_that_an_applied_zone_has_a_file),
                T(test_load_keeps_the_board_while_it_is_written),
                T(test_load_reads_again_what_was_read_in_vain),
                T(test_load_reads_only_what_changed),
                T(test_load_of_one_file_reads_one),
                T(test_load_of_one_file_sees_another_directory),
                T(test_load_sees_a_change_within_a_tick),
                T(test_load_tells_what_is_no_file),
                T(test_load_shows_one_of_each_name),
                T(test_load_takes_the_highest_file),
                T(test_load_of_one_file_takes_the_highest),
                T(test_load_sees_that_a_file_moved),
                T(test_load_loses_one_directory_of_several),
                T(test_load_knows_where_applied_zones_came_from),
                T(test_load_merges_drop_ins),
                T(test_load_of_one_file_merges_drop_ins),
                T(test_load_tells_drop_ins_that_cannot_be_read),
                T(test_load_reads_only_drop_ins_that_changed),
                T(test_load_keeps_zones_whose_drop_ins_are_lost),
                T(test_load_takes_no_unmounted_directory_for_an_empty_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
