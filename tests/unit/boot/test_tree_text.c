/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written is read again by dtc, as the same tree. */
#include "trees.h"

#include "boot/tree_text.h"

static char *text_of(const char *name) {
        _cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC);
        _cleanup_(tree_clear) struct tree t = {};
        const char *why = NULL;
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_true(fd >= 0);
        assert_int_equal(tree_load(fd, (uint64_t) lseek(fd, 0, SEEK_END), name, &t, &why), 0);
        tree_write_text(&t, f);
        fclose(f);
        return text;
}

static char *source_of(const char *name) {
        _cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC);

        return tree_source(fd);
}

static const char odd_tree[] = "/dts-v1/;\n"
                               "/memreserve/ 0x10000000 0x4000;\n"
                               "/ {\n"
                               "none; empty = \"\"; text = \"a \\\"quoted\\\" \\\\ one\"; texts = \"a\", \"b c\";\n"
                               "bytes = [01 02 03]; cells = <1 0xffffffff>; gap = \"a\", \"\", \"b\";\n"
                               "node { deep { deeper { x = <0>; }; }; };\n"
                               "last {};\n"
                               "};\n";

static void test_text_is_the_same_tree(void **state _unused_) {
        const char *const trees[] = { boot_tree, odd_tree };

        for (size_t i = 0; i < ELEMENTSOF(trees); i++) {
                _cleanup_free_ char *text = NULL, *want = NULL, *got = NULL;

                put_tree("one", trees[i]);
                text = text_of("one");
                put_tree("two", text);
                want = source_of("one");
                got = source_of("two");
                assert_string_equal(got, want);
        }
}

static void test_text_looks_like_one(void **state _unused_) {
        _cleanup_free_ char *text = NULL;

        put_tree("one", odd_tree);
        text = text_of("one");
        assert_string_equal(text, "/dts-v1/;\n"
                                  "\n"
                                  "/memreserve/ 0x10000000 0x4000;\n"
                                  "/ {\n"
                                  "\tnone;\n"
                                  "\tempty = [00];\n"
                                  "\ttext = \"a \\\"quoted\\\" \\\\ one\";\n"
                                  "\ttexts = \"a\", \"b c\";\n"
                                  "\tbytes = [01 02 03];\n"
                                  "\tcells = <0x1 0xffffffff>;\n"
                                  "\tgap = [61 00 00 62 00];\n"
                                  "\n"
                                  "\tnode {\n"
                                  "\n"
                                  "\t\tdeep {\n"
                                  "\n"
                                  "\t\t\tdeeper {\n"
                                  "\t\t\t\tx = <0x0>;\n"
                                  "\t\t\t};\n"
                                  "\t\t};\n"
                                  "\t};\n"
                                  "\n"
                                  "\tlast {\n"
                                  "\t};\n"
                                  "};\n");
}

/* A terminal sees no byte of it that could do something there. */
static void test_text_is_printable_whatever_the_bytes(void **state _unused_) {
        _cleanup_free_ char *good = NULL;
        unsigned shown = 0;
        size_t size;

        put_tree("one", boot_tree);
        assert_int_equal(file_read(AT_FDCWD, "one", 4096, &good, &size), 0);
        srand(3);
        for (unsigned i = 0; i < 2000; i++) {
                _cleanup_(tree_clear) struct tree t = {};
                _cleanup_close_ int fd = -1;
                const char *why = NULL;
                char bad[4096];
                char *text = NULL;
                FILE *f;

                memcpy(bad, good, sizeof(bad));
                for (unsigned j = 0; j <= i % 4; j++)
                        bad[(size_t) rand() % 2048] ^= (char) (1 << rand() % 8);
                put_file("two", bad, sizeof(bad), 4096);
                fd = open("two", O_RDONLY | O_CLOEXEC);
                if (tree_load(fd, 4096, "two", &t, &why) < 0)
                        continue;
                f = open_memstream(&text, &size);
                tree_write_text(&t, f);
                fclose(f);
                for (size_t j = 0; j < size; j++)
                        assert_true(text[j] == '\n' || text[j] == '\t' || (text[j] >= ' ' && text[j] <= '~'));
                free(text);
                shown++;
        }
        assert_true(shown > 100);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text_is_the_same_tree),
                cmocka_unit_test(test_text_looks_like_one),
                cmocka_unit_test(test_text_is_printable_whatever_the_bytes),
        };

        return cmocka_run_group_tests_name("tree_text", tests, enter_directory, remove_directory);
}
