/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attacks the device at parameters.address without end, one way after the other, and uses its disk as it is meant to be
 * used all the while: a sector is written, read and compared, over and over. Each way lasts parameters.mode milliseconds:
 * "attack NAME begins", then "attack NAME: N requests, M wrong", N being the disk's that were answered meanwhile. The first
 * way is to spin, which is no attack: what the others are to be compared with.
 */
#include "console.h"
#include "virtio.h"

#define SECTOR 512
#define ENTROPY 4096
#define WINDOW 0x200
#define BREAK_READS 2000

enum { REQUEST_READ = 0, REQUEST_WRITE = 1 };

/* ---- the disk ----------------------------------------------------------------------------------------- */

static struct queue disk;
static struct {
        uint32_t type, reserved;
        uint64_t sector;
} header;
static uint64_t sector[SECTOR / 8];
static volatile uint8_t status;
static uint64_t answered, wrong;

static void disk_offer(uint32_t type) {
        header.type = type;
        status = 0xff;
        disk.desc[0] = (struct descriptor) { (uint64_t) &header, sizeof(header), DESC_NEXT, 1 };
        disk.desc[1] = (struct descriptor) { (uint64_t) sector, SECTOR,
                                             (uint16_t) (DESC_NEXT | (type == REQUEST_READ ? DESC_WRITE : 0)), 2 };
        disk.desc[2] = (struct descriptor) { (uint64_t) &status, 1, DESC_WRITE, 0 };
        queue_offer(&disk, 0);
}

static void disk_write(void) {
        for (unsigned int i = 0; i < SECTOR / 8; i++)
                sector[i] = answered ^ (uint64_t) i << 32;
        disk_offer(REQUEST_WRITE);
}

/* What was written comes back. */
static bool matches(void) {
        for (unsigned int i = 0; i < SECTOR / 8; i++)
                if (sector[i] != ((answered - 1) ^ (uint64_t) i << 32))
                        return false;
        return true;
}

/* Without waiting: the next request, if the one before was answered. */
static void disk_go_on(void) {
        uint32_t length;
        uint16_t head;

        virtio_acknowledge(parameters.disk);
        if (!queue_take(&disk, &head, &length))
                return;
        wrong += status != 0 || (header.type == REQUEST_READ && !matches());
        answered++;
        if (header.type == REQUEST_READ) {
                disk_write();
                return;
        }
        for (unsigned int i = 0; i < SECTOR / 8; i++)
                sector[i] = 0;
        disk_offer(REQUEST_READ);
}

/* ---- the attacks -------------------------------------------------------------------------------------- */

static struct queue queue;
static uint32_t id;
static char bytes[ENTROPY];

static void set_up(void) {
        virtio_begin(parameters.address, id, 0);
        queue_setup(&queue, parameters.address, 0);
        virtio_ready(parameters.address);
        for (uint16_t i = 0; i < QUEUE_SIZE; i++)
                queue.desc[i] = (struct descriptor) { (uint64_t) bytes, ENTROPY, DESC_WRITE, 0 };
}

static void spin(void) {
        for (volatile unsigned int i = 0; i < 1000; i++)
                ;
}

static void notify_storm(void) {
        for (unsigned int i = 0; i < 64; i++)
                write32(parameters.address + VIRTIO_QUEUE_NOTIFY, 0);
}

static void reset_storm(void) {
        set_up();
        queue_offer(&queue, 0);
        write32(parameters.address + VIRTIO_STATUS, 0);
}

static void descriptor_loops(void) {
        set_up();
        queue.desc[0].flags = DESC_WRITE | DESC_NEXT;
        queue_offer(&queue, 0);
        for (unsigned int i = 0; i < BREAK_READS; i++)
                if (read32(parameters.address + VIRTIO_STATUS) & STATUS_NEEDS_RESET)
                        return;
}

static void config_writes(void) {
        for (uint64_t at = parameters.address + VIRTIO_CONFIG; at < parameters.address + WINDOW; at += 8) {
                write8(at, UINT8_MAX);
                write16(at, UINT16_MAX);
                write32(at, UINT32_MAX);
                write64(at, UINT64_MAX);
        }
}

/* No wrong, but all that can be asked for. */
static void requests(void) {
        uint32_t length;
        uint16_t head;

        while (queue_take(&queue, &head, &length))
                queue_offer(&queue, head % QUEUE_SIZE);
}

static void attack(const char *name, void (*step)(void)) {
        uint64_t end, before, wrong_before = wrong;

        set_up();
        if (step == requests)
                for (uint16_t i = 0; i < QUEUE_SIZE; i++)
                        queue_offer(&queue, i);
        say("attack %s begins", name);
        before = answered;
        end = microseconds() + parameters.mode * 1000UL;
        while (microseconds() < end) {
                disk_go_on();
                step();
        }
        say("attack %s: %u requests, %u wrong", name, answered - before, wrong - wrong_before);
}

/* A list, not a table: pointers in a table would be absolute addresses. */
#define ATTACKS(WAY) WAY(spin) WAY(notify_storm) WAY(reset_storm) WAY(descriptor_loops) WAY(config_writes) WAY(requests)

void payload_main(void) {
        console_open();
        id = read32(parameters.address + VIRTIO_DEVICE_ID);
        if (!virtio_begin(parameters.disk, VIRTIO_ID_BLOCK, 0))
                return;
        queue_setup(&disk, parameters.disk, 0);
        virtio_ready(parameters.disk);
        disk_write();
        for (;;) {
#define WAY(name) attack(#name, name);
                ATTACKS(WAY)
#undef WAY
                say("attack round done");
        }
}
