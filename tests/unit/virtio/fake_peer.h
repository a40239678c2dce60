/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of vhost-user: bytes and descriptors on a socket, whether they make a message or not. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "virtio/vhost_user.h"

#define FAKE_FDS_MAX 32

/* How many descriptors this process has open. */
static inline unsigned count_fds(void) {
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        assert_non_null(d);
        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

/* As many bytes as the socket takes; @count copies of @fd go with the first. */
static inline ssize_t send_bytes(int socket, const void *bytes, size_t size, int fd, size_t count) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(FAKE_FDS_MAX * sizeof(int))];
        } control = { 0 };
        struct iovec iov = { (void *) bytes, size };
        struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

        assert_true(count <= FAKE_FDS_MAX);
        if (count > 0) {
                h.msg_control = &control;
                h.msg_controllen = CMSG_SPACE(count * sizeof(int));
                control.align.cmsg_level = SOL_SOCKET;
                control.align.cmsg_type = SCM_RIGHTS;
                control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
                for (size_t i = 0; i < count; i++)
                        memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &fd, sizeof(fd));
        }
        return sendmsg(socket, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static inline struct vhost_user_message make_request(uint32_t request, uint32_t size) {
        return (struct vhost_user_message){ .header = { request, VHOST_USER_VERSION, size } };
}

/* Numbers that are the same for the same seed. */
static inline uint32_t next_random(uint64_t *seed) {
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t) (*seed >> 32);
}
