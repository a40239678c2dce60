/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/console_dir.h"
#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/worker.h"
#include "engine/worker_fds.h"

struct consoles {
        struct console **list;
        size_t count;
};

/* Of one of its files; "": of its directory. */
static void path_of(const struct console *c, const char *file, char path[static PATH_MAX]) {
        snprintf(path, PATH_MAX, "%s/%s/%s/%s", RUN_CONSOLES_DIR, c->zone, c->device, file);
}

/* ---- what outlives the daemon ----------------------------------------------------------------------- */

static void store(const struct console *c) {
        fd_store_add(FD_PTY, c->zone, c->device, c->master);
}

static void unstore(const struct console *c) {
        fd_store_remove(FD_PTY, c->zone, c->device);
}

/* ---- the list --------------------------------------------------------------------------------------- */

static struct console *console_free(struct console *c) {
        if (c) {
                fd_close(c->master);
                fd_close(c->input);
                free(c);
        }
        return NULL;
}
DEFINE_CLEANUP(struct console *, console_free);

static struct console *find(struct consoles *l, const char *zone, const char *device) {
        for (size_t i = 0; i < l->count; i++)
                if (strcmp(l->list[i]->zone, zone) == 0 && strcmp(l->list[i]->device, device) == 0)
                        return l->list[i];
        return NULL;
}

static struct console *console_new(const char *zone, const char *device) {
        struct console *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        snprintf(c->zone, sizeof(c->zone), "%s", zone);
        snprintf(c->device, sizeof(c->device), "%s", device);
        c->master = c->input = -1;
        return c;
}

static int add(struct consoles *l, struct console *c) {
        struct console **list = reallocarray(l->list, l->count + 1, sizeof(*list));

        if (!list)
                return -ENOMEM;
        l->list = list;
        list[l->count++] = c;
        return 0;
}

/* ---- making ----------------------------------------------------------------------------------------- */

static int set_raw(const char *slave) {
        _cleanup_close_ int fd = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
        struct termios mode;

        if (fd < 0 || tcgetattr(fd, &mode) < 0)
                return -errno;
        cfmakeraw(&mode);
        return tcsetattr(fd, TCSANOW, &mode) < 0 ? -errno : 0;
}

static int open_pty(struct console *c) {
        c->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (c->master < 0 || grantpt(c->master) < 0 || unlockpt(c->master) < 0)
                return -errno;
        if (ptsname_r(c->master, c->slave, sizeof(c->slave)) != 0)
                return -errno;
        return set_raw(c->slave);
}

/* Replaced in one step: who follows the link finds the old slave or the new one. */
static int make_link(const struct console *c) {
        char path[PATH_MAX], beside[PATH_MAX + 8];

        path_of(c, CONSOLE_TTY, path);
        snprintf(beside, sizeof(beside), "%s~", path);
        (void) unlink(beside);
        if (symlink(c->slave, beside) < 0)
                return -errno;
        return rename(beside, path) < 0 ? -errno : 0;
}

int console_history(const struct console *c) {
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];

        path_of(c, CONSOLE_HISTORY, path);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || ftruncate(fd, WORKER_HISTORY_SIZE) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* Both ways: it has no end of file, and nobody has to be there first (fifo(7)). */
