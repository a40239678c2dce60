/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "base/macros.h"
#include "base/virtio_types.h"

#define F(bit) (UINT64_C(1) << (bit))

/* A card of one pair of queues: without a control queue there is nothing to be controlled. */
#define NET_CONTROL                                                                                                    \
        (F(VIRTIO_NET_F_CTRL_VQ) | F(VIRTIO_NET_F_CTRL_RX) | F(VIRTIO_NET_F_CTRL_VLAN) |                               \
         F(VIRTIO_NET_F_CTRL_MAC_ADDR) | F(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | F(VIRTIO_NET_F_GUEST_ANNOUNCE) |        \
         F(VIRTIO_NET_F_MQ) | F(VIRTIO_NET_F_RSS) | F(VIRTIO_NET_F_HASH_REPORT))

/* The driver writes the configuration: hvisor.ko's is for reading. */
#define BLOCK_WRITES F(VIRTIO_BLK_F_CONFIG_WCE)

#define CONSOLE_MORE (F(VIRTIO_CONSOLE_F_MULTIPORT) | F(VIRTIO_CONSOLE_F_EMERG_WRITE))

/* VIRTIO_FS_F_NOTIFICATION, 5.11.3: one queue more. */
#define FS_NOTIFICATION F(0)

/* Sizes of configurations are those of virtio 1.2 up to what every back-end has: 5.1.4, 5.2.4, 5.3.4, 5.6.4, 5.11.4. */
/* clang-format off */
const struct virtio_type_info virtio_types[_VIRTIO_TYPE_MAX] = {
        [VIRTIO_TYPE_BLOCK] = { "block", 2, 0, 1, 16, 60, VIRTIO_CONFIG_REQUIRED, BLOCK_WRITES, 0 },
        [VIRTIO_TYPE_CONSOLE] = { "console", 3, 2, 0, 1, 12, VIRTIO_CONFIG_OPTIONAL, CONSOLE_MORE, F(VIRTIO_CONSOLE_F_SIZE) },
        [VIRTIO_TYPE_FS] = { "fs", 26, 1, 1, 15, 40, VIRTIO_CONFIG_OURS, FS_NOTIFICATION, 0 },
        [VIRTIO_TYPE_I2C] = { "i2c", 34, 1, 0, 1, 0, VIRTIO_CONFIG_OPTIONAL, 0, 0 },
        [VIRTIO_TYPE_NET] = { "net", 1, 2, 0, 1, 12, VIRTIO_CONFIG_OPTIONAL, NET_CONTROL,
                              F(VIRTIO_NET_F_MAC) | F(VIRTIO_NET_F_STATUS) | F(VIRTIO_NET_F_MTU) },
        [VIRTIO_TYPE_RNG] = { "rng", 4, 1, 0, 1, 0, VIRTIO_CONFIG_OPTIONAL, 0, 0 },
        [VIRTIO_TYPE_SCSI] = { "scsi", 8, 2, 1, 14, 36, VIRTIO_CONFIG_REQUIRED, 0, 0 },
};
/* clang-format on */

const char *virtio_type_to_string(enum virtio_type type) {
        return type < _VIRTIO_TYPE_MAX ? virtio_types[type].name : NULL;
}

int virtio_type_find(const char *name) {
        for (int i = 0; i < _VIRTIO_TYPE_MAX; i++)
                if (strcmp(virtio_types[i].name, name) == 0)
                        return i;
        return -1;
}
