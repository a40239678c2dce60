/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/zone_wait.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "cli/client.h"
#include "cli/json.h"
#include "cli/status_text.h"

#define LOOK_TIME      (500 * 1000) /* µs, also where nothing changes: for the progress */
#define PROGRESS_FIRST 2000         /* ms */
#define PROGRESS_NEXT  5000
#define ABSENCE_MAX    30000 /* as long as a reconciler that ended may take to be back */

static unsigned elapsed_ms(const struct timespec *since) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (unsigned) ((now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000);
}

/* It may be between two programs, or being started again by systemd. */
static bool may_come_back(int r) {
        return r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE;
}

static void tell_progress(const char *name, const json_t *zone, int r) {
        const char *message = json_text(zone, "message");

        if (r < 0)
                log_notice("waiting for the reconciler");
        else if (!zone)
                log_notice("waiting for zone %s", name);
        else
                log_notice("waiting for zone %s: %s%s%s", name, json_text(zone, "state"), message[0] ? ", " : "",
                           message);
}

int zone_wait(const char *name, bool (*done)(const json_t *zone, void *userdata), void *userdata, unsigned timeout_ms,
              json_t **ret, struct err *e) {
        _cleanup_(client_watch_end) struct client_watch watch = {};
        unsigned progress = PROGRESS_FIRST, seen = 0;
        struct timespec begin;

        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (;;) {
                _cleanup_(json_decrefp) json_t *status = NULL;
                const json_t *zone = NULL;
                unsigned now;
                int r;

                *e = (struct err){};
                client_watch_begin(&watch);
                r = client_call_json("Status", &status, e);
                now = elapsed_ms(&begin);
                if (r >= 0) {
                        seen = now;
                        zone = status_find_zone(status, name);
                        if (done(zone, userdata)) {
                                *ret = json_incref((json_t *) zone);
                                return 0;
                        }
                } else if (!may_come_back(r) || now - seen > ABSENCE_MAX)
                        return r;
                if (timeout_ms > 0 && now > timeout_ms)
                        return err_set(e, -ETIMEDOUT, "zone %s: nothing has come of it in %u s", name,
                                       timeout_ms / 1000);
                if (now > progress) {
                        tell_progress(name, zone, r);
                        progress = now + PROGRESS_NEXT;
                }
                client_watch_wait(&watch, LOOK_TIME);
        }
}
