/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <linux/virtio_console.h>
#include <termios.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/worker.h"
#include "device/console.h"
#include "device/console_log.h"
#include "base/history.h"
#include "virtio/fake_transport.h"

#define RECEIVE    0
#define TRANSMIT   1
#define QUEUE_SIZE 64

#define OUTPUT DATA
#define INPUT  (DATA + 0x40000)

struct fixture {
        struct fake_transport t;
        struct virtio_device *device;
        int master, events, history, input; /* the launcher's: they outlive a worker */
        char slave[64], fifo[64];
        int journal[2]; /* the worker's end, and the journal's; -1: none */
        int client;     /* -1: none */
};

/* As the launcher does it: raw, watched, opened and closed once. */
static void make_pty(struct fixture *f) {
        struct termios raw;
        int slave;

        f->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        assert_true(f->master >= 0);
        assert_int_equal(unlockpt(f->master), 0);
        assert_int_equal(ptsname_r(f->master, f->slave, sizeof(f->slave)), 0);
        f->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        assert_true(inotify_add_watch(f->events, f->slave, IN_OPEN | IN_CLOSE) >= 0);
        slave = open(f->slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_true(slave >= 0);
        assert_int_equal(tcgetattr(slave, &raw), 0);
        cfmakeraw(&raw);
        assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
        close(slave);
}

static int dup_journal(const struct fixture *f) {
        return f->journal[0] < 0 ? -1 : dup(f->journal[0]);
}

static void start_worker(struct fixture *f) {
        struct err e = { 0 };

        const struct console_fds fds = { dup(f->master), dup(f->events), dup(f->history), dup(f->input),
                                         dup_journal(f) };

        assert_int_equal(console_new(&fds, "zone", "main", &f->device, &e), 0);
        fake_serve(&f->t, f->device);
}

static void end_worker(struct fixture *f) {
        fake_detach(&f->t);
        virtio_device_free(f->device);
        f->device = NULL;
}

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        log_set_level(LOG_ERR);
        make_pty(f);
        f->history = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(f->history, WORKER_HISTORY_SIZE), 0);
        (void) snprintf(f->fifo, sizeof(f->fifo), "/tmp/hvisor-console-%d", (int) getpid());
        (void) unlink(f->fifo);
        assert_int_equal(mkfifo(f->fifo, 0600), 0);
        f->input = open(f->fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        assert_true(f->input >= 0);
        f->client = f->journal[0] = f->journal[1] = -1;
        fake_init(&f->t, QUEUE_SIZE);
        start_worker(f);
        fake_driver_up(&f->t, NO_EVENT_IDX);
        fake_settle(&f->t, 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        if (f->client >= 0)
                close(f->client);
        end_worker(f);
        fake_done(&f->t);
        close(f->master);
        close(f->events);
        close(f->history);
        close(f->input);
        fd_close(f->journal[0]);
        fd_close(f->journal[1]);
        (void) unlink(f->fifo);
        free(f);
        return 0;
}

static int open_client(struct fixture *f) {
        int fd = open(f->slave, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

        assert_true(fd >= 0);
        return fd;
}

/* What is written to a pty arrives by a kernel thread: a moment later. */
static void client_types(struct fixture *f, const char *text) {
        assert_int_equal(write(f->client, text, strlen(text)), strlen(text));
        fake_settle(&f->t, 5);
}

static void connect_client(struct fixture *f) {
        f->client = open_client(f);
        fake_settle(&f->t, 0);
}

static void disconnect_client(struct fixture *f) {
        close(f->client);
        f->client = -1;
        fake_settle(&f->t, 0);
}

/* The guest writes @size bytes in one chain. */
static void guest_writes(struct fixture *f, const void *data, size_t size) {
        struct fake_queue *q = &f->t.queues[TRANSMIT];
        uint32_t head, length;

        memcpy(fake_at(&f->t.guest, OUTPUT), data, size);
        fake_desc(q, 0, OUTPUT, (uint32_t) size, 0, 0);
        fake_offer(q, 0);
        if (!(le16toh(q->used->flags) & VRING_USED_F_NO_NOTIFY))
                fake_kick(&f->t, TRANSMIT);
        fake_settle(&f->t, 0);
        assert_true(fake_take_used(q, &head, &length)); /* it never waits */
        assert_int_equal(length, 0);
}

static void guest_says(struct fixture *f, const char *text) {
        guest_writes(f, text, strlen(text));
}

/* All that the client can read, while the worker goes on serving. */
static size_t client_reads(struct fixture *f, char *buffer, size_t size) {
        size_t n = 0;

        for (int idle = 0; idle < 5;) {
                ssize_t r = read(f->client, buffer + n, MIN(size - n, (size_t) 1024));

                assert_int_equal(server_step(f->t.server, 0), 1);
                if (r > 0) {
                        n += (size_t) r;
                        idle = 0;
                } else {
                        struct pollfd p = { .fd = f->client, .events = POLLIN };

                        idle += poll(&p, 1, 10) == 0;
                }
                if (n == size)
                        break;
        }
        return n;
}

static void assert_client_reads(struct fixture *f, const char *text) {
        char buffer[256] = "";

        assert_true(strlen(text) < sizeof(buffer) - 1);
        (void) client_reads(f, buffer, sizeof(buffer) - 1);
        assert_string_equal(buffer, text);
}

/* The guest offers @count buffers of @size bytes, as a driver that heeds suppression. */
static void guest_offers_input(struct fixture *f, unsigned count, uint32_t size) {
        struct fake_queue *q = &f->t.queues[RECEIVE];

        for (unsigned i = 0; i < count; i++) {
                fake_desc(q, i, INPUT + i * 0x1000, size, D_WRITE, 0);
                fake_offer(q, (uint16_t) i);
        }
        if (!(le16toh(q->used->flags) & VRING_USED_F_NO_NOTIFY))
                fake_kick(&f->t, RECEIVE);
        fake_settle(&f->t, 0);
}

static void assert_guest_got(struct fixture *f, const char *text) {
        char got[256] = "";
        uint32_t head, length;

        while (fake_take_used(&f->t.queues[RECEIVE], &head, &length))
                strncat(got, fake_at(&f->t.guest, INPUT + head * 0x1000), length);
        assert_string_equal(got, text);
}

/* ---- guest to client ---------------------------------------------------------------------------------- */

static void test_console_shows_recent_output_then_live(void **state) {
        struct fixture *f = *state;

        guest_says(f, "booting\n");
        guest_says(f, "login: ");
        connect_client(f);
        assert_client_reads(f, "booting\nlogin: ");
        guest_says(f, "welcome\n");
        assert_client_reads(f, "welcome\n");
        assert_client_reads(f, "");
}

static void test_console_gives_each_client_the_history(void **state) {
        struct fixture *f = *state;

        guest_says(f, "one\n");
        connect_client(f);
        assert_client_reads(f, "one\n");
        guest_says(f, "two\n"); /* not read by this client: not read by the next one twice, either */
        disconnect_client(f);
        guest_says(f, "three\n");
        connect_client(f);
        assert_client_reads(f, "one\ntwo\nthree\n");
}

static void test_console_sees_a_client_that_comes_at_once_after_another(void **state) {
        struct fixture *f = *state;

        guest_says(f, "one\n");
        connect_client(f);
        assert_client_reads(f, "one\n");
        close(f->client); /* the worker gets to know both at once */
        connect_client(f);
        assert_client_reads(f, "one\n");
}

static void test_console_keeps_a_second_client_in_the_stream(void **state) {
        struct fixture *f = *state;
        int second;

        guest_says(f, "one\n");
        connect_client(f);
        assert_client_reads(f, "one\n");
        second = open_client(f);
        fake_settle(&f->t, 0);
        assert_client_reads(f, "");
        close(second);
        fake_settle(&f->t, 0);
        guest_says(f, "two\n");
        assert_client_reads(f, "two\n");
}

static void test_console_survives_clients_that_only_look_in(void **state) {
        struct fixture *f = *state;

        guest_says(f, "one\n");
        for (unsigned i = 0; i < 3; i++) {
                connect_client(f);
                disconnect_client(f);
        }
        close(open_client(f));
        fake_settle(&f->t, 0);
        connect_client(f);
        assert_client_reads(f, "one\n");
}

static void test_console_makes_the_slave_raw_for_the_next_client(void **state) {
        struct fixture *f = *state;
        struct termios t;

        connect_client(f);
        assert_int_equal(tcgetattr(f->client, &t), 0);
        t.c_lflag |= ECHO | ICANON;
        assert_int_equal(tcsetattr(f->client, TCSANOW, &t), 0);
        disconnect_client(f);
        connect_client(f);
        guest_offers_input(f, 1, 64);
        guest_says(f, "no echo\n");
        assert_client_reads(f, "no echo\n");
        assert_guest_got(f, "");
}

static void fill_with_lines(struct fixture *f, unsigned from, unsigned to) {
        char line[32];

        for (unsigned i = from; i < to; i++) {
                (void) snprintf(line, sizeof(line), "this is line %08u\n", i);
                guest_says(f, line);
        }
}

static void test_console_replays_a_full_ring_from_a_line_start(void **state) {
        struct fixture *f = *state;
        const unsigned lines = 4000; /* 22 bytes each: more than the ring */
        char *buffer = malloc(WORKER_HISTORY_RING + 1);
        size_t n;

        fill_with_lines(f, 0, lines);
        connect_client(f);
        n = client_reads(f, buffer, WORKER_HISTORY_RING);
        buffer[n] = '\0';
        assert_true(n > WORKER_HISTORY_RING - 22 && n % 22 == 0);
        for (unsigned i = 0; i < n / 22; i++) {
                unsigned number;

                assert_int_equal(sscanf(buffer + i * 22, "this is line %u\n", &number), 1);
                assert_int_equal(number, lines - n / 22 + i);
        }
        free(buffer);
}

static void test_console_gives_an_attentive_client_every_byte(void **state) {
        struct fixture *f = *state;
        char line[32], buffer[32];

        connect_client(f);
        for (unsigned i = 0; i < 8000; i++) {
                (void) snprintf(line, sizeof(line), "this is line %08u\n", i);
                guest_says(f, line);
                assert_int_equal(client_reads(f, buffer, 22), 22);
                assert_memory_equal(buffer, line, 22);
        }
}

static void test_console_never_waits_for_a_client_that_sleeps(void **state) {
        struct fixture *f = *state;
        char *block = malloc(0x8000), *buffer = malloc(1 << 20);
        size_t n;

        /* Far more than pty and ring take; each write is returned at once (guest_writes() asserts it). */
        connect_client(f);
        memset(block, '.', 0x8000);
        for (unsigned i = 0; i < 32; i++)
                guest_writes(f, block, 0x8000);
        guest_says(f, "\nthe end\n");
        n = client_reads(f, buffer, 1 << 20);
        assert_true(n >= WORKER_HISTORY_RING && n < (1 << 20));
        assert_memory_equal(buffer + n - 9, "\nthe end\n", 9);
        guest_says(f, "live again\n");
        assert_client_reads(f, "live again\n");
        free(block);
        free(buffer);
}

static void test_console_takes_a_chain_longer_than_the_ring(void **state) {
        struct fixture *f = *state;
        struct fake_queue *q = &f->t.queues[TRANSMIT];
        char *buffer = malloc(WORKER_HISTORY_RING);
        uint32_t head, length;

        memset(fake_at(&f->t.guest, OUTPUT), 'a', 0x18000);
        memcpy(fake_at(&f->t.guest, OUTPUT + 0x18000 - 4), "tail", 4);
        fake_desc(q, 0, OUTPUT, 0x10000, D_NEXT, 1);
        fake_desc(q, 1, OUTPUT + 0x10000, 0x8000, 0, 0);
        fake_offer(q, 0);
        fake_kick(&f->t, TRANSMIT);
        fake_settle(&f->t, 0);
        assert_true(fake_take_used(q, &head, &length));
        connect_client(f);
        assert_int_equal(client_reads(f, buffer, WORKER_HISTORY_RING), WORKER_HISTORY_RING);
        assert_memory_equal(buffer + WORKER_HISTORY_RING - 4, "tail", 4);
        free(buffer);
}

/* ---- client to guest ---------------------------------------------------------------------------------- */

static void test_console_passes_input_on(void **state) {
        struct fixture *f = *state;

        guest_offers_input(f, 4, 64);
        connect_client(f);
        client_types(f, "ls\r");
        assert_guest_got(f, "ls\r");
        client_types(f, "\003");
        assert_guest_got(f, "\003");
        assert_true(f->t.calls >= 2);
}

static void test_console_keeps_input_until_the_guest_has_buffers(void **state) {
        struct fixture *f = *state;

        connect_client(f);
        client_types(f, "waiting");
        assert_guest_got(f, "");
        guest_offers_input(f, 2, 3); /* kicks, since it was asked to */
        assert_guest_got(f, "waitin");
        guest_offers_input(f, 1, 3);
        assert_guest_got(f, "g");
}

static void test_console_keeps_what_was_typed_by_a_client_that_left(void **state) {
        struct fixture *f = *state;

        connect_client(f);
        client_types(f, "bye");
        disconnect_client(f);
        guest_offers_input(f, 1, 64);
        assert_guest_got(f, "bye");
}

static void test_console_suppresses_kicks_while_it_has_buffers(void **state) {
        struct fixture *f = *state;
        struct fake_queue *q = &f->t.queues[RECEIVE];

        guest_offers_input(f, 1, 4);
        assert_int_equal(le16toh(q->used->flags), VRING_USED_F_NO_NOTIFY);
        connect_client(f);
        client_types(f, "12345");
        assert_int_equal(q->used->flags, 0); /* a byte waits: tell me */
}

static void test_console_breaks_on_an_input_buffer_that_is_read_only(void **state) {
        struct fixture *f = *state;
        struct fake_queue *q = &f->t.queues[RECEIVE];

        fake_desc(q, 0, INPUT, 64, 0, 0);
        fake_offer(q, 0);
        connect_client(f);
        client_types(f, "x");
        assert_int_equal(f->t.breaks, 1);
        guest_says(f, "still speaking\n");
        assert_client_reads(f, "still speaking\n");
}

/* ---- who writes --------------------------------------------------------------------------------------- */

/* Locks belong to processes: the client that writes is one of its own. */
static pid_t start_writer(struct fixture *f) {
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
                int fd = open(f->fifo, O_RDWR);

                if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0 || write(ready[1], "", 1) != 1)
                        _exit(1);
                pause();
                _exit(1);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        close(ready[1]);
        return pid;
}

static void end_writer(pid_t pid) {
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void type_into_fifo(struct fixture *f, const char *text) {
        assert_int_equal(write(f->input, text, strlen(text)), strlen(text));
        fake_settle(&f->t, 0);
}

static void test_console_takes_input_from_its_fifo(void **state) {
        struct fixture *f = *state;

        type_into_fifo(f, "early ");
        assert_guest_got(f, "");
        guest_offers_input(f, 4, 4);
        assert_guest_got(f, "early ");
        type_into_fifo(f, "bird");
        assert_guest_got(f, "bird");
        end_worker(f);
        assert_int_equal(write(f->input, "worm", 4), 4);
        start_worker(f);
        fake_settle(&f->t, 0);
        assert_guest_got(f, "worm");
}

static void test_console_lets_one_write(void **state) {
        struct fixture *f = *state;
        pid_t writer;

        guest_offers_input(f, 4, 64);
        connect_client(f);
        client_types(f, "mine ");
        assert_guest_got(f, "mine ");

        writer = start_writer(f);
        client_types(f, "not ");
        client_types(f, "this ");
        type_into_fifo(f, "yours ");
        assert_guest_got(f, "yours ");
        assert_client_reads(f, "\r\n[Another client writes to this console; here it is only shown.]\r\n");
        guest_says(f, "seen by all\n");
        assert_client_reads(f, "seen by all\n");

        end_writer(writer);
        client_types(f, "mine again");
        assert_guest_got(f, "mine again");
}

/* ---- clients of the history --------------------------------------------------------------------------- */

static void test_history_is_followed_by_any_number_at_their_own_pace(void **state) {
        struct fixture *f = *state;
        uint64_t fast, slow;
        struct history view;
        char buffer[100];
        struct err e = {};

        guest_says(f, "one\n");
        assert_int_equal(history_view(&view, f->history, &e), 0);
        fast = slow = history_view_start(&view);
        assert_int_equal(history_view_read(&view, &fast, buffer, sizeof(buffer)), 4);
        guest_says(f, "two\n");
        assert_int_equal(history_view_read(&view, &fast, buffer, sizeof(buffer)), 4);
        assert_memory_equal(buffer, "two\n", 4);
        assert_int_equal(history_view_read(&view, &fast, buffer, sizeof(buffer)), 0);
        assert_int_equal(history_view_read(&view, &slow, buffer, 6), 6);
        assert_memory_equal(buffer, "one\ntw", 6);
        fill_with_lines(f, 0, 4000); /* 22 bytes each: more than the ring */
        assert_int_equal(history_view_read(&view, &slow, buffer, 22), 22);
        assert_int_equal(view.header->written - slow, WORKER_HISTORY_RING - 22);
        history_close(&view);
}

/* What is being overwritten is not given out as if it were whole. */
static void test_history_gives_no_byte_that_is_being_overwritten(void **state) {
        struct fixture *f = *state;
        struct history view;
        uint64_t position, claimed;
        char buffer[100];
        struct err e = {};

        fill_with_lines(f, 0, 4000);
        assert_int_equal(history_view(&view, f->history, &e), 0);
        position = view.header->written - WORKER_HISTORY_RING;
        claimed = view.header->written + 10;
        assert_int_equal(pwrite(f->history, &claimed, 8, offsetof(struct history_header, claimed)), 8);
        assert_int_equal(history_view_read(&view, &position, buffer, 22), 0);
        position += 10;
        assert_int_equal(history_view_read(&view, &position, buffer, 22), 22);
        history_close(&view);
}

/* The guest never waits for who follows, who is woken up for each batch and never otherwise. */
static void test_history_wakes_those_who_follow_it(void **state) {
        struct fixture *f = *state;
        int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        char path[64], buffer[1024];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", f->history);
        assert_true(inotify_add_watch(watch, path, IN_MODIFY) >= 0);
        fake_settle(&f->t, 0);
        assert_int_equal(read(watch, buffer, sizeof(buffer)), -1);
        guest_says(f, "wake up\n");
        assert_true(read(watch, buffer, sizeof(buffer)) > 0);
        assert_int_equal(read(watch, buffer, sizeof(buffer)), -1);
        close(watch);
}

/* ---- the window's size -------------------------------------------------------------------------------- */

static void resize(struct fixture *f, uint16_t columns, uint16_t rows) {
        const struct winsize size = { .ws_col = columns, .ws_row = rows };
        int fd = open_client(f);

        assert_int_equal(ioctl(fd, TIOCSWINSZ, &size), 0);
        close(fd);
        fake_settle(&f->t, 0);
}

static void assert_size(const uint8_t *config, uint16_t columns, uint16_t rows) {
        const struct virtio_console_config *c = (const struct virtio_console_config *) config;

        assert_int_equal(le16toh(c->cols), columns);
        assert_int_equal(le16toh(c->rows), rows);
}

static void test_console_tells_the_guest_the_size_of_the_window(void **state) {
        struct fixture *f = *state;
        unsigned before = f->t.config_changes;

        resize(f, 132, 43);
        assert_int_equal(f->t.config_changes, before + 1);
        assert_size(f->t.config, 132, 43);
        resize(f, 132, 43);
        assert_int_equal(f->t.config_changes, before + 1);

        /* A successor offers what is; the driver is not told again. */
        guest_says(f, "used\n");
        end_worker(f);
        start_worker(f);
        assert_size(f->device->config, 132, 43);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.config_changes, before + 1);
}

static void test_console_tells_a_driver_that_comes_up_the_size(void **state) {
        struct fixture *f = *state;
        unsigned before;

        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        fake_queue_init(&f->t.queues[TRANSMIT], &f->t.guest, TRANSMIT, QUEUE_SIZE);
        resize(f, 100, 30);
        before = f->t.config_changes;
        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        assert_true(f->t.config_changes > before);
        assert_size(f->t.config, 100, 30);
}

/* ---- the journal -------------------------------------------------------------------------------------- */

static void with_journal(struct fixture *f) {
        end_worker(f);
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, f->journal), 0);
        start_worker(f);
        fake_settle(&f->t, 0);
}

