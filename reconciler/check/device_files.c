/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files and interfaces that a zone's devices name. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/fs.h>

#include "base/fd.h"
#include "base/tap.h"
#include "check/check.h"
#include "check/findings.h"

#define SECTOR 512

static int disk_size(int fd, const struct stat *st, uint64_t *ret) {
        *ret = (uint64_t) st->st_size;
        return S_ISBLK(st->st_mode) && ioctl(fd, BLKGETSIZE64, ret) < 0 ? -errno : 0;
}

/* False: there is no such disk; *ret is written otherwise. */
static bool check_disk(struct findings *f, const struct device_spec *d, struct file_identity *ret) {
        int mode = (d->read_only ? O_RDONLY : O_RDWR) | (d->cache == CACHE_NONE ? O_DIRECT : 0) | O_CLOEXEC | O_NOCTTY |
                   O_NONBLOCK;
        uint32_t unit = MAX(d->block_size, (uint32_t) SECTOR);
        _cleanup_close_ int fd = open(d->image, mode);
        char what[NAME_SIZE + 16];
        struct stat st;
        uint64_t size;

        if (fd < 0 && errno == EINVAL && d->cache == CACHE_NONE) {
                finding(f, d, "Cache", "[Block %s]: the file system of %s has no direct I/O, which Cache=none wants",
                        d->name, d->image);
                return false;
        }
        if (fd < 0 || fstat(fd, &st) < 0) {
                (void) snprintf(what, sizeof(what), "[Block %s]", d->name);
                finding_no_file(f, d, "Image", what, d->image);
                return false;
        }
        if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
                finding(f, d, "Image", "[Block %s]: %s is neither a file nor a block device", d->name, d->image);
                return false;
        }
        *ret = file_identity_get(fd, "");
        if (disk_size(fd, &st, &size) < 0)
                finding(f, d, "Image", "[Block %s]: the size of %s cannot be told: %s", d->name, d->image,
                        strerror(errno));
        else if (size == 0 || size % unit != 0)
                finding(f, d, "Image", "[Block %s]: %s has %" PRIu64 " bytes, not a multiple of %" PRIu32, d->name,
                        d->image, size, unit);
        return true;
}

static void check_disks(struct findings *f) {
        struct zone_spec now = *f->zone; /* borrows all; its images are looked up anew */
        bool there[ZONE_DEVICES_MAX] = {};

        for (size_t i = 0; i < now.num_devices; i++) {
                const struct device_spec *d = &f->zone->devices[i];

                if (d->type != DEVICE_BLOCK || !d->enabled)
                        continue;
                there[i] = check_disk(f, d, &now.devices[i].image_identity);
                for (size_t j = 0; there[i] && j < i; j++)
                        if (there[j] && device_image_shared(&now.devices[i], &now.devices[j]))
                                finding(f, d, "Image", "[Block %s]: %s is [Block %s]'s image under another name",
                                        d->name, d->image, now.devices[j].name);
        }
}

static void check_tap(struct findings *f, const struct device_spec *d) {
        char what[NAME_SIZE + 16];
        struct err e = {};

        (void) snprintf(what, sizeof(what), "[Net %s]", d->name);
        if (f->elsewhere) {
                errno = ENOENT; /* its interfaces are not this machine's, whatever their names */
                if (strcmp(d->tap, TAP_AUTO) != 0)
                        finding_no_file(f, d, "Tap", what, d->tap);
                if (d->bridge[0] != '\0')
                        finding_no_file(f, d, "Bridge", what, d->bridge);
        } else if (strcmp(d->tap, TAP_AUTO) != 0 && tap_check(d->tap, &e) < 0) {
                finding(f, d, "Tap", "%s: %s", what, e.text);
        } else if (d->bridge[0] != '\0' && tap_check_bridge(d->bridge, &e) < 0) {
                finding(f, d, "Bridge", "%s: %s", what, e.text);
        }
}

static void check_taps(struct findings *f) {
        for (size_t i = 0; i < f->zone->num_devices; i++)
                if (f->zone->devices[i].type == DEVICE_NET && f->zone->devices[i].enabled)
                        check_tap(f, &f->zone->devices[i]);
}

static int check_images(struct findings f) {
        check_disks(&f);
        check_taps(&f);
        return f.r;
}

int zone_check_devices(const struct zone_spec *z, struct diagnostics *d) {
        return check_images((struct findings){ .zone = z, .d = d });
}

int zone_check_device(const struct zone_spec *z, const struct device_spec *device, struct diagnostics *d) {
        struct findings f = { .zone = z, .d = d };
        struct file_identity identity;

        if (device->type == DEVICE_BLOCK)
                (void) check_disk(&f, device, &identity);
        if (device->type == DEVICE_NET)
                check_tap(&f, device);
        return f.r;
}

int zone_check_devices_elsewhere(const struct zone_spec *z, struct diagnostics *d) {
        return check_images((struct findings){ .zone = z, .d = d, .elsewhere = true });
}
