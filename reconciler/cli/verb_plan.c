/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "boot/boot.h"
#include "cli/client.h"
#include "cli/diagnostics_json.h"
#include "cli/json.h"
#include "cli/look.h"
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

/* What a guest that is about to start would stumble over: the reconciler says so, too, but only then. */
static void look_at_starts(struct look *l, const json_t *plan) {
        const json_t *action;
        bool looked = false;
        size_t i;

        json_array_foreach(json_object_get(plan, "actions"), i, action) {
                const char *what = json_text(action, "action");
                const struct zone_spec *z;

                if (strcmp(what, "zone-start") != 0 && strcmp(what, "zone-restart") != 0)
                        continue;
                if (!looked) {
                        look_at_board(l, NULL);
                        look_at_zones(l);
                        looked = true;
                }
                z = look_find_zone(l, json_text(action, "zone"));
                if (z)
                        (void) boot_check(z, l->board, false, &l->d, NULL);
        }
}

int verb_plan(const struct arguments *a) {
        _cleanup_(json_decrefp) json_t *plan = NULL;
        _cleanup_(look_done) struct look l = {};
        struct err e = {};
        int r = plan_get(&plan, &e);

        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        look_at_starts(&l, plan);
        if (a->options[PLAN_JSON]) {
                if (json_object_set_new(plan, "diagnostics", diagnostics_to_json(&l.d)) < 0 ||
                    json_dumpf(plan, stdout, JSON_INDENT(2)) < 0)
                        return EXIT_FAILURE;
                putchar('\n');
        } else {
                plan_text_print(plan, stdout);
                fflush(stdout);
                look_tell(&l);
        }
        return json_array_size(json_object_get(plan, "actions")) > 0 ? EXIT_CHANGES : EXIT_SUCCESS;
}
