/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transfer serve PORT                   gives and takes by TCP, one connection after the other
 * transfer get|put ADDRESS PORT BYTES   so many bytes from or to such a one; both ends know what they have to be.
 *                                       Prints "BYTES bytes, WRONG wrong, MICROSECONDS us", as the receiving end saw it.
 *
 * Little-endian on the wire, as both ends are: a client's struct request; the bytes; of "put" then a struct verdict.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The bytes repeat, but never where a frame, a segment or a page does: a prime. */
#define PERIOD 65521
#define PIECE  65536

struct request {
        uint64_t put, bytes;
};

struct verdict {
        uint64_t bytes, wrong;
};

static uint8_t right[PERIOD + PIECE], buffer[PIECE];

static void make_bytes(void) {
        uint64_t x = 0x9e3779b97f4a7c15;

        for (size_t i = 0; i < sizeof(right); i++) {
                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                right[i] = i < PERIOD ? (uint8_t) (x >> 32) : right[i - PERIOD];
        }
}

static int send_bytes(int fd, uint64_t bytes) {
        for (uint64_t at = 0; at < bytes;) {
                uint64_t piece = bytes - at < PIECE ? bytes - at : PIECE;
                ssize_t n = send(fd, right + at % PERIOD, piece, MSG_NOSIGNAL);

                if (n < 0)
                        return -1;
                at += (uint64_t) n;
        }
        return 0;
}

/* What comes until it is all, or the other end stops. */
static struct verdict receive_bytes(int fd, uint64_t bytes) {
        struct verdict v = { 0, 0 };

        while (v.bytes < bytes) {
                ssize_t n = recv(fd, buffer, bytes - v.bytes < PIECE ? bytes - v.bytes : PIECE, 0);
                const uint8_t *expected = right + v.bytes % PERIOD;

                if (n <= 0)
                        break;
                for (ssize_t i = memcmp(buffer, expected, n) != 0 ? 0 : n; i < n; i++)
                        v.wrong += buffer[i] != expected[i];
                v.bytes += (uint64_t) n;
        }
        return v;
}

static void serve_one(int fd) {
        struct request q;
        struct verdict v;

        if (recv(fd, &q, sizeof(q), MSG_WAITALL) != sizeof(q))
                return;
        if (!q.put) {
                (void) send_bytes(fd, q.bytes);
                return;
        }
        v = receive_bytes(fd, q.bytes);
        (void) send(fd, &v, sizeof(v), MSG_NOSIGNAL);
}

static int serve(struct sockaddr_in *own) {
        int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(s, (struct sockaddr *) own, sizeof(*own)) < 0 || listen(s, 4) < 0)
                return -1;
        for (;;) {
                int fd = accept(s, NULL, NULL);

                if (fd < 0)
                        return -1;
                serve_one(fd);
                close(fd);
        }
}

static int transfer(const struct sockaddr_in *there, const struct request *q) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct verdict v = { 0, 0 };
        struct timespec from, to;

        if (connect(fd, (const struct sockaddr *) there, sizeof(*there)) < 0)
                return -1;
        clock_gettime(CLOCK_MONOTONIC, &from);
        if (send(fd, q, sizeof(*q), MSG_NOSIGNAL) != sizeof(*q))
                return -1;
        if (!q->put)
                v = receive_bytes(fd, q->bytes);
        else if (send_bytes(fd, q->bytes) < 0 || recv(fd, &v, sizeof(v), MSG_WAITALL) != sizeof(v))
                return -1;
        clock_gettime(CLOCK_MONOTONIC, &to);
        printf("%llu bytes, %llu wrong, %lld us\n", (unsigned long long) v.bytes, (unsigned long long) v.wrong,
               (to.tv_sec - from.tv_sec) * 1000000LL + (to.tv_nsec - from.tv_nsec) / 1000);
        errno = EBADMSG;
        return v.bytes == q->bytes && v.wrong == 0 ? 0 : -1;
}

int main(int argc, char **argv) {
        struct sockaddr_in at = { .sin_family = AF_INET };
        int r;

        make_bytes();
        if (argc == 3 && strcmp(argv[1], "serve") == 0) {
                at.sin_port = htons((uint16_t) atoi(argv[2]));
                r = serve(&at);
        } else if (argc == 5 && (strcmp(argv[1], "get") == 0 || strcmp(argv[1], "put") == 0)) {
                struct request q = { .put = argv[1][0] == 'p', .bytes = strtoull(argv[4], NULL, 10) };

                inet_aton(argv[2], &at.sin_addr);
                at.sin_port = htons((uint16_t) atoi(argv[3]));
                r = transfer(&at, &q);
        } else {
                fprintf(stderr, "transfer serve PORT | transfer get|put ADDRESS PORT BYTES\n");
                return 2;
        }
        if (r < 0)
                perror("transfer");
        return r < 0;
}
