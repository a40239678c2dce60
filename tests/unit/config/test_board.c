/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boards by name: what comes from where, and that all shipped descriptions are right. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "common.h"
#include "config/board_description.h"
#include "check/check.h"

#define SHIPPED "zones.d/boards"

static char directory[] = "/tmp/hvisor-boards-XXXXXX";

/* Of the test's own directory. */
static void write_description(const char *name, const char *text) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s.conf", directory, name);
        assert_int_equal(file_write_atomic(path, text, strlen(text)), 0);
}

static int set_up(void **state _unused_) {
        return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state _unused_) {
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s", directory);
        return system(command);
}

static int parse(const char *text, struct diagnostics *d, struct board_spec **ret) {
        return board_spec_parse("board.conf", text, strlen(text), d, ret);
}

static void test_board_takes_what_it_does_not_give(void **state _unused_) {
        static const struct {
                const char *text;
                uint64_t cpus, base, size, redistributor_size;
                uint32_t max_zone_id, wakeup;
        } c[] = {
                { "[Board]\nBoard=qemu-gicv3\n", 0xf, 0x50000000, 0x70000000, 0xf60000, 3, 64 },
                { "[Board]\nBoard=qemu-gicv3\nCPUs=0-1\n", 0x3, 0x50000000, 0x70000000, 0xf60000, 3, 64 },
                { "[Board]\nCPUs=0-7\nBoard=qemu-gicv3\nMemory=0x50000000+1G\nMaxZoneId=7\nWakeupInterrupt=65\n", 0xff,
                  0x50000000, 1 << 30, 0xf60000, 7, 65 },
                { "[Board]\nBoard=qemu-gicv3\n[GIC]\nRedistributorSize=0x100000\n", 0xf, 0x50000000, 0x70000000,
                  0x100000, 3, 64 },
                { "[GIC]\nRedistributorSize=0x100000\n[Board]\nBoard=qemu-gicv3\n", 0xf, 0x50000000, 0x70000000,
                  0x100000, 3, 64 },
        };

        setenv("HVISOR_BOARDS", SHIPPED, 1);
        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(c[i].text);

                assert_int_equal(b->cpus, c[i].cpus);
                assert_int_equal(b->num_memory, 1);
                assert_int_equal(b->memory[0].base, c[i].base);
                assert_int_equal(b->memory[0].size, c[i].size);
                assert_int_equal(b->max_zone_id, c[i].max_zone_id);
                assert_int_equal(b->wakeup_interrupt, c[i].wakeup);
                assert_int_equal(b->gic.version, 3);
                assert_int_equal(b->gic.redistributor, 0x80a0000);
                assert_int_equal(b->gic.redistributor_size, c[i].redistributor_size);
        }
}

/* An interrupt controller of another version stands alone. */
static void test_board_with_another_gic_takes_nothing_of_the_described_one(void **state _unused_) {
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;

        setenv("HVISOR_BOARDS", SHIPPED, 1);
        b = parse_good_board("[Board]\nBoard=qemu-gicv3\n[GIC]\nVersion=2\nDistributorAddress=0x8000000\n"
                             "DistributorSize=0x10000\nCPUInterfaceAddress=0x8010000\nCPUInterfaceSize=0x10000\n"
                             "HypervisorAddress=0x8030000\nHypervisorSize=0x10000\nVirtualCPUAddress=0x8040000\n"
                             "VirtualCPUSize=0x10000\n");
        assert_int_equal(b->gic.version, 2);
        assert_int_equal(b->gic.redistributor_size, 0);
        assert_null(board_origin(b, &b->gic, "RedistributorSize").path);
        assert_int_equal(b->num_memory, 1);
}

static void test_board_knows_where_it_has_each_key_from(void **state _unused_) {
        static const char text[] = "[Board]\nBoard=own\nMaxZoneId=5\n[GIC]\nRedistributorSize=0x100000\n";
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;
        struct board_origin o;

        setenv("HVISOR_BOARDS", directory, 1);
        write_description("own", good_board);
        b = parse_good_board(text);
        o = board_origin(b, b, "MaxZoneId");
        assert_string_equal(o.path, "board.conf");
        assert_int_equal(o.spot.line, 3);
        o = board_origin(b, b, "Memory");
        assert_string_equal(o.path, b->description_path);
        assert_int_equal(o.spot.line, 3);
        o = board_origin(b, &b->gic, "RedistributorSize");
        assert_string_equal(o.path, "board.conf");
        assert_int_equal(o.spot.line, 5);
        o = board_origin(b, &b->gic, "DistributorSize");
        assert_string_equal(o.path, b->description_path);
        assert_int_equal(o.spot.line, 7);
        assert_null(board_origin(b, b, "WakeupInterrupt").path);
}

