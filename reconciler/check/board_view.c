/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <unistd.h>

#include "check/board_check.h"

int board_view_read(struct board_view *ret, struct err *e) {
        struct board_view v = {};
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        int r = root_facts_read(&v.root, e);

        if (r >= 0)
                r = root_tree_read(ROOT_TREE, &v.tree, e);
        if (r < 0)
                return r;
        v.online = online > 0 ? (uint32_t) online : 0;
        *ret = v;
        return 0;
}
