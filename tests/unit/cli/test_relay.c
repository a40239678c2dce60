// sources: reconciler/cli/relay.c reconciler/cli/terminal.c reconciler/base/fd.c reconciler/base/err.c -lutil
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console's relay between real pseudo-terminals and pipes, in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/relay.h"
#include "cli/terminal.h"

#define PATIENCE_MS 5000

struct rig {
        int guest;  /* master of the console: what the worker has */
        int input;  /* what the person types */
        int output; /* what the person sees */
        pid_t pid;
};

/* The console's slave is raw, as the daemon makes it. */
static void open_console(int *master, int *slave) {
        struct termios t;

        assert_int_equal(openpty(master, slave, NULL, NULL, NULL), 0);
        assert_int_equal(tcgetattr(*slave, &t), 0);
        cfmakeraw(&t);
        assert_int_equal(tcsetattr(*slave, TCSANOW, &t), 0);
        assert_int_equal(fcntl(*slave, F_SETFL, O_RDWR | O_NONBLOCK), 0);
}

static void rig_start(struct rig *rig, bool interactive, unsigned silence_ms) {
        int in[2], out[2], slave;

        open_console(&rig->guest, &slave);
        assert_int_equal(pipe(in), 0);
        assert_int_equal(pipe(out), 0);
        rig->pid = fork();
        if (rig->pid == 0) {
                struct relay relay = { in[0], out[1], slave, interactive, silence_ms };

                close(in[1]);
                close(out[0]);
                close(rig->guest);
                _exit(relay_run(&relay, NULL) & 0xff);
        }
        close(in[0]);
        close(out[1]);
        close(slave);
        rig->input = in[1];
        rig->output = out[0];
}

static int rig_end(struct rig *rig) {
        int status = -1;

        for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
                pid_t pid = waitpid(rig->pid, &status, WNOHANG);

                if (pid != 0)
                        break;
                usleep(10000);
        }
        rig->input = fd_close(rig->input);
        rig->output = fd_close(rig->output);
        rig->guest = fd_close(rig->guest);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void expect(int fd, const char *want) {
        char got[256] = "";
        size_t n = 0;

        while (n < strlen(want)) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t r;

                assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
                r = read(fd, got + n, sizeof(got) - 1 - n);
                assert_true(r > 0);
                n += (size_t) r;
        }
        assert_string_equal(got, want);
}

static void test_relay_copies_both_ways(void **state _unused_) {
        struct rig rig;

        rig_start(&rig, true, 0);
        assert_int_equal(write_all(rig.guest, "login: ", 7), 0);
        expect(rig.output, "login: ");
        assert_int_equal(write_all(rig.input, "root\r\003", 6), 0);
        expect(rig.guest, "root\r\003");
        assert_int_equal(write_all(rig.input, "bye\x1dmore", 8), 0);
        expect(rig.guest, "bye");
        assert_int_equal(rig_end(&rig), RELAY_LEFT);
}

static void test_relay_of_a_pipe_ends_after_silence(void **state _unused_) {
        struct rig rig;

        rig_start(&rig, false, 300);
        assert_int_equal(write_all(rig.input,
                                   "a\x1d"
                                   "b",
                                   3),
                         0); /* no escape key in a pipe */
        rig.input = fd_close(rig.input);
        expect(rig.guest, "a\x1d"
                          "b");
        usleep(100000);
        assert_int_equal(write_all(rig.guest, "answer", 6), 0);
        expect(rig.output, "answer");
        assert_int_equal(rig_end(&rig), RELAY_SILENT);
}

static void test_relay_of_a_pipe_ends_though_the_guest_talks_on(void **state _unused_) {
        struct rig rig;
        pid_t talker;

        rig_start(&rig, false, 100);
        talker = fork();
        if (talker == 0) {
                close(rig.input); /* or the relay would see no end of it */
                for (int i = 0; i < 500; i++) {
                        (void) write_all(rig.guest, "tick ", 5);
                        usleep(20000);
                }
                _exit(0);
        }
        rig.input = fd_close(rig.input);
        assert_int_equal(rig_end(&rig), RELAY_SILENT);
        kill(talker, SIGKILL);
        assert_int_equal(waitpid(talker, NULL, 0), talker);
}

static void test_relay_tells_a_closed_console(void **state _unused_) {
        struct rig rig;

        rig_start(&rig, true, 0);
        assert_int_equal(write_all(rig.guest, "last words", 10), 0);
        expect(rig.output, "last words");
        rig.guest = fd_close(rig.guest);
        assert_int_equal(rig_end(&rig), RELAY_CLOSED);
}

