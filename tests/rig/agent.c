// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The harness' hand inside root Linux: serves requests from the virtio-serial port "rig", one at a time.
 *
 * Every message is a header (little-endian: type, id, length) and its payload; answers carry their request's id.
 *
 *   run    u32 timeout in ms, then shell text     → any number of stdout/stderr, then exit: u32 wait status
 *   write  u32 mode, u32 path length, path, data  → exit: u32 errno
 *   read   path                                   → any number of stdout, then exit: u32 errno
 *
 * A command ends when its shell does; what it left in the background keeps running, unheard. One that exceeds its
 * time is killed with its process group and answered with the status TIMED_OUT.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum message_type {
        MESSAGE_RUN = 1,
        MESSAGE_WRITE = 2,
        MESSAGE_READ = 3,
        MESSAGE_STDOUT = 16,
        MESSAGE_STDERR = 17,
        MESSAGE_EXIT = 18,
};

#define TIMED_OUT 0xffffffffu
#define PORT_NAMES "/sys/class/virtio-ports/*/name"
#define CHUNK 65536

struct header {
        uint32_t type;
        uint32_t id;
        uint32_t length;
};

struct command {
        pid_t pid;
        int ended;              /* pidfd: readable when the shell has ended */
        int output[2];          /* our ends of stdout and stderr, not blocking; -1 once closed */
};

static int port = -1;
static uint32_t request_id;

