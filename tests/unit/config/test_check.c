// sources: reconciler/config/*.c reconciler/base/fd.c reconciler/base/err.c
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "common.h"
#include "config/check.h"

static const struct root_facts root = {
        .known = true,
        .cpus = 0x3,
        .system_ram = { { 0x80000000, 0x40000000 } },
        .num_system_ram = 1,
};

static void test_check_board_refuses_what_would_panic(void **state _unused_) {
        static const struct {
                const char *from, *to; /* in the good zone */
                const char *want;
        } c[] = {
                { "Id=1", "Id=1", "" },
                { "Id=1", "Id=3", "" },
                { "Id=1", "Id=4",
                  "x.conf:2: error: Id=: 4 is larger than 3; if your hypervisor takes more zones, say so "
                  "with "
                  "MaxZoneId= in board.conf\n" },
                { "CPUs=2-3", "CPUs=2-5", "x.conf:3: error: CPUs=: the board has no CPU 4-5, only 0-3\n" },
                { "CPUs=2-3", "CPUs=0-3", "x.conf:3: error: CPUs=: root Linux itself runs on CPU 0-1\n" },
                { "Size=768M", "Size=2G",
                  "x.conf:7: error: [Memory ram]: 0x50000000+0x80000000 is not all RAM of the board "
                  "(board.conf)\n"
                  "x.conf:7: error: [Memory ram]: root Linux itself uses 0x80000000+0x40000000; reserve the "
                  "zone's "
                  "RAM in root's device tree (no-map)\n" },
                { "Size=768M", "Size=769M",
                  "x.conf:7: error: [Memory ram]: root Linux itself uses 0x80000000+0x40000000; reserve the "
                  "zone's "
                  "RAM in root's device tree (no-map)\n" },
                { "Size=768M", "Size=768M\n[Memory low]\nPhysicalAddress=0x4ffff000\nGuestAddress=0\nSize=4K",
                  "x.conf:10: error: [Memory low]: 0x4ffff000+0x1000 is not all RAM of the board "
                  "(board.conf)\n" },
                { "Size=768M", "Size=768M\n[Memory odd]\nPhysicalAddress=0xbffff000\nGuestAddress=0x8001000\nSize=4K",
                  "x.conf:10: error: [Memory odd]: root Linux itself uses 0x80000000+0x40000000; reserve the "
                  "zone's "
                  "RAM in root's device tree (no-map)\n"
                  "x.conf:10: error: [Memory odd] overlaps the GIC in the guest\n" },
                { "Address=0xa003800", "Address=0x80a0000",
                  "x.conf:14: error: device main overlaps the GIC in the guest\n" },
        };
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(good_board);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                _cleanup_free_ char *text = replaced(good_zone, c[i].from, c[i].to), *got = NULL;
                _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", text);
                int r = zone_check_board(z, b, &root, &d);

                got = diagnostics_text(&d);
                assert_string_equal(got, c[i].want);
                assert_int_equal(r, c[i].want[0] ? -EBADMSG : 0);
        }
}

static void test_check_board_without_root(void **state _unused_) {
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(good_board);
        _cleanup_free_ char *text = replaced(good_zone, "CPUs=2-3", "CPUs=0-3");
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", text);
        const struct root_facts unknown = { .cpus = 0xf };
        struct diagnostics d = {};

        assert_int_equal(zone_check_board(z, b, NULL, &d), 0);
        assert_int_equal(zone_check_board(z, b, &unknown, &d), 0);
        assert_int_equal(d.count, 0);
}

static void test_check_board_joins_neighbouring_memory(void **state _unused_) {
        _cleanup_free_ char *text = replaced(good_board, "Memory=0x50000000+0x70000000",
                                             "Memory=0x60000000+256M\nMemory=0x50000000+256M 0x70000000+256M");
        _cleanup_free_ char *holes = replaced(text, "0x70000000+256M", "0x71000000+256M");
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(text);
        _cleanup_(board_spec_freep) struct board_spec *with_hole = parse_good_board(holes);
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", good_zone);
        _cleanup_(diagnostics_clear) struct diagnostics d = {};

        assert_int_equal(zone_check_board(z, b, NULL, &d), 0);
        assert_int_equal(zone_check_board(z, with_hole, NULL, &d), -EBADMSG);
}

static void test_check_board_wants_a_gic(void **state _unused_) {
        _cleanup_free_ char *text = strdup(good_board);
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", good_zone);
        _cleanup_(diagnostics_clear) struct diagnostics d = {};

        *strstr(text, "[GIC]") = '\0';
        b = parse_good_board(text);
        assert_int_equal(zone_check_board(z, b, NULL, &d), -EBADMSG);
        assert_string_equal(d.items[0].message, "no [GIC], neither here nor in board.conf");
}