/* NULL: there is no record. */
static void assert_record(struct fixture *f, const char *message) {
        static const char head[] = "ZONE=zone\nDEVICE=main\nSYSLOG_IDENTIFIER=zone/main\nPRIORITY=6\nMESSAGE=";
        char record[8192];
        ssize_t n = recv(f->journal[1], record, sizeof(record) - 1, 0);

        if (!message) {
                assert_int_equal(n, -1);
                return;
        }
        assert_true(n > 0);
        record[n] = '\0';
        assert_memory_equal(record, head, strlen(head));
        assert_int_equal(record[n - 1], '\n');
        record[n - 1] = '\0';
        assert_string_equal(record + strlen(head), message);
}

static void test_console_log_has_a_record_for_each_line(void **state) {
        struct fixture *f = *state;

        with_journal(f);
        guest_says(f, "one\ntw");
        assert_record(f, "one");
        assert_record(f, NULL);
        guest_says(f, "o\r\n\r\nthree\n");
        assert_record(f, "two");
        assert_record(f, "three");
        guest_says(f, "PRIORITY=0\nlogin: ");
        assert_record(f, "PRIORITY=0");
        assert_record(f, NULL);
}

static void test_console_log_is_text(void **state) {
        static const struct {
                const char *line, *text;
        } rows[] = {
                { "plain\ttext", "plain\ttext" },
                { "\xc3\xbcn\xc3\xaf", "\xc3\xbcn\xc3\xaf" },
                { "\033[1;31mred\033[0m and \033[?25lhidden", "red and hidden" },
                { "\033]0;title\abody\033]8;;x\033\\end", "bodyend" },
                { "\033(Bcharset\033=\0337keys", "charsetkeys" },
                { "a\bb\001\177\xff", "a\\x08b\\x01\\x7f\\xff" },
                { "\xc2\x9b"
                  "31m",
                  "\\xc2\\x9b31m" }, /* C1 */
                { "\xe2\x80\xae"
                  "turned",
                  "\\xe2\\x80\\xaeturned" },
                { "cut \033[12", "cut " },
                { "cut \033", "cut " },
                { "cut \033(", "cut " },
                { "cut \xe2\x82", "cut \\xe2\\x82" },
                { "", "" },
        };
        char text[256];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *line = malloc(strlen(rows[i].line) + 1); /* exactly: a byte beyond it is the sanitizer's */

                memcpy(line, rows[i].line, strlen(rows[i].line));
                console_log_clean(line, strlen(rows[i].line), text);
                assert_string_equal(text, rows[i].text);
                free(line);
        }
}

