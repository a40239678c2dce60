/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/utf8.h"
#include "device/console_log.h"

#define MARK   "…"
#define ESCAPE 0x1b

/* ---- text --------------------------------------------------------------------------------------------- */

/* Bytes of the control sequence that begins at @s with an escape (ECMA-48, 5.4 and 5.6). */
static size_t sequence_size(const char *s, size_t size) {
        size_t i = 2;

        if (size < 2)
                return size;
        switch (s[1]) {
        case '[': /* parameters, intermediates, a final byte */
                while (i < size && s[i] >= 0x20 && s[i] <= 0x3f)
                        i++;
                return i < size ? i + 1 : size;
        case ']': /* a string, up to a bell or ESC \ */
        case 'P':
        case 'X':
        case '^':
        case '_':
                while (i < size && s[i] != '\a' && s[i] != ESCAPE)
                        i++;
                if (i < size && s[i] == ESCAPE)
                        i++;
                return i < size ? i + 1 : size;
        default:
                while (i <= size && s[i - 1] >= 0x20 && s[i - 1] <= 0x2f)
                        i++;
                return MIN(i, size);
        }
}

void console_log_clean(const char *line, size_t size, char *ret) {
        for (size_t i = 0; i < size;) {
                size_t n = line[i] == '\t' ? 1 : utf8_printable(line + i, size - i);

                if (line[i] == ESCAPE) {
                        i += sequence_size(line + i, size - i);
                } else if (line[i] == '\r') {
                        i++;
                } else if (n == 0) {
                        ret += sprintf(ret, "\\x%02x", (unsigned char) line[i]);
                        i++;
                } else {
                        memcpy(ret, line + i, n);
                        ret += n;
                        i += n;
                }
        }
        *ret = '\0';
}

/* ---- the journal -------------------------------------------------------------------------------------- */

int console_log_open(struct console_log *l, int fd, const char *zone, const char *device) {
        struct epoll_event nothing = {};

        *l = (struct console_log){ .fd = fd,
                                   .event_fd = -1,
                                   .limit = { .burst = CONSOLE_LOG_LINES, .seconds = CONSOLE_LOG_TIME } };
        if (fd < 0)
                return 0;
        (void) snprintf(l->head, sizeof(l->head),
                        "ZONE=%s\nDEVICE=%s\nSYSLOG_IDENTIFIER=%s/%s\nPRIORITY=%d\nMESSAGE=", zone, device, zone,
                        device, LOG_INFO);
        /* One of its own, so that "writable" is asked for only while that is waited for. */
        l->event_fd = epoll_create1(EPOLL_CLOEXEC);
        if (l->event_fd < 0 || epoll_ctl(l->event_fd, EPOLL_CTL_ADD, fd, &nothing) < 0) {
                int r = -errno;

                l->event_fd = fd_close(l->event_fd);
                return r;
        }
        return 0;
}

void console_log_close(struct console_log *l) {
        l->fd = fd_close(l->fd);
        l->event_fd = fd_close(l->event_fd);
}

static void arm(struct console_log *l, uint32_t events) {
        struct epoll_event e = { .events = events };

        (void) epoll_ctl(l->event_fd, EPOLL_CTL_MOD, l->fd, &e);
}

void console_log_ready(struct console_log *l) {
        arm(l, 0);
        l->blocked = false;
}

/* Return: false: not now. A journal that cannot be had at all takes everything. */
static bool send_text(struct console_log *l, const char *text) {
        char record[sizeof(l->head) + 4 * CONSOLE_LOG_LINE + sizeof(MARK) + 2];
        int n = snprintf(record, sizeof(record), "%s%s\n", l->head, text);

        if (write(l->fd, record, MIN((size_t) n, sizeof(record) - 1)) >= 0 || errno != EAGAIN)
                return true;
        l->blocked = true;
        arm(l, EPOLLOUT);
        return false;
}

static bool send_left_out(struct console_log *l, const char *format, uint64_t count) {
        char text[80];

        (void) snprintf(text, sizeof(text), format, (unsigned long long) count);
        return send_text(l, text);
}

/* Return: false: not now, the line has to be given again. */
static bool send_line(struct console_log *l, const char *line, size_t size, bool cut) {
        char text[4 * CONSOLE_LOG_LINE + sizeof(MARK)];
        unsigned dropped;

        console_log_clean(line, size, text);
        if (text[0] == '\0')
                return true;
        if (l->lost > 0 && !send_left_out(l, "[%llu bytes of output were too much]", l->lost))
                return false;
        l->lost = 0;
        if (!log_ratelimit_pass(&l->limit, &dropped))
                return true;
        if (dropped > 0)
                (void) send_left_out(l, "[%llu lines of output were too many]", dropped);
        if (cut)
                strcat(text, MARK);
        if (send_text(l, text))
                return true;
        l->limit.count--; /* it comes again */
        return false;
}

/* ---- the history -------------------------------------------------------------------------------------- */

/* The bytes from @position on, at most @size, in one piece. */
static size_t copy(const struct history *h, uint64_t position, char *ret, size_t size) {
        struct iovec pieces[2];
        int count = history_pieces(h, position, pieces);
        size_t done = 0;

        for (int i = 0; i < count && done < size; i++) {
                size_t n = MIN(pieces[i].iov_len, size - done);

                memcpy(ret + done, pieces[i].iov_base, n);
                done += n;
        }
        return done;
}

void console_log_run(struct console_log *l, struct history *h) {
        struct history_header *header = h->header;
        uint64_t oldest = history_oldest(h);
        char line[CONSOLE_LOG_LINE + 1];

        if (l->fd < 0 || l->blocked)
                return;
        if (header->logged < oldest) {
                l->lost += oldest - header->logged;
                header->logged = oldest;
        }
        while (header->logged < header->written) {
                size_t n = copy(h, header->logged, line, sizeof(line));
                const char *newline = memchr(line, '\n', n);
                size_t size = newline ? (size_t) (newline - line) : MIN(n, (size_t) CONSOLE_LOG_LINE);

                if (!newline && !l->in_long_line && n < sizeof(line))
                        return; /* it goes on later */
                if (!l->in_long_line && !send_line(l, line, size, !newline))
                        return;
                l->in_long_line = !newline;
                header->logged += size + (newline ? 1 : 0);
        }
}
