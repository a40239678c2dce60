/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real taps, in a network of the test's own; skipped where there is no /dev/net/tun to be had, but for names. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rtnetlink.h"
#include "base/tap.h"
#include "tests/unit/base/own_network.h"

static void test_tap_names_fit_and_differ(void **state) {
        static const struct {
                const char *zone, *device, *want;
        } rows[] = {
                { "linux2", "lan", "linux2+lan" },
                { "a", "b", "a+b" },
                { "seven-7", "seven77", "seven-7+seven77" },
        };
        static const char *const other[][2] = {
                { "eight--8", "seven77" },
                { "eight--8s", "even77" },
                { "eight--", "8seven77" },
                { "eight--8", "seven78" },
        };
        char name[TAP_NAME_SIZE], names[ELEMENTSOF(other)][TAP_NAME_SIZE];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                tap_auto_name(rows[i].zone, rows[i].device, name);
                assert_string_equal(name, rows[i].want);
        }
        for (size_t i = 0; i < ELEMENTSOF(other); i++) {
                tap_auto_name(other[i][0], other[i][1], names[i]);
                assert_int_equal(strlen(names[i]), TAP_NAME_SIZE - 1);
                assert_null(strchr(names[i], '+')); /* no other's short name */
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(names[i], names[j]);
        }
}

static void assert_address_of_no_bridge(const char *name) {
        char path[64], address[3] = "";
        int fd;

        (void) snprintf(path, sizeof(path), "/sys/class/net/%s/address", name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(read(fd, address, 2), 2);
        assert_string_equal(address, "fe");
        close(fd);
}

static void test_tap_of_our_own_ends_with_its_descriptors(void **state) {
        struct tap_identity id;
        struct err e = {};
        struct tap t = {}, second = {};

        (void) state;
        NEEDS_A_NETWORK();
        assert_int_equal(tap_open("z+d", 1, &t, &e), -ENODEV);
        assert_int_equal(tap_create("z+d", 1, &t, &e), 0);
        assert_int_equal(t.num_fds, 1);
        assert_int_equal(tap_identify(t.fds[0], &id), 0);
        assert_string_equal(id.name, "z+d");
        assert_true(id.made_here && !id.multi_queue);
        assert_int_equal(tap_create("z+d", 1, &second, &e), -EEXIST);
        assert_int_equal(tap_create("lo", 1, &second, &e), -EEXIST);
        assert_int_equal(tap_open("z+d", 1, &second, &e), -EBUSY);
        assert_true(if_nametoindex("z+d") > 0);
        assert_address_of_no_bridge("z+d");
        tap_close(&t);
        assert_int_equal(if_nametoindex("z+d"), 0);
}

static void make_persistent(const char *name, bool multi_queue) {
        struct ifreq request = { .ifr_flags = (short) (IFF_TAP | IFF_NO_PI | (multi_queue ? IFF_MULTI_QUEUE : 0)) };
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

        strcpy(request.ifr_name, name);
        assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
        assert_int_equal(ioctl(fd, TUNSETPERSIST, 1UL), 0);
        close(fd);
}

static void test_tap_ends_at_once_but_for_one_that_exists(void **state) {
        struct err e = {};
        struct tap t = {};
        int other;

        (void) state;
        NEEDS_A_NETWORK();
        assert_int_equal(tap_create("z+e", 2, &t, &e), 0);
        other = dup(t.fds[0]);
        tap_end(&t);
        assert_int_equal(t.num_fds, 0);
        assert_int_equal(if_nametoindex("z+e"), 0);
        assert_true(tap_is_gone(other));
        assert_int_equal(tap_create("z+e", 1, &t, &e), 0);
        tap_end(&t);
        close(other);
        make_persistent("there9", false);
        assert_int_equal(tap_open("there9", 1, &t, &e), 0);
        tap_end(&t);
        assert_true(if_nametoindex("there9") > 0);
}

/* A name that is here again may be another's. */
static void test_tap_that_was_moved_away_is_elsewhere(void **state) {
        struct err e = {};
        struct tap t = {}, other = {};

        (void) state;
        NEEDS_A_NETWORK();
        assert_int_equal(tap_create("z+m", 1, &t, &e), 0);
        assert_false(tap_is_elsewhere(t.fds[0]));
        assert_int_equal(unshare(CLONE_NEWNET), 0);
        assert_true(tap_is_elsewhere(t.fds[0]));
        assert_int_equal(tap_create("z+m", 1, &other, &e), 0);
        assert_true(tap_is_elsewhere(t.fds[0]) && !tap_is_elsewhere(other.fds[0]));
        tap_end(&t);
        assert_true(if_nametoindex("z+m") > 0);
        tap_end(&other);
}

static void test_tap_that_exists_stays(void **state) {
        struct tap_identity id;
        struct err e = {};
        struct tap t = {};

        (void) state;
        NEEDS_A_NETWORK();
        for (unsigned multi_queue = 0; multi_queue < 2; multi_queue++) {
                char name[] = "there0";

                name[5] += multi_queue;
                make_persistent(name, multi_queue);
                assert_int_equal(tap_create(name, 1, &t, &e), -EEXIST);
                assert_int_equal(tap_open(name, 3, &t, &e), 0);
                assert_int_equal(t.num_fds, multi_queue ? 3 : 1);
                assert_int_equal(tap_identify(t.fds[0], &id), 0);
                assert_true(!id.made_here && id.multi_queue == (bool) multi_queue);
                tap_close(&t);
                assert_true(if_nametoindex(name) > 0);
        }
}

static void test_tap_queues_go_on_and_off(void **state) {
        struct tap_identity id;
        struct err e = {};
        struct tap t = {};

        (void) state;
        NEEDS_A_NETWORK();
        assert_int_equal(tap_create("z+q", 3, &t, &e), 0);
        assert_int_equal(t.num_fds, 3);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(tap_identify(t.fds[i], &id), 0);
                assert_int_equal(id.on, i == 0);
        }
        for (unsigned on = 2; on-- > 0;) {
                assert_int_equal(tap_queue_enable(t.fds[1], on), 0);
                assert_int_equal(tap_identify(t.fds[1], &id), 0);
                assert_int_equal(id.on, on);
        }
        assert_int_equal(tap_set_offloads(t.fds[0], TUN_F_CSUM | TUN_F_TSO4), 0);
        tap_close(&t);
        assert_int_equal(if_nametoindex("z+q"), 0);
}