static void die(const char *what) {
        fprintf(stderr, "rig agent: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

/* While the harness is not connected, the port reads as ended and polls as hung up: wait for it. */
static void receive(void *buffer, size_t length) {
        char *at = buffer;

        while (length > 0) {
                ssize_t n = read(port, at, length);

                if (n > 0) {
                        at += n;
                        length -= (size_t) n;
                } else if (n == 0) {
                        usleep(10 * 1000);
                } else if (errno != EINTR && errno != EAGAIN) {
                        die("read from the port");
                }
        }
}

static void send_all(const void *buffer, size_t length) {
        const char *at = buffer;

        while (length > 0) {
                ssize_t n = write(port, at, length);

                if (n > 0) {
                        at += n;
                        length -= (size_t) n;
                } else if (n < 0 && errno != EINTR && errno != EAGAIN) {
                        die("write to the port");
                }
        }
}

static void send_message(enum message_type type, const void *payload, uint32_t length) {
        struct header h = { .type = type, .id = request_id, .length = length };

        send_all(&h, sizeof h);
        send_all(payload, length);
}

static void send_exit(uint32_t status) {
        send_message(MESSAGE_EXIT, &status, sizeof status);
}

static int64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void become_shell(const char *text, const int out[2], const int err[2]) {
        int null = open("/dev/null", O_RDONLY);

        setsid();
        dup2(null, STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        execl("/bin/bash", "bash", "-c", text, NULL);
        _exit(127);
}

static struct command command_start(const char *text) {
        struct command c;
        int out[2], err[2];

        if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
                die("pipe");
        c.pid = fork();
        if (c.pid < 0)
                die("fork");
        if (c.pid == 0)
                become_shell(text, out, err);
        close(out[1]);
        close(err[1]);
        c.ended = pidfd_open(c.pid, 0);
        if (c.ended < 0)
                die("pidfd_open");
        c.output[0] = out[0];
        c.output[1] = err[0];
        for (int i = 0; i < 2; i++)
                fcntl(c.output[i], F_SETFL, O_NONBLOCK);
        return c;
}

/* Passes on all that stream @i holds now; closes it at its end. */
static void command_forward(struct command *c, int i) {
        static char buffer[CHUNK];

        while (c->output[i] >= 0) {
                ssize_t n = read(c->output[i], buffer, sizeof buffer);

                if (n > 0) {
                        send_message(i == 0 ? MESSAGE_STDOUT : MESSAGE_STDERR, buffer, (uint32_t) n);
                } else if (n == 0) {
                        close(c->output[i]);
                        c->output[i] = -1;
                } else if (errno != EINTR) {
                        return;         /* EAGAIN: later */
                }
        }
}

/* Return: true if the shell has ended by itself before @deadline. */
static bool command_wait(struct command *c, int64_t deadline) {
        for (;;) {
                struct pollfd fds[] = {
                        { .fd = c->ended,     .events = POLLIN },
                        { .fd = c->output[0], .events = POLLIN },
                        { .fd = c->output[1], .events = POLLIN },
                };
                int64_t left = deadline - now_ms();

                if (left <= 0)
                        return false;
                poll(fds, 3, (int) left);
                for (int i = 0; i < 2; i++)
                        command_forward(c, i);
                if (fds[0].revents)
                        return true;
        }
}

static void serve_run(const char *payload, uint32_t length) {
        struct command c;
        uint32_t timeout_ms;
        bool in_time;
        int status = 0;

        if (length < sizeof timeout_ms)
                return send_exit(TIMED_OUT);
        memcpy(&timeout_ms, payload, sizeof timeout_ms);
        c = command_start(payload + sizeof timeout_ms);
        in_time = command_wait(&c, now_ms() + timeout_ms);
        if (!in_time)
                kill(-c.pid, SIGKILL);
        waitpid(c.pid, &status, 0);
        for (int i = 0; i < 2; i++) {
                command_forward(&c, i);
                if (c.output[i] >= 0)
                        close(c.output[i]);
        }
        close(c.ended);
        send_exit(in_time ? (uint32_t) status : TIMED_OUT);
}

static int write_file(const char *path, mode_t mode, const char *data, size_t length) {
        int fd = open(path, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, mode);
        int r = 0;

        if (fd < 0)
                return errno;
        while (length > 0 && r == 0) {
                ssize_t n = write(fd, data, length);

                if (n < 0) {
                        r = errno;
                } else {
                        data += n;
                        length -= (size_t) n;
                }
        }
        fchmod(fd, mode);
        if (close(fd) < 0 && r == 0)
                r = errno;
        return r;
}

static void serve_write(const char *payload, uint32_t length) {
        uint32_t mode, path_length;
        char path[4096] = "";
        const uint32_t fixed = sizeof mode + sizeof path_length;

        if (length < fixed)
                return send_exit(EINVAL);
        memcpy(&mode, payload, sizeof mode);
        memcpy(&path_length, payload + sizeof mode, sizeof path_length);
        if (path_length >= sizeof path || path_length > length - fixed)
                return send_exit(EINVAL);
        memcpy(path, payload + fixed, path_length);
        send_exit((uint32_t) write_file(path, (mode_t) mode, payload + fixed + path_length,
                                        length - fixed - path_length));
}

static void serve_read(const char *path) {
        static char buffer[CHUNK];
        int fd = open(path, O_RDONLY|O_CLOEXEC), r;
        ssize_t n;

        if (fd < 0)
                return send_exit((uint32_t) errno);
        while ((n = read(fd, buffer, sizeof buffer)) > 0)
                send_message(MESSAGE_STDOUT, buffer, (uint32_t) n);
        r = n < 0 ? errno : 0;
        close(fd);
        send_exit((uint32_t) r);
}

static void serve_one(void) {
        struct header h;
        char *payload;

        receive(&h, sizeof h);
        payload = malloc((size_t) h.length + 1);
        if (!payload)
                die("a message's payload");
        receive(payload, h.length);
        payload[h.length] = '\0';
        request_id = h.id;
        switch ((enum message_type) h.type) {
        case MESSAGE_RUN:
                serve_run(payload, h.length);
                break;
        case MESSAGE_WRITE:
                serve_write(payload, h.length);
                break;
        case MESSAGE_READ:
                serve_read(payload);
                break;
        case MESSAGE_STDOUT:
        case MESSAGE_STDERR:
        case MESSAGE_EXIT:
                errno = EPROTO;
                die("a request");
        }
        free(payload);
}

/* Return: the device of the port called "rig", -1 if there is none yet. */
static int open_port(void) {
        glob_t names = { 0 };
        int fd = -1;

        glob(PORT_NAMES, 0, NULL, &names);
        for (size_t i = 0; i < names.gl_pathc && fd < 0; i++) {
                char name[64] = "", device[64] = "";
                FILE *f = fopen(names.gl_pathv[i], "re");

                if (!f)
                        continue;
                if (fgets(name, sizeof name, f) && strcmp(name, "rig\n") == 0 &&
                    sscanf(names.gl_pathv[i], "/sys/class/virtio-ports/%40[^/]", device) == 1) {
                        char path[128];

                        snprintf(path, sizeof path, "/dev/%s", device);
                        fd = open(path, O_RDWR|O_CLOEXEC);
                }
                fclose(f);
        }
        globfree(&names);
        return fd;
}

int main(void) {
        signal(SIGPIPE, SIG_IGN);
        setenv("HOME", "/root", 1);
        setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
        setenv("SYSTEMD_PAGER", "", 1);
        setenv("SYSTEMD_COLORS", "0", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        if (chdir("/root") < 0)
                die("/root");
        while ((port = open_port()) < 0)
                usleep(10 * 1000);
        for (;;)
                serve_one();
}
