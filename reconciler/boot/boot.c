/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/boot.h"

#include <string.h>

#include "base/fd.h"
#include "boot/booting.h"

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
        case _BOOT_PART_MAX:
                break;
        }
        abort();
}

static void booting_done(struct booting *b) {
        for (size_t i = 0; i < _BOOT_PART_MAX; i++)
                fd_close(b->images[i].file.fd);
        tree_clear(&b->tree);
}

static int prepare(const struct zone_spec *z, const struct board_spec *board, bool elsewhere, struct diagnostics *d,
                   struct boot *ret) {
        _cleanup_(booting_done) struct booting b = {
                .f = { .zone = z, .d = d, .elsewhere = elsewhere },
                .gic = z->gic.version != 0                ? &z->gic
                       : board && board->gic.version != 0 ? &board->gic
                                                          : NULL,
                .images = { [BOOT_KERNEL] = { "Kernel", &z->kernel, { .fd = -1 }, 0 },
                            [BOOT_DEVICE_TREE] = { "DeviceTree", &z->device_tree, { .fd = -1 }, 0 },
                            [BOOT_INITRD] = { "Initrd", &z->initrd, { .fd = -1 }, 0 } },
        };

        images_open(&b);
        images_check_places(&b);
        if (b.tree.blob)
                tree_compare(&b);
        for (size_t i = 0; ret && b.f.r == 0 && i < _BOOT_PART_MAX; i++) {
                ret->parts[i] = b.images[i].file;
                b.images[i].file.fd = -1;
        }
        return b.f.r;
}

int boot_prepare(const struct zone_spec *z, const struct board_spec *b, struct diagnostics *d, struct boot *ret) {
        return prepare(z, b, false, d, ret);
}

int boot_check(const struct zone_spec *z, const struct board_spec *b, bool elsewhere, struct diagnostics *d) {
        return prepare(z, b, elsewhere, d, NULL);
}
