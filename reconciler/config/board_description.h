/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boards that are described: NAME.conf, a board's file, in /etc/hvisor/boards or
 * else in what comes with the programs. HVISOR_BOARDS= in the environment names
 * a directory to be looked at instead of these. Does I/O; never logs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct board_spec;

#define BOARD_DIRECTORIES_MAX 2

/** board_directories() - where descriptions are, in their order; borrowed. Return: how many. */
size_t board_directories(const char *ret[BOARD_DIRECTORIES_MAX]);

/* Names of boards, sorted, each once. Starts as {}; board_names_clear(). */
struct board_names {
        char **names;
        char **paths; /* of their descriptions */
        size_t count;
};

/** board_names_read() - all that are described; -ENOMEM */
int board_names_read(struct board_names *ret);
void board_names_clear(struct board_names *n);

/** board_names_find() - the path of that board's description, borrowed; NULL: none has that name */
const char *board_names_find(const struct board_names *n, const char *name);

/**
 * board_description_load() - a description's text
 * @name: a valid name, see zone_name_valid()
 * @ret_path: free(), also where it cannot be read; NULL: there is none
 * @ret: free()
 *
 * Return: 0, -ENOENT (no description has that name), as file_read().
 */
int board_description_load(const char *name, char **ret_path, char **ret, size_t *ret_size);

/** board_description_is_current() - true if @b has none, or the same would be taken now */
bool board_description_is_current(const struct board_spec *b);
