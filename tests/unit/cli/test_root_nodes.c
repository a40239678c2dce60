/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../config/common.h"
#include "cli/root_nodes.h"

#define ZONE_AT(memory) "[Zone]\nId=1\nCPUs=2\nKernel=/k\nKernelAddress=" memory "\nEntryPoint=" memory "\n"

static const char *const zones[] = {
        ZONE_AT("0x60000000") "[Memory b]\nPhysicalAddress=0x60000000\nSize=256M\n",
        ZONE_AT("0x50000000") "[Memory a]\nPhysicalAddress=0x50000000\nSize=256M\n"
                              "[Memory far]\nPhysicalAddress=0x100000000\nSize=1G\n",
        ZONE_AT("0x50000000") "[Memory again]\nPhysicalAddress=0x50000000\nSize=16M\n",
};

static struct root_nodes *all_zones(void) {
        struct root_nodes *n = root_nodes_new();

        for (size_t i = 0; i < ELEMENTSOF(zones); i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", zones[i]);

                assert_int_equal(root_nodes_add(n, z), 0);
        }
        return n;
}

static void test_root_nodes_are_as_few_as_can_be(void **state _unused_) {
        _cleanup_(root_nodes_freep) struct root_nodes *n = all_zones();
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(good_board);
        struct root_tree tree = { .known = true, .wakeup_interrupt = 64 };
        _cleanup_free_ char *text = NULL, *lacking = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_true(root_nodes_write(n, b, &tree, f));
        fclose(f);
        f = open_memstream(&lacking, &size);
        assert_false(root_nodes_write(n, NULL, &(struct root_tree){ .known = true }, f));
        fclose(f);
        assert_null(strstr(lacking, "interrupts = <"));
        assert_string_equal(text, "/ {\n"
                                  "\treserved-memory {\n"
                                  "\t\t#address-cells = <2>;\n"
                                  "\t\t#size-cells = <2>;\n"
                                  "\t\tranges;\n"
                                  "\n"
                                  "\t\tzones@50000000 {\n"
                                  "\t\t\tno-map;\n"
                                  "\t\t\treg = <0x0 0x50000000 0x0 0x20000000>;\n"
                                  "\t\t};\n"
                                  "\n"
                                  "\t\tzones@100000000 {\n"
                                  "\t\t\tno-map;\n"
                                  "\t\t\treg = <0x1 0x0 0x0 0x40000000>;\n"
                                  "\t\t};\n"
                                  "\t};\n"
                                  "\n"
                                  "\thvisor_virtio_device {\n"
                                  "\t\tcompatible = \"hvisor\";\n"
                                  "\t\tinterrupts = <0x0 0x20 0x1>;\n"
                                  "\t};\n"
                                  "};\n");
}

static void test_root_nodes_that_are_missing_are_named(void **state _unused_) {
        static const struct {
                struct root_tree tree;
                const char *want;
                size_t lacks;
        } c[] = {
                { { .hvisor = "/hvisor_device",
                    .wakeup_interrupt = 64,
                    .num_reserved = 2,
                    .reserved = { { "/a", { 0x50000000, 0x30000000 } }, { "/b", { 0x100000000, 0x40000000 } } } },
                  "",
                  0 },
                { { .hvisor = "/hvisor_device",
                    .wakeup_interrupt = 65,
                    .num_reserved = 1,
                    .reserved = { { "/a", { 0x50000000, 0x18000000 } } } },
                  "0x68000000+0x8000000 of zones@50000000 is not reserved (no-map)\n"
                  "0x100000000+0x40000000 of zones@100000000 is not reserved (no-map)\n"
                  "/hvisor_device has interrupt 65, the board 64\n",
                  3 },
                { { .num_reserved = 1, .reserved = { { "/a", { 0x40000000, 0x100000000 } } } },
                  "no node is compatible with \"hvisor\"\n",
                  1 },
        };
        _cleanup_(root_nodes_freep) struct root_nodes *n = all_zones();
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(good_board);

        b->wakeup_interrupt = 64;
        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *text = NULL;
                size_t size;
                FILE *f = open_memstream(&text, &size);

                assert_int_equal(root_nodes_compare(n, b, &c[i].tree, f), c[i].lacks);
                fclose(f);
                assert_string_equal(text, c[i].want);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_root_nodes_are_as_few_as_can_be),
                cmocka_unit_test(test_root_nodes_that_are_missing_are_named),
        };

        return cmocka_run_group_tests_name("root_nodes", tests, NULL, NULL);
}
