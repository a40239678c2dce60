// wrap: malloc calloc reallocarray strdup strndup vasprintf
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every allocation fails once: -ENOMEM, nothing leaks (LeakSanitizer looks), no bad file passes for good. */
#include <errno.h>

#include "common.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
int __real_vasprintf(char **ret, const char *format, va_list ap);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_vasprintf(char **ret, const char *format, va_list ap);

static unsigned until_failure; /* 0: none fails */
static bool failed;

static bool fails(void) {
        if (until_failure == 0 || --until_failure > 0)
                return false;
        failed = true;
        return true;
}

void *__wrap_malloc(size_t size) {
        return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
        return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s) {
        return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n) {
        return fails() ? NULL : __real_strndup(s, n);
}

int __wrap_vasprintf(char **ret, const char *format, va_list ap) {
        return fails() ? -1 : __real_vasprintf(ret, format, ap);
}

/* True if the n-th allocation was reached, and so failed. */
static bool parse_with_failure(const char *text, unsigned n, int want) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
        int r;

        failed = false;
        until_failure = n;
        r = zone_spec_parse("x", "x.conf", text, strlen(text), &d, &z);
        until_failure = 0;
        assert_int_equal(r, failed ? -ENOMEM : want);
        assert_true((r == 0) == (z != NULL));
        return failed;
}

static void test_parse_survives_every_failing_allocation(void **state _unused_) {
        static const char bad[] = "[Zone]\nId=x\nKernel=y\nInitrd=/z\n[Memry a]\n[Block b]\nImage=/x\nImage=/y\n";
        unsigned n = 1;

        while (parse_with_failure(good_zone, n, 0))
                n++;
        assert_true(n > 4);
        for (n = 1; parse_with_failure(bad, n, -EBADMSG);)
                n++;
        assert_true(n > 20);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse_survives_every_failing_allocation) };

        return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
