/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "base/fd.h"
#include "cli/relay.h"

#define CHUNK 4096

/* How much output is copied before the input is looked at again. */
#define CHUNKS_MAX 16

/* Running; the values of enum relay_end and errors end the loop. */
#define GO_ON (-4096)

struct state {
        const struct relay *r;
        struct console_client *console;
        bool input_ended;
        bool more_output;     /* not all of it was copied */
        bool refusal_told;    /* to a person who types though another client writes */
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

/* ---- who writes --------------------------------------------------------------------------------------- */

static void note(const struct state *s, const char *text) {
        if (s->r->notes >= 0)
                (void) dprintf(s->r->notes, "\r\n[%s]\r\n", text);
}

static void tell_size(const struct state *s) {
        struct winsize size;

        if (s->console->writes && ioctl(s->r->out, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                console_client_resize(s->console, &size);
}

static void note_busy(const struct state *s, pid_t holder) {
        char text[128];

        if (holder > 0)
                (void) snprintf(text, sizeof(text), "Process %d writes to this console; here it is shown.",
                                (int) holder);
        else
                (void) snprintf(text, sizeof(text),
                                "Another program has the console's terminal open; here it is shown.");
        note(s, text);
}

/* @first: nobody has been told yet who writes. */
static int claim(struct state *s, bool first) {
        pid_t holder;
        int r;

        if (s->r->watch || s->console->writes)
                return GO_ON;
        r = console_client_claim(s->console, &holder);
        if (r < 0 && r != -EBUSY)
                return err_set(s->e, r, "claiming the console's input: %s", strerror(-r));
        if (r < 0 && first)
                note_busy(s, holder);
        if (r == 0 && !first)
                note(s, "You write to this console now.");
        tell_size(s);
        return GO_ON;
}

/* Typed by a person who only watches. */
static void refuse(struct state *s) {
        if (!s->refusal_told && !s->r->watch)
                note(s, "Another client writes to this console; Ctrl-] leaves it.");
        s->refusal_told = true;
        s->num_pending = s->sent = 0;
}

/* ---- input -------------------------------------------------------------------------------------------- */

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
        if (s->r->watch || (s->r->interactive && !s->console->writes))
                refuse(s);
        if (!escape)
                return s->num_pending > 0 ? claim(s, false) : GO_ON;
        /* What was typed before it still goes out, as far as the console takes it at once. */
        (void) !write(s->console->input, s->pending, s->num_pending);
        return RELAY_LEFT;
}

static int to_console(struct state *s) {
        ssize_t n = write(s->console->input, s->pending + s->sent, s->num_pending - s->sent);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? GO_ON : RELAY_CLOSED;
        s->sent += (size_t) n;
        set_deadline(s, stall_ms(s));
        if (s->sent == s->num_pending)
                s->num_pending = s->sent = 0;
        return GO_ON;
}

/* ---- output ------------------------------------------------------------------------------------------- */

static int copy_output(struct state *s) {
        char buffer[CHUNK];

        for (unsigned i = 0; i < CHUNKS_MAX; i++) {
                size_t n = console_client_read(s->console, buffer, sizeof(buffer));
                int r = n > 0 ? write_all(s->r->out, buffer, n) : 0;

                if (r == -EPIPE)
                        return RELAY_NO_READER;
                if (r < 0)
                        return err_set(s->e, r, "writing the output: %s", strerror(-r));
                s->more_output = n > 0;
                if (n == 0)
                        break;
        }
        return GO_ON;
}

static int from_console(struct state *s) {
        unsigned news = console_client_news(s->console);
        int r;

        do
                r = copy_output(s);
        while (r == GO_ON && s->more_output && (news & CONSOLE_NEWS_GONE));
        if (r == GO_ON && (news & CONSOLE_NEWS_GONE))
                return RELAY_CLOSED;
        if (r == GO_ON && (news & CONSOLE_NEWS_FREE) && (s->r->interactive || s->num_pending > 0))
                r = claim(s, false);
        return r;
}

/* ---- the loop ----------------------------------------------------------------------------------------- */

/* How long poll() may wait, -1: for ever. A pipe's input ends only after all of it was taken, see step(). */
static int patience(const struct state *s) {
        unsigned silence_ms = s->num_pending > 0 ? stall_ms(s) : s->r->silence_ms;
        uint64_t now;

        if (s->more_output)
                return 0;
        if (s->r->interactive || (!s->input_ended && s->num_pending == 0))
                return -1;
        now = now_ms();
        return now >= s->deadline_ms ? 0 : (int) MIN(s->deadline_ms - now, (uint64_t) silence_ms);
}

/* Nothing happened for long enough, or something did for too long. */
static int give_up(const struct state *s) {
        if (s->num_pending == 0)
                return RELAY_SILENT;
        return s->console->writes ? RELAY_STALLED : RELAY_BUSY;
}

/* Return: true if it says that the window has changed, and nothing else. */
static bool only_resized(int signals) {
        struct signalfd_siginfo info;
        bool only = true;

        while (read(signals, &info, sizeof(info)) == sizeof(info))
                only &= info.ssi_signo == SIGWINCH;
        return only;
}

enum { FD_CONSOLE, FD_CONSOLE_INPUT, FD_INPUT, FD_SIGNALS, _FD_MAX };

static int step(struct state *s, int signals) {
        /* A pipe waits for the console; a person's escape key must be seen whatever the console does. */
        bool typing = s->r->interactive || (!s->r->watch && s->num_pending == 0 && !s->input_ended);
        bool sending = s->num_pending > 0 && s->console->writes;
        struct pollfd fds[_FD_MAX] = {
                [FD_CONSOLE] = { .fd = s->console->events, .events = POLLIN },
                [FD_CONSOLE_INPUT] = { .fd = sending ? s->console->input : -1, .events = POLLOUT },
                [FD_INPUT] = { .fd = typing ? s->r->in : -1, .events = POLLIN },
                [FD_SIGNALS] = { .fd = signals, .events = POLLIN },
        };
        int wait_ms = patience(s), n = poll(fds, _FD_MAX, wait_ms), r = GO_ON;

        if (n < 0)
                return errno == EINTR ? GO_ON : err_set(s->e, -errno, "poll: %s", strerror(errno));
        if (!s->more_output && (n == 0 || (wait_ms == 0 && !fds[FD_CONSOLE_INPUT].revents)))
                return give_up(s);
        if (fds[FD_SIGNALS].revents) {
                if (!only_resized(signals))
                        return RELAY_SIGNAL;
                tell_size(s);
        }
        if (fds[FD_CONSOLE].revents || s->more_output)
                r = from_console(s);
        if (r == GO_ON && fds[FD_CONSOLE_INPUT].revents)
                r = to_console(s);
        if (r == GO_ON && fds[FD_INPUT].revents)
                r = from_input(s);
        return r;
}

int relay_run(const struct relay *relay, struct err *e) {
        struct state s = { .r = relay, .console = relay->console, .e = e };
        _cleanup_close_ int signals = -1;
        sigset_t mask, before;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGHUP);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGQUIT);
        sigaddset(&mask, SIGWINCH);
        sigaddset(&mask, SIGPIPE);
        sigprocmask(SIG_BLOCK, &mask, &before);
        sigdelset(&mask, SIGPIPE); /* write() tells it */
        signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals < 0)
                return err_set(e, -errno, "signalfd: %s", strerror(errno));
        r = copy_output(&s);
        if (r == GO_ON && relay->interactive)
                r = claim(&s, true);
        while (r == GO_ON)
                r = step(&s, signals);
        return r;
}
