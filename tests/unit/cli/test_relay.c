/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console's relay on a console's real files, in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/console_dir.h"
#include "base/fd.h"
#include "cli/relay.h"
#include "cli/terminal.h"

#define PATIENCE_MS 5000

struct rig {
        char directory[32]; /* the console's */
        struct history history;
        int guest;  /* the FIFO: what the worker reads */
        int output; /* what the client prints */
        int input;  /* what the person types */
        int notes;  /* what the person is told; -1 */
        pid_t pid;
};

/* As the daemon and a worker make it; only its terminal is a plain file. */
static void make_console(struct rig *rig) {
        char path[64];
        int fd;

        strcpy(rig->directory, "/tmp/hvisor-relay-XXXXXX");
        assert_non_null(mkdtemp(rig->directory));
        (void) snprintf(path, sizeof(path), "%s/" CONSOLE_HISTORY, rig->directory);
        fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, WORKER_HISTORY_SIZE), 0);
        assert_int_equal(history_open(&rig->history, fd, NULL), 0);
        (void) snprintf(path, sizeof(path), "%s/" CONSOLE_INPUT, rig->directory);
        assert_int_equal(mkfifo(path, 0600), 0);
        rig->guest = open(path, O_RDWR);
        assert_true(fcntl(rig->guest, F_SETPIPE_SZ, CONSOLE_INPUT_SIZE) >= 0);
}

static void remove_console(struct rig *rig) {
        static const char *const names[] = { CONSOLE_HISTORY, CONSOLE_INPUT };
        char path[64];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", rig->directory, names[i]);
                (void) unlink(path);
        }
        (void) rmdir(rig->directory);
}

static void guest_says_bytes(struct rig *rig, const char *data, size_t size) {
        history_append(&rig->history, data, size);
        history_publish(&rig->history);
}

static void guest_says(struct rig *rig, const char *text) {
        guest_says_bytes(rig, text, strlen(text));
}

/* A client in a process of its own. */
static void client_start(struct rig *rig, bool interactive, bool watch, unsigned silence_ms) {
        int in[2], out[2], notes[2];

        assert_int_equal(pipe(in), 0);
        assert_int_equal(pipe(out), 0);
        assert_int_equal(pipe(notes), 0);
        rig->pid = fork();
        if (rig->pid == 0) {
                struct console_client client;
                struct relay relay = { in[0], out[1], notes[1], &client, interactive, watch, silence_ms };

                close(in[1]);
                close(out[0]);
                close(notes[0]);
                if (console_client_open(rig->directory, &client, NULL) < 0)
                        _exit(99);
                _exit(relay_run(&relay, NULL) & 0xff);
        }
        close(in[0]);
        close(out[1]);
        close(notes[1]);
        rig->input = in[1];
        rig->output = out[0];
        rig->notes = notes[0];
}

static void rig_start(struct rig *rig, bool interactive, unsigned silence_ms) {
        make_console(rig);
        client_start(rig, interactive, false, silence_ms);
}

static int client_end(struct rig *rig) {
        int status = -1;

        for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
                pid_t pid = waitpid(rig->pid, &status, WNOHANG);

                if (pid != 0)
                        break;
                usleep(10000);
        }
        rig->input = fd_close(rig->input);
        rig->output = fd_close(rig->output);
        rig->notes = fd_close(rig->notes);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int rig_end(struct rig *rig) {
        int status = client_end(rig);

        remove_console(rig);
        close(rig->history.fd);
        history_close(&rig->history);
        rig->guest = fd_close(rig->guest);
        return status;
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
        guest_says(&rig, "login: ");
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
        guest_says(&rig, "answer");
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
                        guest_says(&rig, "tick ");
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
        guest_says(&rig, "last words");
        expect(rig.output, "last words");
        guest_says(&rig, "and the very last");
        remove_console(&rig);
        expect(rig.output, "and the very last");
        assert_int_equal(rig_end(&rig), RELAY_CLOSED);
}

