/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/desired_scene.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int scene_setup(void **state) {
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

int scene_teardown(void **state) {
        struct scene *s = *state;

        desired_clear(&s->desired);
        nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(s);
        return 0;
}

int begin_writing(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        return fd;
}

void put(const char *dir, const char *name, const char *text) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        close(begin_writing(path, text));
}

const struct desired_zone *load(struct scene *s) {
        const struct desired_paths paths = { .dirs = { { s->zones } }, .board_path = s->board, .specs_dir = s->specs };

        assert_int_equal(desired_load(&s->desired, &paths), 0);
        return desired_find(&s->desired, "a");
}

void next_tick(void) {
        usleep(30000);
}

void path_of(const struct scene *s, const char *file, char path[160]) {
        snprintf(path, 160, "%s/%s", s->zones, file);
}

void remove_file(const struct scene *s, const char *file) {
        char path[160];

        path_of(s, file, path);
        assert_int_equal(remove(path), 0);
}

void make_directory(const char *path) {
        assert_int_equal(mkdir(path, 0755), 0);
}

void mask(const char *dir, const char *name) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(symlink("/dev/null", path), 0);
}

void rm(const char *dir, const char *name) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(remove(path), 0);
}

void put_drop_in(const char *dir, const char *name, const char *text) {
        char path[160];

        snprintf(path, sizeof(path), "%s/a.conf.d", dir);
        (void) mkdir(path, 0755);
        put(path, name, text);
}

void expect_cpus(const struct desired_zone *z, uint64_t cpus, size_t drop_ins) {
        assert_non_null(z);
        assert_string_equal(z->message ?: "", "");
        assert_int_equal(z->file_state, FILE_GOOD);
        assert_int_equal(z->spec->cpus, cpus);
        assert_int_equal(z->spec->num_drop_ins, drop_ins);
}

struct tree tree_new(struct scene *s) {
        struct tree t = { .scene = s };

        snprintf(t.run, sizeof(t.run), "%s/run", s->dir);
        snprintf(t.lib, sizeof(t.lib), "%s/lib", s->dir);
        return t;
}

const struct desired_zone *load_tree(struct tree *t, bool all) {
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
