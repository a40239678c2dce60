/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guest writes, as clients read it. */
#include "device/console_fixture.h"

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
        };

        return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
