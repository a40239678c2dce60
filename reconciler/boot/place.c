/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where what has no address of its own goes: as high as it fits into the memory that the kernel is in, or else into
 * another; apart from all that has a place. Linux wants the initrd within 32 GiB of itself, and the tree on a
 * multiple of 8 (Documentation/arch/arm64/booting.rst).
 */
#include <inttypes.h>

#include "boot/booting.h"

#define PAGE 0x1000

/* The one of those that have a place which is in the way; NULL: none. */
static const struct image *obstacle(const struct booting *b, uint64_t at, uint64_t room) {
        for (size_t i = 0; i < _BOOT_PART_MAX; i++) {
                const struct image *other = &b->images[i];

                /* A kernel's is always given, and may be 0. */
                if (other->room > 0 && (i == BOOT_KERNEL || other->file.address != 0) &&
                    range_overlaps(other->file.address, other->room, at, room))
                        return other;
        }
        return NULL;
}

static bool place_in(struct booting *b, struct image *image, const struct memory_spec *m) {
        uint64_t end = m->physical + m->size;

        while (end > m->physical && end - m->physical >= image->room) {
                uint64_t at = (end - image->room) / PAGE * PAGE;
                const struct image *other = at >= m->physical ? obstacle(b, at, image->room) : NULL;

                if (at < m->physical)
                        return false;
                if (!other) {
                        image->file.address = at;
                        return true;
                }
                end = other->file.address;
        }
        return false;
}

static bool place(struct booting *b, struct image *image) {
        const struct zone_spec *z = b->f.zone;
        size_t first = 0;

        for (size_t i = 0; i < z->num_memory; i++)
                if (range_contains(z->memory[i].physical, z->memory[i].size, z->kernel.address, 1))
                        first = i;
        for (size_t i = 0; i < z->num_memory; i++)
                if (place_in(b, image, &z->memory[(first + i) % z->num_memory]))
                        return true;
        return false;
}

void images_place(struct booting *b) {
        static const enum boot_part order[] = { BOOT_INITRD, BOOT_DEVICE_TREE };

        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                struct image *image = &b->images[order[i]];

                if (image->room == 0 || image->file.address != 0 || place(b, image))
                        continue;
                finding(&b->f, b->f.zone, image->key,
                        "%s=: %s has 0x%" PRIx64 " bytes; no [Memory] has room for it beside the rest", image->key,
                        image->spec->path, image->room);
                image->room = 0;
        }
}
