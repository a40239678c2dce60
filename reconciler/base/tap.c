/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/rtnetlink.h"
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
        return 0;
}

int tap_check_bridge(const char *name, struct err *e) {
        unsigned any;

        if (read_attribute(name, "flags", &any) < 0)
                return err_set(e, -ENODEV,
                               "there is no bridge %s; make it: ip link add %s type bridge && ip link set %s up", name,
                               name, name);
        if (read_attribute(name, "bridge/stp_state", &any) < 0)
                return err_set(e, -EINVAL, "%s is a network interface, but no bridge", name);
        return 0;
}

bool tap_is_port_of(const char *name, const char *bridge) {
        char path[80], target[256];
        const char *last;
        ssize_t n;

        (void) snprintf(path, sizeof(path), "/sys/class/net/%.15s/master", name);
        n = readlink(path, target, sizeof(target) - 1);
        if (n < 0)
                return false;
        target[n] = '\0';
        last = strrchr(target, '/');
        return strcmp(last ? last + 1 : target, bridge) == 0;
}

bool tap_is_down(const char *name) {
        unsigned flags;

        return read_attribute(name, "flags", &flags) == 0 && !(flags & IFF_UP);
}

/* ---- descriptors ------------------------------------------------------------------------------------ */

void tap_close(struct tap *t) {
        while (t->num_fds > 0)
                fd_close(t->fds[--t->num_fds]);
}

int tap_identify(int fd, struct tap_identity *ret) {
        struct ifreq request = { 0 };

        if (ioctl(fd, TUNGETIFF, &request) < 0)
                return -errno;
        (void) snprintf(ret->name, sizeof(ret->name), "%.15s", request.ifr_name);
        ret->made_here = !(request.ifr_flags & IFF_PERSIST);
        ret->multi_queue = request.ifr_flags & IFF_MULTI_QUEUE;
        ret->on = !(request.ifr_flags & IFF_DETACH_QUEUE);
        return 0;
}

/* TUNGETDEVNETNS is younger than the rest (Linux 5.8); without it a name that is not here says as much. */
bool tap_is_elsewhere(int fd) {
        _cleanup_close_ int theirs = ioctl(fd, TUNGETDEVNETNS), ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        struct tap_identity id;
        struct stat a, b;

        if (theirs >= 0 && ours >= 0 && fstat(theirs, &a) == 0 && fstat(ours, &b) == 0)
                return a.st_ino != b.st_ino || a.st_dev != b.st_dev;
        return tap_identify(fd, &id) == 0 && if_nametoindex(id.name) == 0;
}

void tap_end(struct tap *t) {
        struct tap_identity id;

        if (t->num_fds > 0 && tap_identify(t->fds[0], &id) == 0 && id.made_here && !tap_is_elsewhere(t->fds[0]))
                (void) link_remove((int) if_nametoindex(id.name));
        tap_close(t);
}

int tap_queue_enable(int fd, bool on) {
        struct ifreq request = { .ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

        return ioctl(fd, TUNSETQUEUE, &request) < 0 ? -errno : 0;
}

int tap_set_offloads(int fd, unsigned offloads) {
        return ioctl(fd, TUNSETOFFLOAD, (unsigned long) offloads) < 0 ? -errno : 0;
}

static int attach(int fd, const char *name, unsigned flags, struct err *e) {
        struct ifreq request = { .ifr_flags = (short) (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags) };

        (void) snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
        if (ioctl(fd, TUNSETIFF, &request) >= 0)
                return 0;
        if (errno == EBUSY && (flags & IFF_TUN_EXCL))
                return err_set(e, -EEXIST, "there is a network interface %s already, which is another's", name);
        return err_set(e, -errno, "tap %s: %s", name, errno == EBUSY ? "another process has it" : strerror(errno));
}

/* These outlast the descriptor, so a tap may come with any of them. */
static int set_format(int fd, const char *name, struct err *e) {
        int header = sizeof(struct virtio_net_hdr_v1), little_endian = 1;

        if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0 || ioctl(fd, TUNSETVNETLE, &little_endian) < 0 ||
            tap_set_offloads(fd, 0) < 0)
                return err_set(e, -errno, "tap %s: its frames' format cannot be set: %s", name, strerror(errno));
        return 0;
}

static int add_queue(struct tap *t, const char *name, unsigned flags, struct err *e) {
        _cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        int r;

        if (fd < 0)
                return err_set(e, -errno, "/dev/net/tun: %s", strerror(errno));
        r = attach(fd, name, flags, e);
        if (r >= 0)
                r = set_format(fd, name, e);
        if (r >= 0 && t->num_fds > 0 && tap_queue_enable(fd, false) < 0)
                r = err_set(e, -errno, "tap %s: a queue cannot be switched off: %s", name, strerror(errno));
        if (r >= 0)
                t->fds[t->num_fds++] = TAKE_FD(fd);
        return r;
}

