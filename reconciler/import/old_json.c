/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import/old_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "config/parse.h"

void old_json_tell(const struct old_json *j, enum severity severity, const char *field, const char *format, ...) {
        char text[512];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        (void) diagnostics_add(j->d, severity, j->file, 0, 0, 0, NULL, 0, "%s%s %s", j->place, field ? field : "",
                               text);
}

bool old_json_has(const struct old_json *j, const char *field) {
        return json_object_get(j->object, field);
}

void old_json_drop(struct old_json *j, const char *field) {
        (void) json_object_del(j->object, field);
}

/* Return: json_decref(); NULL: there is none. */
static json_t *take(struct old_json *j, const char *field) {
        json_t *value = json_incref(json_object_get(j->object, field));

        old_json_drop(j, field);
        return value;
}

static json_t *take_required(struct old_json *j, const char *field) {
        json_t *value = take(j, field);

        if (!value)
                old_json_tell(j, SEVERITY_ERROR, field, "is missing");
        return value;
}

static bool parse(const char *text, uint64_t *ret) {
        char *end;

        /* not what strtoull() would take besides: blanks, signs, octal */
        if (text[0] < '0' || text[0] > '9')
                return false;
        errno = 0;
        *ret = strtoull(text, &end, strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
        return errno == 0 && *end == '\0';
}

bool old_json_value(const json_t *value, uint64_t max, uint64_t *ret) {
        uint64_t n;

        if (json_is_integer(value) && json_integer_value(value) >= 0)
                n = (uint64_t) json_integer_value(value);
        else if (!json_is_string(value) || !parse(json_string_value(value), &n))
                return false;
        if (n > max)
                return false;
        *ret = n;
        return true;
}

bool old_json_number(struct old_json *j, const char *field, uint64_t max, uint64_t *ret) {
        json_t *value = take_required(j, field);
        bool good = old_json_value(value, max, ret);

        if (value && !good)
                old_json_tell(j, SEVERITY_ERROR, field, "is no number up to 0x%" PRIx64 ", as 78 or \"0x4e\"", max);
        json_decref(value);
        return good;
}

/* What would be another line of a .conf, or nothing that a terminal should see. */
static bool has_control(const char *text) {
        for (; *text; text++)
                if ((unsigned char) *text < ' ' || *text == 0x7f)
                        return true;
        return false;
}

bool old_json_text(struct old_json *j, const char *field, char **ret) {
        json_t *value = take_required(j, field);
        const char *text = json_string_value(value);

        if (value && !text)
                old_json_tell(j, SEVERITY_ERROR, field, "is no text");
        else if (text && has_control(text))
                old_json_tell(j, SEVERITY_ERROR, field, "has control characters in it");
        else if (text && !(*ret = strdup(text)))
                old_json_tell(j, SEVERITY_ERROR, field, "cannot be kept: out of memory");
        else if (text) {
                json_decref(value);
                return true;
        }
        json_decref(value);
        return false;
}

json_t *old_json_list(struct old_json *j, const char *field) {
        json_t *value = take(j, field);

        if (!value)
                return json_array();
        if (json_is_array(value))
                return value;
        old_json_tell(j, SEVERITY_ERROR, field, "is no list");
        json_decref(value);
        return NULL;
}

bool old_json_item(const struct old_json *parent, const char *field, int index, json_t *value, struct old_json *ret) {
        struct old_json j = { .object = value, .file = parent->file, .d = parent->d };

        if (index >= 0)
                (void) snprintf(j.place, sizeof(j.place), "%.40s%.40s[%d].", parent->place, field, index);
        else
                (void) snprintf(j.place, sizeof(j.place), "%.40s%.40s.", parent->place, field);
        if (!json_is_object(value)) {
                j.place[strlen(j.place) - 1] = '\0';
                old_json_tell(&j, SEVERITY_ERROR, NULL, "is no object");
                return false;
        }
        *ret = j;
        return true;
}

void old_json_rest(struct old_json *j) {
        const char *field;
        json_t *value;

        json_object_foreach(j->object, field, value)
                old_json_tell(j, SEVERITY_WARNING, field, "is not known and is not carried over");
        (void) json_object_clear(j->object);
}

/* Its position, too: JSON's own errors are the only ones that have one. */
json_t *old_json_read(const char *path, struct diagnostics *d) {
        _cleanup_free_ char *text = NULL;
        json_error_t e;
        size_t size;
        json_t *root;

        if (config_text_load(path, d, &text, &size) < 0)
                return NULL;
        root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &e);
        if (root && json_is_object(root))
                return root;
        if (root)
                (void) diagnostics_add(d, SEVERITY_ERROR, path, 0, 0, 0, NULL, 0, "is no JSON object");
        else
                (void) diagnostics_add(d, SEVERITY_ERROR, path, (unsigned) e.line, (unsigned) MAX(e.column, 1), 1, NULL,
                                       0, "%s", e.text);
        json_decref(root);
        diagnostics_quote(d, path, text, size);
        return NULL;
}
