/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/common.h"
#include "check/check.h"

static const struct root_facts root = {
        .known = true,
        .cpus = 0x3,
        .system_ram = { { 0x80000000, 0x40000000 } },
        .num_system_ram = 1,
        .interrupts = { [2] = 1 | 2 | 1 << 15 }, /* 64, 65, 79 */
};

#define IVC(table, memory, interrupt)                                                                                  \
        "[IVC a]\nId=7\nPeer=0\nControlTableAddress=" table "\nSharedMemoryAddress=" memory "\nOutputSize=4K\n"        \
        "Interrupt=" interrupt "\n[Block"

static void test_check_board_refuses_what_would_panic(void **state _unused_) {
        static const struct {
                const char *from, *to; /* in the good zone */
                const char *want;
        } c[] = {
                { "Id=1", "Id=1", "" },
                { "Id=1", "Id=3", "" },
                { "Id=1", "Id=4",
                  "x.conf:2:4: error: Id=: 4 is larger than 3; if your hypervisor takes more zones, say so "
                  "with "
                  "MaxZoneId= in board.conf\n" },
                { "CPUs=2-3", "CPUs=2-5", "x.conf:3:6: error: CPUs=: the board has no CPU 4-5, only 0-3\n" },
                { "CPUs=2-3", "CPUs=0-3", "x.conf:3:6: error: CPUs=: root Linux itself runs on CPU 0-1\n" },
                { "Size=768M", "Size=2G",
                  "x.conf:8:17: error: [Memory ram]: 0x50000000+0x80000000 is not all RAM of the board "
                  "(board.conf)\n"
                  "x.conf:8:17: error: [Memory ram]: root Linux itself uses 0x80000000+0x40000000; reserve the "
                  "zone's "
                  "RAM in root's device tree (no-map)\n" },
                { "Size=768M", "Size=769M",
                  "x.conf:8:17: error: [Memory ram]: root Linux itself uses 0x80000000+0x40000000; reserve the "
                  "zone's "
                  "RAM in root's device tree (no-map)\n" },
                { "Size=768M", "Size=768M\n[Memory low]\nPhysicalAddress=0x4ffff000\nGuestAddress=0\nSize=4K",
                  "x.conf:11:17: error: [Memory low]: 0x4ffff000+0x1000 is not all RAM of the board "
                  "(board.conf)\n" },
                { "Size=768M", "Size=768M\n[Memory odd]\nPhysicalAddress=0xbffff000\nGuestAddress=0x8001000\nSize=4K",
                  "x.conf:11:17: error: [Memory odd]: root Linux itself uses 0x80000000+0x40000000; reserve the "
                  "zone's "
                  "RAM in root's device tree (no-map)\n"
                  "x.conf:12:14: error: [Memory odd] overlaps the GIC in the guest\n" },
                { "[Block", "[IO uart]\nPhysicalAddress=0x9000000\nSize=4K\n[Block", "" },
                { "[Block", "[IO uart]\nPhysicalAddress=0x90000000\nGuestAddress=0x9000000\nSize=4K\n[Block",
                  "x.conf:11:17: error: [IO uart]: 0x90000000+0x1000 is RAM of the board; [IO] is for devices, RAM "
                  "belongs into [Memory]\n" },
                { "[Block", "[IO gic]\nPhysicalAddress=0x8000000\nGuestAddress=0x9000000\nSize=4K\n[Block",
                  "x.conf:11:17: error: [IO gic]: the interrupt controller cannot be passed through; Interrupts= of "
                  "[Zone] says which interrupts the zone gets\n" },
                { "[Block", "[IO uart]\nPhysicalAddress=0x9000000\nGuestAddress=0x8fff000\nSize=8K\n[Block",
                  "x.conf:12:14: error: [IO uart] overlaps the GIC in the guest\n" },
                { "[Block", IVC("0x80aa000", "0xd0001000", "66"),
                  "x.conf:13:21: error: [IVC a] overlaps the GIC in the guest\n" },
                { "[Block", IVC("0xd0000000", "0x8010000", "66"), "" },
                { "[Block", IVC("0xd0000000", "0x800f000", "66"),
                  "x.conf:14:21: error: [IVC a] overlaps the GIC in the guest\n" },
                { "[Block", IVC("0xd0000000", "0xd0001000", "79"),
                  "x.conf:16:11: error: root Linux itself uses interrupt 79, which would be switched off with the "
                  "zone\n" },
                { "Interrupt=78", "Interrupt=79",
                  "x.conf:13:11: error: root Linux itself uses interrupt 79, which would be switched off with the "
                  "zone\n" },
                { "[Memory", "Interrupts=60-75,79-1019\n[Memory",
                  "x.conf:7:12: error: root Linux itself uses interrupt 64-65,79, which would be switched off with the "
                  "zone\n" },
                { "[Memory", "Interrupts=60-65\n[Memory",
                  "x.conf:7:12: error: root Linux itself uses interrupt 64-65, which would be switched off with the "
                  "zone\n" },
                { "Address=0xa003800", "Address=0x80a0000",
                  "x.conf:15:9: error: device main overlaps the GIC in the guest\n" },
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

/* What is found when the text is gone is shown with its line all the same, if somebody still has the text. */
static void test_check_findings_can_be_quoted(void **state _unused_) {
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(good_board);
        _cleanup_free_ char *text = replaced(good_zone, "CPUs=2-3\n", "CPUs = 2-5\r\n"), *got = NULL;
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", text);
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        char summary[256];

        assert_int_equal(zone_check_board(z, b, NULL, &d), -EBADMSG);
        assert_int_equal(diagnostics_add(&d, SEVERITY_ERROR, "x.conf", 99, 1, 1, NULL, 0, "no such line"), 0);
        assert_int_equal(diagnostics_add(&d, SEVERITY_ERROR, "y.conf", 1, 1, 1, NULL, 0, "another file"), 0);
        diagnostics_quote(&d, "x.conf", NULL, 0);
        diagnostics_quote(&d, "x.conf", text, strlen(text));
        diagnostics_summary(&d, summary, sizeof(summary));
        assert_string_equal(summary, "x.conf:3:8: CPUs=: the board has no CPU 4-5, only 0-3 (and 2 more: hvisor check "
                                     "tells all)");
        got = diagnostics_text(&d);
        assert_string_equal(got, "x.conf:3:8: error: CPUs=: the board has no CPU 4-5, only 0-3\n"
                                 "    3 | CPUs = 2-5\n"
                                 "      |        ^~~\n"
                                 "x.conf:99:1: error: no such line\n"
                                 "y.conf:1:1: error: another file\n");
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
                assert_int_equal(root_facts_read_from(path, "/dev/null", &got, NULL), 0);
                unlink(path);
                assert_int_equal(got.known, c[i].known);
                assert_int_equal(got.num_system_ram, c[i].count);
                assert_true(got.system_ram[0].base == c[i].first.base && got.system_ram[0].size == c[i].first.size);
        }
        assert_int_equal(root_facts_read_from("/nonexistent", "/dev/null", &(struct root_facts){}, NULL), -ENOENT);
        assert_int_equal(root_facts_read_from("/dev/null", "/nonexistent", &(struct root_facts){}, NULL), -ENOENT);
}

static void test_root_facts_from_interrupts(void **state _unused_) {
        static const char iomem[] = "80000000-bfffffff : System RAM\n";
        static const char interrupts[] = "           CPU0       CPU1       \n"
                                         " 11:      12345      12346     GICv3  27 Level     arch_timer\n"
                                         " 13:         88          0     GICv3  33 Level     uart-pl011\n"
                                         " 14:       1234          0     GICv3  64 Edge      hvisor_virtio_device\n"
                                         " 15:          1          0     GIC-0  79 Edge      virtio0\n"
                                         " 16:          0          0   ITS-MSI 524288 Edge      xhci\n"
                                         " 17:          0          0     GICv3 4096 Level     too large\n"
                                         " 18:          0          0  gpio-GICv3  90 Level    none of the GIC's\n"
                                         "IPI0:         8          9       Rescheduling interrupts\n"
                                         "Err:          0\n";
        static const uint32_t want[INTERRUPTS_MAX / 32] = { [1] = 1 << 1, [2] = 1 | 1 << 15 };
        char iomem_path[64], interrupts_path[64];
        struct root_facts got = {};

        with_file(iomem, strlen(iomem), iomem_path);
        with_file(interrupts, strlen(interrupts), interrupts_path);
        assert_int_equal(root_facts_read_from(iomem_path, interrupts_path, &got, NULL), 0);
        unlink(iomem_path);
        unlink(interrupts_path);
        assert_memory_equal(got.interrupts, want, sizeof(want));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_check_board_refuses_what_would_panic),
                cmocka_unit_test(test_check_board_without_root),
                cmocka_unit_test(test_check_board_joins_neighbouring_memory),
                cmocka_unit_test(test_check_board_wants_a_gic),
                cmocka_unit_test(test_check_findings_can_be_quoted),
                cmocka_unit_test(test_root_facts_from_iomem),
                cmocka_unit_test(test_root_facts_from_interrupts),
        };

        return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
