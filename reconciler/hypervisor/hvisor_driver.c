/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver for hvisor through hvisor.ko. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "hypervisor/hvisor_describe.h"
#include "hypervisor/hvisor_driver.h"

#define LOAD_CHUNK (4 * 1024 * 1024) /* bytes; bounds how long one call holds the module */

_Static_assert(ZONE_DEVICES_MAX == HVISOR_DEVICES_MAX, "as many devices here as there");
_Static_assert(DEVICE_WINDOW_SIZE == HVISOR_WINDOW_SIZE, "windows are as large here as there");
_Static_assert(DEVICE_REGIONS == HVISOR_WINDOW_REGIONS, "windows take up as many of them here as there");

static void hvisor_close(struct hypervisor *h) {
        fd_close(to_hvisor(h)->control);
        free(h);
}

/* ---- making ----------------------------------------------------------------------------------------- */

static int hvisor_zone_create(struct hypervisor *h, const struct zone_making *m, int *ret_fd, struct err *e) {
        _cleanup_free_ struct hvisor_zone_create *c = calloc(1, sizeof(*c));
        char message[256] = "";
        int r;

        if (!c)
                return -ENOMEM;
        hvisor_describe(m, c);
        c->message = (uintptr_t) message;
        c->message_size = sizeof(message);
        r = call(to_hvisor(h)->control, HVISOR_ZONE_CREATE, c);
        if (r < 0)
                return err_set(e, r, "%s%s%s",
                               r == -EEXIST  ? "its id or name is taken"
                               : r == -EBUSY ? "something of it belongs to root Linux or another zone"
                               : r == -EINVAL || r == -EOPNOTSUPP ? "the module refuses its settings"
                                                                  : strerror(-r),
                               message[0] != '\0' ? ": " : "", message);
        *ret_fd = r;
        return 0;
}

static int hvisor_zone_open(struct hypervisor *h, uint32_t id, int *ret_fd, struct err *e) {
        struct hvisor_zone_open open = { .id = id };
        int r = call(to_hvisor(h)->control, HVISOR_ZONE_OPEN, &open);

        if (r < 0)
                return err_set(e, r, "%s", strerror(-r));
        *ret_fd = r;
        return 0;
}

static int hvisor_zone_acknowledge(struct hypervisor *h _unused_, int zone_fd) {
        struct hvisor_zone_info info;

        return MIN(call(zone_fd, HVISOR_ZONE_INFO, &info), 0);
}

static int hvisor_device_create(struct hypervisor *h _unused_, int zone_fd, const struct device_spec *d, int *ret_fd,
                                struct err *e) {
        struct hvisor_device_create c = {
                .virtio_id = device_virtio_id(d),
                .interrupt = d->interrupt,
                .address = d->address,
                .size = DEVICE_WINDOW_SIZE,
        };
        int r;

        copy_name(c.name, d->name);
        r = call(zone_fd, HVISOR_DEVICE_CREATE, &c);
        if (r < 0)
                return err_set(e, r, "%s", r == -EEXIST ? "its name, address or interrupt is taken" : strerror(-r));
        *ret_fd = r;
        return 0;
}

static int hvisor_device_open(struct hypervisor *h _unused_, int zone_fd, const char *name, int *ret_fd,
                              struct err *e) {
        struct hvisor_device_open open = {};
        int r;

        copy_name(open.name, name);
        r = call(zone_fd, HVISOR_DEVICE_OPEN, &open);
        if (r < 0)
                return err_set(e, r, "%s", strerror(-r));
        *ret_fd = r;
        return 0;
}

static int hvisor_device_withdraw(struct hypervisor *h, int zone_fd, const char *name, struct err *e) {
        _cleanup_close_ int fd = -1;
        int r = hvisor_device_open(h, zone_fd, name, &fd, e);

        if (r < 0)
                return r;
        r = call(fd, HVISOR_DEVICE_WITHDRAW, NULL);
        return r < 0 ? err_set(e, r, "%s", strerror(-r)) : 0;
}

/* ---- what takes its time ---------------------------------------------------------------------------- */

static int hvisor_zone_load(struct hypervisor *h _unused_, int zone_fd, const struct boot_file *file, struct err *e) {
        for (uint64_t offset = 0; offset < file->size; offset += LOAD_CHUNK) {
                struct hvisor_zone_load load = {
                        .fd = file->fd,
                        .offset = offset,
                        .address = file->address + offset,
                        .size = MIN((uint64_t) LOAD_CHUNK, file->size - offset),
                };
                int r = call(zone_fd, HVISOR_ZONE_LOAD, &load);

                if (r < 0)
                        return err_set(e, r, "to physical 0x%" PRIx64 ": %s", (uint64_t) load.address,
                                       r == -EFAULT    ? "not inside one RAM region of the zone"
                                       : r == -ENODATA ? "the file became shorter meanwhile"
                                                       : strerror(-r));
        }
        return 0;
}

