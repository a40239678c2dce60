/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The history: read by any number, and what stays when a worker goes. */
#include "device/console_fixture.h"

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

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_history_is_followed_by_any_number_at_their_own_pace),
                TEST(test_history_gives_no_byte_that_is_being_overwritten),
                TEST(test_history_wakes_those_who_follow_it),
                TEST(test_console_client_stays_across_workers),
                TEST(test_console_history_outlives_the_worker),
                TEST(test_console_notices_a_client_change_between_workers),
                TEST(test_console_starts_a_history_of_another_version_anew),
                cmocka_unit_test(test_history_refuses_a_short_file),
        };

        return cmocka_run_group_tests_name("console, history", tests, NULL, NULL);
}
