/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments for hvisor.ko with which every call succeeds on the rig's board: each test spoils one thing. */
#ifndef RIG_TOOLS_VALID_H
#define RIG_TOOLS_VALID_H

#include <stdint.h>
#include <string.h>

#include <hvisor.h>

#define VALID_ID 3
#define VALID_RAM 0x50000000UL          /* guest and physical */
#define VALID_RAM_SIZE 0x1000000UL
#define VALID_KERNEL 0x50400000UL
#define VALID_VERSION_1 (1ULL << 32)

static inline struct hvisor_zone_create valid_zone(void) {
        return (struct hvisor_zone_create){
                .id = VALID_ID,
                .num_regions = 1,
                .cpus = 1 << 3,
                .name = "misused",
                .entry_point = VALID_KERNEL,
                .kernel_address = VALID_KERNEL,
                .kernel_size = 0x1000,
                .arch = HVISOR_ARCH_ARM64,
                .arm64.gic = { .version = 3, .distributor = 0x8000000, .distributor_size = 0x10000,
                               .redistributor = 0x80a0000, .redistributor_size = 0xf60000 },
                .regions = { { .physical = VALID_RAM, .guest = VALID_RAM, .size = VALID_RAM_SIZE } },
        };
}

/* The @n-th of up to seven. */
static inline struct hvisor_device_create valid_device(unsigned n) {
        struct hvisor_device_create d = {
                .virtio_id = 3,
                .interrupt = 70 + n,
                .address = 0xa003000 + n * HVISOR_WINDOW_SIZE,
                .size = HVISOR_WINDOW_SIZE,
        };

        d.name[0] = (char) ('a' + n);
        return d;
}

/* A model with two queues; the descriptors are the caller's eventfds. */
static inline struct hvisor_device_attach valid_attach(int call, int kick0, int kick1) {
        struct hvisor_device_attach a = {
                .features = VALID_VERSION_1,
                .num_queues = 2,
                .config_size = 8,
                .queue_size_max = { 64, 64 },
                .call_fd = call,
        };

        memset(a.kick_fd, 0xff, sizeof(a.kick_fd));
        a.kick_fd[0] = kick0;
        a.kick_fd[1] = kick1;
        return a;
}

#endif