static void test_relay_ends_on_signals_and_broken_pipes(void **state _unused_) {
        struct rig rig;

        rig_start(&rig, true, 0);
        assert_int_equal(write_all(rig.guest, "x", 1), 0);
        expect(rig.output, "x"); /* it runs, signals are blocked */
        kill(rig.pid, SIGTERM);
        assert_int_equal(rig_end(&rig), RELAY_SIGNAL);

        rig_start(&rig, true, 0);
        rig.output = fd_close(rig.output);
        assert_int_equal(write_all(rig.guest, "x", 1), 0);
        assert_int_equal(rig_end(&rig), RELAY_NO_READER);
}

/* A guest that does not read holds up the typing, not the output; nothing is lost. */
static void test_relay_waits_for_a_guest_that_does_not_read(void **state _unused_) {
        static char flood[64 * 1024], got[64 * 1024];
        struct rig rig;
        size_t n = 0;
        pid_t writer;

        memset(flood, 'f', sizeof(flood));
        rig_start(&rig, false, 500);
        writer = fork();
        if (writer == 0)
                _exit(write_all(rig.input, flood, sizeof(flood)) < 0);
        usleep(200000);
        assert_int_equal(write_all(rig.guest, "still alive", 11), 0);
        expect(rig.output, "still alive");
        rig.input = fd_close(rig.input);
        while (n < sizeof(got)) {
                struct pollfd p = { .fd = rig.guest, .events = POLLIN };
                ssize_t r;

                assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
                r = read(rig.guest, got + n, sizeof(got) - n);
                assert_true(r > 0);
                n += (size_t) r;
        }
        assert_memory_equal(flood, got, sizeof(got));
        assert_int_equal(waitpid(writer, NULL, 0), writer);
        assert_int_equal(rig_end(&rig), RELAY_SILENT);
}

static void test_relay_is_left_though_the_guest_does_not_read(void **state _unused_) {
        static char paste[60000];
        struct rig rig;

        memset(paste, 'x', sizeof(paste));
        rig_start(&rig, true, 0);
        assert_int_equal(write_all(rig.input, paste, sizeof(paste)), 0);
        usleep(100000);
        assert_int_equal(write_all(rig.guest, "still alive", 11), 0);
        expect(rig.output, "still alive");
        assert_int_equal(write_all(rig.input, "\x1d", 1), 0);
        assert_int_equal(rig_end(&rig), RELAY_LEFT);
}

static void test_relay_of_a_pipe_ends_though_the_guest_does_not_read(void **state _unused_) {
        static char flood[60000];
        struct rig rig;

        memset(flood, 'f', sizeof(flood));
        rig_start(&rig, false, 0);
        assert_int_equal(write_all(rig.input, flood, sizeof(flood)), 0);
        assert_int_equal(rig_end(&rig), RELAY_STALLED);
}

static void test_terminal_is_restored(void **state _unused_) {
        struct termios before, raw, after;
        struct terminal t;
        int master, slave;

        assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
        assert_int_equal(tcgetattr(slave, &before), 0);
        assert_int_equal(terminal_raw(&t, slave), 0);
        assert_int_equal(tcgetattr(slave, &raw), 0);
        assert_false(raw.c_lflag & (ICANON | ECHO | ISIG));
        terminal_restore(&t);
        terminal_restore(&t);
        assert_int_equal(tcgetattr(slave, &after), 0);
        assert_int_equal(after.c_lflag, before.c_lflag);
        assert_int_equal(after.c_iflag, before.c_iflag);
        assert_int_equal(after.c_oflag, before.c_oflag);
        close(master);
        close(slave);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_relay_copies_both_ways),
                cmocka_unit_test(test_relay_of_a_pipe_ends_after_silence),
                cmocka_unit_test(test_relay_of_a_pipe_ends_though_the_guest_talks_on),
                cmocka_unit_test(test_relay_tells_a_closed_console),
                cmocka_unit_test(test_relay_ends_on_signals_and_broken_pipes),
                cmocka_unit_test(test_relay_waits_for_a_guest_that_does_not_read),
                cmocka_unit_test(test_relay_is_left_though_the_guest_does_not_read),
                cmocka_unit_test(test_relay_of_a_pipe_ends_though_the_guest_does_not_read),
                cmocka_unit_test(test_terminal_is_restored),
        };

        return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
