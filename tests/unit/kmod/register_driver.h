/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A register file that a driver of two queues brings up. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "register_file.h"

#define FEATURE_VERSION_1 (1ULL << 32)
#define FEATURE_SOME      (1ULL << 9)
#define BLOCK             2
#define UP                (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define OK_UP             (UP | VIRTIO_CONFIG_S_FEATURES_OK)
#define ALL_UP            (OK_UP | VIRTIO_CONFIG_S_DRIVER_OK)
#define GAINED            (REGISTER_CHANGED | REGISTER_RING_GAINED)

static inline struct register_model model_of_two_queues(void) {
        return (struct register_model){
                .features = FEATURE_VERSION_1 | FEATURE_SOME,
                .num_queues = 2,
                .config_size = 6,
                .queue_size_max = { 256, 64 },
                .config = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66 },
        };
}

static inline struct register_file offered(void) {
        struct register_file f = { 0 };
        struct register_model model = model_of_two_queues();
        const char *what;

        assert_int_equal(register_file_offer(&f, BLOCK, &model, &what), 0);
        return f;
}

static inline uint32_t get(const struct register_file *f, uint64_t offset) {
        return (uint32_t) register_file_read(f, offset, 4);
}

static inline uint32_t set(struct register_file *f, uint64_t offset, uint32_t value) {
        uint32_t queue = UINT32_MAX;
        uint32_t effects = register_file_write(f, offset, 4, value, &queue);

        assert_true(!!(effects & (REGISTER_NOTIFIED | REGISTER_RING_GAINED)) == (queue != UINT32_MAX));
        return effects;
}

static inline void accept_features(struct register_file *f, uint64_t features) {
        set(f, VIRTIO_MMIO_STATUS, UP);
        set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
        set(f, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t) features);
        set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
        set(f, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t) (features >> 32));
        set(f, VIRTIO_MMIO_STATUS, OK_UP);
}

static inline uint32_t make_ready(struct register_file *f, uint32_t queue, uint32_t size, uint64_t desc, uint64_t avail,
                                  uint64_t used) {
        set(f, VIRTIO_MMIO_QUEUE_SEL, queue);
        set(f, VIRTIO_MMIO_QUEUE_NUM, size);
        set(f, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t) desc);
        set(f, VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t) (desc >> 32));
        set(f, VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t) avail);
        set(f, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, (uint32_t) (avail >> 32));
        set(f, VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t) used);
        set(f, VIRTIO_MMIO_QUEUE_USED_HIGH, (uint32_t) (used >> 32));
        return set(f, VIRTIO_MMIO_QUEUE_READY, 1);
}

static inline struct register_file running(void) {
        struct register_file f = offered();

        accept_features(&f, FEATURE_VERSION_1);
        assert_int_equal(make_ready(&f, 0, 256, 0x1000, 0x2000, 0x3000), GAINED);
        assert_int_equal(make_ready(&f, 1, 64, 0x1234567890, 0xfedcba9876, 0x1122334454), GAINED);
        assert_int_equal(set(&f, VIRTIO_MMIO_STATUS, ALL_UP), REGISTER_CHANGED | REGISTER_DRIVER_UP);
        return f;
}
