/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device/options.h"

/* Descriptors 10 to 13 and 15 are open; 14 is not. */
static int open_descriptors(void **state) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        (void) state;
        assert_true(fd >= 0);
        for (int i = 10; i <= 13; i++)
                assert_int_equal(dup2(fd, i), i);
        assert_int_equal(dup2(fd, 15), 15);
        close(fd);
        close(14);
        return 0;
}

#define ARGUMENTS_MAX 16

/* @line is cut at spaces; a '~' stands for an empty argument. */
static int parse(const char *line, struct worker_options *ret, struct err *e) {
        static char copy[512];
        char *argv[ARGUMENTS_MAX] = { (char *) "device" };
        int argc = 1;

        assert_true(strlen(line) < sizeof(copy));
        strcpy(copy, line);
        for (char *p = strtok(copy, " "); p; p = strtok(NULL, " ")) {
                assert_true(argc < ARGUMENTS_MAX - 1);
                argv[argc++] = strcmp(p, "~") == 0 ? (char *) "" : p;
        }
        return worker_options_parse(argc, argv, ret, e);
}

#define COMMON "--zone=linux2 --device=root --cookie=00000000c0ffee11 --device-fd=10"
#define BLOCK  " --block-size=512 --queues=2 --serial=SN"

static void test_options_take_what_the_daemon_gives(void **state) {
        struct worker_options o;
        struct err e = { 0 };
        int fds[WORKER_FDS_MAX];

        (void) state;
        assert_int_equal(parse("block " COMMON BLOCK " --image-fd=11 --read-only --image-events-fd=13", &o, &e),
                         WORKER_OPTIONS_SERVE);
        assert_ptr_equal(o.type, &block_device_type);
        assert_string_equal(o.arguments.zone, "linux2");
        assert_string_equal(o.arguments.device, "root");
        assert_int_equal(o.cookie, 0xc0ffee11);
        assert_int_equal(o.device_fd, 10);
        assert_int_equal(worker_options_fds(&o, fds), 3);
        assert_int_equal(fds[0], 10);
        assert_int_equal(fds[1], 11);
        assert_int_equal(fds[2], 13);
        assert_int_equal(o.arguments.values[2], 1);
        assert_int_equal(o.arguments.values[5], 512);
        assert_int_equal(o.arguments.values[6], 2);
        assert_string_equal(o.arguments.texts[7], "SN");

        assert_int_equal(parse("block --image-fd 11 --device-fd 10 --zone a --device b --cookie 0" BLOCK, &o, &e),
                         WORKER_OPTIONS_SERVE);
        assert_int_equal(o.arguments.values[1], -1);
        assert_int_equal(o.arguments.values[2], 0);
        assert_int_equal(o.log_fd, -1);

        assert_int_equal(
                parse("console " COMMON " --pty-fd=11 --pty-events-fd=12 --history-fd=13 --input-fd=15", &o, &e),
                WORKER_OPTIONS_SERVE);
        assert_ptr_equal(o.type, &console_device_type);
        assert_int_equal(worker_options_fds(&o, fds), 5);

        assert_int_equal(
                parse("net " COMMON
                      " --tap-fds=11 --link-fd=12 --queues=1 --mtu=0 --mac-address=02:00:00:00:00:01 --offload",
                      &o, &e),
                WORKER_OPTIONS_SERVE);
        assert_ptr_equal(o.type, &net_device_type);
        assert_int_equal(o.arguments.lists[0].count, 1);
        assert_int_equal(o.arguments.lists[0].fds[0], 11);
        assert_string_equal(o.arguments.texts[1], "02:00:00:00:00:01");
        assert_int_equal(o.arguments.values[2], 12);
        assert_int_equal(o.arguments.values[3], 1);
        assert_int_equal(o.arguments.values[4], 0);
        assert_int_equal(o.arguments.values[5], 1);
        assert_int_equal(o.arguments.lists[6].count, 0);
        assert_int_equal(worker_options_fds(&o, fds), 3);

        assert_int_equal(parse("net " COMMON " --tap-fds=11 --link-fd=13 --queues=1 --mtu=0"
                               " --mac-address=02:00:00:00:00:01 --vhost-fds=12",
                               &o, &e),
                         WORKER_OPTIONS_SERVE);
        assert_int_equal(o.arguments.lists[6].count, 1);
        assert_int_equal(o.arguments.lists[6].fds[0], 12);
        assert_int_equal(worker_options_fds(&o, fds), 4);

        assert_int_equal(parse("front " COMMON " --socket-fd=11 --virtio-type=fs --queues=2 --tag=home", &o, &e),
                         WORKER_OPTIONS_SERVE);
        assert_ptr_equal(o.type, &front_device_type);

        assert_int_equal(parse("block " COMMON BLOCK " --log-fd=12 --image-fd=11", &o, &e), WORKER_OPTIONS_SERVE);
        assert_int_equal(o.log_fd, 12);
        assert_int_equal(worker_options_fds(&o, fds), 3);
}

