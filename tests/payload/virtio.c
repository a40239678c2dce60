/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtio.h"

#define MAGIC 0x74726976
#define VERSION 2

static uint64_t device_features(uint64_t device) {
        uint64_t low;

        write32(device + VIRTIO_DEVICE_FEATURES_SEL, 0);
        low = read32(device + VIRTIO_DEVICE_FEATURES);
        write32(device + VIRTIO_DEVICE_FEATURES_SEL, 1);
        return low | (uint64_t) read32(device + VIRTIO_DEVICE_FEATURES) << 32;
}

uint64_t virtio_begin(uint64_t device, uint32_t id, uint64_t features) {
        uint32_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

        if (!device || read32(device + VIRTIO_MAGIC) != MAGIC || read32(device + VIRTIO_VERSION) != VERSION ||
            read32(device + VIRTIO_DEVICE_ID) != id)
                return 0;
        write32(device + VIRTIO_STATUS, 0);
        while (read32(device + VIRTIO_STATUS) != 0)
                ;
        write32(device + VIRTIO_STATUS, STATUS_ACKNOWLEDGE);
        write32(device + VIRTIO_STATUS, status);
        features = (features | FEATURE_VERSION_1) & device_features(device);
        write32(device + VIRTIO_DRIVER_FEATURES_SEL, 0);
        write32(device + VIRTIO_DRIVER_FEATURES, (uint32_t) features);
        write32(device + VIRTIO_DRIVER_FEATURES_SEL, 1);
        write32(device + VIRTIO_DRIVER_FEATURES, (uint32_t) (features >> 32));
        write32(device + VIRTIO_STATUS, status | STATUS_FEATURES_OK);
        return read32(device + VIRTIO_STATUS) & STATUS_FEATURES_OK ? features : 0;
}

static void write_address(uint64_t reg, uint64_t value) {
        write32(reg, (uint32_t) value);
        write32(reg + 4, (uint32_t) (value >> 32));
}

void queue_setup(struct queue *q, uint64_t device, uint16_t number) {
        q->device = device;
        q->number = number;
        q->seen = 0;
        q->avail.flags = q->avail.index = 0;
        q->used.flags = q->used.index = 0;
        write32(device + VIRTIO_QUEUE_SEL, number);
        write32(device + VIRTIO_QUEUE_NUM, QUEUE_SIZE);
        write_address(device + VIRTIO_QUEUE_DESC, (uint64_t) q->desc);
        write_address(device + VIRTIO_QUEUE_DRIVER, (uint64_t) &q->avail);
        write_address(device + VIRTIO_QUEUE_DEVICE, (uint64_t) &q->used);
        dsb();
        write32(device + VIRTIO_QUEUE_READY, 1);
}

void virtio_ready(uint64_t device) {
        write32(device + VIRTIO_STATUS, read32(device + VIRTIO_STATUS) | STATUS_DRIVER_OK);
}

void queue_offer(struct queue *q, uint16_t head) {
        q->avail.ring[q->avail.index % QUEUE_SIZE] = head;
        dsb();
        q->avail.index++;
        dsb();
        write32(q->device + VIRTIO_QUEUE_NOTIFY, q->number);
}

bool queue_take(struct queue *q, uint16_t *ret_head, uint32_t *ret_length) {
        uint16_t slot = q->seen % QUEUE_SIZE;

        if (q->used.index == q->seen)
                return false;
        dsb();
        *ret_head = (uint16_t) q->used.ring[slot].id;
        *ret_length = q->used.ring[slot].length;
        q->seen++;
        return true;
}

uint32_t virtio_acknowledge(uint64_t device) {
        uint32_t status = read32(device + VIRTIO_INTERRUPT_STATUS);

        if (status)
                write32(device + VIRTIO_INTERRUPT_ACK, status);
        return status;
}
