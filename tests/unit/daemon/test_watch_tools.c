/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How tools save, with the real ones: each turns a.conf from "old" into "new", and whoever reads the files that the
 * watch tells takes in one change, from all of the old text to all of the new. Nobody is told of their temporary files.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "daemon/watch.h"

#define TOOL_WAIT 20000 /* ms; on a machine that is busy */
#define QUIET     150

struct scene {
        char dir[64], zones[96], board[96];
        char files[128]; /* where a.conf is */
        struct watch_paths paths;
        sd_event *event;
        struct watch *watch;
        const char *told; /* the file that is told */
        char text[64];    /* what was taken in last */
        char taken[256];  /* each change of it; "-": the file was gone */
        char others[256]; /* files that were told, but a.conf */
        bool all;
};

static void note(char *list, size_t size, const char *word) {
        size_t used = strlen(list);

        snprintf(list + used, size - used, "%s%.*s", used ? " " : "", (int) strcspn(word, "\n"), word);
}

static void take_in(struct scene *s) {
        _cleanup_free_ char *text = NULL;
        char path[160];
        int r;

        snprintf(path, sizeof(path), "%s/a.conf", s->files);
        r = file_read(AT_FDCWD, path, sizeof(s->text) - 1, &text, NULL);
        if (r == -EAGAIN)
                return; /* it is being written, and told again */
        if (strcmp(s->text, text ?: "-") == 0)
                return;
        snprintf(s->text, sizeof(s->text), "%s", text ?: "-");
        note(s->taken, sizeof(s->taken), s->text);
}

static int on_change(const struct watch_changes *c, void *userdata) {
        struct scene *s = userdata;

        s->all |= c->all;
        for (size_t i = 0; i < c->num_files; i++)
                if (strcmp(c->files[i], s->told) != 0)
                        note(s->others, sizeof(s->others), c->files[i]);
        take_in(s);
        return 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw _unused_) {
        return remove(path);
}

static uint64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void run_for(struct scene *s, unsigned ms) {
        for (uint64_t end = now_ms() + ms; now_ms() < end;)
                sd_event_run(s->event, 5000);
}

/* In the directory, "new" in $D/new, on a terminal of which the caller's says nothing; the loop goes on meanwhile, as the daemon's does. */
static int run_tool(struct scene *s, const char *command) {
        _cleanup_free_ char *line = NULL;
        FILE *p;

        assert_true(asprintf(&line,
                             "cd %s && export D=%s TERM=xterm SHELL=/bin/sh && export HOME=$D && unset LINES COLUMNS "
                             "&& { %s; } >$D/out 2>&1; echo $?",
                             s->files, s->dir, command) > 0);
        p = popen(line, "re");
        assert_non_null(p);
        for (;;) {
                struct timespec t = { .tv_nsec = 1000000 };
                char status[8];
                int fd = fileno(p), flags = fcntl(fd, F_GETFL);
                ssize_t n;

                (void) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
                n = read(fd, status, sizeof(status));
                if (n >= 0) {
                        assert_int_equal(pclose(p), 0);
                        return n > 0 ? atoi(status) : -1;
                }
                sd_event_run(s->event, 0);
                nanosleep(&t, NULL);
        }
}

/* @below: the files are in that directory of zones.d */
static void begin(struct scene *s, const char *below, const char *told, const char *prepare) {
        *s = (struct scene){ .text = "old\n", .told = told };
        strcpy(s->dir, "/tmp/tools-XXXXXX");
        assert_non_null(mkdtemp(s->dir));
        snprintf(s->zones, sizeof(s->zones), "%s/zones.d", s->dir);
        s->paths = (struct watch_paths){ .dirs = { { s->zones } }, .file = s->board };
        snprintf(s->board, sizeof(s->board), "%s/board.conf", s->dir);
        snprintf(s->files, sizeof(s->files), "%s/%s", s->zones, below);
        mkdir(s->zones, 0755);
        mkdir(s->files, 0755);
        assert_int_equal(sd_event_new(&s->event), 0);
        assert_int_equal(run_tool(s, "echo old >a.conf; echo new >$D/new"), 0);
        if (prepare && run_tool(s, prepare) != 0)
                fail_msg("%s", prepare);
        assert_int_equal(watch_new(s->event, &s->paths, on_change, s, &s->watch), 0);
}