/* TUNSETIFF makes an interface where there is none: such a one is no success for who wants one that exists. */
static int is_there(const struct tap *t, const char *name, struct err *e) {
        struct tap_identity id;
        int r = tap_identify(t->fds[0], &id);

        if (r < 0)
                return err_set(e, r, "tap %s: %s", name, strerror(-r));
        return id.made_here ? no_interface(name, e) : 0;
}

int tap_open(const char *name, unsigned queues, struct tap *ret, struct err *e) {
        struct tap t = { 0 };
        unsigned flags = 0;
        int r = tap_check(name, e);

        if (r >= 0)
                r = read_attribute(name, "tun_flags", &flags) < 0 ? no_interface(name, e) : 0;
        flags &= IFF_MULTI_QUEUE;
        if (r >= 0)
                r = add_queue(&t, name, flags, e);
        if (r >= 0)
                r = is_there(&t, name, e);
        while (r >= 0 && flags && t.num_fds < queues)
                r = add_queue(&t, name, flags, e);
        if (r < 0)
                tap_close(&t);
        else
                *ret = t;
        return r;
}

/* ---- of our own ------------------------------------------------------------------------------------- */

/* A bridge without an address of its own has the lowest of its ports': such a one is never that, and always the same. */
static int set_address(int fd, const char *name, struct err *e) {
        struct ifreq request = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };
        uint64_t hash = hash_string(name);

        memcpy(request.ifr_hwaddr.sa_data, &hash, 6);
        request.ifr_hwaddr.sa_data[0] = (char) 0xfe;
        if (ioctl(fd, SIOCSIFHWADDR, &request) < 0)
                return err_set(e, -errno, "tap %s: its address cannot be set: %s", name, strerror(errno));
        return 0;
}

bool tap_is_gone(int fd) {
        struct ifreq request = { 0 };

        return ioctl(fd, TUNGETIFF, &request) < 0 && errno == EBADFD;
}

int tap_create(const char *name, unsigned queues, struct tap *ret, struct err *e) {
        unsigned flags = queues > 1 ? IFF_MULTI_QUEUE : 0;
        struct tap t = { 0 };
        int r = add_queue(&t, name, flags | IFF_TUN_EXCL, e);

        if (r >= 0)
                r = set_address(t.fds[0], name, e);
        while (r >= 0 && t.num_fds < queues)
                r = add_queue(&t, name, flags, e);
        if (r < 0)
                tap_close(&t);
        else
                *ret = t;
        return r;
}

/* "+" and "~" are in no zone's or device's name, so there is no mistaking. What is too long for an interface has a hash. */
void tap_auto_name(const char *zone, const char *device, char ret[static TAP_NAME_SIZE]) {
        uint64_t hash;

        if (snprintf(ret, TAP_NAME_SIZE, "%s+%s", zone, device) < TAP_NAME_SIZE)
                return;
        hash = hash_bytes(hash_bytes(HASH_INIT, zone, strlen(zone) + 1), device, strlen(device));
        (void) snprintf(ret, TAP_NAME_SIZE, "%.4s~%010" PRIx64, zone, hash >> 24);
}

static int failed(int r, const char *name, const char *what, struct err *e) {
        return err_set(e, r, "%s: %s: %s", name, what, strerror(-r));
}

int tap_configure(const char *name, const struct tap_wish *w, struct err *e) {
        unsigned index = if_nametoindex(name);
        int bridge = 0, r;

        if (index == 0)
                return no_interface(name, e);
        if (w->bridge && w->bridge[0] != '\0') {
                r = tap_check_bridge(w->bridge, e);
                if (r < 0)
                        return r;
                bridge = (int) if_nametoindex(w->bridge);
        } else if (w->bridge) {
                bridge = LINK_NO_MASTER;
        }
        /* One after the other, so that it is plain what does not work; the MTU first: a bridge takes on its ports'. */
        r = w->mtu > 0 ? link_set((int) index, &(struct link_change){ .mtu = w->mtu }) : 0;
        if (r < 0)
                return failed(r, name, "its MTU cannot be set", e);
        r = bridge != 0 ? link_set((int) index, &(struct link_change){ .master = bridge }) : 0;
        if (r < 0)
                return failed(r, name, "it cannot be made a port of its bridge", e);
        r = w->up ? link_set((int) index, &(struct link_change){ .up = true }) : 0;
        return r < 0 ? failed(r, name, "it cannot be switched on", e) : 0;
}
