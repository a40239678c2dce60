/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/console_dir.h"
#include "base/fd.h"
#include "cli/console_client.h"

static int open_file(const char *directory, const char *name, int flags, struct err *e) {
        char path[PATH_MAX];
        int fd;

        (void) snprintf(path, sizeof(path), "%s/%s", directory, name);
        fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        return fd < 0 ? err_set(e, -errno, "%s: %s%s", path, strerror(errno),
                                errno == EACCES ? "; become root (sudo)" : "")
                      : fd;
}

static int watch(struct console_client *c, struct err *e) {
        static const struct {
                const char *name;
                uint32_t events;
        } rows[] = {
                { ".", IN_DELETE | IN_ONLYDIR },
                { CONSOLE_HISTORY, IN_MODIFY },
                { CONSOLE_INPUT, IN_CLOSE_WRITE },
        };
        char path[PATH_MAX];

        c->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", c->directory, rows[i].name);
                if (c->events < 0 || inotify_add_watch(c->events, path, rows[i].events) < 0)
                        return err_set(e, -errno, "watching %s: %s", path, strerror(errno));
        }
        return 0;
}

int console_client_open(const char *directory, struct console_client *ret, struct err *e) {
        struct console_client c = { .directory = directory, .history_fd = -1, .input = -1, .events = -1 };
        int r;

        c.history_fd = r = open_file(directory, CONSOLE_HISTORY, O_RDONLY, e);
        if (r >= 0)
                /* Both ways: what is written waits for the worker, though there may be none just now (fifo(7)). */
                c.input = r = open_file(directory, CONSOLE_INPUT, O_RDWR, e);
        if (r >= 0)
                r = watch(&c, e);
        if (r >= 0)
                r = history_view(&c.history, c.history_fd, e);
        if (r < 0) {
                console_client_close(&c);
                return r;
        }
        c.position = history_view_start(&c.history);
        *ret = c;
        return 0;
}

void console_client_close(struct console_client *c) {
        history_close(&c->history);
        c->history_fd = fd_close(c->history_fd);
        c->input = fd_close(c->input);
        c->events = fd_close(c->events);
}

int console_client_claim(struct console_client *c, pid_t *ret_holder) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        *ret_holder = 0;
        if (c->writes)
                return 0;
        c->others = history_view_clients(&c->history);
        if (c->others > 0)
                return -EBUSY;
        if (fcntl(c->input, F_SETLK, &lock) == 0) {
                c->writes = true;
                return 0;
        }
        if (errno != EACCES && errno != EAGAIN)
                return -errno;
        if (fcntl(c->input, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
                *ret_holder = lock.l_pid;
        return -EBUSY;
}

unsigned console_client_news(struct console_client *c) {
        char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        uint32_t others = history_view_clients(&c->history);
        unsigned news = others < c->others ? CONSOLE_NEWS_FREE : 0;
        ssize_t n;

        c->others = others;
        while ((n = read(c->events, buffer, sizeof(buffer))) > 0)
                for (char *p = buffer; p < buffer + n;) {
                        const struct inotify_event *e = (const struct inotify_event *) p;

                        if (e->mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW))
                                news |= CONSOLE_NEWS_FREE;
                        if ((e->mask & IN_DELETE) && e->len > 0 && strcmp(e->name, CONSOLE_HISTORY) == 0)
                                news |= CONSOLE_NEWS_GONE;
                        p += sizeof(*e) + e->len;
                }
        return news;
}

size_t console_client_read(struct console_client *c, void *ret, size_t size) {
        return history_view_read(&c->history, &c->position, ret, size);
}

void console_client_resize(const struct console_client *c, const struct winsize *size) {
        _cleanup_close_ int tty = open_file(c->directory, CONSOLE_TTY, O_RDWR, NULL);

        if (tty >= 0)
                (void) ioctl(tty, TIOCSWINSZ, size);
}
