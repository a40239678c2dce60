// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verify-disk DISK DEPTH: writes blocks and reads them back, DEPTH requests at a time, past the page cache, until SIGTERM;
 * then reads all of it once more. Each block holds its own number and how often it was written, in every word: one that was
 * lost, torn, misplaced or written twice, late, is seen. Says "verify-disk: N written, N read, N wrong, N failed".
 *
 * It stands for fio with verify=meta, which the zone has no room for. DEPTH threads, each with one request under way and with
 * blocks of its own, so that it knows what the last write of each was: random places, half of them writes, O_DIRECT.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/fs.h>

#define BLOCK      4096
#define WORDS      (BLOCK / 8)
#define BLOCKS_MAX 65536
#define DEPTH_MAX  64

static int disk;
static uint64_t blocks;
static unsigned depth;
static uint32_t rounds[BLOCKS_MAX];     /* of each block; only its own thread's */
static atomic_bool stop;
static atomic_ulong written, read_back, wrong, failed;

static uint64_t word(uint64_t block, uint32_t round, unsigned i) {
        return (block << 40 | (uint64_t) round << 12 | i) * 0x9e3779b97f4a7c15;
}

static void fill(uint64_t *buffer, uint64_t block) {
        for (unsigned i = 0; i < WORDS; i++)
                buffer[i] = word(block, rounds[block], i);
}

static void check(const uint64_t *buffer, uint64_t block) {
        for (unsigned i = 0; i < WORDS; i++)
                if (buffer[i] != word(block, rounds[block], i)) {
                        if (wrong++ < 10)
                                printf("verify-disk: block %llu, word %u: %#llx in round %u\n", (unsigned long long) block, i,
                                       (unsigned long long) buffer[i], rounds[block]);
                        return;
                }
}

static void transfer(uint64_t *buffer, uint64_t block, bool is_write) {
        off_t at = (off_t) (block * BLOCK);
        ssize_t n = is_write ? pwrite(disk, buffer, BLOCK, at) : pread(disk, buffer, BLOCK, at);

        if (n != BLOCK) {
                if (failed++ < 10)
                        printf("verify-disk: block %llu: %s\n", (unsigned long long) block, n < 0 ? strerror(errno) : "short");
        } else if (!is_write) {
                check(buffer, block);
        }
        (is_write ? &written : &read_back)[0]++;
}

/* A thread has every DEPTH-th block for itself. */
static void *work(void *argument) {
        unsigned self = (unsigned) (uintptr_t) argument;
        uint64_t seed = self + 1, own = blocks / depth, *buffer = aligned_alloc(BLOCK, BLOCK);

        if (!buffer)
                abort();
        while (!stop) {
                uint64_t block;

                seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
                block = seed % own * depth + self;
                if (seed >> 40 & 1) {
                        rounds[block]++;
                        fill(buffer, block);
                        transfer(buffer, block, true);
                } else if (rounds[block] > 0) {
                        transfer(buffer, block, false);
                }
        }
        for (uint64_t block = self; block < own * depth; block += depth)
                if (rounds[block] > 0)
                        transfer(buffer, block, false);
        free(buffer);
        return NULL;
}

int main(int argc, char **argv) {
        pthread_t threads[DEPTH_MAX];
        uint64_t size = 0;
        sigset_t end;
        int signal;

        disk = argc == 3 ? open(argv[1], O_RDWR | O_DIRECT | O_CLOEXEC) : -1;
        if (disk < 0 || ioctl(disk, BLKGETSIZE64, &size) < 0) {
                perror("verify-disk DISK DEPTH");
                return EXIT_FAILURE;
        }
        blocks = size / BLOCK < BLOCKS_MAX ? size / BLOCK : BLOCKS_MAX;
        depth = (unsigned) atoi(argv[2]);
        if (depth == 0 || depth > DEPTH_MAX || blocks < depth)
                return EXIT_FAILURE;
        sigemptyset(&end);
        sigaddset(&end, SIGTERM);
        sigprocmask(SIG_BLOCK, &end, NULL);
        for (unsigned i = 0; i < depth; i++)
                if (pthread_create(&threads[i], NULL, work, (void *) (uintptr_t) i) != 0)
                        abort();
        sigwait(&end, &signal);
        stop = true;
        for (unsigned i = 0; i < depth; i++)
                pthread_join(threads[i], NULL);
        printf("verify-disk: %lu written, %lu read, %lu wrong, %lu failed\n", (unsigned long) written,
               (unsigned long) read_back, (unsigned long) wrong, (unsigned long) failed);
        return wrong || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
