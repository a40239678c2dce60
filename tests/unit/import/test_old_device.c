/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virtio start --device …` as the virtio file it stands for, and what it is not; `zone list` to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "import/old_device.h"
#include "cli/zone_list.h"

static char *parse(const char *const *texts, size_t count, char **ret_told) {
        struct diagnostics d = {};
        json_t *root = old_devices_parse(texts, count, &d);
        char *text = root ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        size_t size;
        FILE *f = open_memstream(ret_told, &size);

        assert_int_equal(root == NULL, d.errors > 0);
        diagnostics_print(&d, f, false);
        fclose(f);
        diagnostics_clear(&d);
        json_decref(root);
        return text;
}

/* The command lines of hvisor-tool's notes. */
static void test_old_devices_documented(void **state _unused_) {
        static const char *const texts[] = {
                "blk,addr=0xa003c00,len=0x200,irq=78,zone_id=1,img=rootfs2.ext4",
                "net,addr=0xa003600,len=0x200,irq=75,zone_id=1,tap=tap0",
                "console,addr=0xa003800,len=0x200,irq=76,zone_id=1",
                "console,addr=0xa003400,irq=74,zone_id=0x2",
        };
        char *told, *text = parse(texts, ELEMENTSOF(texts), &told);

        assert_string_equal(told, "");
        assert_string_equal(
                text,
                "{\"zones\":["
                "{\"devices\":["
                "{\"addr\":\"0xa003c00\",\"img\":\"rootfs2.ext4\",\"irq\":\"78\",\"len\":\"0x200\",\"type\":\"blk\"},"
                "{\"addr\":\"0xa003600\",\"irq\":\"75\",\"len\":\"0x200\",\"tap\":\"tap0\",\"type\":\"net\"},"
                "{\"addr\":\"0xa003800\",\"irq\":\"76\",\"len\":\"0x200\",\"type\":\"console\"}],\"id\":1},"
                "{\"devices\":[{\"addr\":\"0xa003400\",\"irq\":\"74\",\"type\":\"console\"}],\"id\":2}]}");
        free(text);
        free(told);
}

static void test_old_devices_refused(void **state _unused_) {
        static const struct {
                const char *text, *told;
        } rows[] = {
                { "blk,addr=1", "zone_id=N is wanted" },
                { "blk,zone_id=", "zone_id=N is wanted" },
                { "blk,zone_id=-1", "zone_id=N is wanted" },
                { "blk,zone_id=4294967296", "zone_id=N is wanted" },
                { "blk,zone_id=1,imgg=/x", "imgg= is not known; did you mean img=?" },
                { "blk,zone_id=1,colour=red", "colour= is not known; addr, len" },
                { "blk,zone_id=1,addr", "\"addr\" is no NAME=VALUE" },
                { "blk,zone_id=1,", "\"\" is no NAME=VALUE" },
                { "blk,zone_id=1,=7", "= is not known" },
                { "blk,zone_id=1,irq=78,irq=79", "irq= is given twice" },
                { "blk,zone_id=1,img=\xff", "is no text in UTF-8" },
                { "\xff,zone_id=1", "is no text in UTF-8" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *told, *text = parse(&rows[i].text, 1, &told);

                if (text || !strstr(told, rows[i].told))
                        fail_msg("row %zu gives %s and says: %s", i, text ? text : "nothing", told);
                free(told);
        }
}

static void test_zone_list_print(void **state _unused_) {
        static const struct zone_listed zones[] = {
                { 0, 0x3, "root-linux", false },
                { 1, 0xc, "linux2", false },
                { 2, 0, "a-zone-with-a-rather-long-name", true },
        };
        char *text;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        zone_list_print(zones, ELEMENTSOF(zones), f);
        fclose(f);
        assert_string_equal(text,
                            "|     zone_id     |       cpus        |      name       |     status |\n"
                            "|               0 |              0, 1 |      root-linux |    running |\n"
                            "|               1 |              2, 3 |          linux2 |    running |\n"
                            "|               2 |              none | a-zone-with-a-rather-long-name |      error |\n");
        free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_old_devices_documented),
                cmocka_unit_test(test_old_devices_refused),
                cmocka_unit_test(test_zone_list_print),
        };

        return cmocka_run_group_tests_name("old_device", tests, NULL, NULL);
}
