/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reference of all keys, made from the one table: for a terminal, as Markdown, and in parts. */
#pragma once

#include <stdio.h>

#include "config/schema.h"

/**
 * keys_write_text() - sections and keys as plain text
 * @files: enum file_kind, or'ed: of which files
 * @word: a section's or a key's name, whatever the case: only those; NULL: all
 *
 * Return: false if there is no such section or key.
 */
bool keys_write_text(FILE *f, unsigned files, const char *word);

/** keys_write_markdown() - all of them, as a document */
void keys_write_markdown(FILE *f);

/* The parts of it, for other forms: "number, 1 to 255"; "required", "optional, with DeviceTreeAddress="; "In a zone's
 * file, once."; "the zone is restarted", or NULL where nothing runs that a change could touch. */
void keys_write_form(FILE *f, const struct key_schema *k);
void keys_write_presence(FILE *f, const struct key_schema *k);
void keys_write_section_facts(FILE *f, const struct section_schema *s);
const char *keys_cost(const struct key_schema *k);

/** keys_file() - "a zone's file": where the section belongs */
const char *keys_file(const struct section_schema *s);

/** keys_find_section() - of that name, whatever the case and the file, or else one that has such a key; NULL: none */
const struct section_schema *keys_find_section(const char *word);

/** keys_suggest() - the section or key of @files that is nearest to @word, or NULL */
const char *keys_suggest(unsigned files, const char *word);
