/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values: from text to their C type and back. What there is to each enum value_type
 * stands in value_ops.h. Pure but for allocating paths.
 */
#pragma once

#include "config/schema.h"
#include "config/sink.h"
#include "config/text.h"

/* What is wrong, and which part of the value. */
struct value_error {
        struct slice part;
        char text[200];
};

/** value_fail() - fills @e, returns -EINVAL */
int value_fail(struct value_error *e, struct slice part, const char *format, ...) _printf_(3, 4);

/**
 * value_parse() - one value, checked against its row's range
 * @object: of the row's section; its field is written only on success (LIST: added to)
 *
 * Return: 0, -EINVAL (@e says what), -ENOMEM.
 */
int value_parse(const struct key_schema *k, struct slice value, void *object, struct value_error *e);

/** value_clear() - of a zone's key: as if it had never been parsed */
void value_clear(const struct key_schema *k, void *object);

/** value_write() - as it would be written; nothing where there is no value */
void value_write(const struct key_schema *k, const void *object, struct sink *to);

/** value_text() - the same as a text of the caller's; NULL: out of memory */
char *value_text(const struct key_schema *k, const void *object);

/** value_present() - false where the file gave none and there is no default */
bool value_present(const struct key_schema *k, const void *object);

/** value_is_default() - true if leaving the key out would mean the same; false for defaults that are another
 * key's */
bool value_is_default(const struct key_schema *k, const void *object);

/** section_defaults() - sets each key that has a default of its own; those that are another key's stay as they are */
void section_defaults(enum section_id section, void *object);
