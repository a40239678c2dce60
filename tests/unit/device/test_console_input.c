/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is typed, who may type, and the size of the window. */
#include "device/console_fixture.h"

/* What is written to a pty arrives by a kernel thread: a moment later. */
static void client_types(struct fixture *f, const char *text) {
        assert_int_equal(write(f->client, text, strlen(text)), strlen(text));
        fake_settle(&f->t, 5);
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

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_console_passes_input_on),
                TEST(test_console_keeps_input_until_the_guest_has_buffers),
                TEST(test_console_keeps_what_was_typed_by_a_client_that_left),
                TEST(test_console_suppresses_kicks_while_it_has_buffers),
                TEST(test_console_breaks_on_an_input_buffer_that_is_read_only),
                TEST(test_console_takes_input_from_its_fifo),
                TEST(test_console_lets_one_write),
                TEST(test_console_tells_the_guest_the_size_of_the_window),
                TEST(test_console_tells_a_driver_that_comes_up_the_size),
        };

        return cmocka_run_group_tests_name("console, input", tests, NULL, NULL);
}
