/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files are written by others: whatever the bytes, the parser says what is
 * wrong or gives a spec that is written and read again as the same. Mutations of
 * good and bad files, always the same ones (HVISOR_MUTATIONS=N for more).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "common.h"
#include "config/schema.h"

#define DIRECTORY     "tests/unit/config/golden"
#define SIZE_MAX_HERE 8192

static uint64_t random_state = 0x9e3779b97f4a7c15;

/* xorshift64*; the same on every machine. */
static uint32_t random_below(uint32_t n) {
        random_state ^= random_state >> 12;
        random_state ^= random_state << 25;
        random_state ^= random_state >> 27;
        return (uint32_t) ((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % n;
}

struct text {
        char bytes[SIZE_MAX_HERE];
        size_t size;
};

static void insert(struct text *t, size_t at, const char *bytes, size_t size) {
        if (size > sizeof(t->bytes) - t->size)
                return;
        memmove(t->bytes + at + size, t->bytes + at, t->size - at);
        memmove(t->bytes + at, bytes, size);
        t->size += size;
}

static const char *random_word(void) {
        static const char *const words[] = { "=",
                                             "\n",
                                             "[",
                                             "]",
                                             "0x",
                                             "-",
                                             ",",
                                             "+",
                                             "#",
                                             ";",
                                             "\\",
                                             "\r\n",
                                             " ",
                                             "0",
                                             "18446744073709551615",
                                             "0xffffffffffffffff",
                                             "K",
                                             "G",
                                             "\xff",
                                             "ä",
                                             "4096",
                                             "0x50000000",
                                             "/",
                                             "yes",
                                             "\n[Memory m]\n",
                                             "\n[Block b]\n",
                                             "\n[Console c]\n",
                                             "\n[GIC]\n",
                                             "\n[Zone]\n" };

        if (random_below(3) == 0)
                return schema_keys[random_below((uint32_t) schema_num_keys)].name;
        return words[random_below(ELEMENTSOF(words))];
}

static void mutate_once(struct text *t) {
        size_t at = random_below((uint32_t) t->size + 1), n;
        const char *word;
        char copy[64];

        switch (random_below(5)) {
        case 0:
                if (at < t->size)
                        t->bytes[at] = (char) random_below(256);
                break;
        case 1:
                n = MIN(t->size - at, (size_t) random_below(16));
                memmove(t->bytes + at, t->bytes + at + n, t->size - at - n);
                t->size -= n;
                break;
        case 2:
                word = random_word();
                insert(t, at, word, strlen(word));
                break;
        case 3: /* a piece of the file once more, elsewhere */
                n = MIN(t->size - at, (size_t) random_below(sizeof(copy)));
                memcpy(copy, t->bytes + at, n);
                insert(t, random_below((uint32_t) t->size + 1), copy, n);
                break;
        default: /* a digit becomes another */
                for (; at < t->size; at++)
                        if (t->bytes[at] >= '0' && t->bytes[at] <= '9') {
                                t->bytes[at] = (char) ('0' + random_below(10));
                                break;
                        }
        }
}

/* What reaches a terminal or the journal holds nothing but printable lines. */
static void check_messages(const struct diagnostics *d) {
        _cleanup_free_ char *text = diagnostics_text(d);
        char first[128];

        for (const char *p = text; *p; p++)
                assert_true((unsigned char) *p >= 0x20 || *p == '\n');
        diagnostics_first_error(d, first, sizeof(first));
        assert_int_equal(first[0] != '\0', d->errors > 0);
        for (size_t i = 0; i < d->count; i++)
                if (d->items[i].source)
                        assert_true(d->items[i].column <= strlen(d->items[i].source) + 1);
}

static void check_zone(const struct text *t) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {}, again = {};
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL, *same = NULL;
        _cleanup_free_ char *text = NULL, *text_again = NULL;
        int r = zone_spec_parse("x", "x.conf", t->bytes, t->size, &d, &z);

        check_messages(&d);
        if (r < 0) {
                assert_int_equal(r, -EBADMSG);
                assert_true(d.errors > 0);
                assert_null(z);
                return;
        }
        assert_int_equal(d.count, 0);
        assert_int_equal(zone_spec_format(z, &text), 0);
        assert_int_equal(zone_spec_parse("x", "x.conf", text, strlen(text), &again, &same), 0);
        assert_int_equal(zone_spec_format(same, &text_again), 0);
        assert_string_equal(text, text_again);
        assert_true(zone_spec_cookie(z, NULL) == zone_spec_cookie(same, NULL));
}

static void check_board(const struct text *t) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;
        int r = board_spec_parse("board.conf", t->bytes, t->size, &d, &b);

        check_messages(&d);
        assert_int_equal(r, d.errors > 0 ? -EBADMSG : 0);
}

static int is_conf(const struct dirent *d) {
        const char *dot = strrchr(d->d_name, '.');

        return dot && strcmp(dot, ".conf") == 0;
}

static size_t read_seeds(struct text *seeds, size_t max) {
        struct dirent **entries;
        int n = scandir(DIRECTORY, &entries, is_conf, alphasort);
        size_t count = 0;

        assert_true(n > 0);
        strcpy(seeds[count].bytes, good_zone);
        seeds[count++].size = strlen(good_zone);
        strcpy(seeds[count].bytes, good_board);
        seeds[count++].size = strlen(good_board);
        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *text = NULL;
                char path[512];
                size_t size;

                snprintf(path, sizeof(path), DIRECTORY "/%s", entries[i]->d_name);
                free(entries[i]);
                assert_int_equal(file_read(AT_FDCWD, path, CONFIG_FILE_MAX, &text, &size), 0);
                if (count == max || size > SIZE_MAX_HERE)
                        continue;
                memcpy(seeds[count].bytes, text, size);
                seeds[count++].size = size;
        }
        free(entries);
        return count;
}

static void test_mutated_files_are_read_or_refused(void **state _unused_) {
        static struct text seeds[32], t;
        size_t count = read_seeds(seeds, ELEMENTSOF(seeds));
        const char *more = getenv("HVISOR_MUTATIONS");
        unsigned long rounds = more ? strtoul(more, NULL, 10) : 20000;

        for (unsigned long i = 0; i < rounds; i++) {
                /* Good files half the time: from a bad one few mutations lead anywhere new. */
                t = seeds[random_below(2) ? random_below(2) : random_below((uint32_t) count)];
                for (uint32_t n = 1 + random_below(6); n > 0; n--)
                        mutate_once(&t);
                check_zone(&t);
                check_board(&t);
        }
}

static void test_every_prefix_of_a_file(void **state _unused_) {
        static struct text t;

        for (size_t size = 0; size <= strlen(good_zone); size++) {
                memcpy(t.bytes, good_zone, size);
                t.size = size;
                check_zone(&t);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mutated_files_are_read_or_refused),
                cmocka_unit_test(test_every_prefix_of_a_file),
        };

        return cmocka_run_group_tests_name("mutate", tests, NULL, NULL);
}
