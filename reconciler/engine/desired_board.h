/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "plan/desired.h"

/** desired_board_load() - board.conf, which is read each time: it is small; one that cannot be taken is told by
 * board_message. Return: 0, -errno that error_is_lack() (it will be read again). */
int desired_board_load(struct desired *d, const char *path);