static void test_relay_ends_on_signals_and_broken_pipes(void **state _unused_) {
        struct rig rig;

        rig_start(&rig, true, 0);
        guest_says(&rig, "x");
        expect(rig.output, "x"); /* it runs, signals are blocked */
        kill(rig.pid, SIGTERM);
        assert_int_equal(rig_end(&rig), RELAY_SIGNAL);

        rig_start(&rig, true, 0);
        rig.output = fd_close(rig.output);
        guest_says(&rig, "x");
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
        guest_says(&rig, "still alive");
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
        guest_says(&rig, "still alive");
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

/* ---- several ------------------------------------------------------------------------------------------ */

static void test_relay_shows_all_of_the_history_to_those_who_do_not_wait(void **state _unused_) {
        static char screen[WORKER_HISTORY_RING], got[WORKER_HISTORY_RING];
        struct rig rig;
        size_t n = 0;

        make_console(&rig);
        memset(screen, 's', sizeof(screen));
        guest_says_bytes(&rig, screen, sizeof(screen));
        client_start(&rig, false, false, 0);
        rig.input = fd_close(rig.input);
        while (n < sizeof(got)) {
                ssize_t r = read(rig.output, got + n, sizeof(got) - n);

                assert_true(r > 0);
                n += (size_t) r;
        }
        assert_memory_equal(got, screen, sizeof(got));
        assert_int_equal(rig_end(&rig), RELAY_SILENT);
}

static void test_relay_lets_one_write_and_all_see(void **state _unused_) {
        struct rig first, second, third;
        char expected[128];

        rig_start(&first, true, 0);
        guest_says(&first, "hello");
        expect(first.output, "hello");
        assert_int_equal(write_all(first.input, "1", 1), 0);
        expect(first.guest, "1");

        second = third = first;
        client_start(&second, true, false, 0);
        expect(second.output, "hello");
        (void) snprintf(expected, sizeof(expected), "\r\n[Process %d writes to this console; here it is shown.]\r\n",
                        (int) first.pid);
        expect(second.notes, expected);
        client_start(&third, true, true, 0);
        expect(third.output, "hello");
        assert_int_equal(write_all(second.input, "2", 1), 0);
        expect(second.notes, "\r\n[Another client writes to this console; Ctrl-] leaves it.]\r\n");
        assert_int_equal(write_all(third.input, "3", 1), 0);
        assert_int_equal(write_all(first.input, "one", 3), 0);
        expect(first.guest, "one");
        guest_says(&first, "all");
        expect(first.output, "all");
        expect(second.output, "all");
        expect(third.output, "all");

        /* A pipe does not lose its input in silence. */
        {
                struct rig pipe = first;

                client_start(&pipe, false, false, 0);
                assert_int_equal(write_all(pipe.input, "p", 1), 0);
                assert_int_equal(client_end(&pipe), RELAY_BUSY);
        }

        /* The writer leaves: the one that waits for it writes, the one that only watches never does. */
        assert_int_equal(write_all(first.input, "\x1d", 1), 0);
        assert_int_equal(client_end(&first), RELAY_LEFT);
        expect(second.notes, "\r\n[You write to this console now.]\r\n");
        assert_int_equal(write_all(third.input, "3", 1), 0);
        assert_int_equal(write_all(second.input, "two", 3), 0);
        expect(second.guest, "two");
        assert_int_equal(write_all(third.input, "\x1d", 1), 0);
        assert_int_equal(client_end(&third), RELAY_LEFT);
        assert_int_equal(write_all(second.input, "\x1d", 1), 0);
        assert_int_equal(rig_end(&second), RELAY_LEFT);
}

static void test_relay_does_not_write_beside_a_program_at_the_terminal(void **state _unused_) {
        struct rig rig;

        make_console(&rig);
        rig.history.header->clients = 1;
        client_start(&rig, true, false, 0);
        expect(rig.notes, "\r\n[Another program has the console's terminal open; here it is shown.]\r\n");
        rig.history.header->clients = 0;
        history_publish(&rig.history);
        expect(rig.notes, "\r\n[You write to this console now.]\r\n");
        assert_int_equal(write_all(rig.input, "me", 2), 0);
        expect(rig.guest, "me");
        assert_int_equal(write_all(rig.input, "\x1d", 1), 0);
        assert_int_equal(rig_end(&rig), RELAY_LEFT);
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
                cmocka_unit_test(test_relay_shows_all_of_the_history_to_those_who_do_not_wait),
                cmocka_unit_test(test_relay_lets_one_write_and_all_see),
                cmocka_unit_test(test_relay_does_not_write_beside_a_program_at_the_terminal),
                cmocka_unit_test(test_terminal_is_restored),
        };

        return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
