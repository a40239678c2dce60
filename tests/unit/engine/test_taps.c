/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's hold on taps, with real ones in a network of the test's own; skipped where there is no /dev/net/tun. */
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
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/taps.h"
#include "engine/worker_fds.h"
#include "tests/unit/base/own_network.h"

/* ---- what systemd and a worker have ------------------------------------------------------------------ */

/* systemd takes its time to let go: here it never does. */
static int stored[64];
static size_t num_stored;

void fd_store_add(enum fd_kind kind, const char *zone _unused_, const char *device _unused_, int fd) {
        assert_int_equal(kind, FD_TAP);
        assert_true(num_stored < ELEMENTSOF(stored));
        stored[num_stored++] = dup(fd);
}

void fd_store_remove(enum fd_kind kind _unused_, const char *zone _unused_, const char *device _unused_) {
}

static int worker_has[TAP_QUEUES_MAX];
static unsigned worker_count;

unsigned worker_fds_copy(pid_t worker _unused_, int pidfd _unused_, const char *option _unused_, int *ret,
                         unsigned max) {
        assert_true(worker_count <= max);
        for (unsigned i = 0; i < worker_count; i++)
                ret[i] = dup(worker_has[i]);
        return worker_count;
}

/* ---- */

struct fixture {
        sd_event *event;
        struct stored_fds none;
        struct taps *taps;
};

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        *state = f;
        if (!alone)
                return 0;
        worker_count = 0;
        assert_true(sd_event_new(&f->event) >= 0);
        assert_int_equal(taps_new(f->event, &f->none, &f->taps), 0);
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        taps_free(f->taps);
        sd_event_unref(f->event);
        while (num_stored > 0)
                close(stored[--num_stored]);
        free(f);
        return 0;
}

static const struct device_spec automatic = { .type = DEVICE_NET, .name = "lan", .tap = TAP_AUTO };
static const struct device_spec existing = { .type = DEVICE_NET, .name = "lan", .tap = "tap9" };

static void test_taps_of_our_own_are_made_once_and_anew_for_other_queues(void **state) {
        struct fixture *f = *state;
        const struct tap *tap = NULL;
        struct err e = {};
        unsigned first;

        NEEDS_A_NETWORK();
        assert_int_equal(taps_get(f->taps, "zone", &automatic, 1, &tap, &e), 0);
        first = if_nametoindex("zone+lan");
        assert_true(first > 0 && tap->num_fds == 1 && !tap_is_down("zone+lan"));
        assert_int_equal(taps_get(f->taps, "zone", &automatic, 1, &tap, &e), 0);
        assert_int_equal(if_nametoindex("zone+lan"), first);
        /* at once, though another has the old one open still */
        assert_int_equal(taps_get(f->taps, "zone", &automatic, 2, &tap, &e), 0);
        assert_true(if_nametoindex("zone+lan") != first && tap->num_fds == 2);
        taps_drop(f->taps, "other", NULL);
        assert_true(if_nametoindex("zone+lan") > 0);
        taps_drop(f->taps, "zone", NULL);
        assert_int_equal(if_nametoindex("zone+lan"), 0);
}

static void test_taps_that_cannot_be_as_wished_are_not_left_behind(void **state) {
        struct device_spec bridged = automatic;
        struct fixture *f = *state;
        const struct tap *tap = NULL;
        struct err e = {};

        NEEDS_A_NETWORK();
        strcpy(bridged.bridge, "br9");
        assert_int_equal(taps_get(f->taps, "zone", &bridged, 1, &tap, &e), -ENODEV);
        assert_null(tap);
        assert_int_equal(if_nametoindex("zone+lan"), 0);
        assert_int_equal(taps_get(f->taps, "zone", &automatic, 1, &tap, &e), 0);
        assert_false(tap_is_down("zone+lan"));
}

static void test_taps_that_exist_are_never_removed(void **state) {
        struct ifreq request = { .ifr_name = "tap9", .ifr_flags = IFF_TAP | IFF_NO_PI };
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        struct fixture *f = *state;
        const struct tap *tap = NULL;
        struct err e = {};
        unsigned index;

        NEEDS_A_NETWORK();
        assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
        assert_int_equal(ioctl(fd, TUNSETPERSIST, 1UL), 0);
        close(fd);
        index = if_nametoindex("tap9");
        assert_int_equal(taps_get(f->taps, "zone", &existing, 1, &tap, &e), 0);
        assert_true(tap_is_down("tap9")); /* as it was */
        assert_int_equal(taps_get(f->taps, "zone", &automatic, 1, &tap, &e), 0);
        assert_int_equal(if_nametoindex("tap9"), index);
        taps_drop(f->taps, "zone", NULL);
        assert_int_equal(if_nametoindex("tap9"), index);
}

static void test_taps_moved_away_are_made_anew(void **state) {
        struct fixture *f = *state;
        const struct tap *tap = NULL;
        struct err e = {};

        NEEDS_A_NETWORK();
        assert_int_equal(taps_get(f->taps, "zone", &automatic, 1, &tap, &e), 0);
        assert_int_equal(unshare(CLONE_NEWNET), 0); /* it is we who move */
        assert_int_equal(taps_get(f->taps, "zone", &automatic, 1, &tap, &e), 0);
        assert_true(if_nametoindex("zone+lan") > 0);
        assert_false(tap_is_elsewhere(tap->fds[0]));
}

static void test_taps_are_had_back_from_a_worker_if_they_are_taps(void **state) {
        struct tap theirs = {}, others = {};
        struct fixture *f = *state;
        const struct tap *tap = NULL;
        struct err e = {};
        unsigned index;

        NEEDS_A_NETWORK();
        /* one that says that this is its tap */
        worker_has[0] = eventfd(0, EFD_CLOEXEC);
        worker_count = 1;
        taps_regain(f->taps, "zone", "lan", &automatic, 1, -1);
        close(worker_has[0]);
        assert_int_equal(tap_create("zone+lan", 1, &theirs, &e), 0);
        assert_int_equal(tap_create("z+other", 1, &others, &e), 0);
        worker_has[0] = theirs.fds[0];
        worker_has[1] = others.fds[0];
        worker_count = 2;
        taps_regain(f->taps, "zone", "lan", &automatic, 1, -1);
        assert_int_equal(num_stored, 0);

        worker_count = 1;
        taps_regain(f->taps, "zone", "lan", &automatic, 1, -1);
        assert_int_equal(num_stored, 1);
        index = if_nametoindex("zone+lan");
        assert_int_equal(taps_get(f->taps, "zone", &automatic, 1, &tap, &e), 0);
        assert_int_equal(if_nametoindex("zone+lan"), index);
        tap_close(&theirs);
        tap_close(&others);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_taps_of_our_own_are_made_once_and_anew_for_other_queues),
                TEST(test_taps_that_cannot_be_as_wished_are_not_left_behind),
                TEST(test_taps_that_exist_are_never_removed),
                TEST(test_taps_moved_away_are_made_anew),
                TEST(test_taps_are_had_back_from_a_worker_if_they_are_taps),
        };

        be_alone();
        return cmocka_run_group_tests_name("taps", tests, NULL, NULL);
}
