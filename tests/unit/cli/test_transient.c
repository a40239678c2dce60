/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What zone start and virtio start were given, in whatever order, and the one file that comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "import/import.h"
#include "cli/transient.h"

#define DISK    "{\"type\":\"blk\",\"addr\":\"0xa003c00\",\"len\":\"0x200\",\"irq\":78,\"img\":\"/disk\"}"
#define CONSOLE "{\"type\":\"console\",\"addr\":\"0xa003800\",\"len\":\"0x200\",\"irq\":76}"
#define ZONE                                                                                                           \
        "{\"zone_id\":1,\"name\":\"linux2\",\"cpus\":[2],\"kernel_filepath\":\"/k\",\"kernel_load_paddr\":"            \
        "\"0x50400000\",\"entry_point\":\"0x50400000\",\"interrupts\":[40,76,78],\"memory_regions\":[{\"type\":"       \
        "\"ram\",\"physical_start\":\"0x50000000\",\"virtual_start\":\"0x50000000\",\"size\":\"0x1000000\"}]}"
#define HEAD                                                                                                           \
        "# Made by `hvisor zone start` and `hvisor virtio start`; it goes with `hvisor zone shutdown -id 1`.\n"        \
        "# `hvisor import` makes one that stays, for /etc/hvisor/zones.d.\n"                                           \
        "\n[Zone]\nId=1\nCPUs=2\nKernel=/k\nKernelAddress=0x50400000\nEntryPoint=0x50400000\nRestart=no\n"
#define MEMORY "\n[Memory ram0]\nPhysicalAddress=0x50000000\nGuestAddress=0x50000000\nSize=16M\n"

static char folder[32], store[64], zones[64];

static struct transient t = { .lock = -1 };

/* Return: what was said, free(). */
static char *told(struct diagnostics *d) {
        char *text;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        diagnostics_print(d, f, false);
        fclose(f);
        diagnostics_clear(d);
        return text;
}

static int put(void) {
        struct diagnostics d = {};
        struct import i = { .d = &d };
        json_t *root = json_loads(ZONE, 0, NULL);
        char *text;
        int r;

        assert_int_equal(import_zone(&i, "zone.json", root), 0);
        i.zone->restart = RESTART_NO;
        r = transient_put_zone(&t, i.zone, &d);
        text = told(&d);
        assert_string_equal(text, "");
        free(text);
        json_decref(root);
        import_clear(&i);
        return r;
}

static int add(const char *devices, int *ret_fd, char **ret_told) {
        struct diagnostics d = {};
        char text[1024];
        json_t *zone;
        int r;

        snprintf(text, sizeof(text), "{\"id\":1,\"devices\":[%s]}", devices);
        zone = json_loads(text, 0, NULL);
        assert_non_null(zone);
        r = transient_add_devices(&t, 1, zone, ret_fd, &d);
        json_decref(zone);
        *ret_told = told(&d);
        return r;
}

static int add_well(const char *devices) {
        char *text;
        int fd, r = add(devices, &fd, &text);

        if (r < 0)
                fail_msg("%d: %s", r, text);
        free(text);
        return fd;
}

static void end(int fd) {
        struct diagnostics d = {};

        assert_int_equal(transient_end_devices(&t, 1, fd, &d), 0);
        assert_int_equal(d.count, 0);
}

static void expect_file(const char *wanted) {
        char path[128], *text;

        snprintf(path, sizeof(path), "%s/linux2.conf", zones);
        if (!wanted) {
                assert_int_equal(access(path, F_OK), -1);
                return;
        }
        assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, NULL), 0);
        assert_string_equal(text, wanted);
        free(text);
}

/* As by a `virtio start` with that pid which was killed, or lives while the descriptor is open. */
static int leave_devices(pid_t pid, const char *devices, bool alive) {
        char path[128];
        int fd;

        snprintf(path, sizeof(path), "%s/1/%d.json", store, (int) pid);
        assert_int_equal(mkdir_parents(path), 0);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_true(dprintf(fd, "{\"id\":1,\"devices\":[%s]}", devices) > 0);
        if (alive)
                assert_int_equal(flock(fd, LOCK_EX), 0);
        else
                fd = fd_close(fd);
        return fd;
}

#define WITH_BOTH                                                                                                      \
        HEAD "Interrupts=40\n" MEMORY "\n[Console console0]\nAddress=0xa003800\nInterrupt=76\n"                        \
             "\n[Block disk0]\nImage=/disk\nAddress=0xa003c00\nInterrupt=78\n"
#define DISABLED                                                                                                       \
        HEAD "Interrupts=40\n" MEMORY "\n[Console console0]\nAddress=0xa003800\nInterrupt=76\nEnabled=no\n"            \
             "\n[Block disk0]\nImage=/disk\nAddress=0xa003c00\nInterrupt=78\nEnabled=no\n"

