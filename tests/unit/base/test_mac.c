/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/mac.h"
#include "base/macros.h"

static void test_mac_parse_takes_six_octets_and_nothing_else(void **state _unused_) {
        static const struct {
                const char *text;
                bool good;
                uint8_t want[MAC_SIZE];
        } rows[] = {
                { "00:16:3e:10:10:10", true, { 0x00, 0x16, 0x3e, 0x10, 0x10, 0x10 } },
                { "AB:cd:EF:09:af:A9", true, { 0xab, 0xcd, 0xef, 0x09, 0xaf, 0xa9 } },
                { "ff:ff:ff:ff:ff:ff", true, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
                { "", false, {} },
                { "00:16:3e:10:10", false, {} },
                { "00:16:3e:10:10:1", false, {} },
                { "00:16:3e:10:10:10:", false, {} },
                { "00:16:3e:10:10:10:10", false, {} },
                { "00-16-3e-10-10-10", false, {} },
                { "00:16:3e:10:10:1g", false, {} },
                { "00:16:3e:10:10: 1", false, {} },
                { "0:016:3e:10:10:10", false, {} },
                { "00:16:3e:10:10-10", false, {} },
                { "::::::::::::::::::", false, {} },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint8_t got[MAC_SIZE] = { 1, 2, 3, 4, 5, 6 };
                static const uint8_t untouched[MAC_SIZE] = { 1, 2, 3, 4, 5, 6 };

                assert_int_equal(mac_parse(rows[i].text, strlen(rows[i].text), got), rows[i].good);
                assert_memory_equal(got, rows[i].good ? rows[i].want : untouched, MAC_SIZE);
        }
        /* the size counts, not a NUL */
        assert_false(mac_parse("00:16:3e:10:10:10\0", 18, (uint8_t[MAC_SIZE]){}));
        assert_false(mac_parse("00:16:3\0:10:10:10", 17, (uint8_t[MAC_SIZE]){}));
}

static void test_mac_derive_is_stable_local_and_differs(void **state _unused_) {
        static const struct {
                const char *seed, *zone, *device;
        } rows[] = {
                { "a", "linux2", "lan" }, { "b", "linux2", "lan" }, { "a", "linux3", "lan" },
                { "a", "linux2", "wan" }, { "a", "linux", "2lan" }, { "a", "linux2l", "an" },
                { "a", "a", "b" },        { "a", "b", "a" },        { "a", "linux2", "lan0" },
        };
        uint8_t macs[ELEMENTSOF(rows)][MAC_SIZE], again[MAC_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                mac_derive(rows[i].seed, strlen(rows[i].seed), rows[i].zone, rows[i].device, macs[i]);
                mac_derive(rows[i].seed, strlen(rows[i].seed), rows[i].zone, rows[i].device, again);
                assert_memory_equal(macs[i], again, MAC_SIZE);
                assert_int_equal(macs[i][0] & 3, 2); /* locally administered, unicast */
                for (size_t j = 0; j < i; j++)
                        assert_memory_not_equal(macs[i], macs[j], MAC_SIZE);
        }
}

/* A zone keeps its address across upgrades. */
static void test_mac_derive_never_changes(void **state _unused_) {
        uint8_t mac[MAC_SIZE];
        static const uint8_t want[MAC_SIZE] = { 0xda, 0xb8, 0xc2, 0xa1, 0xaf, 0x30 };

        mac_derive("machine", 7, "linux2", "lan", mac);
        assert_memory_equal(mac, want, MAC_SIZE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mac_parse_takes_six_octets_and_nothing_else),
                cmocka_unit_test(test_mac_derive_is_stable_local_and_differs),
                cmocka_unit_test(test_mac_derive_never_changes),
        };

        return cmocka_run_group_tests_name("mac", tests, NULL, NULL);
}
