/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <errno.h>
#include <sys/stat.h>

#include "trees.h"

static void put_kernel(const char *name, uint64_t text_offset, uint64_t image_size, off_t total) {
        uint8_t header[64] = {};
        uint64_t fields[] = { htole64(text_offset), htole64(image_size) };

        memcpy(header + 8, fields, sizeof(fields));
        memcpy(header + 56, "ARM\x64", 4);
        put_file(name, header, sizeof(header), total);
}

static int put_files(void **state) {
        if (enter_directory(state) < 0)
                return -1;
        put_file("kernel", "bare metal", 10, 4096);
        put_kernel("Image", 0, 3 << 20, 1 << 20);
        put_kernel("huge", 0, 5 << 20, 1 << 20); /* its BSS reaches the initrd */
        put_kernel("unaligned", 0x80000, 1 << 20, 1 << 20);
        put_file("gzip", "\x1f\x8b\x08", 4, 4096);
        put_file("zboot", "MZ\0\0zimg", 8, 4096);
        put_tree("dtb", boot_tree);
        put_tree("short", boot_tree);
        assert_int_equal(truncate("short", 4095), 0);
        put_tree("long", boot_tree);
        assert_int_equal(truncate("long", (2 << 20) + 1), 0);
        put_file("initrd", "", 0, 4096);
        assert_int_equal(mkfifo("fifo", 0600), 0);
        return 0;
}

static void test_boot_takes_what_fits(void **state _unused_) {
        static const struct {
                const char *from, *to, *want;
        } c[] = {
                { "Id=1", "Id=1", "" },
                { "Kernel=DIR/kernel", "Kernel=DIR/Image", "" },
                { "Kernel=DIR/kernel", "Kernel=DIR/none",
                  "x.conf:4:8: error: Kernel=: none: No such file or directory\n" },
                { "Kernel=DIR/kernel", "Kernel=DIR/fifo", "x.conf:4:8: error: Kernel=: fifo is not a regular file\n" },
                { "Kernel=DIR/kernel", "Kernel=DIR/gzip",
                  "x.conf:4:8: error: Kernel=: gzip is compressed (gzip); unpack it: gunzip < gzip > Image\n" },
                { "Kernel=DIR/kernel", "Kernel=DIR/zboot",
                  "x.conf:4:8: error: Kernel=: zboot is compressed (EFI zboot); the plain Image is wanted\n" },
                { "Kernel=DIR/kernel", "Kernel=DIR/huge",
                  "x.conf:9:8: error: Initrd=: initrd (0x1000 bytes) overlaps the Kernel (0x500000 bytes) in "
                  "RAM\n" },
                { "Kernel=DIR/kernel", "Kernel=DIR/unaligned",
                  "x.conf:5:15: error: KernelAddress=: a Linux kernel wants a guest address that is a multiple "
                  "of 2M (plus "
                  "0x80000, its offset)\n" },
                { "KernelAddress=0x50400000", "KernelAddress=0x50ffff00",
                  "x.conf:4:8: error: Kernel=: kernel takes 0x1000 bytes from 0x50ffff00 on, more than the "
                  "[Memory] has "
                  "there\n" },
                { "DeviceTree=DIR/dtb", "DeviceTree=DIR/kernel",
                  "x.conf:7:12: error: DeviceTree=: kernel is not a flattened device tree (.dtb)\n" },
                { "DeviceTree=DIR/dtb", "DeviceTree=DIR/short",
                  "x.conf:7:12: error: DeviceTree=: short is cut off: it is shorter than its header says\n" },
                { "DeviceTree=DIR/dtb", "DeviceTree=DIR/long",
                  "x.conf:7:12: error: DeviceTree=: long is larger than 2M\n" },
                { "DeviceTree=DIR/dtb\nDeviceTreeAddress=0x50000000\nInitrd=DIR/initrd\nInitrdAddress=0x50800000\n",
                  "[Console z]\nAddress=0\nInterrupt=79\n",
                  "x.conf:8:9: error: Address=: 0x0 is the physical address of the device tree where there is none: "
                  "the "
                  "hypervisor takes the one for the other\n" },
                { "DeviceTreeAddress=0x50000000", "DeviceTreeAddress=0x50400ff8",
                  "x.conf:7:12: error: DeviceTree=: dtb (0x1000 bytes) overlaps the Kernel (0x1000 bytes) in "
                  "RAM\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(BOOT_ZONE, c[i].from, c[i].to);
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                _cleanup_(boot_close) struct boot boot = BOOT_NONE;
                _cleanup_free_ char *got = NULL;
                int r = boot_prepare(z, NULL, &d, &boot);

                got = diagnostics_text(&d);
                without_directory(got);
                assert_string_equal(got, c[i].want);
                assert_int_equal(r, c[i].want[0] ? -EBADMSG : 0);
                for (size_t j = 0; j < _BOOT_PART_MAX; j++)
                        assert_int_equal(boot.parts[j].fd >= 0, r == 0 && j <= BOOT_INITRD);
        }
}

/* The paths may name something else by the time it is loaded. */
static void test_boot_keeps_what_it_looked_at(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = boot_zone(BOOT_ZONE, "DIR/kernel", "DIR/other");
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(boot_close) struct boot boot = BOOT_NONE;
        char head[4];

        put_file("other", "one", 3, 4096);
        assert_int_equal(boot_prepare(z, NULL, &d, &boot), 0);
        assert_int_equal(unlink("other"), 0);
        put_file("other", "two", 3, 8192);
        assert_int_equal(boot.parts[BOOT_KERNEL].size, 4096);
        assert_int_equal(boot.parts[BOOT_KERNEL].address, 0x50400000);
        assert_int_equal(pread(boot.parts[BOOT_KERNEL].fd, head, 3, 0), 3);
        assert_memory_equal(head, "one", 3);
}

static void test_boot_elsewhere_names_what_is_not_checked(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", good_zone);
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_free_ char *got = NULL;

        assert_int_equal(boot_check(z, NULL, true, &d, NULL), 0);
        got = diagnostics_text(&d);
        assert_string_equal(got, "x.conf:4:8: note: Kernel=: /k is not on this machine: not checked\n");
        assert_int_equal(boot_check(z, NULL, false, &d, NULL), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_boot_takes_what_fits),
                cmocka_unit_test(test_boot_keeps_what_it_looked_at),
                cmocka_unit_test(test_boot_elsewhere_names_what_is_not_checked),
        };

        return cmocka_run_group_tests_name("boot", tests, put_files, remove_directory);
}