static void test_board_says_what_is_wrong(void **state _unused_) {
        static const struct {
                const char *text, *want; /* %1$s: the directory */
        } c[] = {
                { "[Board]\nBoard=bord\n",
                  "board.conf:2:7: error: no board \"bord\" is described; did you mean \"board\"? "
                  "There are bad, based, board\n"
                  "    2 | Board=bord\n"
                  "      |       ^~~~\n" },
                { "[Board]\nBoard=imx8mp\n",
                  "board.conf:2:7: error: no board \"imx8mp\" is described; there are bad, based, board\n"
                  "    2 | Board=imx8mp\n"
                  "      |       ^~~~~~\n" },
                { "[Board]\nBoard=../etc\n", "board.conf:2:7: error: Board=: \"../etc\" is not a name: 1 to 31 of A-Z "
                                             "a-z 0-9 . _ -, no dot first\n"
                                             "    2 | Board=../etc\n"
                                             "      |       ^~~~~~\n" },
                { "[Board]\nBoard=bad\n", "%1$s/bad.conf:1:1: error: [Board] has no Memory=\n"
                                          "    1 | [Board]\n"
                                          "      | ^~~~~~~\n"
                                          "%1$s/bad.conf:2:6: error: CPUs=: \"x\" is not a valid CPU\n"
                                          "    2 | CPUs=x\n"
                                          "      |      ^\n"
                                          "board.conf:2:7: error: %1$s/bad.conf, which it names, is not right\n"
                                          "    2 | Board=bad\n"
                                          "      |       ^~~\n" },
                { "[Board]\nBoard=based\n",
                  "%1$s/based.conf:2:7: error: a description stands alone: it cannot be based on another one\n"
                  "    2 | Board=board\n"
                  "      |       ^~~~~\n"
                  "board.conf:2:7: error: %1$s/based.conf, which it names, is not right\n"
                  "    2 | Board=based\n"
                  "      |       ^~~~~\n" },
                { "[Board]\nBoard=board\nCPUs=x\n", "board.conf:3:6: error: CPUs=: \"x\" is not a valid CPU\n"
                                                    "    3 | CPUs=x\n"
                                                    "      |      ^\n" },
        };

        setenv("HVISOR_BOARDS", directory, 1);
        write_description("board", good_board);
        write_description("bad", "[Board]\nCPUs=x\n");
        write_description("based", "[Board]\nBoard=board\nCPUs=0\nMemory=0x50000000+1G\n");
        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                _cleanup_(board_spec_freep) struct board_spec *b = NULL;
                _cleanup_free_ char *got = NULL, *want = NULL;

                assert_int_equal(parse(c[i].text, &d, &b), -EBADMSG);
                got = diagnostics_text(&d);
                assert_true(asprintf(&want, c[i].want, directory) > 0);
                assert_string_equal(got, want);
        }
}

static void test_board_without_any_description(void **state _unused_) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        struct board_spec *b = NULL;
        char first[256];

        setenv("HVISOR_BOARDS", "/nonexistent", 1);
        assert_int_equal(parse("[Board]\nBoard=imx8mp\n", &d, &b), -EBADMSG);
        diagnostics_first_error(&d, first, sizeof(first));
        assert_string_equal(first,
                            "board.conf:2:7: no board \"imx8mp\" is described, nor any other; give CPUs=, Memory= "
                            "and [GIC] yourself");
}

static void test_board_sees_that_its_description_changed(void **state _unused_) {
        _cleanup_free_ char *changed = NULL;
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;

        setenv("HVISOR_BOARDS", directory, 1);
        write_description("changing", good_board);
        b = parse_good_board("[Board]\nBoard=changing\n");
        assert_true(board_description_is_current(b));
        assert_true(asprintf(&changed, "%s# another\n", good_board) > 0);
        write_description("changing", changed);
        assert_false(board_description_is_current(b));
        write_description("changing", good_board);
        assert_true(board_description_is_current(b));
        setenv("HVISOR_BOARDS", "/nonexistent", 1);
        assert_false(board_description_is_current(b));
}

/* Each stands alone and is whole. */
static void test_shipped_descriptions_are_right(void **state _unused_) {
        _cleanup_(board_names_clear) struct board_names boards = {};

        setenv("HVISOR_BOARDS", SHIPPED, 1);
        assert_int_equal(board_names_read(&boards), 0);
        assert_int_equal(boards.count, 18);
        for (size_t i = 0; i < boards.count; i++) {
                _cleanup_(board_spec_freep) struct board_spec *b = NULL;
                char text[64];

                snprintf(text, sizeof(text), "[Board]\nBoard=%s\n", boards.names[i]);
                b = parse_good_board(text);
                assert_string_equal(b->description_path, boards.paths[i]);
                assert_true(b->cpus & 1);
                assert_true(b->num_memory > 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_board_takes_what_it_does_not_give),
                cmocka_unit_test(test_board_says_what_is_wrong),
                cmocka_unit_test(test_board_with_another_gic_takes_nothing_of_the_described_one),
                cmocka_unit_test(test_board_knows_where_it_has_each_key_from),
                cmocka_unit_test(test_board_without_any_description),
                cmocka_unit_test(test_board_sees_that_its_description_changed),
                cmocka_unit_test(test_shipped_descriptions_are_right),
        };

        return cmocka_run_group_tests_name("board", tests, set_up, tear_down);
}
