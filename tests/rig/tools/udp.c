/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * udp serve PORT                         sends every datagram back to where it came from
 * udp ask ADDRESS PORT COUNT WINDOW SIZE so many datagrams of SIZE bytes to such a one, at most WINDOW of them under way;
 *                                        prints "LOST of COUNT lost, WRONG wrong, MICROSECONDS us"
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MAX_ 65507
#define PATIENCE_MS 3000                /* without any answer: what is under way is lost */

static uint8_t data[SIZE_MAX_];

static int die(const char *what) {
        perror(what);
        return 1;
}

static int serve(int fd, unsigned port) {
        struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(port) };

        if (bind(fd, (struct sockaddr *) &own, sizeof(own)) < 0)
                return die("bind");
        for (;;) {
                struct sockaddr_in from;
                socklen_t length = sizeof(from);
                ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *) &from, &length);

                if (n < 0 || sendto(fd, data, n, 0, (struct sockaddr *) &from, length) < 0)
                        return die("serve");
        }
}

static void fill(uint32_t n, size_t size) {
        for (size_t i = 0; i < size; i++)
                data[i] = (uint8_t) (n * 31 + i);
        memcpy(data, &n, sizeof(n));
}

static int right(ssize_t got, size_t size, uint32_t count) {
        uint32_t n;

        if (got != (ssize_t) size)
                return 0;
        memcpy(&n, data, sizeof(n));
        for (size_t i = sizeof(n); i < size; i++)
                if (data[i] != (uint8_t) (n * 31 + i))
                        return 0;
        return n < count;
}

static int ask(int fd, uint32_t count, uint32_t window, size_t size) {
        uint32_t sent = 0, answered = 0, lost = 0, wrong = 0;
        struct timespec from, to;

        clock_gettime(CLOCK_MONOTONIC, &from);
        while (answered + lost < count) {
                struct pollfd p = { .fd = fd, .events = POLLIN };

                while (sent < count && sent - answered - lost < window) {
                        fill(sent++, size);
                        if (send(fd, data, size, 0) < 0)
                                return die("send");
                }
                if (poll(&p, 1, PATIENCE_MS) == 0) {
                        lost = sent - answered;
                        continue;
                }
                wrong += !right(recv(fd, data, sizeof(data), 0), size, count);
                answered++;
        }
        clock_gettime(CLOCK_MONOTONIC, &to);
        printf("%u of %u lost, %u wrong, %ld us\n", lost, count, wrong,
               (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
        return 0;
}

int main(int argc, char **argv) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (argc == 3 && strcmp(argv[1], "serve") == 0)
                return serve(fd, (unsigned) atoi(argv[2]));
        if (argc == 7 && strcmp(argv[1], "ask") == 0) {
                struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[3])) };
                size_t size = strtoul(argv[6], NULL, 10);

                inet_pton(AF_INET, argv[2], &there.sin_addr);
                if (size < sizeof(uint32_t) || size > sizeof(data) ||
                    connect(fd, (struct sockaddr *) &there, sizeof(there)) < 0)
                        return die("ask");
                return ask(fd, strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10), size);
        }
        fprintf(stderr, "udp serve PORT | udp ask ADDRESS PORT COUNT WINDOW SIZE\n");
        return 2;
}
