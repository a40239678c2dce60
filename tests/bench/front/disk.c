// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk SOCKET PID read|write|randread|randwrite BYTES DEPTH MS: a disk's guest that does nothing else, for so long, with DEPTH
 * requests of BYTES under way at a time. Prints how many were done in how many ns, the median of what one took, the longest
 * but one in a hundred, and what the back-end, which is process PID, has run, all ns. Where SOCKET is an image, and PID 0, no
 * back-end is between: the same is done by system calls, one after the other.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"

#define PIECE       (64 * 1024)
#define SAMPLES_MAX (1u << 22)
#define SILENCE_MS  10000

struct slot {
        uint64_t begin;
        struct virtio_blk_outhdr *header;
        uint8_t *data, *status;
};

struct load {
        struct driver driver;
        struct slot slots[DRIVER_QUEUE_SIZE];
        bool write, random;
        uint32_t bytes;
        unsigned depth;
        uint64_t blocks, next; /* of the disk, so many bytes each; to come */
        uint64_t done;
        uint32_t *samples;
};

static uint64_t pick(struct load *l) {
        static uint64_t state = 88172645463325252u; /* Marsaglia's xorshift64 */

        if (!l->random)
                return l->next++ % l->blocks;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state % l->blocks;
}

static unsigned describe(struct load *l, uint16_t id) {
        struct slot *s = &l->slots[id];
        unsigned n = 0;

        driver_describe(&l->driver, 0, id, n++, s->header, sizeof(*s->header), false, false);
        for (uint32_t at = 0; at < l->bytes; at += PIECE)
                driver_describe(&l->driver, 0, id, n++, s->data + at, MIN(l->bytes - at, (uint32_t) PIECE), !l->write,
                                false);
        driver_describe(&l->driver, 0, id, n++, s->status, 1, true, true);
        return n;
}

static void submit(struct load *l, uint16_t id, uint64_t now) {
        struct slot *s = &l->slots[id];

        s->header->type = htole32(l->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN);
        s->header->sector = htole64(pick(l) * (l->bytes / 512));
        *s->status = 0xff;
        s->begin = now;
        driver_offer(&l->driver, 0, id, describe(l, id));
}

static void finish(struct load *l, const struct slot *s, uint64_t now) {
        if (*s->status != VIRTIO_BLK_S_OK) {
                errno = EIO;
                driver_die("a request");
        }
        l->samples[l->done++ % SAMPLES_MAX] = (uint32_t) MIN(now - s->begin, (uint64_t) UINT32_MAX);
}

/* Until @end; what comes back later is not replaced. Return: requests that are still under way. */
static unsigned turn(struct load *l, unsigned under_way, uint64_t end) {
        uint64_t now = driver_now();
        uint32_t written;
        int id;

        while ((id = driver_reap(&l->driver, 0, &written)) >= 0) {
                finish(l, &l->slots[id], now);
                under_way--;
                if (now >= end)
                        continue;
                submit(l, (uint16_t) id, now);
                under_way++;
        }
        driver_publish(&l->driver, 0);
        return under_way;
}

static void run(struct load *l, uint64_t ns) {
        unsigned under_way = l->depth;
        uint64_t begin = driver_now();

        for (uint16_t id = 0; id < l->depth; id++)
                submit(l, id, begin);
        driver_publish(&l->driver, 0);
        while (under_way > 0) {
                if (!driver_wait(&l->driver, SILENCE_MS)) {
                        errno = ETIMEDOUT;
                        driver_die("the back-end");
                }
                under_way = turn(l, under_way, begin + ns);
        }
}

/* ---- without a back-end ------------------------------------------------------------------------------- */

static void set_up_here(struct load *l, const char *path, int *ret_image) {
        off_t size;

        *ret_image = open(path, O_RDWR | O_CLOEXEC);
        size = lseek(*ret_image, 0, SEEK_END);
        if (size < 0)
                driver_die(path);
        l->blocks = (uint64_t) size / l->bytes;
        l->slots[0].data = calloc(1, l->bytes);
}