static struct zone_spec *other_zone(int id, const char *cpus, const char *physical, const char *image,
                                    const char *interrupts) {
        char text[1024];

        /* Guest addresses may be the same in every zone: only physical ones are shared. */
        snprintf(text, sizeof(text),
                 "[Zone]\nId=%d\nCPUs=%s\nKernel=/k\nKernelAddress=%s\nEntryPoint=0x50400000\nInterrupts=%s\n"
                 "[Memory other]\nPhysicalAddress=%s\nGuestAddress=0x50000000\nSize=768M\n"
                 "[Block root]\nImage=%s\nAddress=0xa003c00\nInterrupt=78\n",
                 id, cpus, physical, interrupts, physical, image);
        return parse_good("b", text);
}

static void test_zone_conflict_names_what_is_claimed_twice(void **state _unused_) {
        static const struct {
                int id;
                const char *cpus, *physical, *image, *interrupts, *want;
        } c[] = {
                { 2, "1", "0x80000000", "/other", "40", NULL },
                { 1, "1", "0x80000000", "/other", "40", "Id 1 belongs to zone b" },
                { 2, "1,3", "0x80000000", "/other", "40", "CPU 3 belongs to zone b" },
                { 2, "1", "0x7ffff000", "/other", "40", "[Memory ram]: RAM of zone b" },
                { 2, "1", "0x20001000", "/other", "40", "[Memory ram]: RAM of zone b" },
                { 2, "1", "0x20000000", "/other", "40", NULL },
                { 2, "1", "0x80000000", "/disk", "40", "zone b uses the image /disk" },
                { 2, "1", "0x80000000", "/disk\nReadOnly=yes", "40", "zone b uses the image /disk" },
                { 2, "1", "0x80000000", "/other", "40-50", "interrupt 44 belongs to zone b" },
        };
        _cleanup_free_ char *text = replaced(good_zone, "[Memory", "Interrupts=44\n[Memory");
        _cleanup_(zone_spec_freep) struct zone_spec *a = parse_good("a", text);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *b =
                        other_zone(c[i].id, c[i].cpus, c[i].physical, c[i].image, c[i].interrupts);
                char got[256] = "untouched";

                assert_int_equal(zone_conflict(a, b, got, sizeof(got)), c[i].want != NULL);
                assert_string_equal(got, c[i].want ? c[i].want : "untouched");
        }
}

static void test_zone_conflict_lets_images_be_read_by_many(void **state _unused_) {
        _cleanup_free_ char *text = replaced(good_zone, "Image=/disk\n", "Image=/disk\nReadOnly=yes\n");
        _cleanup_(zone_spec_freep) struct zone_spec *a = parse_good("a", text);
        _cleanup_(zone_spec_freep) struct zone_spec *b = other_zone(2, "1", "0x80000000", "/disk\nReadOnly=yes", "40");
        char got[64];

        assert_false(zone_conflict(a, b, got, sizeof(got)));
}

/* ---- what root Linux uses --------------------------------------------------------------------------- */

static void with_file(const char *content, size_t size, char *path) {
        int fd;

        strcpy(path, "/tmp/hvisor-test-XXXXXX");
        fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, content, size), 0);
        close(fd);
}

static void test_root_facts_from_iomem(void **state _unused_) {
        static const struct {
                const char *text;
                bool known;
                size_t count;
                struct range first;
        } c[] = {
                { "00000000-00000fff : Reserved\n"
                  "09000000-09000fff : pl011@9000000\n"
                  "80000000-bfffffff : System RAM\n"
                  "  80210000-816effff : Kernel code\n"
                  "100000000-1ffffffff : System RAM\n",
                  true,
                  2,
                  { 0x80000000, 0x40000000 } },
                { "00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n", false, 0, { 0, 0 } },
                { "", false, 0, { 0, 0 } },
                { "80000000-7fffffff : System RAM\n0-ffffffffffffffff : System RAM\nx : System RAM\n", false, 0, {} },
                { "80000000-bfffffff : System RAM (boot alias)\n", false, 0, {} },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct root_facts got = {};
                char path[64];

                with_file(c[i].text, strlen(c[i].text), path);
                assert_int_equal(root_facts_read_from(path, &got, NULL), 0);
                unlink(path);
                assert_int_equal(got.known, c[i].known);
                assert_int_equal(got.num_system_ram, c[i].count);
                assert_true(got.system_ram[0].base == c[i].first.base && got.system_ram[0].size == c[i].first.size);
        }
        assert_int_equal(root_facts_read_from("/nonexistent", &(struct root_facts){}, NULL), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_check_board_refuses_what_would_panic),
                cmocka_unit_test(test_check_board_without_root),
                cmocka_unit_test(test_check_board_joins_neighbouring_memory),
                cmocka_unit_test(test_check_board_wants_a_gic),
                cmocka_unit_test(test_zone_conflict_names_what_is_claimed_twice),
                cmocka_unit_test(test_zone_conflict_lets_images_be_read_by_many),
                cmocka_unit_test(test_root_facts_from_iomem),
        };

        return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
