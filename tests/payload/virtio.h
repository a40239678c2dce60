/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtio-mmio driver with nothing to spare: one split ring at a time, polled or not (virtio 1.2, 2.7 and 4.2). */
#ifndef PAYLOAD_VIRTIO_H
#define PAYLOAD_VIRTIO_H

#include "payload.h"

/* Registers, 4.2.2. */
enum {
        VIRTIO_MAGIC = 0x000,
        VIRTIO_VERSION = 0x004,
        VIRTIO_DEVICE_ID = 0x008,
        VIRTIO_DEVICE_FEATURES = 0x010,
        VIRTIO_DEVICE_FEATURES_SEL = 0x014,
        VIRTIO_DRIVER_FEATURES = 0x020,
        VIRTIO_DRIVER_FEATURES_SEL = 0x024,
        VIRTIO_QUEUE_SEL = 0x030,
        VIRTIO_QUEUE_NUM_MAX = 0x034,
        VIRTIO_QUEUE_NUM = 0x038,
        VIRTIO_QUEUE_READY = 0x044,
        VIRTIO_QUEUE_NOTIFY = 0x050,
        VIRTIO_INTERRUPT_STATUS = 0x060,
        VIRTIO_INTERRUPT_ACK = 0x064,
        VIRTIO_STATUS = 0x070,
        VIRTIO_QUEUE_DESC = 0x080,
        VIRTIO_QUEUE_DRIVER = 0x090,
        VIRTIO_QUEUE_DEVICE = 0x0a0,
        VIRTIO_CONFIG = 0x100,
};

enum {
        STATUS_ACKNOWLEDGE = 1,
        STATUS_DRIVER = 2,
        STATUS_DRIVER_OK = 4,
        STATUS_FEATURES_OK = 8,
        STATUS_NEEDS_RESET = 64,
};

#define VIRTIO_ID_NET 1
#define VIRTIO_ID_BLOCK 2
#define VIRTIO_ID_CONSOLE 3
#define VIRTIO_ID_RNG 4
#define FEATURE_VERSION_1 (1ULL << 32)
#define FEATURE_INDIRECT (1ULL << 28)
#define FEATURE_BLOCK_FLUSH (1ULL << 9)
#define FEATURE_NET_CONTROL (1ULL << 17)
#define FEATURE_NET_PAIRS (1ULL << 22)
#define CONFIG_NET_PAIRS 8              /* max_virtqueue_pairs, 5.1.4 */
#define REQUEST_GET_ID 8                /* of a disk, 5.2.6 */

#define QUEUE_SIZE 8

enum {
        DESC_NEXT = 1,
        DESC_WRITE = 2,
        DESC_INDIRECT = 4,
};

struct descriptor {
        uint64_t address;
        uint32_t length;
        uint16_t flags;
        uint16_t next;
};

struct avail_ring {
        uint16_t flags;
        uint16_t index;
        uint16_t ring[QUEUE_SIZE];
};

struct used_ring {
        uint16_t flags;
        uint16_t index;
        struct {
                uint32_t id;
                uint32_t length;
        } ring[QUEUE_SIZE];
};

/* One queue; static, for the device reads and writes it. */
struct queue {
        struct descriptor desc[QUEUE_SIZE] __attribute__((aligned(16)));
        volatile struct avail_ring avail __attribute__((aligned(16)));
        volatile struct used_ring used __attribute__((aligned(16)));
        uint64_t device;
        uint16_t number;
        uint16_t seen;                  /* used entries taken so far */
};

/* Reset, then up to FEATURES_OK. @features: what is wanted besides VERSION_1. Return: what was agreed on, 0 if no. */
uint64_t virtio_begin(uint64_t device, uint32_t id, uint64_t features);

/* Gives the device an empty queue. Between virtio_begin() and virtio_ready(). */
void queue_setup(struct queue *q, uint64_t device, uint16_t number);
void virtio_ready(uint64_t device);

/* Offers the chain that starts at @head and notifies. */
void queue_offer(struct queue *q, uint16_t head);

/* True once the device has used a chain that was not taken yet; takes it, its length into *@ret_length. */
bool queue_take(struct queue *q, uint16_t *ret_head, uint32_t *ret_length);

/* Reads the interrupt status and acknowledges what it says. Return: what it said. */
uint32_t virtio_acknowledge(uint64_t device);

#endif
