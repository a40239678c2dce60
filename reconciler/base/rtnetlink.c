/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/macros.h"
#include "base/rtnetlink.h"

/* A request about one interface, with room for a few numbers. */
struct request {
        struct nlmsghdr header;
        struct ifinfomsg link;
        uint8_t attributes[64];
};

static void request_begin(struct request *q, uint16_t type, uint16_t flags, int index) {
        *q = (struct request){
                .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(q->link)),
                            .nlmsg_type = type,
                            .nlmsg_flags = NLM_F_REQUEST | flags,
                            .nlmsg_seq = 1 },
                .link = { .ifi_family = AF_UNSPEC, .ifi_index = index },
        };
}

static void request_add(struct request *q, uint16_t type, uint32_t value) {
        struct rtattr *a = (struct rtattr *) ((uint8_t *) q + NLMSG_ALIGN(q->header.nlmsg_len));

        a->rta_type = type;
        a->rta_len = RTA_LENGTH(sizeof(value));
        memcpy(RTA_DATA(a), &value, sizeof(value));
        q->header.nlmsg_len = NLMSG_ALIGN(q->header.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static int open_socket(int flags) {
        const struct sockaddr_nl own = { .nl_family = AF_NETLINK };
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

        if (fd < 0 || bind(fd, (const struct sockaddr *) &own, sizeof(own)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int request_send(int fd, const struct request *q) {
        return send(fd, q, q->header.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* Return: what the kernel answers, 0 or -errno. */
static int acknowledged(int fd) {
        struct {
                struct nlmsghdr header;
                struct nlmsgerr error;
        } answer; /* the rest of it is cut off */
        ssize_t n = recv(fd, &answer, sizeof(answer), 0);

        if (n < 0)
                return -errno;
        if ((size_t) n < sizeof(answer) || answer.header.nlmsg_type != NLMSG_ERROR)
                return -EBADMSG;
        return answer.error.error;
}

/* Return: what the kernel says to it. */
static int request_carry_out(const struct request *q) {
        _cleanup_close_ int fd = open_socket(0);
        int r = fd < 0 ? fd : request_send(fd, q);

        return r < 0 ? r : acknowledged(fd);
}

int link_set(int index, const struct link_change *c) {
        struct request q;

        request_begin(&q, RTM_NEWLINK, NLM_F_ACK, index);
        if (c->up)
                q.link.ifi_flags = q.link.ifi_change = IFF_UP;
        if (c->mtu > 0)
                request_add(&q, IFLA_MTU, c->mtu);
        if (c->master != 0)
                request_add(&q, IFLA_MASTER, c->master > 0 ? (uint32_t) c->master : 0);
        return request_carry_out(&q);
}

int link_remove(int index) {
        struct request q;

        request_begin(&q, RTM_DELLINK, NLM_F_ACK, index);
        return index > 0 ? request_carry_out(&q) : -ENODEV;
}

/* ---- following one ---------------------------------------------------------------------------------- */

#define IN_HEADER(field) ((uint32_t) offsetof(struct nlmsghdr, field))
#define IN_LINK(field)   ((uint32_t) (NLMSG_HDRLEN + offsetof(struct ifinfomsg, field)))

#define SKIP_UNLESS_EQUAL(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define SKIP_IF_EQUAL(value, count)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, count, 0)

/*
 * Lets in what is told of the interface, but for answers to a question of @asker. A filter reads as the network does
 * (big-endian), whatever the machine. A bridge tells of its ports in a family of its own.
 */
static int filter(int fd, int index, uint32_t asker) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, IN_HEADER(nlmsg_type)),
                SKIP_IF_EQUAL(htons(RTM_NEWLINK), 1),
                SKIP_UNLESS_EQUAL(htons(RTM_DELLINK), 7),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IN_LINK(ifi_family)),
                SKIP_UNLESS_EQUAL(AF_UNSPEC, 5),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IN_LINK(ifi_index)),
                SKIP_UNLESS_EQUAL(htonl((uint32_t) index), 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IN_HEADER(nlmsg_pid)),
                SKIP_IF_EQUAL(htonl(asker), 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const struct sock_fprog program = { .len = ELEMENTSOF(code), .filter = code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* From now on its answers do not come in either. */
static int shut_filter(int fd, int index) {
        struct sockaddr_nl own;
        socklen_t size = sizeof(own);
        const int yes = 1;
        int r;

        if (getsockname(fd, (struct sockaddr *) &own, &size) < 0)
                return -errno;
        r = filter(fd, index, own.nl_pid);
        if (r < 0)
                return r;
        return setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &yes, sizeof(yes)) < 0 ? -errno : 0;
}

static int join(int fd) {
        const int group = RTNLGRP_LINK;

        return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ? -errno : 0;
}

int link_listen(int *ret) {
        _cleanup_close_ int fd = open_socket(SOCK_NONBLOCK);
        int r = fd < 0 ? fd : join(fd);

        if (r >= 0)
                *ret = TAKE_FD(fd);
        return r;
}

/* What was lost (ENOBUFS) was something, too. */
void link_hear(int fd) {
        char any;

        while (recv(fd, &any, sizeof(any), 0) >= 0 || errno == EINTR || errno == ENOBUFS)
                ;
}

/* Nothing is missed: it listens before it asks. The kernel answers while it is asked. */
int link_watch(int index, int *ret) {
        _cleanup_close_ int fd = open_socket(SOCK_NONBLOCK);
        struct request q;
        int r;

        if (fd < 0)
                return fd;
        r = filter(fd, index, UINT32_MAX);
        if (r >= 0)
                r = join(fd);
        request_begin(&q, RTM_GETLINK, 0, index);
        if (r >= 0)
                r = request_send(fd, &q);
        if (r >= 0)
                r = shut_filter(fd, index);
        if (r < 0)
                return r;
        *ret = TAKE_FD(fd);
        return 0;
}

int link_watch_read(int fd, enum link_state *ret) {
        struct {
                struct nlmsghdr header;
                struct ifinfomsg link;
        } m; /* the rest of it is cut off */
        const struct iovec v = { &m, sizeof(m) };
        ssize_t n;

        do
                n = readv(fd, &v, 1);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? 0 : -errno;
        if ((size_t) n < sizeof(m))
                return -EBADMSG;
        if (m.header.nlmsg_type == RTM_DELLINK)
                *ret = LINK_GONE;
        else
                *ret = m.link.ifi_flags & IFF_LOWER_UP ? LINK_UP : LINK_DOWN;
        return 1;
}
