// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verify-stream listen PORT | connect ADDRESS PORT: one TCP connection, on which both ends send without end what only they
 * can know to be next, and check what comes. Until SIGTERM, here or at the other end. Says "verify-stream: N sent, N
 * received, N wrong".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE 65536

static volatile sig_atomic_t stop;

static void on_end(int signal) {
        stop = signal;
}

/* Byte @at of the stream, whoever asks. */
static uint8_t byte_at(uint64_t at) {
        return (uint8_t) ((at / 8 * 0x9e3779b97f4a7c15 + 0x1234567) >> at % 8 * 7 & 0xff);
}

static int make_connection(int argc, char **argv) {
        struct sockaddr_in where = { .sin_family = AF_INET };
        int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

        if (argc == 4 && strcmp(argv[1], "connect") == 0) {
                inet_aton(argv[2], &where.sin_addr);
                where.sin_port = htons((uint16_t) atoi(argv[3]));
                return connect(s, (struct sockaddr *) &where, sizeof(where)) < 0 ? -1 : s;
        }
        if (argc != 3 || strcmp(argv[1], "listen") != 0)
                return -1;
        where.sin_port = htons((uint16_t) atoi(argv[2]));
        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(s, (struct sockaddr *) &where, sizeof(where)) < 0 || listen(s, 1) < 0)
                return -1;
        return accept(s, NULL, NULL);
}

static bool would_block(ssize_t n) {
        return n < 0 && (errno == EAGAIN || errno == EINTR);
}

int main(int argc, char **argv) {
        static uint8_t buffer[PIECE];
        uint64_t sent = 0, received = 0, wrong = 0;
        struct sigaction end = { .sa_handler = on_end };
        int s = make_connection(argc, argv);
        bool lost = false, ending = false;

        if (s < 0) {
                perror("verify-stream listen PORT | connect ADDRESS PORT");
                return EXIT_FAILURE;
        }
        sigaction(SIGTERM, &end, NULL);
        signal(SIGPIPE, SIG_IGN);
        for (;;) {
                struct pollfd p = { .fd = s, .events = ending ? POLLIN : POLLIN | POLLOUT };
                ssize_t n;

                /* What is on its way still comes: the other end sees the end of this one's stream. */
                if (stop && !ending) {
                        ending = true;
                        shutdown(s, SHUT_WR);
                        continue;
                }
                if (poll(&p, 1, -1) < 0)
                        continue;
                if (p.revents & (POLLIN | POLLHUP | POLLERR)) {
                        n = recv(s, buffer, sizeof(buffer), MSG_DONTWAIT);
                        for (ssize_t i = 0; i < n; i++)
                                wrong += buffer[i] != byte_at(received++);
                        if (n == 0)
                                break;          /* the other end has stopped */
                        lost |= n < 0 && !would_block(n);
                }
                if (p.revents & POLLOUT) {
                        for (size_t i = 0; i < sizeof(buffer); i++)
                                buffer[i] = byte_at(sent + i);
                        n = send(s, buffer, sizeof(buffer), MSG_DONTWAIT);
                        sent += n > 0 ? (uint64_t) n : 0;
                        lost |= n < 0 && !would_block(n);
                }
                if (lost)
                        break;
        }
        printf("verify-stream: %llu sent, %llu received, %llu wrong%s\n", (unsigned long long) sent,
               (unsigned long long) received, (unsigned long long) wrong, lost ? ", connection lost" : "");
        return wrong || lost ? EXIT_FAILURE : EXIT_SUCCESS;
}
