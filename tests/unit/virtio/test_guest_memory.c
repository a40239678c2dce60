/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "virtio/guest_memory.h"

#define PAGE UINT64_C(4096)

static void test_guest_memory_translates_within_one_region_only(void **state) {
        static uint8_t low[0x2000], high[0x1000];
        static const struct {
                uint64_t gpa, len;
                int result;
                uint8_t *host;
        } rows[] = {
                { 0x10000, 1, 0, low },
                { 0x11fff, 1, 0, low + 0x1fff },
                { 0x10000, 0x2000, 0, low },
                { 0x10001, 0x2000, -EFAULT, NULL },
                { 0x12000, 1, -EFAULT, NULL },
                { 0xffff, 2, -EFAULT, NULL },
                { 0x20000, 0x1000, 0, high },
                { 0x11fff, 0x10000, -EFAULT, NULL },
                { 0x10000, UINT64_MAX, -EFAULT, NULL },
                { UINT64_MAX, 2, -EFAULT, NULL },
                { UINT64_MAX, UINT64_MAX, -EFAULT, NULL },
                { 0x10000, 0, -EINVAL, NULL },
                { 0, 1, -EFAULT, NULL },
        };
        struct guest_memory *m;

        (void) state;
        assert_int_equal(guest_memory_new(&m), 0);
        assert_int_equal(guest_memory_add(m, 0x10000, sizeof(low), low), 0);
        assert_int_equal(guest_memory_add(m, 0x20000, sizeof(high), high), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                void *p = &m; /* must stay untouched on error */

                assert_int_equal(guest_memory_translate(m, rows[i].gpa, rows[i].len, &p), rows[i].result);
                assert_ptr_equal(p, rows[i].result < 0 ? (void *) &m : rows[i].host);
        }
        guest_memory_free(m);
}

static void test_guest_memory_add_rejects_what_makes_no_sense(void **state) {
        static uint8_t ram[0x1000];
        struct guest_memory *m;

        (void) state;
        assert_int_equal(guest_memory_new(&m), 0);
        assert_int_equal(guest_memory_add(m, 0x1000, 0, ram), -EINVAL);
        assert_int_equal(guest_memory_add(m, UINT64_MAX - 10, 0x1000, ram), -EINVAL);
        assert_int_equal(guest_memory_add(m, 0x1000, 0x1000, ram), 0);
        assert_int_equal(guest_memory_add(m, 0x1fff, 1, ram), -EEXIST);
        assert_int_equal(guest_memory_add(m, 0, 0x1001, ram), -EEXIST);
        for (unsigned i = 1; i < GUEST_MEMORY_REGIONS_MAX; i++)
                assert_int_equal(guest_memory_add(m, 0x1000 + i * 0x2000, 0x1000, ram), 0);
        assert_int_equal(guest_memory_add(m, 0x900000, 0x1000, ram), -E2BIG);
        guest_memory_free(m);
}

/* A file stands for what RAM is mapped from. */
static int make_ram_file(uint64_t size) {
        int fd = memfd_create("ram", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t) size), 0);
        return fd;
}

