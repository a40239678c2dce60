/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/client.h"
#include "cli/overview.h"
#include "cli/status_text.h"
#include "cli/verb.h"

static int plan_get(json_t **ret, struct err *e) {
        _cleanup_(overview_clear) struct overview o = {};
        int r = client_call_json("Plan", ret, e);

        if (r != -ENOTCONN)
                return r;
        r = overview_take(&o, e);
        if (r < 0)
                return r;
        log_warning("the reconciler is not running; this is what it would do if it were started");
        *ret = plan_to_json(&o.plan);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

int verb_plan(const struct arguments *a) {
        _cleanup_(json_decrefp) json_t *plan = NULL;
        struct err e = {};
        int r = plan_get(&plan, &e);

        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        if (a->options[PLAN_JSON]) {
                if (json_dumpf(plan, stdout, JSON_INDENT(2)) < 0)
                        return EXIT_FAILURE;
                putchar('\n');
        } else
                plan_text_print(plan, stdout);
        return json_array_size(json_object_get(plan, "actions")) > 0 ? EXIT_CHANGES : EXIT_SUCCESS;
}