/* Without a daemon: what it would hand over is opened here, by name. */
static void test_options_open_what_nobody_hands_over(void **state) {
        struct worker_options o;
        struct err e = { 0 };
        int fds[WORKER_FDS_MAX];

        (void) state;
        assert_int_equal(parse("block --vhost-user=/run/s --image=/dev/null --read-only", &o, &e),
                         WORKER_OPTIONS_SERVE);
        assert_string_equal(o.vhost_user, "/run/s");
        assert_false(o.arguments.followed);
        assert_int_equal(o.device_fd, -1);
        assert_string_equal(o.arguments.device, "block");
        assert_int_equal(o.arguments.values[5], 0);
        assert_int_equal(o.arguments.values[6], 1);
        assert_string_equal(o.arguments.texts[7], "");
        assert_int_equal(worker_options_fds(&o, fds), 0);
        assert_int_equal(worker_options_open(&o, &e), 0);
        assert_int_equal(worker_options_fds(&o, fds), 2);
        assert_int_equal(fcntl(fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(fds[1], o.arguments.values[1]); /* the image's events come along */
        close(fds[0]);
        close(fds[1]);

        assert_int_equal(parse("block --vhost-user=/run/s --image-fd=11" BLOCK, &o, &e), WORKER_OPTIONS_SERVE);
        assert_int_equal(o.arguments.values[5], 512);
        assert_int_equal(o.arguments.values[6], 2);
        assert_string_equal(o.arguments.texts[7], "SN");
        assert_int_equal(worker_options_open(&o, &e), 0);
        assert_int_equal(o.arguments.values[0], 11);
        assert_true(o.arguments.values[1] >= 0);
        close(o.arguments.values[1]);
        assert_int_equal(parse("block --vhost-user=/run/s --image-fd=11 --image-events-fd=12" BLOCK, &o, &e),
                         WORKER_OPTIONS_SERVE);
        assert_int_equal(worker_options_open(&o, &e), 0);
        assert_int_equal(o.arguments.values[1], 12);
        assert_int_equal(parse("rng --vhost-user=/run/s", &o, &e), WORKER_OPTIONS_SERVE);
        assert_int_equal(parse("net --vhost-user=/run/s --tap-fds=11", &o, &e), WORKER_OPTIONS_SERVE);

        assert_int_equal(parse("block --vhost-user=/run/s --image=/no/such", &o, &e), WORKER_OPTIONS_SERVE);
        assert_int_equal(worker_options_open(&o, &e), -ENOENT);
        assert_non_null(strstr(e.text, "/no/such"));
}

static void test_options_reject_nonsense_and_say_which(void **state) {
        static const struct {
                const char *line, *says;
        } rows[] = {
                { "", "type of device is missing" },
                { "tape " COMMON, "'tape'" },
                { "block --device=root --cookie=1 --device-fd=10 --image-fd=11", "--zone is missing" },
                { "block " COMMON BLOCK, "--image-fd is missing" },
                { "block " COMMON " --image-fd=11 --block-size=512 --serial=", "--queues is missing" },
                { "block " COMMON BLOCK " --image-fd=11 --image-events-fd=14", "no descriptor 14" },
                { "block " COMMON BLOCK " --image-fd=11 --image-events-fd=11", "given twice" },
                { "block " COMMON " --image-fd=11 --block-size=0 --serial= --queues=", "'' is not a number" },
                { "block " COMMON " --image-fd=11 --block-size=0 --serial= --queues=-1", "'-1' is not a number" },
                { "block " COMMON " --image-fd=11 --block-size=0 --serial= --queues=1000000000", "is not a number" },
                { "block --zone=a --device=b --device-fd=10 --image-fd=11", "--cookie is missing" },
                { "block --zone=a --device=b --cookie=1 --image-fd=11", "--device-fd is missing" },
                { "block " COMMON BLOCK " --image-fd=14", "no descriptor 14" },
                { "block " COMMON BLOCK " --image-fd=99999999999", "no descriptor 99999999999" },
                { "block " COMMON BLOCK " --image-fd=-1", "'-1'" },
                { "block " COMMON BLOCK " --image-fd=0x11", "'0x11'" },
                { "block " COMMON BLOCK " --image-fd=11x", "'11x'" },
                { "block " COMMON BLOCK " --image-fd=", "''" },
                { "block " COMMON BLOCK " --image-fd=2", "stderr" },
                { "block " COMMON BLOCK " --image-fd=10", "given twice" },
                { "block " COMMON BLOCK " --image-fd=11 --log-fd=11", "given twice" },
                { "block " COMMON BLOCK " --image-fd=11 --log-fd=2", "stderr" },
                { "block " COMMON BLOCK " --image-fd=11 --image-fd=12", "--image-fd is given twice" },
                { "block " COMMON BLOCK " --image-fd=11 --zone=x", "--zone is given twice" },
                { "block " COMMON BLOCK " --image-fd=11 --read-only=yes", "--read-only" },
                { "block " COMMON BLOCK " --image-fd=11 --pty-fd=12", "--pty-fd" },
                { "block " COMMON BLOCK " --image-fd=11 more", "'more'" },
                { "block " COMMON BLOCK " --image-fd", "--image-fd" },
                { "block " COMMON BLOCK " -x", "-x" },
                { "block --zone=a/b --device=b --cookie=1 --device-fd=10 --image-fd=11", "--zone" },
                { "block --zone= --device=b --cookie=1 --device-fd=10 --image-fd=11", "--zone" },
                { "block --zone=a --device=01234567890123456789012345678901 --cookie=1", "--device" },
                { "block --zone=a --device=b --cookie=12345678901234567", "12345678901234567" },
                { "block --zone=a --device=b --cookie=0x1", "0x1" },
                { "block --zone=a --device=b --cookie=~", "~" },
                { "console " COMMON " --pty-fd=11 --history-fd=13", "--pty-events-fd is missing" },
                { "net " COMMON " --tap-fds=11 --link-fd=12 --queues=1 --mtu=0", "--mac-address is missing" },
                { "net " COMMON " --mac-address=02:00:00:00:00:01", "--tap-fds is missing" },
                { "net " COMMON " --tap-fds=11 --link-fd=12 --queues=1 --mtu=0 --mac-address=x --vhost-fds=11",
                  "given twice" },
                { "net " COMMON " --tap-fds=11 --link-fd=12 --queues=1 --mtu=0 --mac-address", "--mac-address" },
                { "block " COMMON BLOCK " --image=/dev/null", "--image goes only with --vhost-user" },
                { "block --vhost-user=/s --device-fd=10 --image=/dev/null", "--device-fd" },
                { "block --vhost-user=/s --cookie=1 --image=/dev/null", "--cookie" },
                { "block --vhost-user=/s", "--image is missing" },
                { "block --vhost-user=/s --image=/a --image-fd=11", "--image does not go with --image-fd" },
                { "block --vhost-user=/s --image=/a --image=/b", "--image is given twice" },
                { "net --vhost-user=/s --tap=t --mac-address=02:00:00:00:00:01 --vhost-fds=11", "--vhost-fds" },
                { "console --vhost-user=/s --pty-fd=11 --history-fd=13", "console is for zones only" },
                { "console --vhost-user=/s", "console is for zones only" },
                { "front --vhost-user=/s --socket-fd=11 --virtio-type=fs --queues=1 --tag=home", "for zones only" },
                { "front --vhost-user=/s --virtio-type=fs --queues=1 --tag=home", "for zones only" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct worker_options o = { .device_fd = 77 };
                struct err e = { 0 };

                assert_int_equal(parse(rows[i].line, &o, &e), -EINVAL);
                if (!strstr(e.text, rows[i].says))
                        fail_msg("'%s' gave '%s', not '%s'", rows[i].line, e.text, rows[i].says);
                assert_int_equal(o.device_fd, 77); /* untouched */
        }
}

static void test_options_help_and_version_come_first(void **state) {
        struct worker_options o;
        struct err e = { 0 };

        (void) state;
        assert_int_equal(parse("--help", &o, &e), WORKER_OPTIONS_HELP);
        assert_int_equal(parse("--version", &o, &e), WORKER_OPTIONS_VERSION);
        assert_int_equal(parse("block --help", &o, &e), WORKER_OPTIONS_HELP);
}

static void test_device_types_have_the_names_that_the_daemon_starts_them_by(void **state) {
        static const char *const words[] = {
#define SECTION(...)
#define KEY(...)
#define DEVICE(id, name, word, ...) #word,
#include "schema/keys.def"
        };
        char comm[32];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                snprintf(comm, sizeof(comm), "virtio-%s", words[i]);
                assert_string_equal(device_types[i]->name, words[i]);
                assert_string_equal(device_types[i]->comm, comm);
        }
        assert_null(device_types[ELEMENTSOF(words)]);
}

static void test_device_types_have_names_that_pkill_hvisor_spares(void **state) {
        (void) state;
        for (const struct device_type *const *t = device_types; *t; t++) {
                size_t n = 0;

                assert_null(strstr((*t)->comm, "hvisor"));
                assert_true(strlen((*t)->comm) <= 15);
                assert_ptr_equal(device_type_find((*t)->name), *t);
                while ((*t)->options[n].kind != DEVICE_OPTION_END)
                        n++;
                assert_true(n <= DEVICE_OPTIONS_MAX);
        }
        assert_null(device_type_find(""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_options_take_what_the_daemon_gives),
                cmocka_unit_test(test_options_open_what_nobody_hands_over),
                cmocka_unit_test(test_options_reject_nonsense_and_say_which),
                cmocka_unit_test(test_options_help_and_version_come_first),
                cmocka_unit_test(test_device_types_have_the_names_that_the_daemon_starts_them_by),
                cmocka_unit_test(test_device_types_have_names_that_pkill_hvisor_spares),
        };
        return cmocka_run_group_tests(tests, open_descriptors, NULL);
}
