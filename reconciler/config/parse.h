/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From text to spec. Sections and keys come from the table in schema/; every
 * error of a file is reported, with its position. No I/O but in the _load()
 * functions and where it is said; never logs; any thread.
 */
#pragma once

#include "config/diagnostics.h"
#include "config/spec.h"
#include "config/zone_sources.h"

#define CONFIG_FILE_MAX (256 * 1024) /* bytes; a larger file is refused */

/**
 * zone_spec_parse() - one zone from its text, checked by itself
 * @name: the file's stem, becomes the zone's name
 * @path: for messages, and kept in the spec
 * @ret: owned by the caller; untouched on failure
 *
 * Return: 0, -EBADMSG (@d says all that is wrong), -ENOMEM.
 */
int zone_spec_parse(const char *name, const char *path, const char *text, size_t size, struct diagnostics *d,
                    struct zone_spec **ret);

/**
 * zone_spec_merge() - one zone from its file and what comes after it, its drop-ins
 * @files: @count ≥ 1, with their texts; the first is the zone's file
 *
 * Each file by itself gives a section or key once. What a later one gives counts, and a section goes on with that of the
 * same name; a key without a value, in a drop-in, takes back what was given.
 */
int zone_spec_merge(const char *name, const struct zone_source *files, size_t count, struct diagnostics *d,
                    struct zone_spec **ret);

/** zone_spec_load() - the same from a file, -errno also if it cannot be read (@d says so too) */
int zone_spec_load(const char *path, struct diagnostics *d, struct zone_spec **ret);

/**
 * board_spec_parse() - the same of a board's file
 *
 * The one that does I/O: it reads the description that Board= names (config/board_description.h). Return: also -errno
 * that error_is_lack() or error_is_of_medium(), where that cannot be read just now (@d says so too).
 */
int board_spec_parse(const char *path, const char *text, size_t size, struct diagnostics *d, struct board_spec **ret);

/** board_description_parse() - of a board's description, which names no other */
int board_description_parse(const char *path, const char *text, size_t size, struct diagnostics *d,
                            struct board_spec **ret);

/** config_text_load() - a file's bytes, for the functions above; 0, -errno (@d says so too). @ret: free() */
int config_text_load(const char *path, struct diagnostics *d, char **ret, size_t *ret_size);

/** zone_name_of_path() - "/etc/hvisor/zones.d/linux2.conf" → "linux2"; what does not fit makes no valid name */
void zone_name_of_path(const char *path, char *ret, size_t size);
