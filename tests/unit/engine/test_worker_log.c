/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "engine/worker_log.h"

static char said[4096];

static void on_record(const struct record *r) {
        size_t n = strlen(said);

        snprintf(said + n, sizeof(said) - n, "%s/%s %d %s|", r->zone, r->device, r->level, r->text);
}

struct fixture {
        sd_event *event;
        struct worker_logs *logs;
        int systemd; /* where its messages arrive */
};

static int set_up(void **state) {
        static struct fixture f;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char path[64];

        /* an abstract socket: "@" in the variable (sd_notify(3)) */
        snprintf(path, sizeof(path), "@test-worker-log-%d", (int) getpid());
        memcpy(address.sun_path + 1, path + 1, strlen(path) - 1);
        f.systemd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(
                bind(f.systemd, (struct sockaddr *) &address, offsetof(struct sockaddr_un, sun_path) + strlen(path)),
                0);
        setenv("NOTIFY_SOCKET", path, 1);
        signal(SIGPIPE, SIG_IGN);
        said[0] = '\0';
        assert_true(sd_event_new(&f.event) >= 0);
        assert_int_equal(worker_logs_new(f.event, on_record, &(struct stored_fds){}, &f.logs), 0);
        *state = &f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        worker_logs_free(f->logs);
        sd_event_unref(f->event);
        close(f->systemd);
        return 0;
}

/* The next message to systemd; *ret_fd (may be NULL): the descriptor with it, or -1. */
static const char *told(const struct fixture *f, int *ret_fd) {
        static char text[256];
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec v = { text, sizeof(text) - 1 };
        struct msghdr m = {
                .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        ssize_t n = recvmsg(f->systemd, &m, MSG_CMSG_CLOEXEC);
        int fd = -1;

        text[MAX(n, 0)] = '\0';
        if (n > 0 && CMSG_FIRSTHDR(&m))
                memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
        if (ret_fd)
                *ret_fd = fd;
        else
                fd_close(fd);
        return text;
}

static void run(const struct fixture *f) {
        while (sd_event_run(f->event, 0) > 0)
                ;
}

static void say(int fd, const char *text) {
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_worker_log_makes_records_of_lines(void **state) {
        struct fixture *f = *state;
        int one = worker_logs_open(f->logs, "a", "disk"), two = worker_logs_open(f->logs, "b", "disk");

        assert_true(fcntl(one, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(one, F_GETFD) & FD_CLOEXEC);
        say(one, "<4>zone a, device disk: first\n<6>sec");
        say(two, "zone a, device disk: is somebody else\n");
        run(f);
        assert_string_equal(said, "a/disk 4 first|b/disk 4 zone a, device disk: is somebody else|");
        say(one, "ond\n");
        run(f);
        assert_non_null(strstr(said, "|a/disk 6 second|"));
        close(one);
        close(two);
}

static void test_worker_log_ends_with_its_worker(void **state) {
        struct fixture *f = *state;
        int fd = worker_logs_open(f->logs, "a", "disk");

        assert_string_equal(told(f, NULL), "FDSTORE=1\nFDPOLL=0\nFDNAME=log/a/disk");
        say(fd, "<3>last words");
        close(fd);
        run(f);
        assert_string_equal(said, "a/disk 3 last words|");
        assert_string_equal(told(f, NULL), "FDSTOREREMOVE=1\nFDNAME=log/a/disk");
        assert_string_equal(told(f, NULL), "");
}

/* Removing is by name, so the old one must be out before the new one is in. */
static void test_worker_log_of_a_successor_replaces(void **state) {
        struct fixture *f = *state;
        int before = worker_logs_open(f->logs, "a", "disk"), after;

        say(before, "<5>old\n");
        after = worker_logs_open(f->logs, "a", "disk");
        assert_string_equal(said, "a/disk 5 old|");
        assert_string_equal(told(f, NULL), "FDSTORE=1\nFDPOLL=0\nFDNAME=log/a/disk");
        assert_string_equal(told(f, NULL), "FDSTOREREMOVE=1\nFDNAME=log/a/disk");
        assert_string_equal(told(f, NULL), "FDSTORE=1\nFDPOLL=0\nFDNAME=log/a/disk");
        assert_int_equal(write(before, "x\n", 2), -1);
        assert_int_equal(errno, EPIPE);
        say(after, "<5>new\n");
        run(f);
        assert_string_equal(said, "a/disk 5 old|a/disk 5 new|");
        assert_string_equal(told(f, NULL), "");
        close(before);
        close(after);
}

static void test_worker_log_outlives_the_daemon(void **state) {
        struct fixture *f = *state;
        struct stored_fd stored = { .kind = FD_LOG, .zone = "a", .device = "disk" };
        int fd = worker_logs_open(f->logs, "a", "disk");

        told(f, &stored.fd);
        assert_true(stored.fd >= 0);
        say(fd, "<5>before\n");
        f->logs = worker_logs_free(f->logs);
        assert_string_equal(said, "a/disk 5 before|"); /* read at the end */
        assert_string_equal(told(f, NULL), "");        /* and still in the store */
        say(fd, "<5>between\n");
        assert_int_equal(worker_logs_new(f->event, on_record, &(struct stored_fds){ &stored, 1 }, &f->logs), 0);
        assert_int_equal(stored.fd, -1); /* taken */
        run(f);
        say(fd, "<5>after\n");
        run(f);
        assert_string_equal(said, "a/disk 5 before|a/disk 5 between|a/disk 5 after|");
        close(fd);
}

/* A worker that writes as fast as it can gets a share of the loop, not all of it. */
static void test_worker_log_bounds_a_flood(void **state) {
        struct fixture *f = *state;
        int fd = worker_logs_open(f->logs, "a", "disk");
        size_t written = 0;
        char page[4096];

        memset(page, '\n', sizeof(page));
        for (unsigned i = 0; i < 1000; i++) {
                while (write(fd, page, sizeof(page)) > 0)
                        written += sizeof(page);
                assert_int_equal(errno, EAGAIN);
                if (sd_event_run(f->event, 0) == 0)
                        break;
        }
        assert_true(written > 0 && written < 2 * 1024 * 1024);
        close(fd);
}

static void test_fd_store_names_are_read_as_written(void **state _unused_) {
        static const char *const good[] = { "pty/linux2/main", "log/a.b/c-d", "log/a/b" }, *const bad[] = {
                "",
                "log",
                "log/",
                "log/a",
                "log/a/",
                "log//b",
                "log/a/b/c",
                "/a/b",
                "history/a/b",
                "LOG/a/b",
                "log/.a/b",
                "log/a b/c",
                "logs/a/b",
                "stored",
                "lo/a/b",
                "log/01234567890123456789012345678901/a",
                "log/a/01234567890123456789012345678901",
                "an-unreasonably-long-kind/a/b",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                char name[FD_STORE_NAME_SIZE];
                struct stored_fd s;

                assert_true(fd_store_parse_name(good[i], &s));
                fd_store_name(s.kind, s.zone, s.device, name);
                assert_string_equal(name, good[i]);
                assert_int_equal(s.fd, -1);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                struct stored_fd s = { .fd = 77 };

                assert_false(fd_store_parse_name(bad[i], &s));
                assert_int_equal(s.fd, 77);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_worker_log_makes_records_of_lines, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_worker_log_ends_with_its_worker, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_worker_log_of_a_successor_replaces, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_worker_log_outlives_the_daemon, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_worker_log_bounds_a_flood, set_up, tear_down),
                cmocka_unit_test(test_fd_store_names_are_read_as_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
