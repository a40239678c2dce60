/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A console for fuzz_device.c, with its terminal, input, history and journal. */
#pragma once

#include <sys/inotify.h>
#include <sys/ioctl.h>

#include "base/history.h"
#include "base/utf8.h"
#include "device/console.h"
#include "fuzz/device_outside.h"

/* What a worker finds that a predecessor of its may have spoiled; its client sees the same at any time. */
static void spoil_history(int fd, struct input *in) {
        struct history_header h = { .magic = HISTORY_MAGIC, .version = HISTORY_VERSION };

        h.ring_size = WORKER_HISTORY_RING;
        h.written = input_u64(in);
        h.claimed = input_u8(in) & 1 ? h.written : input_u64(in);
        h.shown = h.written - input_u32(in);
        h.logged = h.written - input_u32(in);
        CLAIM(pwrite(fd, &h, sizeof(h), 0) == sizeof(h));
}

/* As `hvisor console` reads it. */
static void follow_history(struct input *in) {
        char bytes[256];
        struct history h;
        uint64_t at;

        if (outside.history < 0)
                outside.history = memory_file("history", WORKER_HISTORY_SIZE);
        spoil_history(outside.history, in);
        CLAIM(history_view(&h, outside.history, NULL) == 0);
        at = input_u8(in) & 1 ? history_view_start(&h) : input_u64(in);
        for (unsigned n = 0; n < 3; n++)
                CLAIM(history_view_read(&h, &at, bytes, sizeof(bytes)) <= sizeof(bytes));
        (void) history_view_clients(&h);
        history_close(&h);
}

static struct virtio_device *make_console(uint8_t how, struct input *in) {
        struct virtio_device *d = NULL;
        struct console_fds fds;
        int fifo[2], journal[2];

        fds.pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        CLAIM(fds.pty >= 0 && unlockpt(fds.pty) == 0);
        CLAIM(ptsname_r(fds.pty, outside.path, sizeof(outside.path)) == 0);
        fds.events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        CLAIM(inotify_add_watch(fds.events, outside.path, IN_OPEN | IN_CLOSE) >= 0);
        fds.history = memory_file("history", WORKER_HISTORY_SIZE);
        if (how & 2)
                spoil_history(fds.history, in);
        CLAIM(pipe2(fifo, O_CLOEXEC | O_NONBLOCK) == 0);
        fds.input = fifo[0];
        outside.input = fifo[1];
        fds.journal = -1;
        if (how & 1) {
                CLAIM(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, journal) == 0);
                fds.journal = journal[0];
                outside.peer[0] = journal[1];
        }
        CLAIM(console_new(&fds, "zone", "fuzz", &d, NULL) == 0);
        return d;
}

static void ask_console(struct input *in, unsigned q _unused_, unsigned nth _unused_, uint8_t *to, size_t size) {
        size_t n = input_u8(in) % 32;

        for (size_t i = 0; i < size; i++)
                to[i] = i < n ? input_u8(in) : (uint8_t) (' ' + i % 96);
}

static void disturb_console(struct input *in) {
        struct winsize size = { .ws_row = input_u8(in), .ws_col = 80 };
        uint8_t what = input_u8(in);

        if ((what & 0xf) == 0)
                follow_history(in);
        if (what & 1)
                CLAIM(write(outside.input, "typed by somebody", what >> 4) < 17);
        if (what & 2) {
                outside.slave = outside.slave >= 0 ? fd_close(outside.slave)
                                                   : open(outside.path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        }
        if ((what & 4) && outside.slave >= 0)
                (void) ioctl(outside.slave, TIOCSWINSZ, &size);
        if ((what & 8) && outside.slave >= 0)
                CLAIM(write(outside.slave, "\x03\x1a\x1b[A\r\n", what >> 5) < 8);
        run();
}

/* A record is lines of text: nothing in one that a terminal or journald takes for anything else. */
static void claim_records(int fd) {
        static char record[0x4000];
        ssize_t n;

        while ((n = recv(fd, record, sizeof(record), MSG_DONTWAIT)) > 0) {
                CLAIM((size_t) n < sizeof(record) && memmem(record, (size_t) n, "MESSAGE=", 8));
                for (size_t i = 0, size; i < (size_t) n; i += size) {
                        size = strchr("\n\t", record[i]) ? 1 : utf8_printable(record + i, (size_t) n - i);
                        CLAIM(size > 0 && record[i] != '\0');
                }
        }
}
