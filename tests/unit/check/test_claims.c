/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check/check.h"
#include "check/claims.h"

/* Small ranges, so that what is asked for is often had. */
static struct zone_spec random_zone(unsigned number) {
        struct zone_spec z = { .id = 1 + rand() % 12, .num_memory = 1 };

        snprintf(z.name, sizeof(z.name), "zone%u", number);
        for (int i = rand() % 3; i >= 0; i--)
                z.cpus |= UINT64_C(1) << rand() % CPUS_MAX;
        z.memory[0].physical = (uint64_t) (rand() % 40) * 0x1000;
        z.memory[0].size = 0x1000;
        if (rand() % 4 == 0)
                z.interrupts[1] |= BIT(rand() % 32);
        return z;
}

static bool has_conflict(const struct claims *c, const struct zone_spec *z) {
        for (size_t i = 0; i < c->num_holders; i++)
                if (zone_conflict(z, c->holders[i], NULL, 0))
                        return true;
        return false;
}

/* The bitmap says the same as asking each of those that have a place, and whom it names is in the way. */
static void test_claims_find_agrees_with_asking_each(void **state _unused_) {
        size_t placed = 0, refused = 0;

        srand(1);
        for (unsigned round = 0; round < 200; round++) {
                static struct zone_spec zones[100];
                struct claims c = {};

                for (unsigned i = 0; i < ELEMENTSOF(zones); i++) {
                        const struct zone_spec *holder;

                        zones[i] = random_zone(i);
                        holder = claims_find(&c, &zones[i]);
                        assert_int_equal(holder != NULL, has_conflict(&c, &zones[i]));
                        if (holder) {
                                assert_true(zone_conflict(&zones[i], holder, NULL, 0));
                                refused++;
                        } else {
                                assert_int_equal(claims_add(&c, &zones[i]), 0);
                                placed++;
                        }
                }
                assert_true(c.num_holders <= CPUS_MAX);
                claims_clear(&c);
        }
        assert_true(placed > 1000 && refused > 10000);
}

/* Zones that run are taken as they are, also where they share a CPU: the first one is named. */
static void test_claims_keep_the_first_holder(void **state _unused_) {
        struct zone_spec a = { .name = "a", .id = 1, .cpus = 6 }, b = { .name = "b", .id = 2, .cpus = 12 };
        struct zone_spec z = { .name = "z", .id = 3, .cpus = 4 }, y = { .name = "y", .id = 4, .cpus = 8 };
        struct claims c = {};

        assert_int_equal(claims_add(&c, &a), 0);
        assert_int_equal(claims_add(&c, &b), 0);
        assert_ptr_equal(claims_find(&c, &z), &a);
        assert_ptr_equal(claims_find(&c, &y), &b);
        claims_clear(&c);
        assert_null(claims_find(&c, &z));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_claims_find_agrees_with_asking_each),
                cmocka_unit_test(test_claims_keep_the_first_holder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
