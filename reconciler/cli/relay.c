/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "base/fd.h"
#include "cli/relay.h"

#define CHUNK 4096

/* Running; the values of enum relay_end and errors end the loop. */
#define GO_ON (-4096)

struct state {
        const struct relay *r;
        bool input_ended;
        uint64_t deadline_ms; /* once the input has ended */
        char pending[CHUNK];  /* read from the person, not yet taken by the console */
        size_t num_pending, sent;
        struct err *e;
};

static uint64_t now_ms(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static int from_input(struct state *s) {
        ssize_t n = read(s->r->in, s->pending, sizeof(s->pending));
        char *escape;

        if (n < 0)
                return errno == EAGAIN || errno == EINTR
                               ? GO_ON
                               : err_set(s->e, -errno, "reading the input: %s", strerror(errno));
        if (n == 0) {
                s->input_ended = true;
                s->deadline_ms = now_ms() + UINT64_C(10) * s->r->silence_ms;
                return s->r->interactive ? RELAY_LEFT : GO_ON;
        }
        s->sent = 0;
        s->num_pending = (size_t) n;
        escape = s->r->interactive ? memchr(s->pending, RELAY_ESCAPE, s->num_pending) : NULL;
        if (!escape)
                return GO_ON;
        /* What was typed before it still goes out, as far as the console takes it at once. */
        (void) !write(s->r->console, s->pending, (size_t) (escape - s->pending));
        return RELAY_LEFT;
}

static int to_console(struct state *s) {
        ssize_t n = write(s->r->console, s->pending + s->sent, s->num_pending - s->sent);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? GO_ON : RELAY_CLOSED;
        s->sent += (size_t) n;
        if (s->sent == s->num_pending)
                s->num_pending = s->sent = 0;
        return GO_ON;
}

static int from_console(struct state *s) {
        char buffer[CHUNK];
        ssize_t n = read(s->r->console, buffer, sizeof(buffer));
        int r;

        /* EIO: the other side of the pseudo-terminal was closed. */
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return GO_ON;
        if (n <= 0)
                return RELAY_CLOSED;
        r = write_all(s->r->out, buffer, (size_t) n);
        if (r == -EPIPE)
                return RELAY_NO_READER;
        return r < 0 ? err_set(s->e, r, "writing the output: %s", strerror(-r)) : GO_ON;
}

/* How long poll() may wait, -1: for ever. Input ends only after all of it was taken, see step(). */
static int patience(const struct state *s) {
        uint64_t now;

        if (!s->input_ended)
                return -1;
        now = now_ms();
        return now >= s->deadline_ms ? 0 : (int) MIN(s->deadline_ms - now, (uint64_t) s->r->silence_ms);
}

enum { FD_CONSOLE, FD_INPUT, FD_SIGNALS, _FD_MAX };

static int step(struct state *s, int signals) {
        bool typing = s->num_pending == 0 && !s->input_ended;
        struct pollfd fds[_FD_MAX] = {
                [FD_CONSOLE] = { .fd = s->r->console, .events = (short) (POLLIN | (s->num_pending > 0 ? POLLOUT : 0)) },
                [FD_INPUT] = { .fd = typing ? s->r->in : -1, .events = POLLIN },
                [FD_SIGNALS] = { .fd = signals, .events = POLLIN },
        };
        int wait_ms = patience(s), n = poll(fds, _FD_MAX, wait_ms), r = GO_ON;

        if (n < 0)
                return errno == EINTR ? GO_ON : err_set(s->e, -errno, "poll: %s", strerror(errno));
        if (n == 0 || wait_ms == 0)
                return RELAY_SILENT;
        if (fds[FD_SIGNALS].revents)
                return RELAY_SIGNAL;
        if (fds[FD_CONSOLE].revents & (POLLIN | POLLHUP | POLLERR))
                r = from_console(s);
        if (r == GO_ON && (fds[FD_CONSOLE].revents & POLLOUT))
                r = to_console(s);
        if (r == GO_ON && fds[FD_INPUT].revents)
                r = from_input(s);
        return r;
}

int relay_run(const struct relay *relay, struct err *e) {
        struct state s = { .r = relay, .e = e };
        _cleanup_close_ int signals = -1;
        sigset_t mask, before;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGHUP);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGQUIT);
        sigaddset(&mask, SIGPIPE);
        sigprocmask(SIG_BLOCK, &mask, &before);
        sigdelset(&mask, SIGPIPE); /* write() tells it */
        signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals < 0)
                return err_set(e, -errno, "signalfd: %s", strerror(errno));
        do
                r = step(&s, signals);
        while (r == GO_ON);
        return r;
}
