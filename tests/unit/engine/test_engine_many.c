// wrap: file_read file_write_atomic zone_conflict
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many files, of which few can have their place: what is done grows with what changed. Counted, not timed. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "check/check.h"
#include "engine/machine.h"

#define MANY 500

static struct {
        unsigned reads; /* of files in the directory */
        unsigned writes;
        unsigned comparisons; /* of two zones */
} counts;

int __real_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);
int __wrap_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);
int __real_file_write_atomic(const char *path, const void *data, size_t size);
int __wrap_file_write_atomic(const char *path, const void *data, size_t size);
bool __real_zone_conflict(const struct zone_spec *z, const struct zone_spec *other, char *text, size_t size);
bool __wrap_zone_conflict(const struct zone_spec *z, const struct zone_spec *other, char *text, size_t size);

int __wrap_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size) {
        counts.reads += dirfd != AT_FDCWD;
        return __real_file_read(dirfd, path, max, ret, ret_size);
}

int __wrap_file_write_atomic(const char *path, const void *data, size_t size) {
        counts.writes++;
        return __real_file_write_atomic(path, data, size);
}

bool __wrap_zone_conflict(const struct zone_spec *z, const struct zone_spec *other, char *text, size_t size) {
        counts.comparisons++;
        return __real_zone_conflict(z, other, text, size);
}

/* Zones that all want CPU 2; the first by name gets it. */
static void put(struct machine *m, unsigned number, const char *comment) {
        char text[512], file[32];

        snprintf(text, sizeof(text),
                 "%s[Zone]\nId=1\nCPUs=2\nKernel=%s/Image\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"
                 "[Memory ram]\nPhysicalAddress=0x50000000\nSize=128M\n",
                 comment, m->dir);
        snprintf(file, sizeof(file), "z%03u.conf", number);
        write_file(m->zones, file, text);
}

static void put_many(struct machine *m) {
        for (unsigned i = 0; i < MANY; i++)
                put(m, i, "");
        usleep(30000); /* past the kernel's tick: what was written in the one of the look is not trusted */
        assert_int_equal(engine_reload(m->engine), 0);
        pump_until_state(m, "z000", "running");
        pump_until_idle(m);
}

static void reload_one(struct machine *m, const char *file) {
        memset(&counts, 0, sizeof(counts));
        assert_int_equal(engine_reload_files(m->engine, &file, 1), 0);
}

static unsigned count_lines(const char *text, const char *beginning) {
        unsigned n = 0;

        for (const char *line = text; *line; line = strchr(line, '\n') + 1)
                n += strncmp(line, beginning, strlen(beginning)) == 0;
        return n;
}

static void test_engine_reads_the_file_that_changed(void **state) {
        struct machine *m = *state;

        put_many(m);
        put(m, 400, "# another comment\n");
        m->records[0] = '\0';
        reload_one(m, "z400.conf");
        assert_int_equal(counts.reads, 1);
        assert_int_equal(counts.writes, 0);
        assert_true(counts.comparisons < 10);
        assert_string_equal(m->records, "");
        assert_string_equal(status(m, "z400", "state"), "refused");
}

/* A look at all of them reads only those that stat(2) shows to be others. */
static void test_engine_reads_no_file_twice(void **state) {
        struct machine *m = *state;

        put_many(m);
        memset(&counts, 0, sizeof(counts));
        assert_int_equal(engine_reload(m->engine), 0);
        assert_int_equal(counts.reads, 0);
        assert_int_equal(counts.writes, 0);
        assert_true(counts.comparisons < 10);
}

static void test_engine_tells_of_many_by_their_number(void **state) {
        struct machine *m = *state;
        unsigned refused;

        put_many(m);
        refused = count_lines(m->records, "plan refused: ");
        assert_int_equal(refused, 20 + 1);
        assert_non_null(strstr(m->records, "and of more zones: 479 refused"));
        /* once */
        assert_int_equal(engine_reload(m->engine), 0);
        engine_reconcile(m->engine);
        assert_int_equal(count_lines(m->records, "plan refused: "), refused);
        /* each is told with its reason to who asks */
        assert_non_null(strstr(status(m, "z499", "message"), "z000"));
}

/* The place is free again: the next by name has it, however many there are. */
static void test_engine_gives_a_place_to_the_next_by_name(void **state) {
        struct machine *m = *state;

        put_many(m);
        unwant_zone(m, "z000");
        pump_until_state(m, "z001", "running");
        pump_until_idle(m);
        assert_string_equal(status(m, "z002", "state"), "refused");
        assert_non_null(strstr(status(m, "z002", "message"), "z001"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                MACHINE_TEST(test_engine_reads_the_file_that_changed),
                MACHINE_TEST(test_engine_reads_no_file_twice),
                MACHINE_TEST(test_engine_tells_of_many_by_their_number),
                MACHINE_TEST(test_engine_gives_a_place_to_the_next_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