static void finish(struct scene *s) {
        watch_free(s->watch);
        sd_event_unref(s->event);
        nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const struct tool {
        const char *name, *prepare, *command;
        const char *needs; /* a program */
        bool all;          /* it is told as a change of all */
} tools[] = {
        { "echo >", NULL, "echo new >a.conf", NULL, false },
        { "slowly", NULL, "{ printf ne; sleep 0.2; echo w; } >a.conf", NULL, false },
        { "cp", NULL, "cp $D/new a.conf", NULL, false },
        { "cp --remove-destination", NULL, "cp --remove-destination $D/new a.conf", NULL, false },
        { "mv", NULL, "mv $D/new a.conf", NULL, false },
        { "install", NULL, "install -m 644 $D/new a.conf", NULL, false },
        { "ln -sf", NULL, "ln -sf $D/new a.conf", NULL, false },
        { "ln -f", NULL, "ln -f $D/new a.conf", NULL, false },
        { "sed -i", NULL, "sed -i s/old/new/ a.conf", "sed", false },
        { "sed -i.bak", NULL, "sed -i.bak s/old/new/ a.conf", "sed", false },
        { "perl -pi", NULL, "perl -pi -e s/old/new/ a.conf", "perl", false },
        { "tar", NULL, "mkdir $D/t && cp $D/new $D/t/a.conf && tar -C $D/t -cf - a.conf | tar -xf -", "tar", false },
        { "rsync", NULL,
          "mkdir $D/t && cp $D/new $D/t/a.conf && touch -d 2020-02-02 $D/t/a.conf && rsync -a $D/t/a.conf .", "rsync",
          false },
        { "rsync --inplace", NULL,
          "mkdir $D/t && cp $D/new $D/t/a.conf && touch -d 2020-02-02 $D/t/a.conf && rsync -a --inplace $D/t/a.conf .",
          "rsync", false },
        { "rsync of the directory", NULL,
          "mkdir $D/t && cp $D/new $D/t/a.conf && touch -d 2020-02-02 $D/t/a.conf $D/t && rsync -a --delete $D/t/ .",
          "rsync", true },
        { "vim", NULL, "vi -N -u NONE -es -c 's/old/new/' -c 'wq' a.conf </dev/null", "vi", false },
        { "vim, backupcopy=yes", NULL, "vi -N -u NONE -es -c 'set backupcopy=yes backup' -c 's/old/new/' -c wq a.conf",
          "vi", false },
        { "vim, backupcopy=no", NULL, "vi -N -u NONE -es -c 'set backupcopy=no backup' -c 's/old/new/' -c wq a.conf",
          "vi", false },
        /* What is typed before it has its screen would be lost. */
        { "nano", NULL,
          "{ timeout 10 sh -c 'until grep -qs a.conf $D/out; do sleep 0.02; done'; printf '\\013new\\n\\017\\r\\030'; "
          "} | "
          "script -qefc 'exec timeout --foreground 20 nano -L a.conf' /dev/null",
          "nano", false },
        { "git checkout",
          "git init -q . && git add a.conf && git -c user.name=a -c user.email=a@b commit -qm old && echo new >a.conf "
          "&& "
          "git -c user.name=a -c user.email=a@b commit -qam new && git checkout -q HEAD~1",
          "git checkout -q -", "git", false },
        { "a ConfigMap",
          "rm a.conf && mkdir ..1 ..2 && echo old >..1/a.conf && echo new >..2/a.conf && ln -s ..1 ..data && "
          "ln -s ..data/a.conf a.conf",
          "ln -s ..2 ..data_tmp && mv -T ..data_tmp ..data && rm -r ..1", NULL, true },
        { "a symlinked directory", "cd $D && mv zones.d v1 && mkdir v2 && mv new v2/a.conf && ln -s v1 zones.d",
          "cd $D && ln -s v2 next && mv -T next zones.d", NULL, true },
        { "a directory in place of another", "mkdir $D/v2 && mv $D/new $D/v2/a.conf",
          "cd $D && mv zones.d v1 && mv v2 zones.d", NULL, true },
};

static bool is_there(struct scene *s, const char *program) {
        char command[64];

        snprintf(command, sizeof(command), "command -v %s", program);
        return run_tool(s, command) == 0;
}

static void use_tool(const struct tool *t, const char *below, const char *told, bool all) {
        struct scene s;
        uint64_t end;

        begin(&s, below, told, t->prepare);
        if (t->needs && !is_there(&s, t->needs))
                fail_msg("%s: %s is not installed (tests/rig/packages)", t->name, t->needs);
        if (run_tool(&s, t->command) != 0)
                fail_msg("%s failed; see %s/out", t->name, s.dir);
        for (end = now_ms() + TOOL_WAIT; strcmp(s.text, "new\n") != 0 && now_ms() < end;)
                sd_event_run(s.event, 5000);
        run_for(&s, QUIET);
        if (strcmp(s.taken, "new") != 0 || s.others[0] || s.all != all)
                fail_msg("%s: taken in \"%s\", told of \"%s\"%s", t->name, s.taken, s.others,
                         s.all ? ", and of all" : "");
        finish(&s);
}

static void test_watch_takes_one_change_from_each_tool(void **state _unused_) {
        for (size_t i = 0; i < ELEMENTSOF(tools); i++)
                use_tool(&tools[i], "", "a.conf", tools[i].all);
}

/* The same of a drop-in, a.conf of zone b: whatever happens there is about that zone, never about all. */
static void test_watch_takes_one_change_of_a_drop_in_from_each_tool(void **state _unused_) {
        for (size_t i = 0; i < ELEMENTSOF(tools); i++)
                if (!strstr(tools[i].command, "zones.d"))
                        use_tool(&tools[i], "b.conf.d", "b.conf", false);
}

/* What goes is gone after a while, however it goes; what is no zone's file is nothing. */
static void test_watch_tells_what_tools_remove(void **state _unused_) {
        static const char *const commands[] = { "rm a.conf", "mv a.conf a.conf.disabled", "mv a.conf $D/" };

        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                struct scene s;
                uint64_t start = now_ms();

                begin(&s, "", "a.conf", NULL);
                assert_int_equal(run_tool(&s, commands[i]), 0);
                while (strcmp(s.text, "-") != 0 && now_ms() < start + TOOL_WAIT)
                        sd_event_run(s.event, 5000);
                assert_string_equal(s.taken, "-");
                assert_true(now_ms() - start >= RETURN_TIME / 1000);
                assert_string_equal(s.others, "");
                finish(&s);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_watch_takes_one_change_from_each_tool),
                cmocka_unit_test(test_watch_takes_one_change_of_a_drop_in_from_each_tool),
                cmocka_unit_test(test_watch_tells_what_tools_remove),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
