/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "config/intervals.h"

static const struct {
        uint64_t bits;
        const char *text;
} sets[] = {
        { 0, "" },
        { 1, "0" },
        { 0xc, "2-3" },
        { 0x2d, "0,2-3,5" },
        { UINT64_C(3) << 31, "31-32" },
        { UINT64_MAX, "0-63" },
        { UINT64_C(1) << 63, "63" },
        { UINT64_C(0x5555555555555555),
          "0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,40,42,44,46,48,50,52,54,56,58,60,62" },
};

static void test_intervals_are_the_same_in_a_buffer_and_in_a_text(void **state _unused_) {
        for (size_t i = 0; i < ELEMENTSOF(sets); i++) {
                const uint32_t bits[] = { (uint32_t) sets[i].bits, (uint32_t) (sets[i].bits >> 32) };
                struct sink s = SINK_TEXT;
                _cleanup_free_ char *text = NULL;
                char buffer[CPUS_TEXT_SIZE];

                intervals_write(bits, 64, &s);
                text = sink_take(&s);
                assert_string_equal(cpus_format(sets[i].bits, buffer, sizeof(buffer)), sets[i].text);
                assert_string_equal(text, sets[i].text);
                assert_true(s.hash == hash_string(sets[i].text));
        }
}

static void test_intervals_are_cut_off_where_the_buffer_ends(void **state _unused_) {
        for (size_t i = 0; i < ELEMENTSOF(sets); i++)
                for (size_t size = 1; size <= CPUS_TEXT_SIZE; size++) {
                        _cleanup_free_ char *buffer = malloc(size); /* of its own, so that ASan sees its end */

                        assert_int_equal(strncmp(cpus_format(sets[i].bits, buffer, size), sets[i].text, size - 1), 0);
                        assert_int_equal(strlen(buffer), MIN(strlen(sets[i].text), size - 1));
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_intervals_are_the_same_in_a_buffer_and_in_a_text),
                cmocka_unit_test(test_intervals_are_cut_off_where_the_buffer_ends),
        };

        return cmocka_run_group_tests_name("intervals", tests, NULL, NULL);
}
