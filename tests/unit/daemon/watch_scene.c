/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/watch_scene.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

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

int watch_scene_setup(void **state) {
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

int watch_scene_teardown(void **state) {
        struct scene *s = *state;

        watch_free(s->watch);
        sd_event_unref(s->event);
        nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(s);
        return 0;
}

void watch_begin(struct scene *s) {
        assert_int_equal(watch_new(s->event, &s->paths, on_change, s, &s->watch), 0);
}

uint64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

unsigned changes_in(struct scene *s, unsigned ms) {
        uint64_t end = now_ms() + ms;

        s->changes = 0;
        s->told[0] = '\0';
        while (now_ms() < end)
                sd_event_run(s->event, 5000);
        return s->changes;
}

void expect_change(struct scene *s) {
        uint64_t end = now_ms() + 10000;

        s->changes = 0;
        s->told[0] = '\0';
        while (s->changes == 0 && now_ms() < end)
                sd_event_run(s->event, 5000);
        assert_true(s->changes > 0);
        for (end = now_ms() + 80; now_ms() < end;)
                sd_event_run(s->event, 5000);
}

void expect_told(struct scene *s, const char *told) {
        expect_change(s);
        assert_string_equal(s->told, told);
}

void watch_put(const char *dir, const char *name, const char *text) {
        char path[256];
        int fd;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

void watch_entry(const struct scene *s, const char *name, char path[160]) {
        snprintf(path, 160, "%s/%s", s->zones, name);
}
