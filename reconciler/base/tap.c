/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/tap.h"

#define HOW_TO_MAKE "ip tuntap add dev %s mode tap && ip link set %s up"

/* A number out of /sys/class/net/NAME/; -errno if the interface has no such file. */
static int read_attribute(const char *name, const char *attribute, unsigned *ret) {
        _cleanup_close_ int fd = -1;
        char path[80], text[32];
        ssize_t n;

        (void) snprintf(path, sizeof(path), "/sys/class/net/%.15s/%s", name, attribute);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        *ret = (unsigned) strtoul(text, NULL, 0);
        return 0;
}

static int no_interface(const char *name, struct err *e) {
        return err_set(e, -ENODEV, "there is no network interface %s; make it: " HOW_TO_MAKE, name, name, name);
}

int tap_check(const char *name, struct err *e) {
        unsigned flags, any;

        if (read_attribute(name, "flags", &any) < 0)
                return no_interface(name, e);
        if (read_attribute(name, "tun_flags", &flags) < 0)
                return err_set(e, -EINVAL,
                               "%s is a network interface, but no tap; make one of another name: " HOW_TO_MAKE, name,
                               "tap0", "tap0");
        if (!(flags & IFF_TAP))
                return err_set(e, -EINVAL, "%s carries IP packets (mode tun); a zone needs Ethernet: mode tap", name);
        if (flags & IFF_MULTI_QUEUE)
                return err_set(e, -EINVAL, "%s was made with multi_queue; it has to be made without", name);
        return 0;
}

bool tap_is_down(const char *name) {
        unsigned flags;

        return read_attribute(name, "flags", &flags) == 0 && !(flags & IFF_UP);
}

/* TUNSETIFF makes an interface where there is none: such a one, which ends with the descriptor, is no success. */
static int attach(int fd, const char *name, struct err *e) {
        struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

        (void) snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
        if (ioctl(fd, TUNSETIFF, &request) < 0)
                return err_set(e, -errno, "tap %s: %s", name,
                               errno == EBUSY ? "another process has it" : strerror(errno));
        if (ioctl(fd, TUNGETIFF, &request) < 0)
                return err_set(e, -errno, "tap %s: %s", name, strerror(errno));
        return request.ifr_flags & IFF_PERSIST ? 0 : no_interface(name, e);
}

/* These outlast the descriptor, so a tap may come with any of them. */
static int set_format(int fd, const char *name, struct err *e) {
        int header = sizeof(struct virtio_net_hdr_v1), little_endian = 1;

        if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0 || ioctl(fd, TUNSETVNETLE, &little_endian) < 0 ||
            ioctl(fd, TUNSETOFFLOAD, 0UL) < 0)
                return err_set(e, -errno, "tap %s: its frames' format cannot be set: %s", name, strerror(errno));
        return 0;
}

int tap_set_offloads(int fd, unsigned offloads) {
        return ioctl(fd, TUNSETOFFLOAD, (unsigned long) offloads) < 0 ? -errno : 0;
}

int tap_open(const char *name, int *ret, struct err *e) {
        _cleanup_close_ int fd = -1;
        int r = tap_check(name, e);

        if (r < 0)
                return r;
        fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return err_set(e, -errno, "/dev/net/tun: %s", strerror(errno));
        r = attach(fd, name, e);
        if (r >= 0)
                r = set_format(fd, name, e);
        if (r < 0)
                return r;
        *ret = TAKE_FD(fd);
        return 0;
}

int tap_watch(int *ret, struct err *e) {
        const struct sockaddr_nl links = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

        if (fd < 0 || bind(fd, (const struct sockaddr *) &links, sizeof(links)) < 0)
                return err_set(e, -errno, "cannot watch the network interfaces: %s", strerror(errno));
        *ret = TAKE_FD(fd);
        return 0;
}

bool tap_is_gone(int fd) {
        struct ifreq request = { 0 };

        return ioctl(fd, TUNGETIFF, &request) < 0 && errno == EBADFD;
}
