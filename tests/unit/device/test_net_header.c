/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <linux/if_tun.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/macros.h"
#include "device/net_header.h"

#define SIZE 1000 /* of the frame */

#define NOTHING                                                                                                        \
        { 0 }
#define CHECKSUM                                                                                                       \
        { .checksum = true }
#define TSO4                                                                                                           \
        { .checksum = true, .tso4 = true }
#define TSO6                                                                                                           \
        { .checksum = true, .tso6 = true }
#define ALL                                                                                                            \
        { .checksum = true, .tso4 = true, .tso6 = true, .ecn = true }

#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define VALID VIRTIO_NET_HDR_F_DATA_VALID
#define ECN   VIRTIO_NET_HDR_GSO_ECN

static void test_net_header_lets_pass_what_was_agreed_on(void **state) {
        static const struct {
                struct net_offloads allowed;
                struct {
                        uint8_t flags, type;
                        uint16_t length, size, start, offset;
                } h;
                bool want;
        } rows[] = {
                { NOTHING, { 0, 0, 0, 0, 0, 0 }, true },
                { NOTHING, { VALID, 0, 0, 0, 0, 0 }, true },
                { NOTHING, { NEEDS, 0, 0, 0, 34, 16 }, false },
                { NOTHING, { 0, 1, 54, 1448, 0, 0 }, false },
                { CHECKSUM, { NEEDS, 0, 0, 0, 34, 16 }, true },
                { CHECKSUM, { NEEDS, 0, 0, 0, SIZE - 2, 0 }, true },
                { CHECKSUM, { NEEDS, 0, 0, 0, SIZE - 1, 0 }, false },
                { CHECKSUM, { NEEDS, 0, 0, 0, 0, SIZE - 1 }, false },
                { CHECKSUM, { NEEDS, 0, 0, 0, UINT16_MAX, UINT16_MAX }, false },
                { CHECKSUM, { NEEDS, 1, 54, 1448, 34, 16 }, false },
                { TSO4, { NEEDS, 1, 54, 1448, 34, 16 }, true },
                { TSO4, { NEEDS, 1, SIZE, 1448, 34, 16 }, true },
                { TSO4, { NEEDS, 1, SIZE + 1, 1448, 34, 16 }, false },
                { TSO4, { NEEDS, 1, 54, 0, 34, 16 }, false },
                { TSO4, { 0, 1, 54, 1448, 34, 16 }, false },
                { TSO4, { NEEDS, 4, 54, 1448, 34, 16 }, false },
                { TSO4, { NEEDS, 1 | ECN, 54, 1448, 34, 16 }, false },
                { TSO6, { NEEDS, 4, 74, 1428, 54, 16 }, true },
                { TSO6, { NEEDS, 1, 54, 1448, 34, 16 }, false },
                { ALL, { NEEDS, 1 | ECN, 54, 1448, 34, 16 }, true },
                { ALL, { NEEDS, 4 | ECN, 54, 1448, 34, 16 }, true },
                { ALL, { NEEDS, ECN, 54, 1448, 34, 16 }, false },
                { ALL, { NEEDS, VIRTIO_NET_HDR_GSO_UDP, 54, 1448, 34, 16 }, false },
                { ALL, { NEEDS, 0x7f, 54, 1448, 34, 16 }, false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct virtio_net_hdr_v1 h = {
                        .flags = rows[i].h.flags,
                        .gso_type = rows[i].h.type,
                        .hdr_len = htole16(rows[i].h.length),
                        .gso_size = htole16(rows[i].h.size),
                        .csum_start = htole16(rows[i].h.start),
                        .csum_offset = htole16(rows[i].h.offset),
                };

                if (net_header_check(&h, &rows[i].allowed, SIZE) != rows[i].want)
                        fail_msg("row %zu", i);
        }
}

static void test_net_header_leaves_nothing_of_no_meaning(void **state) {
        static const struct net_offloads nothing = NOTHING, all = ALL;
        struct virtio_net_hdr_v1 h, zero = { 0 };

        (void) state;
        memset(&h, 0xff, sizeof(h));
        h.flags = VALID;
        h.gso_type = 0;
        assert_true(net_header_check(&h, &nothing, SIZE));
        assert_memory_equal(&h, &zero, sizeof(h));

        memset(&h, 0xff, sizeof(h));
        h.flags = 0xff & ~NEEDS;
        h.gso_type = 0;
        zero.flags = VALID;
        assert_true(net_header_check(&h, &all, SIZE));
        assert_memory_equal(&h, &zero, sizeof(h));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_net_header_lets_pass_what_was_agreed_on),
                cmocka_unit_test(test_net_header_leaves_nothing_of_no_meaning),
        };
        return cmocka_run_group_tests_name("net_header", tests, NULL, NULL);
}