static void test_console_log_cuts_long_lines_with_a_mark(void **state) {
        struct fixture *f = *state;
        char line[5000], cut[CONSOLE_LOG_LINE + 8];

        with_journal(f);
        memset(line, 'l', sizeof(line));
        line[sizeof(line) - 1] = '\n';
        guest_writes(f, line, sizeof(line));
        guest_says(f, "short\n");
        (void) snprintf(cut, sizeof(cut), "%.*s\u2026", CONSOLE_LOG_LINE, line);
        assert_record(f, cut);
        assert_record(f, "short");
        assert_record(f, NULL);
        memset(line, 'm', CONSOLE_LOG_LINE); /* just not too long */
        line[CONSOLE_LOG_LINE] = '\n';
        guest_writes(f, line, CONSOLE_LOG_LINE + 1);
        line[CONSOLE_LOG_LINE] = '\0';
        assert_record(f, line);
        assert_record(f, NULL);
}

/* A journal that does not read gets all later, as far as the history reaches; the guest does not wait. */
static void test_console_log_waits_for_the_journal_and_the_guest_does_not(void **state) {
        struct fixture *f = *state;
        char line[32];

        with_journal(f);
        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(line, sizeof(line), "line %u\n", i);
                guest_says(f, line);
        }
        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(line, sizeof(line), "line %u", i);
                assert_record(f, line);
                fake_settle(&f->t, 0);
        }
        assert_record(f, NULL);
}