static void run_here(struct load *l, int image, uint64_t ns) {
        uint64_t now = driver_now(), end = now + ns, before;
        uint8_t *data = l->slots[0].data;

        while (now < end) {
                off_t at = (off_t) (pick(l) * l->bytes);
                ssize_t n = l->write ? pwrite(image, data, l->bytes, at) : pread(image, data, l->bytes, at);

                if (n != (ssize_t) l->bytes)
                        driver_die("the image");
                before = now;
                now = driver_now();
                l->samples[l->done++ % SAMPLES_MAX] = (uint32_t) MIN(now - before, (uint64_t) UINT32_MAX);
        }
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static void set_up(struct load *l, const char *path) {
        uint64_t features = VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH) | VIRTIO_FEATURE(VIRTIO_BLK_F_SEG_MAX);
        struct virtio_blk_config config;
        uint8_t *at;
        struct err e;

        driver_connect(&l->driver, path, 1, features, (size_t) l->depth * (l->bytes + 32));
        if (vhost_user_front_config(l->driver.front, (uint8_t *) &config,
                                    offsetof(struct virtio_blk_config, max_write_zeroes_sectors), &e) < 0)
                driver_die("the disk's size");
        l->blocks = le64toh(config.capacity) / (l->bytes / 512);
        at = l->driver.data;
        for (unsigned i = 0; i < l->depth; i++, at += l->bytes)
                l->slots[i].data = at;
        for (unsigned i = 0; i < l->depth; i++, at += 32) {
                l->slots[i].header = (struct virtio_blk_outhdr *) at;
                l->slots[i].status = at + 16;
        }
}

static int compare(const void *a, const void *b) {
        const uint32_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void print(struct load *l, const struct driver_clock *clock) {
        uint64_t elapsed = driver_clock_elapsed(clock), cpu = driver_clock_cpu(clock);
        size_t samples = MIN(l->done, (uint64_t) SAMPLES_MAX);

        qsort(l->samples, samples, sizeof(*l->samples), compare);
        printf("%" PRIu64 " %" PRIu64 " %u %u %" PRIu64 "\n", l->done, elapsed, l->samples[samples / 2],
               l->samples[samples - 1 - samples / 100], cpu);
}

static bool parse(struct load *l, char **argv) {
        l->write = strstr(argv[3], "write");
        l->random = strncmp(argv[3], "rand", 4) == 0;
        l->bytes = (uint32_t) atoi(argv[4]);
        l->depth = (unsigned) atoi(argv[5]);
        return l->bytes % 512 == 0 && l->bytes > 0 && l->bytes <= PIECE * (DRIVER_TABLE_SIZE - 2) && l->depth > 0 &&
               l->depth <= DRIVER_QUEUE_SIZE;
}

int main(int argc, char **argv) {
        struct load l = { .samples = calloc(SAMPLES_MAX, sizeof(*l.samples)) };
        struct driver_clock clock;
        uint64_t ns;
        int image = -1;

        if (!l.samples || argc != 7 || !parse(&l, argv)) {
                fputs("usage: disk SOCKET|IMAGE PID|0 read|write|randread|randwrite BYTES DEPTH MS\n", stderr);
                return EXIT_FAILURE;
        }
        ns = (uint64_t) atoi(argv[6]) * 1000000;
        if (atoi(argv[2]) == 0)
                set_up_here(&l, argv[1], &image);
        else
                set_up(&l, argv[1]);
        if (l.blocks == 0)
                driver_die("a disk smaller than a request");
        driver_clock_start(&clock, atoi(argv[2]));
        if (image >= 0)
                run_here(&l, image, ns);
        else
                run(&l, ns);
        print(&l, &clock);
        if (image < 0)
                driver_done(&l.driver);
        return EXIT_SUCCESS;
}
