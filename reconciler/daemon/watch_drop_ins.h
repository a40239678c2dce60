/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directories of drop-ins in a view (daemon/watch_view.h). */
#pragma once

#include "daemon/watch_view.h"

/** view_add_all_drop_ins() - those in the directory of that level, which is watched already, so that none comes unseen;
 * 0, -errno of the kernel's limits */
int view_add_all_drop_ins(struct view *v, unsigned level);
void view_free_drop_ins(struct view *v);
