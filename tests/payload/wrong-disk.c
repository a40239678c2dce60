/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks its disk for what a disk must refuse, one request after the other: "wrong NAME: status S", then "REFUSED", or
 * "BROKEN" if the device says that it needs a reset instead of answering, or else "ACCEPTED", which is wrong. After each
 * one a sector that nothing may have changed is read: "CHANGED". Then the disk is reset while it reads, over and over:
 * "wrong reset: clean", or "TOUCHED" if it writes to the guest's memory after it said that the reset was done. At last
 * "wrong done".
 */
#include "console.h"
#include "virtio.h"

#define SECTOR 512
#define FEATURES (FEATURE_BLOCK_FLUSH | 1ULL << 13 | 1ULL << 14)      /* DISCARD, WRITE_ZEROES */
#define PATIENCE_MS 5000
#define RANGES 257
#define RESETS 20
#define AREA 32768
#define FAR (1ULL << 55)                /* its first byte is byte 0, if nobody looks at the carry */

enum { READ = 0, WRITE = 1, DISCARD = 11, ZEROES = 13 };

static struct queue queue;
static struct {
        uint32_t type, reserved;
        uint64_t sector;
} header;
static struct range {
        uint64_t sector;
        uint32_t sectors, flags;
} ranges[RANGES];
static uint8_t before[SECTOR], data[2 * SECTOR];
static volatile uint8_t status;
static uint64_t capacity;

static bool open_disk(void) {
        if (!virtio_begin(parameters.disk, VIRTIO_ID_BLOCK, FEATURES))
                return false;
        queue_setup(&queue, parameters.disk, 0);
        virtio_ready(parameters.disk);
        return true;
}

/* Return: false if the device needs a reset, or does not answer. */
static bool answered(void) {
        uint32_t length;
        uint16_t head;

        for (unsigned int waited = 0; waited < PATIENCE_MS; waited++) {
                virtio_acknowledge(parameters.disk);
                if (queue_take(&queue, &head, &length))
                        return true;
                if (read32(parameters.disk + VIRTIO_STATUS) & STATUS_NEEDS_RESET)
                        return false;
                sleep_ms(1);
        }
        return false;
}

/* @header_size, @status_size: 16 and 1 in a request that is whole. */
static bool request(uint32_t type, uint64_t sector, void *from, uint32_t length, uint32_t header_size,
                    uint32_t status_size) {
        uint16_t flags = (uint16_t) (DESC_NEXT | (type == READ ? DESC_WRITE : 0)), last = length ? 2 : 1;

        header.type = type;
        header.sector = sector;
        status = 0xff;
        queue.desc[0] = (struct descriptor) { (uint64_t) &header, header_size, DESC_NEXT, 1 };
        queue.desc[1] = (struct descriptor) { (uint64_t) from, length, flags, 2 };
        queue.desc[last] = (struct descriptor) { (uint64_t) &status, 1, DESC_WRITE, 0 };
        if (!status_size)
                queue.desc[0].flags = 0;
        queue_offer(&queue, 0);
        return answered();
}

static void ask(const char *name, uint32_t type, uint64_t sector, void *from, uint32_t length, uint32_t header_size,
                uint32_t status_size) {
        bool is_answered = request(type, sector, from, length, header_size, status_size);
        uint8_t said = status;
        bool same = is_answered || open_disk();

        if (same)
                same = request(READ, 0, data, SECTOR, sizeof(header), 1) && status == 0;
        for (unsigned int i = 0; same && i < SECTOR; i++)
                same = data[i] == before[i];
        say("wrong %s: status %u %s%s", name, (uint64_t) said, !is_answered ? "BROKEN" : said ? "REFUSED" : "ACCEPTED",
            same ? "" : " CHANGED");
}

static void range(const char *name, uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags) {
        ranges[0] = (struct range) { sector, sectors, flags };
        ask(name, type, 0, ranges, sizeof(*ranges), sizeof(header), 1);
}

