/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's own termios, not libc's: the ioctls stay the ones named here,
 * whatever libc is there.
 */
#include <asm/termbits.h>
#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device/pty.h"

bool pty_has_client(int master_fd) {
        struct pollfd p = { .fd = master_fd };

        return poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP);
}

static void make_raw(struct termios *t) {
        t->c_iflag &= ~(tcflag_t) (IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
        t->c_oflag &= ~(tcflag_t) OPOST;
        t->c_lflag &= ~(tcflag_t) (ECHO | ECHONL | ICANON | ISIG | IEXTEN);
        t->c_cflag = (t->c_cflag & ~(tcflag_t) (CSIZE | PARENB)) | CS8;
        t->c_cc[VMIN] = 1;
        t->c_cc[VTIME] = 0;
}

int pty_renew(int master_fd) {
        struct termios t;

        /* First what is on its way to the slave, then (TCSETSF on a master means its slave) what has arrived. */
        if (ioctl(master_fd, PTY_IOCTL_FLUSH, TCOFLUSH) < 0)
                return -errno;
        if (ioctl(master_fd, PTY_IOCTL_GET, &t) < 0)
                return -errno;
        make_raw(&t);
        return ioctl(master_fd, PTY_IOCTL_SET_FLUSH, &t) < 0 ? -errno : 0;
}

static bool count_event(const struct inotify_event *e, uint32_t *clients) {
        if (e->mask & IN_Q_OVERFLOW)
                return true;
        if (e->mask & IN_OPEN)
                ++*clients;
        if ((e->mask & IN_CLOSE) && *clients > 0)
                --*clients;
        return *clients == 0;
}

int pty_count_clients(int events_fd, uint32_t *clients) {
        char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        bool none = false;
        ssize_t n;

        while ((n = read(events_fd, buffer, sizeof(buffer))) > 0)
                for (char *p = buffer; p < buffer + n;) {
                        const struct inotify_event *e = (const struct inotify_event *) p;

                        none |= count_event(e, clients);
                        p += sizeof(*e) + e->len;
                }
        return none;
}