static void test_console_log_says_what_was_too_much(void **state) {
        struct fixture *f = *state;
        unsigned long long lost;

        with_journal(f);
        fill_with_lines(f, 0, 6000); /* 22 bytes each: twice the ring */
        for (unsigned i = 0;; i++) {
                char record[8192];
                ssize_t n = recv(f->journal[1], record, sizeof(record) - 1, 0);

                assert_true(n > 0 && i < 6000);
                record[n] = '\0';
                fake_settle(&f->t, 0);
                if (sscanf(strstr(record, "MESSAGE="), "MESSAGE=[%llu bytes of output were too much]", &lost) == 1)
                        break;
        }
        assert_true(lost > 6000 * 22 - 2 * WORKER_HISTORY_RING && lost < 6000 * 22);
}

static void test_console_log_goes_on_where_the_last_worker_was(void **state) {
        struct fixture *f = *state;

        with_journal(f);
        guest_says(f, "one\ntw");
        assert_record(f, "one");
        end_worker(f);
        start_worker(f);
        fake_settle(&f->t, 0);
        guest_says(f, "o\n");
        assert_record(f, "two");
        assert_record(f, NULL);
}

/* ---- across workers ----------------------------------------------------------------------------------- */

static void test_console_client_stays_across_workers(void **state) {
        struct fixture *f = *state;

        guest_says(f, "one\n");
        connect_client(f);
        assert_client_reads(f, "one\n");
        end_worker(f);
        assert_int_equal(write(f->client, "typed meanwhile", 15), 15);
        start_worker(f);
        fake_settle(&f->t, 0);
        assert_client_reads(f, ""); /* nothing twice */
        guest_says(f, "two\n");
        assert_client_reads(f, "two\n");
        guest_offers_input(f, 1, 64);
        assert_guest_got(f, "typed meanwhile");
}

