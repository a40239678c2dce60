/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ivc_record.h"

static const struct hvisor_ivc ivc = { .id = 7, .rw_size = 0x1000, .out_size = 0x2000, .max_peers = 3 };

static struct hvisor_ivc as_peer(uint32_t peer) {
        struct hvisor_ivc one = ivc;

        one.peer = peer;
        return one;
}

static int check(const struct ivc_record *r, uint32_t peer, uint32_t zone) {
        struct hvisor_ivc wanted = as_peer(peer);

        return ivc_record_check(r, &wanted, zone);
}

static void join(struct ivc_record *r, uint32_t peer, uint32_t zone) {
        struct hvisor_ivc wanted = as_peer(peer);

        assert_int_equal(ivc_record_check(r, &wanted, zone), 0);
        ivc_record_join(r, &wanted, zone);
}

static void test_ivc_record_lets_nobody_in_once_it_is_full(void **state) {
        struct ivc_record r;

        (void) state;
        ivc_record_init(&r, &ivc);
        join(&r, 0, 1);
        join(&r, 1, 2);
        for (unsigned i = 0; i < 100; i++) { /* again and again while there is room */
                join(&r, 0, 1);
                join(&r, 1, 2);
        }
        assert_true(ivc_record_has(&r, 0) && ivc_record_has(&r, 1));
        assert_false(ivc_record_has(&r, 2) || ivc_record_has(&r, IVC_PEERS_MAX) || ivc_record_has(&r, UINT32_MAX));
        join(&r, 2, 3);
        assert_int_equal(check(&r, 0, 1), -EUSERS);
        assert_int_equal(check(&r, 2, 3), -EUSERS);
}

static void test_ivc_record_knows_other_sizes(void **state) {
        struct hvisor_ivc other[3] = { ivc, ivc, ivc };
        struct ivc_record r;

        (void) state;
        ivc_record_init(&r, &ivc);
        other[0].rw_size = 0;
        other[1].out_size = 0x1000;
        other[2].max_peers = 4;
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(ivc_record_check(&r, &other[i], 1), -ENOTUNIQ);
}

/* The hypervisor would tell the zone of the lower of both numbers. */
static void test_ivc_record_keeps_a_zone_to_its_number(void **state) {
        struct ivc_record r;

        (void) state;
        ivc_record_init(&r, &ivc);
        join(&r, 1, 5);
        assert_int_equal(check(&r, 0, 5), -ENOTUNIQ);
        join(&r, 1, 6); /* which is another zone's from now on */
        join(&r, 0, 5);
}

/* Root is zone 0. */
static void test_ivc_record_tells_root_from_nobody(void **state) {
        struct ivc_record r;

        (void) state;
        ivc_record_init(&r, &ivc);
        assert_false(ivc_record_has(&r, 0));
        join(&r, 0, 0);
        assert_true(ivc_record_has(&r, 0));
        assert_int_equal(check(&r, 1, 0), -ENOTUNIQ);
}

/* What root Linux has may be more than there should be: the rest is not a large number then. */
static void test_ivc_memory_suffices(void **state) {
        static const struct {
                uint64_t used, wanted;
                bool it_does;
        } c[] = {
                { 0, IVC_MEMORY_MAX, true },
                { 0, IVC_MEMORY_MAX + 1, false },
                { IVC_MEMORY_MAX - 0x1000, 0x1000, true },
                { IVC_MEMORY_MAX - 0x1000, 0x1001, false },
                { IVC_MEMORY_MAX + 0x1000, 0x1000, false },
                { UINT64_MAX, 0x1000, false },
                { 0x1000, UINT64_MAX, false },
        };

        (void) state;
        for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++)
                assert_int_equal(ivc_memory_suffices(c[i].used, c[i].wanted), c[i].it_does);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ivc_record_lets_nobody_in_once_it_is_full),
                cmocka_unit_test(test_ivc_record_knows_other_sizes),
                cmocka_unit_test(test_ivc_record_keeps_a_zone_to_its_number),
                cmocka_unit_test(test_ivc_record_tells_root_from_nobody),
                cmocka_unit_test(test_ivc_memory_suffices),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
