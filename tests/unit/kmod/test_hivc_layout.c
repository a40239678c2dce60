/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hivc_layout.h"

#define TABLE  0xd0000000UL
#define MEMORY 0xd0001000UL

/* Three peers, of which this is the second: 2 pages of all, 3 of each. */
static const struct hivc_layout good = {
        .table = TABLE,
        .memory = MEMORY,
        .info = { .id = 7, .peer = 1, .max_peers = 3, .interrupt = 66, .rw_size = 0x2000, .out_size = 0x3000 },
};

static void test_hivc_layout_accepts_what_the_hypervisor_can_give(void **state) {
        struct hivc_layout l = good;

        (void) state;
        assert_null(hivc_layout_problem(&l));
        assert_int_equal(hivc_layout_size(&l), 0xb000);
        l.info.rw_size = 0;
        assert_null(hivc_layout_problem(&l));
        l.info.rw_size = 0x1000, l.info.out_size = 0;
        assert_null(hivc_layout_problem(&l));
}

static void test_hivc_layout_refuses_sizes_that_do_not_fit(void **state) {
        enum { TABLE_AT, MEMORY_AT, PEER, PEERS, INTERRUPT, RW, OUT };
        static const struct {
                int field;
                uint64_t value;
        } c[] = {
                { TABLE_AT, TABLE + 8 },
                { TABLE_AT, UINT64_MAX - 0xfff },
                { TABLE_AT, MEMORY + 0xa000 }, /* the memory's last page */
                { MEMORY_AT, MEMORY + 0x800 },
                { MEMORY_AT, (1UL << 48) - 0xa000 }, /* the last page is one too many */
                { MEMORY_AT, UINT64_MAX - 0xfff },
                { PEER, 3 },
                { PEER, UINT32_MAX },
                { PEERS, 0 },
                { PEERS, UINT32_MAX }, /* with large sections: beyond all addresses */
                { INTERRUPT, 0 },
                { INTERRUPT, 31 },
                { INTERRUPT, 1020 },
                { RW, 0x2001 },
                { OUT, 0xfff },
        };

        (void) state;
        for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
                struct hivc_layout l = good;

                switch (c[i].field) {
                case TABLE_AT:
                        l.table = c[i].value;
                        break;
                case MEMORY_AT:
                        l.memory = c[i].value;
                        break;
                case PEER:
                        l.info.peer = (uint32_t) c[i].value;
                        break;
                case PEERS:
                        l.info.max_peers = (uint32_t) c[i].value;
                        l.info.out_size = 0xfffff000;
                        break;
                case INTERRUPT:
                        l.info.interrupt = (uint32_t) c[i].value;
                        break;
                case RW:
                        l.info.rw_size = (uint32_t) c[i].value;
                        break;
                case OUT:
                        l.info.out_size = (uint32_t) c[i].value;
                        break;
                }
                assert_non_null(hivc_layout_problem(&l));
        }
}

static void test_hivc_layout_has_something_to_share(void **state) {
        struct hivc_layout l = good;

        (void) state;
        l.info.rw_size = l.info.out_size = 0;
        assert_non_null(hivc_layout_problem(&l));
}

/* offset, size: as in mmap(). The sections begin at 0x1000, 0x3000 (peer 0), 0x6000 (this one), 0x9000; the end is 0xc000. */
static void test_hivc_layout_finds_no_byte_that_is_not_the_channels(void **state) {
        static const struct {
                uint64_t offset, size;
                enum { NOWHERE, READABLE, WRITABLE } what;
                uint64_t address;
        } c[] = {
                { 0, 0x1000, WRITABLE, TABLE },
                { 0, 0x2000, NOWHERE, 0 },
                { 0, 0, NOWHERE, 0 },
                { 0x1000, 0, NOWHERE, 0 },
                { 0x1000, 0x2000, WRITABLE, MEMORY },
                { 0x1000, 0x3000, READABLE, MEMORY },
                { 0x2000, 0x1000, WRITABLE, MEMORY + 0x1000 },
                { 0x3000, 0x3000, READABLE, MEMORY + 0x2000 },
                { 0x5000, 0x2000, READABLE, MEMORY + 0x4000 },
                { 0x6000, 0x3000, WRITABLE, MEMORY + 0x5000 },
                { 0x8000, 0x1000, WRITABLE, MEMORY + 0x7000 },
                { 0x8000, 0x2000, READABLE, MEMORY + 0x7000 },
                { 0x9000, 0x3000, READABLE, MEMORY + 0x8000 },
                { 0x1000, 0xb000, READABLE, MEMORY },
                { 0x1000, 0xc000, NOWHERE, 0 },
                { 0xc000, 0x1000, NOWHERE, 0 },
                { 0xb000, 0x2000, NOWHERE, 0 },
                { 0xb000, UINT64_MAX - 0xafff, NOWHERE, 0 },
                { UINT64_MAX - 0xfff, 0x1000, NOWHERE, 0 },
        };

        (void) state;
        for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
                struct hivc_range range = { 0 };
                bool found = hivc_layout_find(&good, c[i].offset, c[i].size, &range);

                assert_int_equal(found, c[i].what != NOWHERE);
                assert_int_equal(range.is_writable, c[i].what == WRITABLE);
                assert_int_equal(range.is_table, found && c[i].offset == 0);
                assert_int_equal(range.address, c[i].address);
        }
}

/* The first peer's own section lies right behind that of all. */
static void test_hivc_layout_lets_peer_0_write_both_at_once(void **state) {
        struct hivc_layout l = good;
        struct hivc_range range;

        (void) state;
        l.info.peer = 0;
        assert_true(hivc_layout_find(&l, 0x1000, 0x5000, &range) && range.is_writable);
        assert_true(hivc_layout_find(&l, 0x1000, 0x6000, &range) && !range.is_writable);
        assert_true(hivc_layout_find(&l, 0x3000, 0x3000, &range) && range.is_writable);
        assert_true(hivc_layout_find(&l, 0x6000, 0x3000, &range) && !range.is_writable);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hivc_layout_accepts_what_the_hypervisor_can_give),
                cmocka_unit_test(test_hivc_layout_refuses_sizes_that_do_not_fit),
                cmocka_unit_test(test_hivc_layout_has_something_to_share),
                cmocka_unit_test(test_hivc_layout_finds_no_byte_that_is_not_the_channels),
                cmocka_unit_test(test_hivc_layout_lets_peer_0_write_both_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
