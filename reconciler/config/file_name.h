/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a directory's entries are zones' files. */
#pragma once

#include <stddef.h>

/**
 * zone_file_stem() - NAME.conf is a zone's file; dotfiles, "x.conf~" and "#x.conf#" are an editor's
 * @file: without a directory
 *
 * Return: the length of NAME, which may still be no valid name; 0: no zone's file.
 */
size_t zone_file_stem(const char *file);