static enum link_state next_state(int fd) {
        enum link_state s = 99;

        assert_int_equal(link_watch_read(fd, &s), 1);
        while (link_watch_read(fd, &s) > 0)
                ;
        return s;
}

static void test_tap_is_configured_and_watched(void **state) {
        struct err e = {};
        struct tap t = {}, noise = {};
        enum link_state s;
        int fd;

        (void) state;
        NEEDS_A_NETWORK();
        assert_int_equal(tap_create("z+w", 1, &t, &e), 0);
        assert_true(tap_is_down("z+w"));
        assert_int_equal(link_watch((int) if_nametoindex("z+w"), &fd), 0);
        assert_int_equal(next_state(fd), LINK_DOWN);

        assert_int_equal(tap_configure("z+w", &(struct tap_wish){ .up = true, .mtu = 1400, .bridge = "" }, &e), 0);
        assert_false(tap_is_down("z+w"));
        assert_int_equal(next_state(fd), LINK_UP);

        /* what becomes of others is nobody's affair, nor is what one asks for */
        assert_int_equal(tap_create("z+n", 1, &noise, &e), 0);
        assert_int_equal(tap_configure("z+n", &(struct tap_wish){ .up = true, .mtu = 1300 }, &e), 0);
        tap_close(&noise);
        assert_int_equal(link_watch_read(fd, &s), 0);

        assert_int_equal(tap_configure("z+w", &(struct tap_wish){ .bridge = "br9" }, &e), -ENODEV);
        assert_non_null(strstr(e.text, "ip link add br9 type bridge"));
        assert_int_equal(tap_configure("z+w", &(struct tap_wish){ .bridge = "lo" }, &e), -EINVAL);
        assert_true(tap_configure("z+w", &(struct tap_wish){ .mtu = 65535 }, &e) < 0);
        tap_close(&t);
        assert_int_equal(next_state(fd), LINK_GONE);
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tap_names_fit_and_differ),
                cmocka_unit_test(test_tap_of_our_own_ends_with_its_descriptors),
                cmocka_unit_test(test_tap_that_exists_stays),
                cmocka_unit_test(test_tap_queues_go_on_and_off),
                cmocka_unit_test(test_tap_is_configured_and_watched),
                cmocka_unit_test(test_tap_ends_at_once_but_for_one_that_exists),
                cmocka_unit_test(test_tap_that_was_moved_away_is_elsewhere),
        };

        be_alone();
        return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
