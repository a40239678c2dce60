/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files and interfaces that a zone names. What a kernel and a device tree look like is
 * taken from Linux' Documentation/arch/arm64/booting.rst and the Devicetree
 * Specification 0.4, section 5.2; a kernel in another format is taken as it is.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/fs.h>

#include "base/fd.h"
#include "base/tap.h"
#include "config/check.h"
#include "config/findings.h"

#define SECTOR  512
#define DTB_MAX (2 << 20) /* booting.rst: at most 2 MiB */

/* A file in the zone's RAM: the place it takes there, which can be more than its size. */
struct loaded {
        const char *key;
        const struct image_spec *image;
        uint64_t size;
};

/* Where the guest sees a physical address of its RAM; the address itself if it has none there. */
static uint64_t guest_address(const struct zone_spec *z, uint64_t physical) {
        for (size_t i = 0; i < z->num_memory; i++)
                if (range_contains(z->memory[i].physical, z->memory[i].size, physical, 1))
                        return z->memory[i].guest + (physical - z->memory[i].physical);
        return physical;
}

/* Opens a file that is to be loaded. O_NONBLOCK: a FIFO must not hold the caller up. */
static int image_open(struct findings *f, const char *key, const struct image_spec *image, uint64_t *ret_size) {
        _cleanup_close_ int fd = open(image->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        char what[32];
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0) {
                (void) snprintf(what, sizeof(what), "%s=", key);
                finding_no_file(f, f->zone, key, what, image->path);
                return -1;
        }
        if (!S_ISREG(st.st_mode)) {
                finding(f, f->zone, key, "%s=: %s is not a regular file", key, image->path);
                return -1;
        }
        if (st.st_size == 0) {
                finding(f, f->zone, key, "%s=: %s is empty", key, image->path);
                return -1;
        }
        *ret_size = (uint64_t) st.st_size;
        return TAKE_FD(fd);
}

static void check_kernel(struct findings *f, int fd, struct loaded *l) {
        struct {
                uint32_t code[2];
                uint64_t text_offset, image_size, flags, reserved[3];
                uint32_t magic, pe_header;
        } h = {};
        _Static_assert(sizeof(h) == 64, "the header of an arm64 Image");
        const char *path = l->image->path;
        uint64_t offset;

        if (pread(fd, &h, sizeof(h), 0) < 4)
                return;
        if (memcmp(&h, "\x1f\x8b", 2) == 0)
                finding(f, f->zone, l->key, "%s=: %s is compressed (gzip); unpack it: gunzip < %s > Image", l->key,
                        path, path);
        else if (memcmp((char *) &h + 4, "zimg", 4) == 0)
                finding(f, f->zone, l->key, "%s=: %s is compressed (EFI zboot); the plain Image is wanted", l->key,
                        path);
        if (memcmp(&h.magic, "ARM\x64", 4) != 0)
                return;
        /* The kernel's memory reaches beyond its file: image_size counts its BSS, too. */
        l->size = MAX(l->size, le64toh(h.image_size));
        offset = guest_address(f->zone, l->image->address) - le64toh(h.text_offset);
        if (offset % (2 << 20) != 0)
                finding(f, f->zone, "KernelAddress",
                        "KernelAddress=: a Linux kernel wants a guest address that is a multiple of 2M (plus "
                        "0x%" PRIx64 ", its offset)",
                        le64toh(h.text_offset));
}

static void check_device_tree(struct findings *f, int fd, struct loaded *l) {
        struct {
                uint32_t magic, size;
        } h = {};

        if (pread(fd, &h, sizeof(h), 0) != sizeof(h) || be32toh(h.magic) != 0xd00dfeed)
                finding(f, f->zone, l->key, "%s=: %s is not a flattened device tree (.dtb)", l->key, l->image->path);
        else if (be32toh(h.size) > l->size)
                finding(f, f->zone, l->key, "%s=: %s is cut off: %" PRIu64 " of %" PRIu32 " bytes", l->key,
                        l->image->path, l->size, be32toh(h.size));
        else if (l->size > DTB_MAX)
                finding(f, f->zone, l->key, "%s=: %s is larger than 2M", l->key, l->image->path);
}

static void check_fits(struct findings *f, const struct loaded *l) {
        for (size_t i = 0; i < f->zone->num_memory; i++) {
                const struct memory_spec *m = &f->zone->memory[i];

                if (range_contains(m->physical, m->size, l->image->address, l->size))
                        return;
        }
        finding(f, f->zone, l->key,
                "%s=: %s takes 0x%" PRIx64 " bytes from 0x%" PRIx64 " on, more than the [Memory] has there", l->key,
                l->image->path, l->size, l->image->address);
}

static void check_loaded(struct findings *f) {
        const struct zone_spec *z = f->zone;
        struct loaded all[] = { { "Kernel", &z->kernel, 0 },
                                { "DeviceTree", &z->device_tree, 0 },
                                { "Initrd", &z->initrd, 0 } };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                _cleanup_close_ int fd = -1;
                struct loaded *l = &all[i];

                if (!l->image->path)
                        continue;
                fd = image_open(f, l->key, l->image, &l->size);
                if (fd < 0)
                        continue;
                if (l->image == &z->kernel)
                        check_kernel(f, fd, l);
                if (l->image == &z->device_tree)
                        check_device_tree(f, fd, l);
                check_fits(f, l);
                for (size_t j = 0; j < i; j++)
                        if (range_overlaps(all[j].image->address, all[j].size, l->image->address, l->size))
                                finding(f, f->zone, l->key,
                                        "%s=: %s (0x%" PRIx64 " bytes) overlaps the %s (0x%" PRIx64 " bytes) in RAM",
                                        l->key, l->image->path, l->size, all[j].key, all[j].size);
        }
}

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
        check_loaded(&f);
        check_disks(&f);
        check_taps(&f);
        return f.r;
}

int zone_check_images(const struct zone_spec *z, struct diagnostics *d) {
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

int zone_check_images_elsewhere(const struct zone_spec *z, struct diagnostics *d) {
        return check_images((struct findings){ .zone = z, .d = d, .elsewhere = true });
}