static void test_console_history_outlives_the_worker(void **state) {
        struct fixture *f = *state;

        guest_says(f, "one\n");
        end_worker(f);
        start_worker(f);
        fake_settle(&f->t, 0);
        guest_says(f, "two\n");
        connect_client(f);
        assert_client_reads(f, "one\ntwo\n");
}

static void test_console_notices_a_client_change_between_workers(void **state) {
        struct fixture *f = *state;

        guest_says(f, "one\n");
        connect_client(f);
        assert_client_reads(f, "one\n");
        end_worker(f);
        close(f->client);
        f->client = open_client(f);
        start_worker(f);
        fake_settle(&f->t, 0);
        assert_client_reads(f, "one\n");
}

static void test_console_starts_a_history_of_another_version_anew(void **state) {
        struct fixture *f = *state;
        uint32_t version = 99;

        guest_says(f, "one\n");
        end_worker(f);
        assert_int_equal(pwrite(f->history, &version, 4, offsetof(struct history_header, version)), 4);
        start_worker(f);
        fake_settle(&f->t, 0);
        guest_says(f, "two\n");
        connect_client(f);
        assert_client_reads(f, "two\n");
}

static void test_history_refuses_a_short_file(void **state) {
        int fd = memfd_create("short", MFD_CLOEXEC);
        struct history h = { 0 };
        struct err e = { 0 };

        (void) state;
        assert_int_equal(ftruncate(fd, WORKER_HISTORY_SIZE - 1), 0);
        assert_int_equal(history_open(&h, fd, &e), -EINVAL);
        close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_console_shows_recent_output_then_live),
                TEST(test_console_gives_each_client_the_history),
                TEST(test_console_sees_a_client_that_comes_at_once_after_another),
                TEST(test_console_keeps_a_second_client_in_the_stream),
                TEST(test_console_survives_clients_that_only_look_in),
                TEST(test_console_makes_the_slave_raw_for_the_next_client),
                TEST(test_console_replays_a_full_ring_from_a_line_start),
                TEST(test_console_gives_an_attentive_client_every_byte),
                TEST(test_console_never_waits_for_a_client_that_sleeps),
                TEST(test_console_takes_a_chain_longer_than_the_ring),
                TEST(test_console_passes_input_on),
                TEST(test_console_keeps_input_until_the_guest_has_buffers),
                TEST(test_console_keeps_what_was_typed_by_a_client_that_left),
                TEST(test_console_suppresses_kicks_while_it_has_buffers),
                TEST(test_console_breaks_on_an_input_buffer_that_is_read_only),
                TEST(test_console_takes_input_from_its_fifo),
                TEST(test_console_lets_one_write),
                TEST(test_history_is_followed_by_any_number_at_their_own_pace),
                TEST(test_history_gives_no_byte_that_is_being_overwritten),
                TEST(test_history_wakes_those_who_follow_it),
                TEST(test_console_tells_the_guest_the_size_of_the_window),
                TEST(test_console_tells_a_driver_that_comes_up_the_size),
                TEST(test_console_log_has_a_record_for_each_line),
                cmocka_unit_test(test_console_log_is_text),
                TEST(test_console_log_cuts_long_lines_with_a_mark),
                TEST(test_console_log_waits_for_the_journal_and_the_guest_does_not),
                TEST(test_console_log_says_what_was_too_much),
                TEST(test_console_log_goes_on_where_the_last_worker_was),
                TEST(test_console_client_stays_across_workers),
                TEST(test_console_history_outlives_the_worker),
                TEST(test_console_notices_a_client_change_between_workers),
                TEST(test_console_starts_a_history_of_another_version_anew),
                cmocka_unit_test(test_history_refuses_a_short_file),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
