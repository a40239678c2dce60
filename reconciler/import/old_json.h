/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fields of the JSON objects that hvisor-tool reads. Its numbers are numbers or
 * strings, decimal or 0x. What is taken out of an object is gone from it, so that
 * in the end old_json_rest() can name what nobody knew: nothing is dropped silently.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/diagnostics.h"

struct old_json {
        json_t *object; /* borrowed; shrinks */
        const char *file;
        char place[96]; /* in messages: "", "memory_regions[2]." */
        struct diagnostics *d;
};

/** old_json_tell() - something about the field, or with NULL about the object */
void old_json_tell(const struct old_json *j, enum severity severity, const char *field, const char *format, ...)
        _printf_(4, 5);

bool old_json_has(const struct old_json *j, const char *field);

/** old_json_number() - false: it is not there, or no number up to @max; that was said */
bool old_json_number(struct old_json *j, const char *field, uint64_t max, uint64_t *ret);

/** old_json_text() - likewise; @ret: free() */
bool old_json_text(struct old_json *j, const char *field, char **ret);

/** old_json_list() - a list, empty where the field is not there. Return: json_decref(); NULL: that was said */
json_t *old_json_list(struct old_json *j, const char *field);

/** old_json_value() - a number as it stands in a list or a field; false: it is none */
bool old_json_value(const json_t *value, uint64_t max, uint64_t *ret);

/** old_json_item() - the objects of a list, or of a field: @index < 0; false: it is none, that was said */
bool old_json_item(const struct old_json *parent, const char *field, int index, json_t *value, struct old_json *ret);

/** old_json_drop() - a field that needs no word */
void old_json_drop(struct old_json *j, const char *field);

/** old_json_rest() - names every field that is left */
void old_json_rest(struct old_json *j);

/** old_json_read() - a whole file, one object. Return: json_decref(); NULL: it is none, that was said with its place */
json_t *old_json_read(const char *path, struct diagnostics *d);
