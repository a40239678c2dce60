/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/edit_text.h"
#include "cli/editor.h"
#include "cli/sources_text.h"
#include "cli/zone_lookup.h"
#include "config/parse.h"

static char *uncommented(const char *text) {
        char *copy = strdup(text), *to = copy;

        for (const char *p = text; *p; p++)
                if (*p != '#' || (p > text && p[-1] != '\n') || p[1] == ' ')
                        *to++ = *p;
        *to = '\0';
        return copy;
}

/* Without its signs of comment the example is a zone that is right. */
static void test_example_is_right(void **state _unused_) {
        _cleanup_free_ char *text = edit_text_new_zone("new"), *zone = uncommented(text);
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
        struct diagnostics d = {};
        int r = zone_spec_parse("new", "new.conf", zone, strlen(zone), &d, &z);

        diagnostics_print(&d, stderr, false);
        assert_int_equal(r, 0);
        assert_int_equal(z->num_devices, 2);
        assert_true(edit_text_says_nothing(text, strlen(text)));
        assert_false(edit_text_says_nothing(zone, strlen(zone)));
}

static void test_text_that_says_nothing(void **state _unused_) {
        static const struct {
                const char *text;
                bool nothing;
        } c[] = {
                { "", true },          { "\n\n", true },        { "# a\n ; b\n\t\n", true }, { "# a", true },
                { "a", false },        { "# a\nb\n", false },   { "#\n  [Zone]", false },    { "  \n x\n", false },
                { "\r\n#\r\n", true }, { "# a\n\n\nx", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++)
                assert_int_equal(edit_text_says_nothing(c[i].text, strlen(c[i].text)), c[i].nothing);
}

/* What was shown below the mark is not kept, what stands above it is, as it was. */
static void test_drop_in_is_kept_without_what_is_below_the_mark(void **state _unused_) {
        static const char *const texts[] = { "[Zone]\nCPUs=1\n", "", "\n", "[Zone]\n\nCPUs=1", "x" };
        struct zone_source file = { .path = (char *) "/lib/a.conf", .text = (char *) "[Zone]\nId=1\n", .size = 12 };
        const struct zone_sources s = { &file, 1 };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_free_ char *all = edit_text_drop_in(texts[i], &s);
                size_t kept = edit_text_kept(all, strlen(all)), length = strlen(texts[i]);

                assert_non_null(strstr(all, "\n# # /lib/a.conf\n# [Zone]\n# Id=1\n"));
                while (length > 1 && texts[i][length - 1] == '\n' && texts[i][length - 2] == '\n')
                        length--;
                if (length == 0 || (length == 1 && texts[i][0] == '\n'))
                        assert_int_equal(kept, 0);
                else
                        assert_memory_equal(all, texts[i], length);
                assert_true(kept <= length + 1);
                assert_true(kept == 0 || all[kept - 1] == '\n');
        }
}

static char *printed(const struct zone_sources *s, bool terminal, bool colour) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        sources_print(s, "", terminal, colour, f);
        fclose(f);
        return text;
}

static void test_sources_are_printed_below_their_paths(void **state _unused_) {
        struct zone_source files[] = {
                { .path = (char *) "/lib/a.conf", .text = (char *) "[Zone]\n# \033[2J", .size = 13 },
                { .path = (char *) "/etc/a.conf.d/1.conf", .text = (char *) "", .size = 0 },
                { .path = (char *) "/unreadable" },
        };
        const struct zone_sources s = { files, 3 };
        _cleanup_free_ char *file = printed(&s, false, false), *terminal = printed(&s, true, true);

        assert_string_equal(file, "# /lib/a.conf\n[Zone]\n# \033[2J\n\n# /etc/a.conf.d/1.conf\n");
        assert_non_null(strstr(terminal, "\n# ?[2J\n"));
        assert_non_null(strstr(terminal, "\033["));
}

static void test_zone_is_found_by_name(void **state _unused_) {
        char dir[] = "/tmp/find-XXXXXX", etc[64], lib[64], command[256], want[128];
        const struct zone_dirs dirs = { { etc, lib } };
        _cleanup_free_ char *near = NULL;
        struct zone_paths z;
        struct err e = {};

        assert_non_null(mkdtemp(dir));
        snprintf(etc, sizeof(etc), "%s/etc", dir);
        snprintf(lib, sizeof(lib), "%s/lib", dir);
        snprintf(command, sizeof(command),
                 "cd %s && mkdir etc lib lib/only.conf.d && touch lib/linux2.conf lib/m.conf && ln -s /dev/null "
                 "etc/m.conf",
                 dir);
        assert_int_equal(system(command), 0);
        assert_int_equal(zone_lookup(&dirs, "linux2", &z, &e), 0);
        snprintf(want, sizeof(want), "%s/linux2.conf", lib);
        assert_string_equal(z.path, want);
        assert_true(z.levels == 2 && z.level == 1 && !z.masked && z.drop_levels == 0);
        assert_int_equal(zone_lookup(&dirs, "m", &z, &e), 0);
        assert_true(z.levels == 3 && z.level == 0 && z.masked);
        assert_int_equal(zone_lookup(&dirs, "only", &z, &e), 0);
        assert_true(z.levels == 0 && z.drop_levels == 2);
        assert_int_equal(zone_lookup(&dirs, "../etc/m", &z, &e), -EINVAL);
        near = zone_suggest(&dirs, "linux3");
        assert_string_equal(near, "linux2");
        snprintf(command, sizeof(command), "rm -r %s", dir);
        assert_int_equal(system(command), 0);
}

static void test_editor_is_the_one_that_is_chosen(void **state _unused_) {
        struct err e = {};

        unsetenv("SYSTEMD_EDITOR");
        setenv("VISUAL", "/nowhere", 1);
        setenv("EDITOR", "test -d", 1);
        assert_int_equal(editor_run("/tmp", &e), 0);
        assert_int_equal(editor_run("/dev/null", &e), -EIO);
        setenv("SYSTEMD_EDITOR", " false ", 1);
        assert_int_equal(editor_run("/tmp", &e), -EIO);
        setenv("SYSTEMD_EDITOR", "/nowhere", 1);
        assert_int_equal(editor_run("/tmp", &e), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_example_is_right),
                cmocka_unit_test(test_text_that_says_nothing),
                cmocka_unit_test(test_drop_in_is_kept_without_what_is_below_the_mark),
                cmocka_unit_test(test_sources_are_printed_below_their_paths),
                cmocka_unit_test(test_zone_is_found_by_name),
                cmocka_unit_test(test_editor_is_the_one_that_is_chosen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
