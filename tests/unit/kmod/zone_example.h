/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone of the qemu-gicv3 board, as it should be. */
#ifndef ZONE_EXAMPLE_H
#define ZONE_EXAMPLE_H

#include "zone_config.h"

static inline struct zone_description zone_example(void) {
        return (struct zone_description) {
                .id = 1,
                .num_regions = 1,
                .cpus = 0xc,
                .name = "linux2",
                .entry_point = 0x50400000,
                .kernel_address = 0x50400000,
                .kernel_size = 0x2000000,
                .dtb_address = 0x50000000,
                .dtb_size = 0x3000,
                .arm64.gic = {
                        .version = 3,
                        .distributor = 0x8000000, .distributor_size = 0x10000,
                        .redistributor = 0x80a0000, .redistributor_size = 0xf60000,
                },
                .regions = { { .physical = 0x50000000, .guest = 0x50000000, .size = 0x30000000 } },
        };
}

#endif
