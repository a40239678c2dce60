// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hijack-ring PID PATH: has a disk's worker, that waits and has nothing under way, open a file through its own io_uring, as if
 * its code had been taken over. Says what came of it: "openat through the ring: -13". The worker itself loses its place in
 * the ring by it, and is good for nothing any more.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH  256 /* of a disk's ring (device/block_slots.h): where its parts are depends on it */
#define INJECT "/usr/lib/rig/inject"
#define TEXT(n) #n
#define NUMBER(n) TEXT(n)

static void die(const char *what) {
        perror(what);
        exit(EXIT_FAILURE);
}

/* Return: the number that the worker's ring has there. */
static int find_ring(const char *pid) {
        char folder[64], name[sizeof(folder) + sizeof(((struct dirent *) NULL)->d_name)], target[64] = "";
        struct dirent *e;
        DIR *d;

        snprintf(folder, sizeof(folder), "/proc/%s/fd", pid);
        d = opendir(folder);
        while (d && (e = readdir(d))) {
                snprintf(name, sizeof(name), "%s/%s", folder, e->d_name);
                memset(target, 0, sizeof(target));
                if (readlink(name, target, sizeof(target) - 1) > 0 && strcmp(target, "anon_inode:[io_uring]") == 0)
                        return atoi(e->d_name);
        }
        fprintf(stderr, "it has no ring\n");
        exit(EXIT_FAILURE);
}

/* Puts a text to where nothing else is: the low end of its stack. Return: its address there. */
static uint64_t put_text(const char *pid, const char *text) {
        char path[64], line[512];
        uint64_t at = 0;
        int memory;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%s/maps", pid);
        f = fopen(path, "re");
        while (f && !at && fgets(line, sizeof(line), f))
                if (strstr(line, "[stack]"))
                        at = strtoull(line, NULL, 16);
        if (!at)
                die("its stack");
        snprintf(path, sizeof(path), "/proc/%s/mem", pid);
        memory = open(path, O_RDWR | O_CLOEXEC);
        if (memory < 0 || pwrite(memory, text, strlen(text) + 1, (off_t) at) < 0)
                die(path);
        return at;
}

static void enter(const char *pid, int ring) {
        char number[16];
        int status;

        snprintf(number, sizeof(number), "%d", ring);
        if (fork() == 0) {
                execl(INJECT, INJECT, pid, NUMBER(__NR_io_uring_enter), number, "1", "0", "0", NULL);
                die(INJECT);
        }
        wait(&status);
        if (status != 0)
                exit(EXIT_FAILURE);
}

static uint32_t *word(void *rings, uint32_t offset) {
        return (uint32_t *) ((char *) rings + offset);
}

int main(int argc, char **argv) {
        struct io_uring_params p = { 0 };
        struct io_uring_sqe *entries;
        uint32_t submit, complete;
        size_t size;
        int theirs, ring;
        void *rings;

        if (argc != 3 || syscall(__NR_io_uring_setup, DEPTH, &p) < 0)
                die("hijack-ring PID PATH");
        theirs = find_ring(argv[1]);
        ring = (int) syscall(__NR_pidfd_getfd, syscall(__NR_pidfd_open, atoi(argv[1]), 0), theirs, 0);
        size = p.sq_off.array + p.sq_entries * sizeof(uint32_t);
        rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
        entries = mmap(NULL, p.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
        if (rings == MAP_FAILED || entries == MAP_FAILED)
                die("its ring");
        if (*word(rings, p.sq_off.ring_entries) != p.sq_entries || *word(rings, p.cq_off.ring_entries) != p.cq_entries) {
                fprintf(stderr, "its ring is not one of %d entries\n", DEPTH);
                return EXIT_FAILURE;
        }
        submit = *word(rings, p.sq_off.tail) & (p.sq_entries - 1);
        complete = *word(rings, p.cq_off.tail) & (p.cq_entries - 1);
        entries[submit] = (struct io_uring_sqe){
                .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = put_text(argv[1], argv[2]), .open_flags = O_RDONLY
        };
        word(rings, p.sq_off.array)[submit] = submit;
        __atomic_add_fetch(word(rings, p.sq_off.tail), 1, __ATOMIC_RELEASE);
        enter(argv[1], theirs);
        printf("openat through the ring: %d\n", ((struct io_uring_cqe *) word(rings, p.cq_off.cqes))[complete].res);
        return EXIT_SUCCESS;
}
