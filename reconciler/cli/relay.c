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
        uint64_t deadline_ms; /* for all output once the input has ended, before that for taking what is pending */
        char pending[CHUNK];  /* read from the input, not yet taken by the console */
        size_t num_pending, sent;
        struct err *e;
};

static uint64_t now_ms(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static void set_deadline(struct state *s, unsigned silence_ms) {
        s->deadline_ms = now_ms() + UINT64_C(10) * silence_ms;
}

/* A console that takes nothing is given a moment even by those who wait for no answer. */
static unsigned stall_ms(const struct state *s) {
        return MAX(s->r->silence_ms, 1000U);
}

/* What does not fit is lost: a person's typing, to a guest that does not read. */
static void keep(struct state *s, const char *typed, size_t size) {
        size_t left = s->num_pending - s->sent;

        size = MIN(size, sizeof(s->pending) - left);
        memmove(s->pending, s->pending + s->sent, left);
        memcpy(s->pending + left, typed, size);
        s->num_pending = left + size;
        s->sent = 0;
}

static int from_input(struct state *s) {
        char typed[CHUNK], *escape;
        ssize_t n = read(s->r->in, typed, sizeof(typed));

        if (n < 0)
                return errno == EAGAIN || errno == EINTR
                               ? GO_ON
                               : err_set(s->e, -errno, "reading the input: %s", strerror(errno));
        if (n == 0) {
                s->input_ended = true;
                set_deadline(s, s->r->silence_ms);
                return s->r->interactive ? RELAY_LEFT : GO_ON;
        }
        escape = s->r->interactive ? memchr(typed, RELAY_ESCAPE, (size_t) n) : NULL;
        keep(s, typed, escape ? (size_t) (escape - typed) : (size_t) n);
        set_deadline(s, stall_ms(s));
        if (!escape)
                return GO_ON;
        /* What was typed before it still goes out, as far as the console takes it at once. */
        (void) !write(s->r->console, s->pending, s->num_pending);
        return RELAY_LEFT;
}

static int to_console(struct state *s) {
        ssize_t n = write(s->r->console, s->pending + s->sent, s->num_pending - s->sent);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? GO_ON : RELAY_CLOSED;
        s->sent += (size_t) n;
        set_deadline(s, stall_ms(s));
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

/* How long poll() may wait, -1: for ever. A pipe's input ends only after all of it was taken, see step(). */
static int patience(const struct state *s) {
        unsigned silence_ms = s->num_pending > 0 ? stall_ms(s) : s->r->silence_ms;
        uint64_t now;

        if (s->r->interactive || (!s->input_ended && s->num_pending == 0))
                return -1;
        now = now_ms();
        return now >= s->deadline_ms ? 0 : (int) MIN(s->deadline_ms - now, (uint64_t) silence_ms);
}

enum { FD_CONSOLE, FD_INPUT, FD_SIGNALS, _FD_MAX };

static int step(struct state *s, int signals) {
        /* A pipe waits for the console; a person's escape key must be seen whatever the console does. */
        bool typing = s->r->interactive || (s->num_pending == 0 && !s->input_ended);
        struct pollfd fds[_FD_MAX] = {
                [FD_CONSOLE] = { .fd = s->r->console, .events = (short) (POLLIN | (s->num_pending > 0 ? POLLOUT : 0)) },
                [FD_INPUT] = { .fd = typing ? s->r->in : -1, .events = POLLIN },
                [FD_SIGNALS] = { .fd = signals, .events = POLLIN },
        };
        int wait_ms = patience(s), n = poll(fds, _FD_MAX, wait_ms), r = GO_ON;

        if (n < 0)
                return errno == EINTR ? GO_ON : err_set(s->e, -errno, "poll: %s", strerror(errno));
        if (n == 0 || (wait_ms == 0 && !(fds[FD_CONSOLE].revents & POLLOUT)))
                return s->num_pending > 0 ? RELAY_STALLED : RELAY_SILENT;
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
