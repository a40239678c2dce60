/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user's editor. */
#pragma once

#include "base/err.h"

/**
 * editor_run() - $SYSTEMD_EDITOR, $EDITOR, $VISUAL, else the first that there is of editor, nano, vim, vi
 * @path: what it is to edit
 *
 * Signals of the terminal are the editor's while it runs.
 * Return: 0, -errno: there is none, or it failed.
 */
int editor_run(const char *path, struct err *e);
