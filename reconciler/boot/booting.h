/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of boot_prepare(): images.c and boot.c, and what they have of the device tree. */
#pragma once

#include "boot/boot.h"
#include "boot/tree.h"
#include "check/findings.h"

/* One part, while it is looked at. */
struct image {
        const char *key;
        const struct image_spec *spec;
        struct boot_file file;
        uint64_t room;      /* that it takes in RAM, which can be more than its size; 0: it is not there */
        const void *object; /* the section that has the key; NULL: [Zone] */
};

struct booting {
        struct findings f;
        const struct board_spec *board; /* NULL: not known */
        const struct gic_spec *gic;     /* NULL: not known */
        bool board_unknown;             /* of which nothing is known, and nothing can be said */
        struct image images[_BOOT_PART_MAX];
        struct tree tree; /* what the guest gets */
        bool own_tree;    /* not as it is in a file: it can be told where the initrd is */
};

/* ---- images.c --------------------------------------------------------------------------------------- */
/* Opens each and looks at its head. */
void images_open(struct booting *b);
/* Inside of the zone's RAM, and apart from each other. */
void images_check_places(struct booting *b);

/* ---- place.c ---------------------------------------------------------------------------------------- */
/* Gives an address to those that have none. */
void images_place(struct booting *b);

/* ---- tree_fix.c ------------------------------------------------------------------------------------- */
/* Makes the tree say what the zone has, but for the initrd's place. It is gone if that cannot be. */
void tree_fix(struct booting *b);

/* ---- tree_make.c ------------------------------------------------------------------------------------ */
/* Makes the tree, but for the initrd's place. There is none if that cannot be. */
void tree_make(struct booting *b);

/* ---- parts.c ---------------------------------------------------------------------------------------- */
/* What the zone has besides kernel, device tree and initrd; the others are left alone. */
void parts_list(struct booting *b);
/* Once they are open. */
void parts_check(struct booting *b);

/* ---- tree_compare.c --------------------------------------------------------------------------------- */
/* Warns of all in which the tree differs from the zone. */
void tree_compare(struct booting *b);
