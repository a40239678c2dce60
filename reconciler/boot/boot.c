/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/boot.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "boot/booting.h"
#include "boot/tree_nodes.h"

void boot_close(struct boot *b) {
        for (size_t i = 0; i < _BOOT_PART_MAX; i++)
                b->parts[i].fd = fd_close(b->parts[i].fd);
}

const char *boot_part_path(const struct zone_spec *z, enum boot_part part) {
        switch (part) {
        case BOOT_KERNEL:
                return z->kernel.path;
        case BOOT_DEVICE_TREE:
                return z->device_tree.path;
        case BOOT_INITRD:
                return z->initrd.path;
        case BOOT_SETUP:
                return z->x86.setup.path;
        case BOOT_COMMAND_LINE:
                return z->x86.command_line ? "the command line" : NULL;
        case BOOT_MODULE:
        case _BOOT_PART_MAX:
                break;
        }
        return z->modules[part - BOOT_MODULE].image.path;
}

static void booting_done(struct booting *b) {
        for (size_t i = 0; i < _BOOT_PART_MAX; i++)
                fd_close(b->images[i].file.fd);
        tree_clear(&b->tree);
}

/* The guest gets what is in memory, not the file. */
static void finish_tree(struct booting *b) {
        struct image *image = &b->images[BOOT_DEVICE_TREE], *initrd = &b->images[BOOT_INITRD];
        uint64_t start = zone_guest_address(b->f.zone, initrd->file.address);
        _cleanup_close_ int fd = memfd_create("device-tree", MFD_CLOEXEC);
        int r = fd < 0 ? -errno : 0;

        if (initrd->room > 0)
                tree_tell_initrd(&b->tree, start, start + initrd->file.size);
        if (r == 0)
                r = write_all(fd, b->tree.blob, b->tree.size);
        if (r < 0) {
                finding(&b->f, b->f.zone, image->key, "DeviceTree=: it cannot be kept in memory: %s", strerror(-r));
                return;
        }
        fd_close(image->file.fd);
        image->file.fd = TAKE_FD(fd);
        image->file.size = b->tree.size;
}

int boot_check(const struct zone_spec *z, const struct board_spec *board, bool elsewhere, struct diagnostics *d,
               struct boot *ret) {
        _cleanup_(booting_done) struct booting b = {
                .f = { .zone = z, .d = d, .elsewhere = elsewhere },
                .board = board,
                .gic = z->gic.version != 0                ? &z->gic
                       : board && board->gic.version != 0 ? &board->gic
                                                          : NULL,
                .own_tree = z->device_tree_fix || zone_spec_makes_tree(z),
                .board_unknown = !board && !ret,
                .images = { [BOOT_KERNEL] = { "Kernel", &z->kernel, { -1, 0, z->kernel.address }, 0, NULL },
                            [BOOT_DEVICE_TREE] = { "DeviceTree",
                                                   &z->device_tree,
                                                   { -1, 0, z->device_tree.address },
                                                   0,
                                                   NULL },
                            [BOOT_INITRD] = { "Initrd", &z->initrd, { -1, 0, z->initrd.address }, 0, NULL } },
        };

        parts_list(&b);
        images_open(&b);
        parts_check(&b);
        if (zone_spec_makes_tree(z))
                tree_make(&b);
        else if (b.tree.blob && z->device_tree_fix)
                tree_fix(&b);
        b.images[BOOT_DEVICE_TREE].room = b.tree.size;
        images_place(&b);
        images_check_places(&b);
        if (b.tree.blob && b.own_tree)
                finish_tree(&b);
        if (b.tree.blob)
                tree_compare(&b);
        for (size_t i = 0; ret && b.f.r == 0 && i < _BOOT_PART_MAX; i++) {
                ret->parts[i] = b.images[i].file;
                b.images[i].file.fd = -1;
        }
        return b.f.r;
}

int boot_prepare(const struct zone_spec *z, const struct board_spec *b, struct diagnostics *d, struct boot *ret) {
        return boot_check(z, b, false, d, ret);
}
