/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files that are copied into a zone's RAM. What a kernel looks like is taken from Linux'
 * Documentation/arch/arm64/booting.rst; one in another format is taken as it is.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "boot/booting.h"

/* O_NONBLOCK: a FIFO must not hold the caller up. */
static void image_open(struct findings *f, struct image *image) {
        const char *key = image->key, *path = image->spec->path;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        const void *object = image->object ?: f->zone;
        char what[32];
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0) {
                (void) snprintf(what, sizeof(what), "%s=", key);
                finding_no_file(f, object, key, what, path);
                return;
        }
        if (!S_ISREG(st.st_mode)) {
                finding(f, object, key, "%s=: %s is not a regular file", key, path);
                return;
        }
        if (st.st_size == 0) {
                finding(f, object, key, "%s=: %s is empty", key, path);
                return;
        }
        image->file.fd = TAKE_FD(fd);
        image->file.size = (uint64_t) st.st_size;
        image->room = image->file.size;
}

static void check_kernel(struct findings *f, struct image *image) {
        struct {
                uint32_t code[2];
                uint64_t text_offset, image_size, flags, reserved[3];
                uint32_t magic, pe_header;
        } h = {};
        _Static_assert(sizeof(h) == 64, "the header of an arm64 Image");
        const char *path = image->spec->path;
        uint64_t offset;

        if (pread(image->file.fd, &h, sizeof(h), 0) < 4)
                return;
        if (memcmp(&h, "\x1f\x8b", 2) == 0)
                finding(f, f->zone, "Kernel", "Kernel=: %s is compressed (gzip); unpack it: gunzip < %s > Image", path,
                        path);
        else if (memcmp((char *) &h + 4, "zimg", 4) == 0)
                finding(f, f->zone, "Kernel", "Kernel=: %s is compressed (EFI zboot); the plain Image is wanted", path);
        if (memcmp(&h.magic, "ARM\x64", 4) != 0)
                return;
        /* The kernel's memory reaches beyond its file: image_size counts its BSS, too. */
        image->room = MAX(image->room, le64toh(h.image_size));
        offset = zone_guest_address(f->zone, image->file.address) - le64toh(h.text_offset);
        if (offset % (2 << 20) != 0)
                finding(f, f->zone, "KernelAddress",
                        "KernelAddress=: a Linux kernel wants a guest address that is a multiple of 2M (plus "
                        "0x%" PRIx64 ", its offset)",
                        le64toh(h.text_offset));
}

static void load_tree(struct booting *b, struct image *image) {
        const char *path = image->spec->path, *why = NULL;
        int r = tree_load(image->file.fd, image->file.size, path, &b->tree, &why);

        if (r == -ENOMEM)
                b->f.r = r;
        else if (r < 0)
                finding(&b->f, b->f.zone, image->key, "%s=: %s %s%s", image->key, path,
                        why ?: "cannot be read: ", why ? "" : strerror(-r));
}

void images_open(struct booting *b) {
        for (size_t i = 0; i < _BOOT_PART_MAX; i++)
                if (b->images[i].spec->path && (i != BOOT_DEVICE_TREE || !zone_spec_makes_tree(b->f.zone)))
                        image_open(&b->f, &b->images[i]);
        if (b->images[BOOT_KERNEL].room > 0)
                check_kernel(&b->f, &b->images[BOOT_KERNEL]);
        if (b->images[BOOT_DEVICE_TREE].room > 0)
                load_tree(b, &b->images[BOOT_DEVICE_TREE]);
}

static void check_fits(struct findings *f, const struct image *image) {
        for (size_t i = 0; i < f->zone->num_memory; i++) {
                const struct memory_spec *m = &f->zone->memory[i];

                if (range_contains(m->physical, m->size, image->file.address, image->room))
                        return;
        }
        finding(f, image->object ?: f->zone, image->key,
                "%s=: %s takes 0x%" PRIx64 " bytes from 0x%" PRIx64 " on, more than the [Memory] has there", image->key,
                image->spec->path ?: "its text", image->room, image->file.address);
}

/* The hypervisor looks for the tree's physical address (0: there is none) among the guest's virtio windows, too. */
static void check_windows(struct booting *b, const struct image *tree) {
        const struct zone_spec *z = b->f.zone;

        for (size_t i = 0; i < z->num_devices; i++)
                if (range_contains(z->devices[i].address, DEVICE_WINDOW_SIZE, tree->file.address, 1))
                        finding(&b->f, &z->devices[i], "Address",
                                "Address=: 0x%" PRIx64 " is the physical address of the device tree%s: the "
                                "hypervisor takes the one for the other",
                                z->devices[i].address, tree->file.address == 0 ? " where there is none" : "");
}

void images_check_places(struct booting *b) {
        const struct image *tree = &b->images[BOOT_DEVICE_TREE];

        if (tree->room > 0 || !tree->spec->path)
                check_windows(b, tree);
        for (size_t i = 0; i < _BOOT_PART_MAX; i++) {
                const struct image *image = &b->images[i];

                if (image->room == 0)
                        continue;
                check_fits(&b->f, image);
                for (size_t j = 0; j < i; j++) {
                        const struct image *other = &b->images[j];

                        if (range_overlaps(other->file.address, other->room, image->file.address, image->room))
                                finding(&b->f, image->object ?: b->f.zone, image->key,
                                        "%s=: %s (0x%" PRIx64 " bytes) overlaps the %s (0x%" PRIx64 " bytes) in RAM",
                                        image->key, image->spec->path ?: "its text", image->room, other->key,
                                        other->room);
                }
        }
}
