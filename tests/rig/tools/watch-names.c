// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * watch-names WORD EXCEPT: looks at every process' name (comm) over and over until SIGTERM, and prints each process once
 * whose name has WORD in it, but for those that run the program EXCEPT. Then prints "looked N times".
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIDS_MAX (1 << 22)

static volatile sig_atomic_t ended;
static unsigned char told[PIDS_MAX / 8];

static void on_end(int signal) {
        (void) signal;
        ended = 1;
}

static bool read_name(const char *pid, char *name, size_t size) {
        char path[64];
        ssize_t n;
        int fd;

        snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        n = read(fd, name, size - 1);
        close(fd);
        if (n <= 0)
                return false;
        name[n] = '\0';
        name[strcspn(name, "\n")] = '\0';
        return true;
}

static void read_program(const char *pid, char *program, size_t size) {
        char path[64];
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%.16s/exe", pid);
        n = readlink(path, program, size - 1);
        program[n < 0 ? 0 : n] = '\0';
}

static void look(DIR *proc, const char *word, const char *except) {
        struct dirent *entry;

        rewinddir(proc);
        while ((entry = readdir(proc))) {
                char name[64], program[PATH_MAX];
                unsigned long pid = strtoul(entry->d_name, NULL, 10);

                if (!isdigit((unsigned char) entry->d_name[0]) || pid >= PIDS_MAX || told[pid / 8] & 1U << pid % 8 ||
                    !read_name(entry->d_name, name, sizeof(name)) || !strstr(name, word))
                        continue;
                read_program(entry->d_name, program, sizeof(program));
                if (strcmp(program, except) == 0)
                        continue;
                told[pid / 8] |= (unsigned char) (1U << pid % 8);
                printf("%lu %s %s\n", pid, name, program);
        }
}

int main(int argc, char **argv) {
        struct sigaction end = { .sa_handler = on_end };
        DIR *proc = opendir("/proc");
        unsigned long times = 0;

        if (argc != 3 || !proc) {
                fputs("usage: watch-names WORD EXCEPT\n", stderr);
                return EXIT_FAILURE;
        }
        sigaction(SIGTERM, &end, NULL);
        for (; !ended; times++)
                look(proc, argv[1], argv[2]);
        printf("looked %lu times\n", times);
        return EXIT_SUCCESS;
}
