/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Differences between a board's file and what root Linux sees, word for word. */
#include <inttypes.h>

#include "config/common.h"
#include "check/board_check.h"

/* The board of good_board, with half of its memory reserved for zones. */
static struct board_view good_view(void) {
        return (struct board_view){
                .root = { .known = true, .cpus = 0x3, .system_ram = { { 0x80000000, 0x40000000 } }, .num_system_ram = 1 },
                .online = 2,
                .tree = {
                        .known = true,
                        .controller = { .kind = CONTROLLER_GICV3, .path = "/intc@8000000",
                                        .registers = { { 0x8000000, 0x10000 }, { 0x80a0000, 0xf60000 } },
                                        .num_registers = 2 },
                        .reserved = { { "/reserved-memory/zones", { 0x50000000, 0x30000000 } } },
                        .num_reserved = 1,
                        .hvisor = "/hvisor_virtio_device",
                        .wakeup_interrupt = 64,
                },
        };
}

static void no_change(struct board_view *v _unused_) {
}
static void cpu_outside(struct board_view *v) {
        v->root.cpus = 0x21;
}
static void all_cpus(struct board_view *v) {
        v->root.cpus = 0xf;
        v->online = 4;
}
static void fewer_online(struct board_view *v) {
        v->online = 1;
}
static void unknown_cpus(struct board_view *v) {
        v->root.cpus = 0;
}
static void unknown_many(struct board_view *v) {
        v->root.cpus = 0;
        v->online = 8;
}
static void ram_beyond(struct board_view *v) {
        v->root.system_ram[0].size = 0x80000000;
}
static void ram_elsewhere(struct board_view *v) {
        v->root.system_ram[v->root.num_system_ram++] = (struct range){ 0x40000000, 0x1000000 };
}
static void no_room(struct board_view *v) {
        v->root.system_ram[0] = (struct range){ 0x50000000, 0x70000000 };
}
static void reserved_beyond(struct board_view *v) {
        v->tree.reserved[0].range.base = 0x4f000000;
}
static void gic_moved(struct board_view *v) {
        v->tree.controller.registers[0].base = 0x9000000;
        v->tree.controller.registers[1].size = 0x40000;
}
static void gic_old(struct board_view *v) {
        v->tree.controller.kind = CONTROLLER_GICV2;
}
static void gic_none(struct board_view *v) {
        v->tree.controller = (struct root_controller){};
}
static void node_none(struct board_view *v) {
        v->tree.hvisor[0] = '\0';
}
static void node_silent(struct board_view *v) {
        v->tree.wakeup_interrupt = 0;
}
static void node_other(struct board_view *v) {
        v->tree.wakeup_interrupt = 65;
}
static void no_tree(struct board_view *v) {
        v->tree = (struct root_tree){};
}
static void not_root(struct board_view *v) {
        v->root.known = false;
        v->root.num_system_ram = 0;
}

static const struct {
        void (*change)(struct board_view *v);
        size_t differences;
        const char *want;
} rows[] = {
        { no_change, 0, "" },
        { ram_elsewhere, 0, "" },
        { cpu_outside, 1, "board.conf:2:6: warning: CPUs=: 0-3, but root Linux runs on CPU 5\n" },
        { all_cpus, 1,
          "board.conf:2:6: warning: CPUs=: 0-3, and root Linux runs on all of them: none is left for a zone\n" },
        { fewer_online, 1,
          "board.conf: warning: root Linux has 1 CPUs online, but the hypervisor has given it CPU 0-1\n" },
        { unknown_cpus, 0, "board.conf: note: CPUs=: which of 0-3 are root Linux's only hvisor.ko can tell\n" },
        { unknown_many, 1,
          "board.conf: note: CPUs=: which of 0-3 are root Linux's only hvisor.ko can tell\n"
          "board.conf:2:6: warning: CPUs=: 0-3, but root Linux alone has 8 CPUs online\n" },
        { ram_beyond, 1,
          "board.conf:3:8: warning: Memory=: has 0x40000000 bytes of 0x80000000+0x80000000, but all of it is root "
          "Linux's "
          "System RAM (/proc/iomem)\n" },
        { no_room, 1,
          "board.conf:3:8: warning: Memory=: all of it is root Linux's System RAM: none is left for a zone; reserve "
          "some in "
          "root's device tree (no-map)\n" },
        { reserved_beyond, 1,
          "board.conf:3:8: warning: Memory=: has 0x2f000000 bytes of 0x4f000000+0x30000000, but all of it is reserved "
          "by "
          "/reserved-memory/zones\n" },
        { gic_moved, 2,
          "board.conf:7:20: warning: DistributorAddress=: 0x8000000, but in root Linux's device tree 0x9000000 "
          "(/intc@8000000)\n"
          "board.conf:10:19: warning: RedistributorSize=: 0xf60000, but in root Linux's device tree 0x40000 "
          "(/intc@8000000)\n" },
        { gic_old, 1,
          "board.conf:6:9: warning: [GIC]: version 3, but root Linux's device tree has a GICv2 (/intc@8000000)\n" },
        { gic_none, 1, "board.conf:6:9: warning: [GIC]: version 3, but root Linux's device tree has no GIC\n" },
        { node_none, 1,
          "board.conf: warning: root Linux's device tree has no node compatible with \"hvisor\": hvisor.ko does not "
          "load "
          "without\n" },
        { node_silent, 1,
          "board.conf: warning: /hvisor_virtio_device of root Linux's device tree has no interrupt: hvisor.ko does not "
          "load "
          "without\n" },
        { node_other, 1,
          "board.conf:4:17: warning: WakeupInterrupt=: 64, but /hvisor_virtio_device of root Linux's device tree has "
          "65\n" },
        { no_tree, 0,
          "board.conf: note: root Linux has no device tree: interrupt controller and wake-up interrupt not "
          "compared\n" },
        { not_root, 0, "board.conf: note: Memory=: /proc/iomem tells root Linux's RAM to root only: not compared\n" },
};

static void test_board_check_names_both_sides(void **state _unused_) {
        _cleanup_free_ char *text = NULL;
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;

        assert_true(asprintf(&text, "[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\nWakeupInterrupt=64\n%s",
                             strstr(good_board, "[GIC]")) > 0);
        b = parse_good_board(text);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                struct board_view v = good_view();
                _cleanup_free_ char *got = NULL;

                rows[i].change(&v);
                assert_int_equal(board_check_root(b, &v, &d), rows[i].differences);
                got = diagnostics_text(&d);
                assert_string_equal(got, rows[i].want);
        }
}

static void test_board_check_without_what_it_could_compare(void **state _unused_) {
        _cleanup_(board_spec_freep) struct board_spec *b =
                parse_good_board("[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n");
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        struct board_view v = good_view();
        _cleanup_free_ char *got = NULL;

        assert_int_equal(board_check_root(b, &v, &d), 1);
        got = diagnostics_text(&d);
        assert_string_equal(
                got, "board.conf: warning: no [GIC], but root Linux's device tree has a GICv3 (/intc@8000000)\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_board_check_names_both_sides),
                cmocka_unit_test(test_board_check_without_what_it_could_compare),
        };

        return cmocka_run_group_tests_name("board_check", tests, NULL, NULL);
}