int console_input(const struct console *c) {
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];

        path_of(c, CONSOLE_INPUT, path);
        if (mkfifo(path, 0600) < 0 && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fcntl(fd, F_SETPIPE_SZ, CONSOLE_INPUT_SIZE) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static void remove_files(const struct console *c) {
        static const char *const files[] = { CONSOLE_TTY, CONSOLE_INPUT, CONSOLE_HISTORY };
        char path[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                path_of(c, files[i], path);
                (void) unlink(path);
        }
        path_of(c, "", path);
        (void) rmdir(path);
        snprintf(path, sizeof(path), "%s/%s", RUN_CONSOLES_DIR, c->zone);
        (void) rmdir(path); /* another console's, too: not empty */
}

static int make_files(struct console *c) {
        _cleanup_close_ int history = -1;
        char path[PATH_MAX];
        int r;

        path_of(c, CONSOLE_TTY, path);
        r = mkdir_parents(path);
        if (r < 0)
                return r;
        history = console_history(c);
        if (history < 0)
                return history;
        c->input = console_input(c);
        return c->input < 0 ? c->input : make_link(c);
}

int consoles_get(struct consoles *l, const char *zone, const char *device, const struct console **ret, struct err *e) {
        _cleanup_(console_freep) struct console *c = NULL;
        const struct console *there = find(l, zone, device);
        int r;

        if (there) {
                *ret = there;
                return 0;
        }
        c = console_new(zone, device);
        if (!c)
                return -ENOMEM;
        r = open_pty(c);
        if (r < 0)
                return err_set(e, r, "a pty for the console: %s", strerror(-r));
        remove_files(c); /* left of an earlier one that was lost */
        r = make_files(c);
        if (r < 0)
                return err_set(e, r, "the console's files in %s/%s/%s: %s", RUN_CONSOLES_DIR, zone, device,
                               strerror(-r));
        r = add(l, c);
        if (r < 0)
                return r;
        store(c);
        *ret = TAKE_PTR(c);
        return 0;
}

int console_watch(const struct console *c) {
        _cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        if (fd < 0 || inotify_add_watch(fd, c->slave, IN_OPEN | IN_CLOSE) < 0)
                return -errno;
        return TAKE_FD(fd);
}

void consoles_drop(struct consoles *l, const char *zone, const struct zone_spec *keep) {
        size_t kept = 0;

        for (size_t i = 0; i < l->count; i++) {
                struct console *c = l->list[i];
                const struct device_spec *d = keep ? zone_spec_find_device(keep, c->device) : NULL;

                if (strcmp(c->zone, zone) != 0 || (d && d->type == DEVICE_CONSOLE)) {
                        l->list[kept++] = c;
                        continue;
                }
                remove_files(c);
                unstore(c);
                console_free(c);
        }
        l->count = kept;
}

/* ---- taking over ------------------------------------------------------------------------------------ */

static void set_master(struct console *c, int fd) {
        fd_close(c->master);
        c->master = fd;
        if (ptsname_r(fd, c->slave, sizeof(c->slave)) != 0)
                c->master = fd_close(c->master);
}

static int take_stored(struct consoles *l, struct stored_fd *s) {
        struct console *c;

        if (s->kind != FD_PTY)
                return 0;
        c = console_new(s->zone, s->device);
        if (!c || add(l, c) < 0) {
                console_free(c);
                return -ENOMEM;
        }
        set_master(c, TAKE_FD(s->fd));
        return 0;
}

/* One whose pty or files cannot be had is none. */
static void drop_incomplete(struct consoles *l) {
        size_t kept = 0;

        for (size_t i = 0; i < l->count; i++) {
                struct console *c = l->list[i];

                if (c->master >= 0 && make_files(c) >= 0) {
                        l->list[kept++] = c;
                        continue;
                }
                unstore(c);
                console_free(c);
        }
        l->count = kept;
}

int consoles_new(struct stored_fds *stored, struct consoles **ret) {
        struct consoles *l = calloc(1, sizeof(*l));
        int r = l ? 0 : -ENOMEM;

        for (size_t i = 0; i < stored->count && r == 0; i++)
                r = take_stored(l, &stored->list[i]);
        if (r < 0) {
                consoles_free(l);
                return r;
        }
        drop_incomplete(l);
        *ret = l;
        return 0;
}

struct consoles *consoles_free(struct consoles *l) {
        if (l) {
                for (size_t i = 0; i < l->count; i++)
                        console_free(l->list[i]);
                free(l->list);
                free(l);
        }
        return NULL;
}

static int copy_fd(pid_t worker, int pidfd, const char *option) {
        int fd;

        return worker_fds_copy(worker, pidfd, option, &fd, 1) == 1 ? fd : -EBADF;
}

void consoles_regain(struct consoles *l, const char *zone, const char *device, pid_t worker, int pidfd) {
        _cleanup_(console_freep) struct console *c = NULL;
        int master;

        if (find(l, zone, device))
                return;
        master = copy_fd(worker, pidfd, WORKER_OPTION_PTY_FD);
        if (master < 0)
                return; /* not a console's worker */
        c = console_new(zone, device);
        if (!c) {
                fd_close(master);
                return;
        }
        set_master(c, master);
        if (c->master < 0 || make_files(c) < 0 || add(l, c) < 0) {
                log_warning("console %s/%s: cannot take it over from worker %d; it is lost when that worker ends", zone,
                            device, (int) worker);
                return;
        }
        store(c);
        c = NULL;
}
