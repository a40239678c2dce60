// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * respawn WORKER FOLDER N: on this machine itself, a disk's worker for vhost-user is killed in the midst of its life, and
 * another one started as soon as it is gone. Prints N times how long it took, in µs, from the kill to the successor's first
 * answer: fork, exec, the cage, the image's lock and the filter lie between. FOLDER is for the image and the socket.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "virtio/vhost_user.h"

#define IMAGE_SIZE (1 << 20)
#define PAUSE_NS   20000 /* between two looks whether it listens yet */

extern char **environ;

static void die(const char *what) {
        perror(what);
        exit(EXIT_FAILURE);
}

static uint64_t now_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static pid_t start(const char *worker, const char *socket_path, const char *image) {
        char socket_option[160], image_option[160];
        char *arguments[] = { (char *) worker, (char *) "block", socket_option, image_option, NULL };
        pid_t pid;

        snprintf(socket_option, sizeof(socket_option), "--vhost-user=%s", socket_path);
        snprintf(image_option, sizeof(image_option), "--image=%s", image);
        errno = posix_spawn(&pid, worker, NULL, NULL, arguments, environ);
        if (errno != 0)
                die(worker);
        return pid;
}

/* Return: a connection, once it was answered. */
static int wait_for_answer(const char *path, pid_t worker) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const struct vhost_user_header question = { .request = VHOST_USER_GET_FEATURES, .flags = VHOST_USER_VERSION };
        char answer[sizeof(question) + sizeof(uint64_t)];
        int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        while (connect(s, (struct sockaddr *) &address, sizeof(address)) < 0) {
                if (waitpid(worker, NULL, WNOHANG) != 0)
                        die("the worker has ended");
                nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
        }
        if (write(s, &question, sizeof(question)) != sizeof(question) ||
            recv(s, answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
                die("no answer");
        return s;
}

int main(int argc, char **argv) {
        char image[128], path[128];
        int connection, n = argc == 4 ? atoi(argv[3]) : 0;
        FILE *f;
        pid_t pid;

        if (n <= 0) {
                fputs("usage: respawn WORKER FOLDER N\n", stderr);
                return EXIT_FAILURE;
        }
        snprintf(image, sizeof(image), "%s/image", argv[2]);
        snprintf(path, sizeof(path), "%s/socket", argv[2]);
        f = fopen(image, "w");
        if (!f || chmod(image, 0666) < 0 || ftruncate(fileno(f), IMAGE_SIZE) < 0)
                die(image);
        pid = start(argv[1], path, image);
        connection = wait_for_answer(path, pid);
        for (int i = 0; i < n; i++) {
                uint64_t begin = now_us();

                if (kill(pid, SIGKILL) < 0 || waitpid(pid, NULL, 0) != pid || unlink(path) < 0)
                        die("the worker");
                close(connection);
                pid = start(argv[1], path, image);
                connection = wait_for_answer(path, pid);
                printf("%llu\n", (unsigned long long) (now_us() - begin));
        }
        kill(pid, SIGKILL);
        return EXIT_SUCCESS;
}
