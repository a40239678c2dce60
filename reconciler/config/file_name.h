/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a directory's entries are zones' files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/spec.h"

/**
 * zone_file_stem() - NAME.conf is a zone's file; dotfiles, "x.conf~" and "#x.conf#" are an editor's
 * @file: without a directory
 *
 * Return: the length of NAME, which may still be no valid name; 0: no zone's file.
 */
size_t zone_file_stem(const char *file);

/** zone_file_length() - of the NAME.conf in the name of a zone's file or of the directory of its drop-ins, NAME.conf.d;
 * 0: it is neither */
size_t zone_file_length(const char *entry);

/** zone_file_name() - true for the NAME.conf of a name that a zone can have, which is @name then */
bool zone_file_name(const char *file, char name[NAME_SIZE]);

/** zone_file_show_name() - for a NAME.conf that makes no zone's name, so that its error can be shown */
void zone_file_show_name(const char *file, char name[NAME_SIZE]);
