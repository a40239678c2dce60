/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/common.h"
#include "check/check.h"

#define ZONE                                                                                                           \
        "[Zone]\nId=1\nCPUs=2\nKernel=kernel\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"                       \
        "DeviceTree=dtb\nDeviceTreeAddress=0x50000000\nInitrd=initrd\nInitrdAddress=0x50800000\n"                      \
        "[Memory ram]\nPhysicalAddress=0x50000000\nSize=16M\n"                                                         \
        "[Block root]\nImage=disk\nAddress=0xa003c00\nInterrupt=78\n"

static char directory[] = "/tmp/hvisor-files-XXXXXX";

static int enter_directory(void **state _unused_) {
        assert_non_null(mkdtemp(directory));
        return chdir(directory);
}

static int remove_directory(void **state _unused_) {
        static const char *const files[] = { "disk", "link", "odd", "fifo" };

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                (void) unlink(files[i]);
        return chdir("/") < 0 ? -1 : rmdir(directory);
}

static void put(const char *name, off_t size) {
        _cleanup_close_ int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, size), 0);
}

static void put_files(void) {
        put("disk", 8192);
        put("odd", 8191);
        assert_int_equal(mkfifo("fifo", 0600), 0);
        assert_int_equal(symlink("disk", "link"), 0);
}

/* Rows name files; the spec wants absolute paths. */
static char *with_directory(const char *text) {
        static const char *const keys[] = { "Kernel=", "DeviceTree=", "Initrd=", "Image=" };
        char *copy = strdup(text);

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                char to[128], from[32], *next;

                /* At the begin of a line only: "Kernel=" is no part of another key's line. */
                snprintf(from, sizeof(from), "\n%s", keys[i]);
                if (!strstr(copy, from))
                        continue;
                snprintf(to, sizeof(to), "\n%s%s/", keys[i], directory);
                next = replaced(copy, from, to);
                free(copy);
                copy = next;
        }
        return copy;
}

/* Messages name files by their path: back to what the rows say. */
static void without_directory(char *text) {
        size_t n = strlen(directory) + 1;

        for (char *at = strstr(text, directory); at; at = strstr(at, directory))
                memmove(at, at + n, strlen(at + n) + 1);
}

static void test_device_files_are_there_or_refused(void **state _unused_) {
        static const struct {
                const char *from, *to, *want;
        } c[] = {
                { "Id=1", "Id=1", "" },
                { "Image=disk", "Image=none", "x.conf:15:7: error: [Block root]: none: No such file or directory\n" },
                { "Image=disk", "Image=odd",
                  "x.conf:15:7: error: [Block root]: odd has 8191 bytes, not a multiple of 512\n" },
                { "Image=disk", "Image=fifo",
                  "x.conf:15:7: error: [Block root]: fifo is neither a file nor a block device\n" },
                { "Interrupt=78\n", "Interrupt=78\n[Net lan]\nAddress=0xa003600\nInterrupt=75\nTap=no-such-tap\n",
                  "x.conf:21:5: error: [Net lan]: there is no network interface no-such-tap; make it: "
                  "ip tuntap add dev no-such-tap mode tap && ip link set no-such-tap up\n" },
                { "Interrupt=78\n", "Interrupt=78\n[Net lan]\nAddress=0xa003600\nInterrupt=75\nTap=lo\n",
                  "x.conf:21:5: error: [Net lan]: lo is a network interface, but no tap; make one of another name: "
                  "ip tuntap add dev tap0 mode tap && ip link set tap0 up\n" },
                { "Interrupt=78\n", "Interrupt=78\n[Block two]\nAddress=0xa003a00\nInterrupt=79\nImage=DIR/link\n",
                  "x.conf:21:7: error: [Block two]: link is [Block root]'s image under another name\n" },
        };

        put_files();
        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                _cleanup_free_ char *text = replaced(ZONE, c[i].from, c[i].to), *all = with_directory(text);
                _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
                _cleanup_free_ char *got = NULL;
                int r;

                if (strstr(all, "DIR")) {
                        char *next = replaced(all, "DIR", directory);

                        free(all);
                        all = next;
                }
                z = parse_good("x", all);
                r = zone_check_devices(z, &d);
                got = diagnostics_text(&d);
                without_directory(got);
                assert_string_equal(got, c[i].want);
                assert_int_equal(r, c[i].want[0] ? -EBADMSG : 0);
        }
}

static void test_device_files_elsewhere_are_named_as_not_checked(void **state _unused_) {
        _cleanup_free_ char *text =
                replaced(good_zone, "[Console", "[Net lan]\nTap=lo\nAddress=0xa003600\nInterrupt=75\n[Console");
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", text);
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_free_ char *got = NULL;

        assert_int_equal(zone_check_devices_elsewhere(z, &d), 0);
        got = diagnostics_text(&d);
        assert_string_equal(got, "x.conf:11:7: note: [Block root]: /disk is not on this machine: not checked\n"
                                 "x.conf:15:5: note: [Net lan]: lo is not on this machine: not checked\n");
        assert_int_equal(d.errors, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_device_files_are_there_or_refused),
                cmocka_unit_test(test_device_files_elsewhere_are_named_as_not_checked),
        };

        return cmocka_run_group_tests_name("device_files", tests, enter_directory, remove_directory);
}
