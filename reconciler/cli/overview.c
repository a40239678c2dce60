/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/dirs.h"
#include "cli/client.h"
#include "cli/overview.h"
#include "engine/desired_load.h"
#include "hypervisor/hypervisor.h"
#include "plan/status.h"

int overview_take(struct overview *o, struct err *e) {
        const struct desired_paths paths = { zone_dirs_default, BOARD_CONF, RUN_SPECS_DIR };
        _cleanup_(hypervisor_closep) struct hypervisor *h = NULL;
        int r;

        r = hypervisor_hvisor_open(&h, e);
        if (r < 0)
                return r;
        r = hypervisor_observe(h, &o->live, e);
        if (r < 0)
                return r;
        live_measure(&o->live);
        r = desired_load(&o->desired, &paths);
        if (r >= 0)
                r = plan_make(&o->desired, &o->live, &o->plan);
        return r < 0 ? err_set(e, r, "out of memory") : 0;
}

void overview_clear(struct overview *o) {
        plan_clear(&o->plan); /* borrows from desired */
        desired_clear(&o->desired);
        live_clear(&o->live);
}

/* As JSON, see plan/status.h; NULL: out of memory. */
static json_t *overview_status(const struct overview *o) {
        const struct status_input in = {
                .version = VERSION,
                .desired = &o->desired,
                .live = &o->live,
                .plan = &o->plan,
        };

        return status_to_json(&in);
}

int status_get(json_t **ret, struct err *e) {
        _cleanup_(overview_clear) struct overview o = {};
        struct err seen = {};
        int r = client_call_json("Status", ret, e);

        if (r != -ENOTCONN)
                return r;
        r = overview_take(&o, &seen);
        if (r < 0)
                return err_set(e, r,
                               "the reconciler is not running (systemctl start hvisor-reconciler), and "
                               "without it: %s",
                               err_text(&seen, r));
        *ret = overview_status(&o);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}
