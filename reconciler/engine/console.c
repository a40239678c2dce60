/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <termios.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/worker.h"

struct consoles {
        struct console **list;
        size_t count;
};

/* ---- names: "/" is in no zone's or device's name, so they cannot be taken for each other ------------ */

enum part { PART_PTY, PART_HISTORY, _PART_MAX };

static const char *const parts[_PART_MAX] = { [PART_PTY] = "pty", [PART_HISTORY] = "history" };

static void store_name(const struct console *c, enum part part, char *buffer, size_t size) {
        snprintf(buffer, size, "%s/%s/%s", parts[part], c->zone, c->device);
}

static void link_path(const struct console *c, char *buffer, size_t size) {
        snprintf(buffer, size, "%s/%s.%s", RUN_CONSOLES_DIR, c->zone, c->device);
}

/* ---- systemd's fd store ----------------------------------------------------------------------------- */

/* FDPOLL=0: a master whose slave nobody has open polls as hung up, and would be thrown out at once. */
static void store(const struct console *c, enum part part, int fd) {
        char name[2 * NAME_SIZE + 16], message[sizeof(name) + 32];

        store_name(c, part, name, sizeof(name));
        snprintf(message, sizeof(message), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
        (void) sd_pid_notify_with_fds(0, 0, message, &fd, 1);
}

static void unstore(const struct console *c) {
        for (enum part part = 0; part < _PART_MAX; part++) {
                char name[2 * NAME_SIZE + 16], message[sizeof(name) + 32];

                store_name(c, part, name, sizeof(name));
                snprintf(message, sizeof(message), "FDSTOREREMOVE=1\nFDNAME=%s", name);
                (void) sd_notify(0, message);
        }
}

/* ---- the list --------------------------------------------------------------------------------------- */

static struct console *console_free(struct console *c) {
        if (c) {
                fd_close(c->master);
                fd_close(c->history);
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
        c->master = c->history = -1;
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

static int open_history(struct console *c) {
        c->history = memfd_create("console-history", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (c->history < 0 || ftruncate(c->history, WORKER_HISTORY_SIZE) < 0 ||
            fcntl(c->history, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return -errno;
        return 0;
}

/* Replaced in one step: who follows the link finds the old slave or the new one. */
static int make_link(const struct console *c) {
        char path[PATH_MAX], beside[PATH_MAX + 8];
        int r;

        link_path(c, path, sizeof(path));
        r = mkdir_parents(path);
        if (r < 0)
                return r;
        snprintf(beside, sizeof(beside), "%s~", path);
        (void) unlink(beside);
        if (symlink(c->slave, beside) < 0)
                return -errno;
        return rename(beside, path) < 0 ? -errno : 0;
}

int consoles_get(struct consoles *l, const char *zone, const char *device, const struct console **ret,
                 struct err *e) {
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
        r = open_history(c);
        if (r < 0)
                return err_set(e, r, "memory for the console's history: %s", strerror(-r));
        r = make_link(c);
        if (r < 0)
                return err_set(e, r, "the console's link in %s: %s", RUN_CONSOLES_DIR, strerror(-r));
        r = add(l, c);
        if (r < 0)
                return r;
        store(c, PART_PTY, c->master);
        store(c, PART_HISTORY, c->history);
        *ret = TAKE_PTR(c);
        return 0;
}

int console_watch(const struct console *c) {
        _cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        if (fd < 0 || inotify_add_watch(fd, c->slave, IN_OPEN | IN_CLOSE) < 0)
                return -errno;
        return TAKE_FD(fd);
}

void consoles_drop(struct consoles *l, const char *zone) {
        size_t kept = 0;

        for (size_t i = 0; i < l->count; i++) {
                struct console *c = l->list[i];
                char path[PATH_MAX];

                if (strcmp(c->zone, zone) != 0) {
                        l->list[kept++] = c;
                        continue;
                }
                link_path(c, path, sizeof(path));
                (void) unlink(path);
                unstore(c);
                console_free(c);
        }
        l->count = kept;
}

/* ---- taking over ------------------------------------------------------------------------------------ */

/* Splits "pty/ZONE/DEVICE". False: not ours. */
static bool parse_store_name(const char *name, enum part *ret_part, char zone[NAME_SIZE],
                             char device[NAME_SIZE]) {
        for (enum part part = 0; part < _PART_MAX; part++) {
                size_t length = strlen(parts[part]);
                const char *slash;

                if (strncmp(name, parts[part], length) != 0 || name[length] != '/')
                        continue;
                name += length + 1;
                slash = strchr(name, '/');
                if (!slash || slash - name >= NAME_SIZE || strlen(slash + 1) >= NAME_SIZE)
                        return false;
                snprintf(zone, NAME_SIZE, "%.*s", (int) (slash - name), name);
                snprintf(device, NAME_SIZE, "%s", slash + 1);
                *ret_part = part;
                return zone_name_valid(zone) && zone_name_valid(device);
        }
        return false;
}

static void set_part(struct console *c, enum part part, int fd) {
        int *to = part == PART_PTY ? &c->master : &c->history;

        fd_close(*to);
        *to = fd;
        if (part == PART_PTY && ptsname_r(fd, c->slave, sizeof(c->slave)) != 0)
                c->master = fd_close(c->master);
}

static int take_stored(struct consoles *l, const char *name, int fd) {
        char zone[NAME_SIZE], device[NAME_SIZE];
        struct console *c;
        enum part part;

        if (!parse_store_name(name, &part, zone, device))
                return 0;
        c = find(l, zone, device);
        if (!c) {
                c = console_new(zone, device);
                if (!c || add(l, c) < 0) {
                        console_free(c);
                        return -ENOMEM;
                }
        }
        set_part(c, part, fd);
        return 0;
}

/* A console of which one half was lost is none. */
static void drop_incomplete(struct consoles *l) {
        size_t kept = 0;

        for (size_t i = 0; i < l->count; i++) {
                struct console *c = l->list[i];

                if (c->master >= 0 && c->history >= 0 && make_link(c) >= 0) {
                        l->list[kept++] = c;
                        continue;
                }
                unstore(c);
                console_free(c);
        }
        l->count = kept;
}

int consoles_new(struct consoles **ret) {
        struct consoles *l = calloc(1, sizeof(*l));
        char **names = NULL;
        int n, r = 0;

        if (!l)
                return -ENOMEM;
        n = sd_listen_fds_with_names(1, &names);
        for (int i = 0; i < n; i++) {
                if (r == 0)
                        r = take_stored(l, names[i], SD_LISTEN_FDS_START + i);
                free(names[i]);
        }
        free(names);
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

/* The number behind "--OPTION=" in a process's arguments, or -1. */
static int find_fd_option(const char *arguments, size_t size, const char *option) {
        size_t length = strlen(option);

        for (const char *a = arguments; a < arguments + size; a += strlen(a) + 1)
                if (strncmp(a, "--", 2) == 0 && strncmp(a + 2, option, length) == 0 && a[2 + length] == '=')
                        return atoi(a + 3 + length);
        return -1;
}

static int copy_fd(int pidfd, const char *arguments, size_t size, const char *option) {
        int number = find_fd_option(arguments, size, option);

        return number < 0 ? -EBADF : pidfd_getfd(pidfd, number, 0);
}

void consoles_regain(struct consoles *l, const char *zone, const char *device, pid_t worker, int pidfd) {
        _cleanup_(console_freep) struct console *c = NULL;
        char path[64], arguments[4096];
        _cleanup_close_ int fd = -1;
        ssize_t n;
        int master;

        if (find(l, zone, device))
                return;
        snprintf(path, sizeof(path), "/proc/%d/cmdline", (int) worker);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, arguments, sizeof(arguments) - 1);
        if (n <= 0)
                return;
        arguments[n] = '\0';
        if (find_fd_option(arguments, n, WORKER_OPTION_PTY_FD) < 0)
                return; /* not a console's worker */
        c = console_new(zone, device);
        if (!c)
                return;
        c->history = copy_fd(pidfd, arguments, n, WORKER_OPTION_HISTORY_FD);
        master = copy_fd(pidfd, arguments, n, WORKER_OPTION_PTY_FD);
        if (master >= 0)
                set_part(c, PART_PTY, master);
        if (c->history < 0 || c->master < 0 || make_link(c) < 0 || add(l, c) < 0) {
                log_warning(
                        "console %s.%s: cannot take it over from worker %d; it is lost when that worker ends",
                        zone, device, (int) worker);
                return;
        }
        store(c, PART_PTY, c->master);
        store(c, PART_HISTORY, c->history);
        c = NULL;
}
