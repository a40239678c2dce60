/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device trees as directories, as /proc/device-tree shows them: what is found there, and what is not believed. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/fd.h"
#include "config/common.h"
#include "check/root_tree.h"

static char directory[] = "/tmp/hvisor-tree-XXXXXX";

static int set_up(void **state _unused_) {
        return mkdtemp(directory) ? 0 : -1;
}

static void empty(void) {
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s && mkdir %s", directory, directory);
        assert_int_equal(system(command), 0);
}

static int tear_down(void **state _unused_) {
        empty();
        return rmdir(directory);
}

static void put(const char *path, const void *bytes, size_t size) {
        char whole[512];

        snprintf(whole, sizeof(whole), "%s%s", directory, path);
        assert_int_equal(mkdir_parents(whole), 0);
        assert_int_equal(file_write_atomic(whole, bytes, size), 0);
}

/* A property of cells, "0x1 0x2", or of strings, "arm,gic-v3". */
static void property(const char *path, const char *value) {
        uint32_t cells[64];
        size_t n = 0;

        if (value[0] != '0') {
                put(path, value, value[0] ? strlen(value) + 1 : 0);
                return;
        }
        for (char *at = (char *) value; *at && n < ELEMENTSOF(cells); n++)
                cells[n] = htobe32((uint32_t) strtoul(at, &at, 16));
        put(path, cells, n * sizeof(*cells));
}

struct row {
        const char *path, *value;
};

#define ROWS_MAX 24

static void make_tree(const struct row rows[ROWS_MAX]) {
        empty();
        for (size_t i = 0; i < ROWS_MAX && rows[i].path; i++)
                property(rows[i].path, rows[i].value);
}

/* What was found, as one text. */
static char *read_text(void) {
        struct root_tree t = {};
        struct err e = {};
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_int_equal(root_tree_read(directory, &t, &e), 0);
        assert_true(t.known);
        fprintf(f, "%s", controller_kind_to_string(t.controller.kind));
        for (size_t i = 0; i < t.controller.num_registers; i++)
                fprintf(f, " %" PRIx64 "+%" PRIx64, t.controller.registers[i].base, t.controller.registers[i].size);
        fprintf(f, " %s|", t.controller.path);
        for (size_t i = 0; i < t.num_reserved; i++)
                fprintf(f, "%" PRIx64 "+%" PRIx64 " ", t.reserved[i].range.base, t.reserved[i].range.size);
        fprintf(f, "|%s %" PRIu32, t.hvisor, t.wakeup_interrupt);
        fclose(f);
        return text;
}

#define WIDE                                                                                                           \
        { "/#address-cells", "0x2" }, {                                                                                \
                "/#size-cells", "0x2"                                                                                  \
        }

