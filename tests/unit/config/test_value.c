/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "common.h"

#include "config/schema.h"
#include "config/spec.h"
#include "config/value.h"

static const struct key_schema *key(enum section_id section, const char *name) {
        const struct key_schema *k = schema_find_key(section, name, strlen(name));

        assert_non_null(k);
        return k;
}

static int parse(const struct key_schema *k, const char *text, void *object, struct value_error *e) {
        return value_parse(k, (struct slice){ text, strlen(text) }, object, e);
}

static void test_value_numbers(void **state _unused_) {
        static const struct {
                const char *name, *text;
                uint64_t want; /* UINT64_MAX: refused */
                const char *error;
                int column; /* of the offending part, from 0 */
        } c[] = {
                { "Size", "4096", 4096, NULL, 0 },
                { "Size", "0x1000", 4096, NULL, 0 },
                { "Size", "0X1000", 4096, NULL, 0 },
                { "Size", "4K", 4096, NULL, 0 },
                { "Size", "768M", 768 << 20, NULL, 0 },
                { "Size", "2G", UINT64_C(2) << 30, NULL, 0 },
                { "Size", "0x2G", UINT64_C(2) << 30, NULL, 0 },
                { "Size", "512G", UINT64_C(512) << 30, NULL, 0 },
                { "Size", "262145G", UINT64_MAX, "262145G is larger than 0x1000000000000", 0 },
                { "Size", "0", UINT64_MAX, "0 is smaller than 0x1000", 0 },
                { "Size", "4097", UINT64_MAX, "4097 is not a multiple of 0x1000", 0 },
                { "Size", "768MB", UINT64_MAX, "unknown suffix \"MB\"; K, M and G are known", 3 },
                { "Size", "768m", UINT64_MAX, "unknown suffix \"m\"; K, M and G are known", 3 },
                { "Size", "1 G", UINT64_MAX, "unknown suffix \" G\"; K, M and G are known", 1 },
                { "Size", "-1", UINT64_MAX, "\"-1\" is negative", 0 },
                { "Size", "+1", UINT64_MAX, "\"+1\" is not a valid size", 0 },
                { "Size", "K", UINT64_MAX, "\"K\" is not a valid size", 0 },
                { "Size", "0x", UINT64_MAX, "\"0x\" is not a valid size", 0 },
                { "Size", "0xg", UINT64_MAX, "\"0xg\" is not a valid size", 0 },
                { "Size", "010", UINT64_MAX, "\"010\" begins with 0; hexadecimal numbers begin with 0x", 0 },
                { "Size", "18446744073709551616", UINT64_MAX, "\"18446744073709551616\" does not fit into 64 bits", 0 },
                { "Size", "0x10000000000000000", UINT64_MAX, "\"0x10000000000000000\" does not fit into 64 bits", 0 },
                { "Size", "17179869184G", UINT64_MAX, "\"17179869184G\" does not fit into 64 bits", 0 },
                { "GuestAddress", "0xfffffffff000", 0xfffffffff000, NULL, 0 },
                { "GuestAddress", "0", 0, NULL, 0 },
                { "GuestAddress", "0x1000000000000", UINT64_MAX, "0x1000000000000 is larger than 0xffffffffffff", 0 },
                { "GuestAddress", "4K", UINT64_MAX, "unexpected \"K\" after the address", 1 },
                { "GuestAddress", "0x50000000h", UINT64_MAX, "unexpected \"h\" after the address", 10 },
                { "PhysicalAddress", "0xfffffffff000", 0xfffffffff000, NULL, 0 },
                { "PhysicalAddress", "0x1000000000000", UINT64_MAX, "0x1000000000000 is larger than 0xffffffffffff",
                  0 },
                { "PhysicalAddress", "", UINT64_MAX, "no value", 0 },
                { "GuestAddress", "", UINT64_MAX, "no value; leave the line out for the default", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct memory_spec m = { .physical = 7, .guest = 7, .size = 7 };
                const struct key_schema *k = key(SECTION_MEMORY, c[i].name);
                struct value_error e = {};
                int r = parse(k, c[i].text, &m, &e);

                if (!c[i].error) {
                        assert_int_equal(r, 0);
                        assert_true(*(uint64_t *) schema_field(k, &m) == c[i].want);
                        continue;
                }
                assert_int_equal(r, -EINVAL);
                assert_string_equal(e.text, c[i].error);
                assert_int_equal(e.part.text - c[i].text, c[i].column);
                assert_true(*(uint64_t *) schema_field(k, &m) == 7); /* untouched */
        }
}

static void test_value_cpu_lists(void **state _unused_) {
        static const struct {
                const char *text;
                uint64_t want;
                const char *error, *part;
        } c[] = {
                { "2-3", 0xc, NULL, NULL },
                { "2-3,5", 0x2c, NULL, NULL },
                { "5 2-3", 0x2c, NULL, NULL },
                { "5, 2-3 ,", 0x2c, NULL, NULL },
                { "0", 1, NULL, NULL },
                { "63", UINT64_C(1) << 63, NULL, NULL },
                { "0-63", UINT64_MAX, NULL, NULL },
                { "31-32", UINT64_C(3) << 31, NULL, NULL },
                { "64", 0, "64 is larger than 63", "64" },
                { "2-64", 0, "64 is larger than 63", "64" },
                { "2-99999999999999999999", 0, "\"99999999999999999999\" does not fit into 64 bits",
                  "99999999999999999999" },
                { "3-2", 0, "3-2 runs backwards", "3-2" },
                { "2,2", 0, "CPU 2 is given twice", "2" },
                { "2-4,3", 0, "CPU 3 is given twice", "3" },
                { "-2", 0, "\"-2\" is negative", "-2" },
                { "2-", 0, "\"\" is not a valid CPU", "" },
                { "2--3", 0, "\"-3\" is negative", "-3" },
                { "2-3-4", 0, "unexpected \"-4\" after the CPU", "-4" },
                { "2;3", 0, "unexpected \";3\" after the CPU", ";3" },
                { "x", 0, "\"x\" is not a valid CPU", "x" },
                { ",", 0, "no CPU in the list", "," },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct zone_spec z = {};
                struct value_error e = {};
                int r = parse(key(SECTION_ZONE, "CPUs"), c[i].text, &z, &e);

                assert_true(z.cpus == c[i].want);
                if (!c[i].error) {
                        assert_int_equal(r, 0);
                        continue;
                }
                assert_int_equal(r, -EINVAL);
                assert_string_equal(e.text, c[i].error);
                assert_int_equal(e.part.size, strlen(c[i].part));
                assert_memory_equal(e.part.text, c[i].part, e.part.size);
        }
}

static void test_value_interrupt_lists(void **state _unused_) {
        struct zone_spec z = {};
        struct value_error e = {};
        const struct key_schema *k = key(SECTION_ZONE, "Interrupts");

        assert_int_equal(parse(k, "32,1019,64-65", &z, &e), 0);
        assert_int_equal(z.interrupts[1], 1);
        assert_int_equal(z.interrupts[2], 3);
        assert_int_equal(z.interrupts[31], 1U << 27);
        assert_int_equal(parse(k, "0", &z, &e), -EINVAL);
        assert_string_equal(e.text, "0 is smaller than 1");
        assert_int_equal(parse(k, "1020", &z, &e), -EINVAL);
        assert_int_equal(parse(k, "40-50,45", &z, &e), -EINVAL);
        assert_string_equal(e.text, "interrupt 45 is given twice");
        assert_int_equal(z.interrupts[1], 1); /* a bad list changes nothing */
}

static void test_value_words(void **state _unused_) {
        static const struct {
                enum section_id section;
                const char *name, *text, *error;
        } c[] = {
                { SECTION_BLOCK, "ReadOnly", "yes", NULL },
                { SECTION_BLOCK, "ReadOnly", "TRUE", NULL },
                { SECTION_BLOCK, "ReadOnly", "on", NULL },
                { SECTION_BLOCK, "ReadOnly", "1", NULL },
                { SECTION_BLOCK, "ReadOnly", "ja", "\"ja\" is neither yes nor no" },
                { SECTION_BLOCK, "ReadOnly", "yes no", "\"yes no\" is neither yes nor no" },
                { SECTION_BLOCK, "Cache", "none", NULL },
                { SECTION_BLOCK, "Cache", "writethrough", "\"writethrough\" is not one of writeback, none" },
                { SECTION_BLOCK, "Cache", "write-back",
                  "\"write-back\" is not a way of caching; did you mean \"writeback\"?" },
                { SECTION_BLOCK, "Serial", "20-characters-of-it-", NULL },
                { SECTION_BLOCK, "Serial", "21-characters-of-it--",
                  "\"21-characters-of-it--\" is too long for a disk's serial number; it has at most 20 characters" },
                { SECTION_BLOCK, "Serial", "a b",
                  "a disk's serial number consists of printable ASCII characters without blanks" },
                { SECTION_BLOCK, "BlockSize", "4096", NULL },
                { SECTION_BLOCK, "Queues", "16", NULL },
                { SECTION_BLOCK, "CPUQuota", "20%", NULL },
                { SECTION_BLOCK, "CPUQuota", "10000%", NULL },
                { SECTION_BLOCK, "CPUQuota", "20", "\"20\" is not a percentage as 20%" },
                { SECTION_BLOCK, "CPUQuota", "%", "\"\" is not a valid percentage" },
                { SECTION_BLOCK, "CPUQuota", "0%", "0 is smaller than 1" },
                { SECTION_BLOCK, "CPUQuota", "10001%", "10001 is larger than 10000" },
                { SECTION_BLOCK, "CPUQuota", "1.5%", "unexpected \".5\" after the percentage" },
                { SECTION_BLOCK, "MemoryMax", "16M", NULL },
                { SECTION_BLOCK, "MemoryMax", "64K", "64K is smaller than 0x100000" },
                { SECTION_ZONE, "Restart", "always", NULL },
                { SECTION_ZONE, "Restart", "Always", "\"Always\" is not a restart policy; did you mean \"always\"?" },
                { SECTION_ZONE, "Restart", "on-sucess", "\"on-sucess\" is not one of no, on-failure, always" },
                { SECTION_NET, "Accelerator", "vhost", NULL },
                { SECTION_NET, "Accelerator", "vhosts", "\"vhosts\" is not an accelerator; did you mean \"vhost\"?" },
                { SECTION_ZONE, "Kernel", "/a b/c", NULL },
                { SECTION_ZONE, "Kernel", "/ä", NULL },
                { SECTION_ZONE, "Kernel", "a", "\"a\" is not an absolute path" },
                { SECTION_ZONE, "Kernel", "\"/a\"", "paths are written without quotes" },
                { SECTION_ZONE, "Kernel", "/a/", "\"/a/\" is a directory, Kernel= wants a file" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                union {
                        struct zone_spec zone;
                        struct device_spec device;
                } object = {};
                const struct key_schema *k = key(c[i].section, c[i].name);
                struct value_error e = {};
                int r = parse(k, c[i].text, &object, &e);

                assert_int_equal(r, c[i].error ? -EINVAL : 0);
                if (c[i].error)
                        assert_string_equal(e.text, c[i].error);
                if (k->type == VALUE_PATH)
                        free(*(char **) schema_field(k, &object));
        }
}

static void test_value_regions_add_up(void **state _unused_) {
        static const struct {
                const char *text, *error;
                size_t count; /* afterwards */
        } c[] = {
                { "0x50000000+1G", NULL, 1 },
                { "0x10000000+0x1000, 0x20000000+4K", NULL, 3 },
                { "0x8fffffff", "\"0x8fffffff\" is not BASE+SIZE", 3 },
                { "0x8ffff001+1G", "0x8ffff001 is not a multiple of 0x1000", 3 },
                { "0x8fffff000+", "\"\" is not a valid size", 3 },
                { "0x50001000+4K", "0x50001000+4K overlaps the region at 0x50000000", 3 },
                { "0xfffffffff000+8K", "0xfffffffff000+8K ends beyond 0xffffffffffff", 3 },
                { "0xfffffffff000+4K", NULL, 4 },
                { "0x30000000+0", "0 is smaller than 0x1000", 4 },
        };
        struct board_spec b = {};
        struct value_error e;

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                int r = parse(key(SECTION_BOARD, "Memory"), c[i].text, &b, &e);

                assert_int_equal(r, c[i].error ? -EINVAL : 0);
                if (c[i].error)
                        assert_string_equal(e.text, c[i].error);
                assert_int_equal(b.num_memory, c[i].count);
        }
}

static void test_value_interfaces(void **state _unused_) {
        static const struct {
                const char *text, *error;
                int column;
        } c[] = {
                { "tap0", NULL, 0 },
                { "vm-lan.100", NULL, 0 },
                { "..tap", NULL, 0 },
                { "fifteen-letters", NULL, 0 },
                { "sixteen--letters",
                  "\"sixteen--letters\" is too long for a network interface; at most 15 characters are possible", 0 },
                { "auto", NULL, 0 },
                { "tap%d", "\"tap%d\" is not the name of a network interface", 3 },
                { "../tap", "\"../tap\" is not the name of a network interface", 2 },
                { "tap 0", "\"tap 0\" is not the name of a network interface", 3 },
                { "\"tap0\"", "\"\"tap0\"\" is not the name of a network interface", 0 },
                { "eth0:1", "\"eth0:1\" is not the name of a network interface", 4 },
                { ".", "\".\" is not the name of a network interface", 0 },
                { "..", "\"..\" is not the name of a network interface", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct device_spec d = { .tap = "a-longer-one" };
                struct value_error e = {};
                int r = parse(key(SECTION_NET, "Tap"), c[i].text, &d, &e);

                assert_int_equal(r, c[i].error ? -EINVAL : 0);
                assert_string_equal(d.tap, c[i].error ? "a-longer-one" : c[i].text);
                if (c[i].error) {
                        assert_string_equal(e.text, c[i].error);
                        assert_int_equal(e.part.text - c[i].text, c[i].column);
                }
        }
}

static void test_value_mac_addresses(void **state _unused_) {
        static const struct {
                const char *text, *error;
        } c[] = {
                { "00:16:3e:10:10:10", NULL },
                { "00-16-3e-10-10-10", "\"00-16-3e-10-10-10\" is not an address as 02:00:5e:10:00:01" },
                { "01:16:3e:10:10:10",
                  "01:16:3e:10:10:10 is a group's address; a card's begins with an even number, as in 00:…" },
                { "FF:ff:ff:ff:ff:ff",
                  "FF:ff:ff:ff:ff:ff is a group's address; a card's begins with an even number, as in fe:…" },
                { "00:00:00:00:00:00", "00:00:00:00:00:00 is nobody's address" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct device_spec d = {};
                struct value_error e = {};
                int r = parse(key(SECTION_NET, "MACAddress"), c[i].text, &d, &e);

                assert_int_equal(r, c[i].error ? -EINVAL : 0);
                assert_int_equal(mac_is_zero(d.mac), c[i].error != NULL);
                if (c[i].error)
                        assert_string_equal(e.text, c[i].error);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_value_numbers),         cmocka_unit_test(test_value_cpu_lists),
                cmocka_unit_test(test_value_interrupt_lists), cmocka_unit_test(test_value_words),
                cmocka_unit_test(test_value_regions_add_up),  cmocka_unit_test(test_value_interfaces),
                cmocka_unit_test(test_value_mac_addresses),
        };

        return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
