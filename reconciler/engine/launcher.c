/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/launcher.h"

struct launcher *launcher_free(struct launcher *l) {
        if (l)
                l->ops->free(l);
        return NULL;
}

int launcher_launch(struct launcher *l, const struct launch_request *q, pid_t *ret_pid, int *ret_pidfd, struct err *e) {
        int r = l->ops->launch(l, q, ret_pid, ret_pidfd, e);

        return r < 0 ? err_add(e, r, "cannot start the worker of device %s", q->device->name) : 0;
}

void launcher_adopt(struct launcher *l, const struct adopted_worker *w) {
        l->ops->adopt(l, w);
}

void launcher_forget(struct launcher *l, const char *zone, const struct zone_spec *keep) {
        l->ops->forget(l, zone, keep);
}

bool launcher_is_current(struct launcher *l, pid_t pid) {
        return l->ops->is_current(l, pid);
}
