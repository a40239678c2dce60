/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reference of all keys, made from the one table: for a terminal, or as Markdown. */
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

/** keys_suggest() - the section or key that is nearest to @word, or NULL */
const char *keys_suggest(const char *word);
