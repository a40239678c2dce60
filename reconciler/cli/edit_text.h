/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `hvisor edit` puts before the user, and what of it is kept. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/zone_sources.h"

/** edit_text_new_zone() - an example of a zone's file, all of it comments; free(), NULL: out of memory */
char *edit_text_new_zone(const char *name);

/**
 * edit_text_drop_in() - the drop-in as it is, and below a mark the zone's files, for reading only
 * @text: NULL: it is a new one
 */
char *edit_text_drop_in(const char *text, const struct zone_sources *s);

/** edit_text_kept() - the length of what is above the mark, without blank lines at its end */
size_t edit_text_kept(const char *text, size_t size);

/** edit_text_says_nothing() - only comments and blank lines */
bool edit_text_says_nothing(const char *text, size_t size);
