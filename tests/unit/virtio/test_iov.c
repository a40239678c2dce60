/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtio/fake_guest.h"

static void test_iov_spans_are_eaten_from_both_ends(void **state) {
        char a[4] = "abcd", b[1] = "e", c[3] = "fgh", out[16] = "";
        struct iovec iov[] = { { a, 4 }, { b, 1 }, { c, 3 } };
        struct iov_span s = { iov, 3, 8 };

        (void) state;
        assert_int_equal(iov_take(&s, out, 2), 2);
        assert_memory_equal(out, "ab", 2);
        assert_ptr_equal(iov_take_last_byte(&s), &c[2]);
        assert_int_equal(s.size, 5);
        assert_int_equal(iov_skip(&s, 3), 3);
        assert_int_equal(s.count, 1);
        assert_int_equal(iov_put(&s, "XYZ", 3), 2);
        assert_memory_equal(c, "XYh", 3);
        assert_int_equal(s.count, 0);
        assert_int_equal(s.size, 0);
        assert_null(iov_take_last_byte(&s));
        assert_int_equal(iov_take(&s, out, 1), 0);
        assert_int_equal(iov_skip(&s, 1), 0);
}

static void test_iov_take_last_byte_drops_an_element_of_one_byte(void **state) {
        char a[2] = "ab", b[1] = "c";
        struct iovec iov[] = { { a, 2 }, { b, 1 } };
        struct iov_span s = { iov, 2, 3 };

        (void) state;
        assert_ptr_equal(iov_take_last_byte(&s), &b[0]);
        assert_int_equal(s.count, 1);
        assert_ptr_equal(iov_take_last_byte(&s), &a[1]);
        assert_int_equal(s.size, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_iov_spans_are_eaten_from_both_ends),
                cmocka_unit_test(test_iov_take_last_byte_drops_an_element_of_one_byte),
        };

        return cmocka_run_group_tests_name("iov", tests, NULL, NULL);
}
