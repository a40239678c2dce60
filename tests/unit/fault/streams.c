/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Failures that are not only a value: of streams, and of functions that take what they are given also when they fail. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "fault/fakes.h"
#include "fault/fault.h"

#define FAILS_HERE(name, error)                                                                                        \
        ({                                                                                                             \
                static const struct fault_row row_here = { name, MINUS_ONE, { error } };                               \
                fault_decide(&row_here, __builtin_return_address(0)).fails != 0;                                       \
        })

/* A directory cannot be read: what the stream does then is its own. */
static void break_reading(FILE *f) {
        FAULT_MUTED;
        int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        (void) dup3(fd, fileno(f), O_CLOEXEC);
        close(fd);
}

ssize_t fake___getdelim(char **line, size_t *size, int delimiter, FILE *f) {
        if (FAILS_HERE("getline", EISDIR))
                break_reading(f);
        return __real___getdelim(line, size, delimiter, f);
}

char *fake_fgets(char *line, int size, FILE *f) {
        if (FAILS_HERE("fgets", EISDIR))
                break_reading(f);
        return __real_fgets(line, size, f);
}

int fake_fclose(FILE *f) {
        bool fails = FAILS_HERE("fclose", ENOMEM);
        int r = __real_fclose(f);

        return fails ? EOF : r;
}

/* As a stream in memory does that cannot grow. */
static int break_writing(FILE *f) {
        f->_flags |= _IO_ERR_SEEN;
        return EOF;
}

int fake_fprintf(FILE *f, const char *format, ...) {
        va_list ap;
        int r;

        if (FAILS_HERE("fprintf", ENOMEM))
                return break_writing(f);
        va_start(ap, format);
        r = vfprintf(f, format, ap);
        va_end(ap);
        return r;
}

int fake_fputc(int c, FILE *f) {
        return FAILS_HERE("fputc", ENOMEM) ? break_writing(f) : __real_fputc(c, f);
}

int fake_fputs(const char *text, FILE *f) {
        return FAILS_HERE("fputs", ENOMEM) ? break_writing(f) : __real_fputs(text, f);
}

size_t fake_fwrite(const void *data, size_t size, size_t count, FILE *f) {
        if (!FAILS_HERE("fwrite", ENOMEM))
                return __real_fwrite(data, size, count, f);
        (void) break_writing(f);
        return 0;
}

int fake_json_array_append_new(json_t *array, json_t *value) {
        if (!FAILS_HERE("json_array_append_new", ENOMEM))
                return __real_json_array_append_new(array, value);
        json_decref(value);
        return -1;
}

int fake_json_object_set_new(json_t *object, const char *key, json_t *value) {
        if (!FAILS_HERE("json_object_set_new", ENOMEM))
                return __real_json_object_set_new(object, key, value);
        json_decref(value);
        return -1;
}
