/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives virtio-blk and tells on the console what it saw.
 * Mode 0, once: capacity; sectors 0 to 7 written with the pattern, flushed, read back and compared; the id; a read
 * beyond the end, which must fail; then "disk done".
 * Mode 1, for ever: writes, flushes, reads back and compares sector after sector, "disk round N" every 64 of them.
 *
 * The pattern: the 64-bit little-endian word j of sector s is PATTERN ^ s << 16 ^ round << 32 ^ j (mode 0: round 0).
 */
#include "console.h"
#include "virtio.h"

#define PATTERN 0x5061796c6f616421UL
#define SECTOR 512
#define WORDS (SECTOR / 8)
#define SECTORS 8

enum { REQUEST_READ = 0, REQUEST_WRITE = 1, REQUEST_FLUSH = 4, REQUEST_ID = 8 };

static struct queue queue;
static struct {
        uint32_t type;
        uint32_t reserved;
        uint64_t sector;
} header;
static uint64_t data[SECTORS * WORDS];
static volatile uint8_t status;
static char id[21];

static void chain(uint16_t i, volatile void *address, uint32_t length, uint16_t flags) {
        queue.desc[i] = (struct descriptor) { (uint64_t) address, length, flags, (uint16_t) (i + 1) };
}

/* Return: the status byte that the device wrote. */
static uint8_t request(uint32_t type, uint64_t sector, void *buffer, uint32_t length) {
        uint16_t last = 1, head;
        uint32_t written;

        header.type = type;
        header.sector = sector;
        status = 0xff;
        chain(0, &header, sizeof(header), DESC_NEXT);
        if (length)
                chain(last++, buffer, length, DESC_NEXT | (type == REQUEST_WRITE ? 0 : DESC_WRITE));
        chain(last, &status, 1, DESC_WRITE);
        queue_offer(&queue, 0);
        while (!queue_take(&queue, &head, &written))
                virtio_acknowledge(parameters.disk);
        return status;
}

static uint64_t word(uint64_t sector, uint64_t round, uint64_t j) {
        return PATTERN ^ sector << 16 ^ round << 32 ^ j;
}

static void fill(uint64_t first, uint64_t round, uint64_t count) {
        for (uint64_t i = 0; i < count * WORDS; i++)
                data[i] = word(first + i / WORDS, round, i % WORDS);
}

static bool matches(uint64_t first, uint64_t round, uint64_t count) {
        for (uint64_t i = 0; i < count * WORDS; i++)
                if (data[i] != word(first + i / WORDS, round, i % WORDS))
                        return false;
        return true;
}

static bool write_and_read(uint64_t first, uint64_t round, uint64_t count, bool flush) {
        fill(first, round, count);
        if (request(REQUEST_WRITE, first, data, (uint32_t) count * SECTOR) != 0)
                return false;
        if (flush && request(REQUEST_FLUSH, 0, NULL, 0) != 0)
                return false;
        for (uint64_t i = 0; i < count * WORDS; i++)
                data[i] = 0;
        return request(REQUEST_READ, first, data, (uint32_t) count * SECTOR) == 0 && matches(first, round, count);
}

static void once(uint64_t capacity, bool flush) {
        say("disk write, flush, read: %s", write_and_read(0, 0, SECTORS, flush) ? "ok" : "FAILED");
        say("disk id: %s", request(REQUEST_ID, 0, id, 20) == 0 ? id : "(none)");
        say("disk read beyond the end: %s", request(REQUEST_READ, capacity, data, SECTOR) ? "refused" : "FAILED");
        say("disk done");
}

static void for_ever(uint64_t capacity, bool flush) {
        for (uint64_t round = 1;; round++) {
                if (!write_and_read(round % capacity, round, 1, flush)) {
                        say("disk round %u FAILED", round);
                        return;
                }
                if (round % 64 == 0)
                        say("disk round %u ok", round);
        }
}

void payload_main(void) {
        uint64_t features, capacity;

        console_open();
        features = virtio_begin(parameters.disk, VIRTIO_ID_BLOCK, FEATURE_BLOCK_FLUSH);
        if (!features) {
                say("disk: no device at %x", parameters.disk);
                return;
        }
        queue_setup(&queue, parameters.disk, 0);
        virtio_ready(parameters.disk);
        capacity = read32(parameters.disk + VIRTIO_CONFIG) |
                   (uint64_t) read32(parameters.disk + VIRTIO_CONFIG + 4) << 32;
        say("disk capacity: %u sectors, flush %s", capacity, features & FEATURE_BLOCK_FLUSH ? "yes" : "no");
        if (parameters.mode == 1)
                for_ever(capacity, features & FEATURE_BLOCK_FLUSH);
        else
                once(capacity, features & FEATURE_BLOCK_FLUSH);
}
