// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptors: the threads of a process share them and take each other's away at any moment; processes hand them over. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "calls.h"
#include "random.h"

int control, descriptors[DESCRIPTORS], events[EVENTS], file, mail[2];
enum kind kinds[DESCRIPTORS];

unsigned pick(void) {
        return (unsigned) below(DESCRIPTORS);
}

/* Mostly one of the right kind, if there is one. */
int any(enum kind kind) {
        unsigned i = pick(), tries = below(8) ? 2 * DESCRIPTORS : 0;

        while (kinds[i] != kind && tries-- > 0)
                i = pick();
        return descriptors[i];
}

/* In place of another one, if it is a descriptor at all. */
long keep(long fd, enum kind kind) {
        unsigned i = pick();

        if (fd <= 2)
                return fd;
        close(__atomic_exchange_n(&descriptors[i], (int) fd, __ATOMIC_RELAXED));
        kinds[i] = kind;
        return fd;
}

long put_away(void) {
        return keep(dup(file), OTHER);
}

long signal_event(void) {
        return eventfd_write(events[below(EVENTS)], 1);
}

long poll_all(void) {
        struct pollfd p[DESCRIPTORS];

        for (unsigned i = 0; i < DESCRIPTORS; i++)
                p[i] = (struct pollfd){ .fd = descriptors[i], .events = POLLIN | POLLOUT };
        return poll(p, DESCRIPTORS, (int) below(3));
}

long watch(void) {
        struct epoll_event event = { .events = EPOLLIN | EPOLLET };
        int fd = epoll_create1(0);

        for (unsigned i = 0; i < 8; i++)
                epoll_ctl(fd, EPOLL_CTL_ADD, i < 2 ? events[below(4)] : descriptors[pick()], &event);
        epoll_wait(fd, &event, 1, 0);
        return keep(fd, OTHER);
}

long duplicate(void) {
        unsigned i = pick();

        return keep(dup(descriptors[i]), kinds[i]);
}

long renew_event(void) {
        int fd = eventfd(0, EFD_NONBLOCK);

        if (fd >= 0)
                close(__atomic_exchange_n(&events[below(4)], fd, __ATOMIC_RELAXED));
        return fd;
}

union control_room {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
};

long send_one(void) {
        unsigned i = pick();
        char kind = (char) kinds[i];
        struct iovec data = { &kind, 1 };
        union control_room c = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
        struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };

        memcpy(CMSG_DATA(&c.header), &descriptors[i], sizeof(int));
        return sendmsg(mail[0], &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

long receive_one(void) {
        char kind = 0;
        struct iovec data = { &kind, 1 };
        union control_room c;
        struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
        int fd;

        if (recvmsg(mail[1], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0 || m.msg_controllen < sizeof(struct cmsghdr))
                return -1;
        memcpy(&fd, CMSG_DATA(&c.header), sizeof(fd));
        return keep(fd, (enum kind) kind);
}