static void test_transient_devices_first(void **state _unused_) {
        static const struct range windows[] = { { 0xa003800, 0x200 }, { 0xa003000, 0x400 }, { 0xa003600, 0x200 } };
        char name[NAME_SIZE];
        int fd = add_well(CONSOLE "," DISK);

        expect_file(NULL);
        assert_false(transient_zone_name(&t, 1, name));
        assert_null(transient_lacks(&t, 1, windows, 1));
        assert_ptr_equal(transient_lacks(&t, 1, windows, 3), &windows[1]);
        assert_ptr_equal(transient_lacks(&t, 2, windows, 3), &windows[0]);
        assert_int_equal(put(), 0);
        expect_file(WITH_BOTH);
        assert_true(transient_zone_name(&t, 1, name));
        assert_string_equal(name, "linux2");

        /* the zone goes, they wait for the next */
        assert_int_equal(transient_drop_zone(&t, 1), 0);
        transient_forget_devices(&t, 1);
        expect_file(NULL);
        assert_int_equal(put(), 0);
        expect_file(WITH_BOTH);

        /* they go, the zone keeps them disabled; the next that brings them brings the same */
        end(fd);
        expect_file(DISABLED);
        fd = add_well(DISK "," CONSOLE);
        expect_file(WITH_BOTH);
        assert_int_equal(transient_drop_zone(&t, 1), 0);
        end(fd);
        assert_int_equal(access(strcat(strcpy((char[128]){}, store), "/1"), F_OK), -1);
}

static void test_transient_zone_first(void **state _unused_) {
        int disk, console;

        assert_int_equal(put(), 0);
        expect_file(HEAD "Interrupts=40,76,78\n" MEMORY);
        disk = leave_devices(1234, DISK, true);
        console = add_well(CONSOLE); /* of two processes */
        expect_file(WITH_BOTH);
        end(console);
        expect_file(HEAD "Interrupts=40\n" MEMORY "\n[Console console0]\nAddress=0xa003800\nInterrupt=76\nEnabled=no\n"
                         "\n[Block disk0]\nImage=/disk\nAddress=0xa003c00\nInterrupt=78\n");
        close(disk);
        assert_int_equal(transient_drop_zone(&t, 1), 0);
        transient_forget_devices(&t, 1);
}

static void test_transient_of_the_dead(void **state _unused_) {
        int fd;

        /* killed before its zone came: it waits for nothing */
        leave_devices(1234, CONSOLE, false);
        assert_int_equal(put(), 0);
        expect_file(HEAD "Interrupts=40,76,78\n" MEMORY);

        /* killed while the zone was there: served as before, until somebody else brings it */
        leave_devices(1234, CONSOLE, false);
        fd = add_well(DISK);
        expect_file(WITH_BOTH);
        end(fd);
        fd = add_well(DISK "," CONSOLE);
        end(fd);
        expect_file(DISABLED);
        assert_int_equal(transient_drop_zone(&t, 1), 0);
        transient_forget_devices(&t, 1);
}

/* The kernel gives pids again: what the one before us had is the zone's still. */
static void test_transient_of_one_that_had_our_pid(void **state _unused_) {
        int fd;

        assert_int_equal(put(), 0);
        leave_devices(getpid(), CONSOLE, false);
        fd = add_well(DISK);
        expect_file(WITH_BOTH);
        end(fd);
        expect_file(HEAD "Interrupts=40\n" MEMORY "\n[Console console0]\nAddress=0xa003800\nInterrupt=76\n"
                         "\n[Block disk0]\nImage=/disk\nAddress=0xa003c00\nInterrupt=78\nEnabled=no\n");
        fd = add_well(DISK "," CONSOLE);
        expect_file(WITH_BOTH);
        assert_int_equal(transient_drop_zone(&t, 1), 0);
        end(fd);
        transient_forget_devices(&t, 1);
        assert_int_equal(access(strcat(strcpy((char[128]){}, store), "/1"), F_OK), -1);
}

static void test_transient_refused(void **state _unused_) {
        int fd, other = leave_devices(1234, DISK, true);
        char *text;

        assert_int_equal(add(DISK, &fd, &text), -EBUSY);
        assert_non_null(strstr(text, "zone 1: error: another `hvisor virtio start`, process 1234, brings the device at "
                                     "0xa003c00"));
        free(text);
        assert_int_equal(put(), 0);
        /* what makes no zone's file leaves the one that there is, and nothing else */
        assert_int_equal(add("{\"type\":\"console\",\"addr\":\"0xa003d00\",\"irq\":76}", &fd, &text), -EBADMSG);
        assert_true(strlen(text) > 0);
        free(text);
        expect_file(HEAD "Interrupts=40,76\n" MEMORY "\n[Block disk0]\nImage=/disk\nAddress=0xa003c00\nInterrupt=78\n");
        fd = add_well(CONSOLE);
        expect_file(WITH_BOTH);
        close(other);
        assert_int_equal(transient_drop_zone(&t, 1), 0);
        end(fd);
        transient_forget_devices(&t, 1);
}

/* A folder of its own for each. */
static int set_up(void **state _unused_) {
        struct err e = {};

        strcpy(folder, "/tmp/transient.XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        snprintf(store, sizeof(store), "%s/transient", folder);
        snprintf(zones, sizeof(zones), "%s/zones.d", folder);
        return transient_open(store, zones, &t, &e);
}

static int tear_down(void **state _unused_) {
        char command[128];

        transient_close(&t);
        snprintf(command, sizeof(command), "rm -r %s", folder);
        return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_transient_devices_first), TEST(test_transient_zone_first),
                TEST(test_transient_of_the_dead),   TEST(test_transient_of_one_that_had_our_pid),
                TEST(test_transient_refused),
        };

        return cmocka_run_group_tests_name("transient", tests, NULL, NULL);
}