/* Of either kind: all ranges that there must not be. @flags: one that the type does not have. */
static void wrong_ranges(uint32_t type, uint32_t flags) {
        range("range at the end", type, capacity, 1, 0);
        range("range across the end", type, capacity - 1, 2, 0);
        range("range that wraps", type, UINT64_MAX - 7, 16, 0);
        range("range whose bytes wrap", type, FAR, 1, 0);
        range("range at the last sector there is", type, UINT64_MAX, 1, 0);
        range("range without end", type, 0, UINT32_MAX, 0);
        range("range with a flag that is not its", type, 0, 1, flags);
        range("range with every flag", type, 0, 1, UINT32_MAX);
        ask("no range", type, 0, ranges, 0, sizeof(header), 1);
        ranges[0] = (struct range) { 0, 1, 0 };
        ask("a range less a byte", type, 0, ranges, sizeof(*ranges) - 1, sizeof(header), 1);
        ask("a range and a byte", type, 0, ranges, sizeof(*ranges) + 1, sizeof(header), 1);
        ranges[1] = (struct range) { capacity, 1, 0 };
        ask("a good range and a bad one", type, 0, ranges, 2 * sizeof(*ranges), sizeof(header), 1);
        for (unsigned int i = 0; i < RANGES; i++)
                ranges[i] = (struct range) { 0, 1, 0 };
        ask("more ranges than it takes", type, 0, ranges, sizeof(ranges), sizeof(header), 1);
}

static void wrong_transfers(uint32_t type) {
        ask("transfer at the end", type, capacity, data, SECTOR, sizeof(header), 1);
        ask("transfer across the end", type, capacity - 1, data, 2 * SECTOR, sizeof(header), 1);
        ask("transfer that wraps", type, UINT64_MAX, data, 2 * SECTOR, sizeof(header), 1);
        ask("transfer whose bytes wrap", type, FAR, data, SECTOR, sizeof(header), 1);
        ask("transfer of half a sector", type, 0, data, SECTOR / 2, sizeof(header), 1);
        ask("transfer without a status", type, 0, data, SECTOR, sizeof(header), 0);
}

/* ---- a reset while it reads --------------------------------------------------------------------------- */

static uint8_t area[AREA];

/* All memory that the device may know of. */
static void fill(uint8_t byte) {
        for (unsigned int i = 0; i < AREA; i++)
                area[i] = byte;
        queue.used.index = byte;
}

static bool is_filled(uint8_t byte) {
        for (unsigned int i = 0; i < AREA; i++)
                if (area[i] != byte)
                        return false;
        return queue.used.index == byte;
}

/* Two reads at a time, for a moment that is longer each time. Return: true if nothing was written to after the reset. */
static bool reset_while_it_reads(unsigned int round) {
        if (!open_disk())
                return false;
        header.type = READ;
        header.sector = 0;
        for (uint16_t i = 0; i < 6; i += 3) {
                queue.desc[i] = (struct descriptor) { (uint64_t) &header, sizeof(header), DESC_NEXT, (uint16_t) (i + 1) };
                queue.desc[i + 1] = (struct descriptor) { (uint64_t) area, AREA, DESC_NEXT | DESC_WRITE, (uint16_t) (i + 2) };
                queue.desc[i + 2] = (struct descriptor) { (uint64_t) &status, 1, DESC_WRITE, 0 };
                queue_offer(&queue, i);
        }
        for (uint64_t until = microseconds() + 100 * round; microseconds() < until;)
                ;
        write32(parameters.disk + VIRTIO_STATUS, 0);
        while (read32(parameters.disk + VIRTIO_STATUS) != 0)
                ;
        fill(0x5a);
        sleep_ms(3);
        return is_filled(0x5a);
}

static void reset_storm(void) {
        bool clean = true;

        for (unsigned int i = 0; i < RESETS; i++)
                clean = reset_while_it_reads(i) && clean;
        say("wrong reset: %s", clean && open_disk() ? "clean" : "TOUCHED");
}

/* ------------------------------------------------------------------------------------------------------- */

void payload_main(void) {
        if (!console_open() || !open_disk())
                return;
        capacity = read32(parameters.disk + VIRTIO_CONFIG) | (uint64_t) read32(parameters.disk + VIRTIO_CONFIG + 4) << 32;
        if (!request(READ, 0, before, SECTOR, sizeof(header), 1) || status != 0)
                return;
        wrong_ranges(DISCARD, 1);
        wrong_ranges(ZEROES, 2);
        wrong_transfers(READ);
        ask("transfer without a whole header", READ, 0, data, SECTOR, sizeof(header) - 1, 1);
        wrong_transfers(WRITE);
        for (uint32_t type = 32; type; type <<= 1)
                ask("request of no type", type, 0, data, SECTOR, sizeof(header), 1);
        reset_storm();
        say("wrong done");
}