static void test_guest_memory_map_joins_adjoining_pieces(void **state) {
        int fd = make_ram_file(16 * PAGE), other = make_ram_file(16 * PAGE);
        struct guest_memory_piece pieces[] = {
                { 8 * PAGE, PAGE, 8 * PAGE, fd, 0 },
                { 3 * PAGE, PAGE, 3 * PAGE, fd, 0 },
                { 2 * PAGE, PAGE, 2 * PAGE, fd, 0 },
                { 4 * PAGE, 2 * PAGE, 9 * PAGE, other, 0 },
        };
        struct guest_memory *m;
        void *p;

        (void) state;
        assert_int_equal(guest_memory_new(&m), 0);
        assert_int_equal(guest_memory_map(m, pieces, ELEMENTSOF(pieces)), 0);
        /* Across three pieces, through to the right places of two files. */
        assert_int_equal(guest_memory_translate(m, 2 * PAGE, 4 * PAGE, &p), 0);
        memset(p, 'x', 4 * PAGE);
        for (unsigned page = 0; page < 9; page++) {
                char c = 0;

                assert_int_equal(pread(fd, &c, 1, (off_t) ((page + 1) * PAGE - 1)), 1);
                assert_int_equal(c, page == 2 || page == 3 ? 'x' : 0);
                assert_int_equal(pread(other, &c, 1, (off_t) ((page + 3) * PAGE - 1)), 1);
                assert_int_equal(c, page == 7 || page == 8 ? 'x' : 0);
        }
        assert_int_equal(guest_memory_translate(m, 6 * PAGE, 1, &p), -EFAULT);
        assert_int_equal(guest_memory_translate(m, 8 * PAGE, PAGE, &p), 0);
        guest_memory_clear(m);
        assert_int_equal(guest_memory_translate(m, 8 * PAGE, PAGE, &p), -EFAULT);
        assert_int_equal(guest_memory_map(m, pieces, 1), 0); /* may be filled anew */
        guest_memory_free(m);
        close(fd);
        close(other);
}

/* Here as there: huge pages are mapped at multiples of their size alone. */
static void test_guest_memory_map_begins_where_huge_pages_can_be(void **state) {
        const uint64_t huge = 2 << 20, first = 5 * huge - PAGE;
        int fd = memfd_create("ram", MFD_CLOEXEC);
        struct guest_memory *m;

        (void) state;
        assert_int_equal(ftruncate(fd, (off_t) (huge + PAGE)), 0);
        assert_int_equal(guest_memory_new(&m), 0);
        for (int i = 0; i < 3; i++) {
                struct guest_memory_piece pieces[] = {
                        { first, PAGE, 0, fd, 0 },
                        { first + PAGE, huge, 0, fd, huge },
                };
                void *p;

                assert_int_equal(guest_memory_map(m, pieces, 2), 0);
                assert_int_equal(guest_memory_translate(m, first + PAGE, huge, &p), 0);
                assert_int_equal((uintptr_t) p % huge, 0);
                assert_int_equal(guest_memory_translate(m, first, PAGE + huge, &p), 0);
                memset(p, i, PAGE + huge);
                guest_memory_clear(m);
        }
        guest_memory_free(m);
        close(fd);
}

static void test_guest_memory_map_rejects_overlaps_and_wraps(void **state) {
        int fd = make_ram_file(16 * PAGE);
        struct guest_memory_piece overlap[] = { { 2 * PAGE, 2 * PAGE, 0, fd, 0 }, { 3 * PAGE, PAGE, 0, fd, 0 } };
        struct guest_memory_piece empty[] = { { 2 * PAGE, 0, 0, fd, 0 } };
        struct guest_memory_piece wrap[] = { { UINT64_MAX - PAGE + 1, 2 * PAGE, 0, fd, 0 } };
        struct guest_memory *m;

        (void) state;
        assert_int_equal(guest_memory_new(&m), 0);
        assert_int_equal(guest_memory_map(m, overlap, ELEMENTSOF(overlap)), -EEXIST);
        assert_int_equal(guest_memory_map(m, empty, 1), -EINVAL);
        assert_int_equal(guest_memory_map(m, wrap, 1), -EINVAL);
        assert_int_equal(guest_memory_map(m, overlap, GUEST_MEMORY_REGIONS_MAX + 1), -E2BIG);
        guest_memory_free(m);
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_guest_memory_translates_within_one_region_only),
                cmocka_unit_test(test_guest_memory_add_rejects_what_makes_no_sense),
                cmocka_unit_test(test_guest_memory_map_joins_adjoining_pieces),
                cmocka_unit_test(test_guest_memory_map_begins_where_huge_pages_can_be),
                cmocka_unit_test(test_guest_memory_map_rejects_overlaps_and_wraps),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
