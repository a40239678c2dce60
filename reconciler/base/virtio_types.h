/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types of virtio devices that a foreign vhost-user back-end may serve, and what
 * their front-end has to know of each (virtio 1.2, section 5).
 */
#pragma once

#include <stdint.h>

#define VIRTIO_TYPE_QUEUES_MAX 16
#define VIRTIO_FS_TAG_MAX      36 /* bytes, 5.11.4; no NUL where it has them all */

enum virtio_type {
        VIRTIO_TYPE_BLOCK,
        VIRTIO_TYPE_CONSOLE,
        VIRTIO_TYPE_FS,
        VIRTIO_TYPE_I2C,
        VIRTIO_TYPE_NET,
        VIRTIO_TYPE_RNG,
        VIRTIO_TYPE_SCSI,
        _VIRTIO_TYPE_MAX,
};

/* The back-end's configuration space, where the device has one. */
enum virtio_type_config {
        VIRTIO_CONFIG_OPTIONAL, /* all zero and worth nothing without */
        VIRTIO_CONFIG_REQUIRED,
        VIRTIO_CONFIG_OURS, /* not asked for: it is made from the file's keys */
};

struct virtio_type_info {
        const char *name;
        uint32_t id;
        uint8_t queues_fixed; /* beside those that Queues= counts */
        uint8_t queues_each;  /* for each of Queues=; 0: it has no meaning */
        uint8_t queues_most;  /* of Queues= */
        uint32_t config_size; /* bytes */
        enum virtio_type_config config;
        uint64_t masked; /* features that would want more of the front-end */
        uint64_t told;   /* features that say something only with the back-end's configuration */
};

extern const struct virtio_type_info virtio_types[_VIRTIO_TYPE_MAX];

/** virtio_type_to_string() - as Type= has it; NULL beyond the last */
const char *virtio_type_to_string(enum virtio_type type);

/** virtio_type_find() - -1: there is none of that name */
int virtio_type_find(const char *name);

static inline unsigned virtio_type_queues(const struct virtio_type_info *t, unsigned queues) {
        return t->queues_fixed + t->queues_each * queues;
}