static void test_root_tree_finds_the_board(void **state _unused_) {
        static const struct {
                struct row rows[ROWS_MAX];
                const char *want;
        } c[] = {
                { { WIDE }, "none || 0" },
                { { WIDE,
                    { "/intc@8000000/compatible", "arm,gic-v3" },
                    { "/intc@8000000/reg", "0x0 0x8000000 0x0 0x10000 0x0 0x80a0000 0x0 0xf60000" },
                    { "/reserved-memory/#address-cells", "0x2" },
                    { "/reserved-memory/#size-cells", "0x2" },
                    { "/reserved-memory/ranges", "" },
                    { "/reserved-memory/zones/no-map", "" },
                    { "/reserved-memory/zones/reg", "0x0 0x50000000 0x0 0x30000000 0x1 0x0 0x0 0x1000" },
                    { "/reserved-memory/cma/reg", "0x0 0x90000000 0x0 0x30000000" },
                    { "/hvisor_virtio_device/compatible", "hvisor" },
                    { "/hvisor_virtio_device/interrupts", "0x0 0x20 0x1" } },
                  "GICv3 8000000+10000 80a0000+f60000 /intc@8000000|50000000+30000000 100000000+1000 "
                  "|/hvisor_virtio_device 64" },
                /* Behind a bus of its own numbers; a node of an older name; a private interrupt. */
                { { WIDE,
                    { "/soc/#address-cells", "0x1" },
                    { "/soc/#size-cells", "0x1" },
                    { "/soc/ranges", "0x0 0x1 0x30000000 0x1000000" },
                    { "/soc/gic/compatible", "arm,gic-400" },
                    { "/soc/gic/reg", "0x1000 0x1000 0x2000 0x2000" },
                    { "/hvisor_ivc_device/compatible", "hvisor" },
                    { "/hvisor_ivc_device/interrupts", "0x0 0x21 0x1" },
                    { "/hvisor_device/compatible", "hvisor" },
                    { "/hvisor_device/interrupts", "0x1 0x5 0x4" } },
                  "GICv2 130001000+1000 130002000+2000 /soc/gic||/hvisor_device 21" },
                /* Where a bus leads to nothing there are no registers; one that is disabled is none. */
                { { WIDE,
                    { "/first/compatible", "arm,gic-v3" },
                    { "/first/status", "disabled" },
                    { "/soc/gic/compatible", "arm,gic-v3" },
                    { "/soc/gic/reg", "0x0 0x1000 0x1000" } },
                  "GICv3 /soc/gic|| 0" },
                { { WIDE,
                    { "/soc/#address-cells", "0x2" },
                    { "/soc/#size-cells", "0x2" },
                    { "/soc/ranges", "" },
                    { "/soc/plic/compatible", "riscv,plic0" },
                    { "/soc/plic/reg", "0x0 0xc000000 0x0 0x4000000" },
                    { "/hv/compatible", "hvisor" },
                    { "/hv/interrupts", "0x20" } },
                  "PLIC c000000+4000000 /soc/plic||/hv 32" },
                { { WIDE,
                    { "/aplic/compatible", "riscv,aplic" },
                    { "/aplic/reg", "0x0 0xd000000 0x0 0x8000" },
                    { "/hv/compatible", "hvisor" },
                    { "/hv/interrupts-extended", "0x8 0x20 0x4" } },
                  "APLIC d000000+8000 /aplic||/hv 32" },
                /* Cells that end early, numbers that do not fit, ranges that wrap. */
                { { { "/#address-cells", "0x3" },
                    { "/#size-cells", "0x2" },
                    { "/gic/compatible", "arm,gic-v3" },
                    { "/gic/reg", "0x1 0x0 0x0 0x0 0x1000" },
                    { "/hv/compatible", "hvisor" },
                    { "/hv/interrupts", "" } },
                  "GICv3 /gic||/hv 0" },
                { { WIDE,
                    { "/gic/compatible", "arm,gic-v3" },
                    { "/gic/reg", "0xffffffff 0xfffff000 0x0 0x2000 0x0 0x1000 0x0" } },
                  "GICv3 /gic|| 0" },
                { { { "/#address-cells", "0xffffffff" },
                    { "/gic/compatible", "arm,gic-v3" },
                    { "/gic/reg", "0x1 0x2 0x3" } },
                  "GICv3 /gic|| 0" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *got = NULL;

                make_tree(c[i].rows);
                got = read_text();
                assert_string_equal(got, c[i].want);
        }
}

static void test_root_tree_that_is_not_there(void **state _unused_) {
        struct root_tree t = { .known = true };
        struct err e = {};

        assert_int_equal(root_tree_read("/nonexistent", &t, &e), 0);
        assert_false(t.known);
        assert_int_equal(root_tree_read("/dev/null", &t, &e), -ENOTDIR);
}

static void test_root_tree_has_limits(void **state _unused_) {
        struct root_tree t = {};
        struct err e = {};
        char path[256] = "";

        empty();
        for (int i = 0; i < 20; i++)
                strcat(path, "/n");
        strcat(path, "/x");
        property(path, "0x1");
        assert_int_equal(root_tree_read(directory, &t, &e), -E2BIG);
        assert_false(t.known);

        empty();
        property("/reserved-memory/ranges", "");
        for (int i = 0; i <= ROOT_RESERVED_MAX; i++) {
                snprintf(path, sizeof(path), "/reserved-memory/z%d/no-map", i);
                property(path, "");
                snprintf(path, sizeof(path), "/reserved-memory/z%d/reg", i);
                property(path, "0x0 0x1000 0x1000");
        }
        assert_int_equal(root_tree_read(directory, &t, &e), -E2BIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_root_tree_finds_the_board),
                cmocka_unit_test(test_root_tree_that_is_not_there),
                cmocka_unit_test(test_root_tree_has_limits),
        };

        return cmocka_run_group_tests_name("root_tree", tests, set_up, tear_down);
}
