/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common.h"

#include "config/schema.h"
#include "config/spec.h"
#include "config/value.h"

static void test_schema_rows_are_whole(void **state _unused_) {
        for (size_t i = 0; i < _SECTION_MAX; i++) {
                const struct section_schema *s = &schema_sections[i];

                assert_int_equal(s->id, i);
                assert_true(s->files != 0 && s->max >= s->min && s->max > 0);
                assert_true(s->named || s->max == 1);
                assert_int_equal(s->help[strlen(s->help) - 1], '.');
        }
        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct key_schema *k = &schema_keys[i];

                assert_true(k->max >= k->min && k->align > 0);
                assert_true(strlen(k->help) > 10);
                assert_int_equal(k->help[strlen(k->help) - 1], '.');
                assert_ptr_equal(schema_find_key(k->section, k->name, strlen(k->name)), k);
                /* 0 stands for none there; who may write it has it as its default. */
                if (k->type == VALUE_PERCENT || k->type == VALUE_PLACE ||
                    (k->type == VALUE_SIZE && (!k->default_value || strcmp(k->default_value, "0") != 0)))
                        assert_true(k->min > 0);
                if (k->presence == PRESENCE_REQUIRED)
                        assert_null(k->default_value);
        }
}

/* A number is narrowed without a look: the row's max is the check. */
static void test_schema_limits_fit_their_types(void **state _unused_) {
        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct key_schema *k = &schema_keys[i];

                if (k->type == VALUE_NUMBER || k->type == VALUE_PERCENT)
                        assert_true(k->max <= UINT32_MAX);
                if (k->type == VALUE_CPUS)
                        assert_true(k->max < CPUS_MAX);
                if (k->type == VALUE_INTERRUPTS)
                        assert_true(k->max < INTERRUPTS_MAX);
        }
}

static void test_schema_pairs_and_defaults_resolve(void **state _unused_) {
        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct key_schema *k = &schema_keys[i], *other;
                const char *d = k->default_value;

                if (k->with) {
                        other = schema_find_key(k->section, k->with, strlen(k->with));
                        assert_non_null(other);
                        /* Of its value can be told whether it was given. */
                        assert_true(k->type == VALUE_PLACE || k->type == VALUE_LINE);
                }
                if (d && d[0] == '=') {
                        other = schema_find_key(k->section, d + 1, strlen(d + 1));
                        assert_non_null(other);
                        /* Copied as 8 bytes. */
                        assert_true((k->type == VALUE_ADDRESS || k->type == VALUE_PLACE) && other->type == k->type);
                } else if (d) {
                        assert_true(k->type == VALUE_NUMBER || k->type == VALUE_YES_NO || k->type == VALUE_RESTART ||
                                    k->type == VALUE_ON_CHANGE || k->type == VALUE_TIME || k->type == VALUE_CACHE ||
                                    k->type == VALUE_ACCELERATOR || k->type == VALUE_OUTPUT_LOG ||
                                    k->type == VALUE_ARCHITECTURE || k->type == VALUE_PCI_DEVICE_TYPE ||
                                    k->type == VALUE_ADDRESS || k->type == VALUE_SIZE);
                }
        }
}

static void test_schema_suggests_what_is_near(void **state _unused_) {
        static const struct {
                enum section_id section;
                const char *typed, *want;
        } c[] = {
                { SECTION_ZONE, "CPUS", "CPUs" },
                { SECTION_ZONE, "cpus", "CPUs" },
                { SECTION_ZONE, "CPU", "CPUs" },
                { SECTION_ZONE, "Kernl", "Kernel" },
                { SECTION_ZONE, "Kenrel", "Kernel" },
                { SECTION_ZONE, "EntryPiont", "EntryPoint" },
                { SECTION_ZONE, "DeviceTreeAdress", "DeviceTreeAddress" },
                { SECTION_ZONE, "Colour", NULL },
                { SECTION_ZONE, "K", NULL },
                { SECTION_BLOCK, "Readonly", "ReadOnly" },
                { SECTION_BLOCK, "Imag", "Image" },
                { SECTION_MEMORY, "PhysicalAdress", "PhysicalAddress" },
                { SECTION_MEMORY, "a-name-longer-than-any-word-there-could-be", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                const char *got = schema_suggest_key(c[i].section, c[i].typed, strlen(c[i].typed));

                if (c[i].want)
                        assert_string_equal(got, c[i].want);
                else
                        assert_null(got);
        }
        assert_string_equal(schema_suggest_section(ZONE_FILE, "Memroy", 6), "Memory");
        assert_null(schema_suggest_section(ZONE_FILE, "Board", 5));
        assert_string_equal(schema_suggest_section(BOARD_FILE, "board", 5), "Board");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_schema_rows_are_whole),
                cmocka_unit_test(test_schema_limits_fit_their_types),
                cmocka_unit_test(test_schema_pairs_and_defaults_resolve),
                cmocka_unit_test(test_schema_suggests_what_is_near),
        };

        return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
