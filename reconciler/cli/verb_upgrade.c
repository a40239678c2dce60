/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "cli/client.h"
#include "cli/verb.h"

#define BACK_TRIES 300 /* of 100 ms, until the new reconciler answers */

static int on_progress(sd_bus_message *m, void *userdata _unused_, sd_bus_error *error _unused_) {
        const char *zone, *device;
        uint32_t done, total;

        if (sd_bus_message_read(m, "uuss", &done, &total, &zone, &device) < 0)
                return 0;
        printf("%u of %u: device %s of zone %s\n", done + 1, total, device, zone);
        fflush(stdout);
        return 0;
}

/* It executes itself: for a moment nobody listens, or the one that listened hangs up. */
static int wait_for_daemon(json_t **ret, struct err *e) {
        static const struct timespec moment = { .tv_nsec = 100 * 1000 * 1000 };
        int r = -ENOTCONN;

        for (unsigned i = 0; i < BACK_TRIES && r < 0; i++) {
                *e = (struct err){};
                (void) nanosleep(&moment, NULL);
                r = client_call_json("Status", ret, e);
        }
        return r;
}

int verb_upgrade(const struct arguments *a) {
        _cleanup_free_ char *text = NULL;
        json_t *status = NULL;
        struct err e = {};
        int r = client_call_long("Upgrade", a->options[UPGRADE_ALL] != NULL, "UpgradeProgress", on_progress, &text, &e);

        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        printf("%s\n", text);
        r = wait_for_daemon(&status, &e);
        if (r < 0) {
                log_error("the reconciler does not come back: %s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        printf("the reconciler goes on as version %s\n",
               json_string_value(json_object_get(json_object_get(status, "daemon"), "version")));
        json_decref(status);
        return EXIT_SUCCESS;
}
