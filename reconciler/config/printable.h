/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text of others, made fit for messages. */
#pragma once

#include <stddef.h>

/**
 * utf8_printable_copy() - @size bytes that others wrote, fit for a terminal
 *
 * Of the same length; "?" for each byte that is no printable text, a tab becomes a space.
 * Return: owned by the caller, NUL terminated; NULL: out of memory.
 */
char *utf8_printable_copy(const char *s, size_t size);