/* Who of the listed zones has one of these CPUs? Tells in @e, which is how it is reported. */
static int find_cpu_holder(struct hvisor *h, const struct zone_spec *z, struct err *e) {
        _cleanup_free_ struct hvisor_old_zone_info *zones = calloc(HVISOR_ZONES_MAX, sizeof(*zones));
        int n;

        if (!zones)
                return -ENOMEM;
        n = hvisor_zone_list(h, zones, e);
        for (int i = 0; i < n; i++) {
                uint64_t both = zones[i].cpus & z->cpus;

                if (both)
                        return err_set(e, -EBUSY, "CPU %d belongs to zone %.31s", __builtin_ctzll(both),
                                       zones[i].zone_id ? zones[i].name : "0 (root Linux)");
        }
        return MIN(n, 0);
}

static const char *start_error(int r) {
        switch (r) {
        case -EINVAL:
                return "its configuration is refused";
        case -EUSERS:
                return "an IVC of it is full: once MaxPeers= zones have joined the hypervisor lets none join again "
                       "until "
                       "the board restarts; with one more than there are zones they can be restarted, under another "
                       "Id=";
        case -ENOTUNIQ:
                return "an IVC of it was made with other sizes or MaxPeers=, or with this zone as another Peer=: those "
                       "stay until the board restarts; take another Id=";
        case -ENOSPC:
                return "the hypervisor has no memory for another IVC: what ones of other Id= took stays taken until "
                       "the "
                       "board restarts";
        default:
                return strerror(-r);
        }
}

/*
 * The hypervisor answers EBUSY for a CPU of a listed zone, having changed
 * nothing; and for a CPU that is on though no listed zone has it, having given
 * all the zone's CPUs to nobody for good. Only the list tells the two apart,
 * and a listed holder is found before the call, so that it is never made.
 */
static int hvisor_zone_start(struct hypervisor *hypervisor, int zone_fd, const struct zone_spec *z, struct err *e) {
        struct hvisor *h = to_hvisor(hypervisor);
        int r, holder = find_cpu_holder(h, z, e);

        if (holder < 0)
                return holder;
        r = call(zone_fd, HVISOR_ZONE_START, NULL);
        if (r >= 0)
                return 0;
        if (r != -EBUSY)
                return err_set(e, r, "%s", start_error(r));
        holder = find_cpu_holder(h, z, e);
        return holder < 0 ? holder : HYPERVISOR_CPUS_LOST;
}

static int hvisor_zone_stop(struct hypervisor *h _unused_, int zone_fd, struct err *e) {
        int r = call(zone_fd, HVISOR_ZONE_STOP, NULL);

        return r < 0 ? err_set(e, r, "%s", strerror(-r)) : 0;
}

static int hvisor_zone_destroy(struct hypervisor *h _unused_, int zone_fd, struct err *e) {
        int r = call(zone_fd, HVISOR_ZONE_DESTROY, NULL);

        return r < 0 ? err_set(e, r, "%s", r == -EBUSY ? "the hypervisor still lists it" : strerror(-r)) : 0;
}

static const struct hypervisor_ops hvisor_ops = {
        .name = "hvisor",
        .close = hvisor_close,
        .observe = hvisor_observe,
        .observe_listed = hvisor_observe_listed,
        .list = hvisor_list,
        .zone_create = hvisor_zone_create,
        .zone_open = hvisor_zone_open,
        .zone_acknowledge = hvisor_zone_acknowledge,
        .device_create = hvisor_device_create,
        .device_open = hvisor_device_open,
        .device_withdraw = hvisor_device_withdraw,
        .zone_load = hvisor_zone_load,
        .zone_start = hvisor_zone_start,
        .zone_stop = hvisor_zone_stop,
        .zone_destroy = hvisor_zone_destroy,
};

int hypervisor_hvisor_open(struct hypervisor **ret, struct err *e) {
        _cleanup_close_ int fd = open(DEVICE_NODE, O_RDWR | O_CLOEXEC);
        struct hvisor_info info = {};
        struct hvisor *h;
        int r;

        if (fd < 0) {
                r = -errno;
                if (r == -ENOENT || r == -ENXIO || r == -ENODEV)
                        return err_set(e, r, "%s is not there: load the module (modprobe hvisor)", DEVICE_NODE);
                if (r == -EACCES || r == -EPERM)
                        return err_set(e, r, "%s: permission denied: run it as root", DEVICE_NODE);
                return err_set(e, r, "%s: %s", DEVICE_NODE, strerror(-r));
        }
        r = call(fd, HVISOR_INFO, &info);
        if (r == -ENOTTY)
                return err_set(e, r,
                               "%s belongs to another hvisor module (upstream's?): unload it and load this "
                               "project's",
                               DEVICE_NODE);
        if (r < 0)
                return err_set(e, r, "%s: %s", DEVICE_NODE, strerror(-r));
        if (info.abi_version != HVISOR_ABI_VERSION)
                return err_set(e, -EPROTO,
                               "hvisor.ko speaks version %u, this program %u: install both from one release",
                               (unsigned) info.abi_version, HVISOR_ABI_VERSION);
        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        *h = (struct hvisor){ .hypervisor.ops = &hvisor_ops, .control = TAKE_FD(fd), .magic = info.magic };
        *ret = &h->hypervisor;
        return 0;
}
