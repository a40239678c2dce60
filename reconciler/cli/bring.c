/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/bring.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/dirs.h"
#include "base/log.h"
#include "cli/client.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/transient.h"
#include "cli/zone_find.h"
#include "cli/zone_wait.h"
#include "config/parse.h"

#define BUSY_STEP   50    /* ms */
#define BUSY_MAX    3000  /* ms, that one which was told to end may take */
#define END_TIMEOUT 10000 /* ms, until its devices are down */

static void print_diagnostics(struct diagnostics *d) {
        diagnostics_print(d, stderr, colour_wanted(stderr));
        diagnostics_clear(d);
}

/* ---- bringing them ---------------------------------------------------------------------------------- */

/* A zone that somebody else keeps gets its devices where it is kept. */
static bool may_bring(const json_t *status, const struct bring *b) {
        const json_t *zone = zone_find_by_id(status, b->id);
        const char *name = json_text(zone, "name");

        if (!zone || zone_is_transient(zone) || !json_text(zone, "file")[0]) {
                if (!zone || strcmp(json_text(zone, "state"), "foreign") != 0)
                        return true;
                log_error("zone %s with id %" PRIu32 " was not started by the reconciler: it cannot be given devices",
                          name, b->id);
                return false;
        }
        log_error("zone %s with id %" PRIu32 " is what %s says: its devices belong there, hvisor import makes "
                  "sections of them",
                  name, b->id, json_text(zone, "file"));
        return false;
}

/* Nobody can start another meanwhile; what the reconciler said before may be of an earlier one. */
static int drop_if_ended(struct transient *t, uint32_t id, struct err *e) {
        _cleanup_(json_decrefp) json_t *status = NULL;
        int r = client_call_json("Status", &status, e);
        const json_t *zone = r < 0 ? NULL : zone_find_by_id(status, id);

        if (!zone || !zone_is_transient(zone) || zone_is_up(zone))
                return r;
        r = transient_drop_zone(t, id);
        return r < 0 ? err_set(e, r, "%s: %s", RUN_ZONES_DIR, strerror(-r)) : 0;
}

/* One that was started by zone start and has ended since is there no more: its devices wait for the next. */
static int drop_ended(const struct bring *b) {
        struct transient t;
        struct err e = {};
        int r = transient_open(RUN_TRANSIENT_DIR, RUN_ZONES_DIR, &t, &e);

        if (r >= 0) {
                r = drop_if_ended(&t, b->id, &e);
                transient_close(&t);
        }
        if (r < 0)
                log_error("%s", err_text(&e, r));
        return r;
}

/* What it means for a zone that is there already. */
static void tell_zone(const struct bring *b, const char *name, const struct zone_spec *before) {
        bool known = before;

        for (size_t i = 0; i < b->count; i++) {
                bool found = false;

                for (size_t n = 0; before && n < before->num_devices; n++)
                        found |= before->devices[n].address == b->addresses[i];
                known &= found;
        }
        if (!before)
                printf("the devices of zone %" PRIu32 " wait for hvisor zone start\n", b->id);
        else if (known)
                printf("the devices of zone %s (id %" PRIu32 ") are served again\n", name, b->id);
        else
                printf("zone %s (id %" PRIu32 ") is restarted, for its guest to find the devices\n", name, b->id);
}

static int bring_now(struct bring *b, struct diagnostics *d) {
        _cleanup_(zone_spec_freep) struct zone_spec *before = NULL;
        char name[NAME_SIZE] = "", path[PATH_MAX];
        struct diagnostics ignored = {};
        struct transient t;
        struct err e = {};
        int r = transient_open(RUN_TRANSIENT_DIR, RUN_ZONES_DIR, &t, &e);

        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return r;
        }
        if (transient_zone_name(&t, b->id, name)) {
                (void) snprintf(path, sizeof(path), "%s/%s.conf", RUN_ZONES_DIR, name);
                (void) zone_spec_load(path, &ignored, &before);
                diagnostics_clear(&ignored);
        }
        r = transient_add_devices(&t, b->id, b->zone, &b->fd, d);
        transient_close(&t);
        if (r >= 0)
                tell_zone(b, name, before);
        return r;
}

/* Who has them may have been told to end just before. */
static int bring(struct bring *b, struct diagnostics *d) {
        static const struct timespec step = { .tv_nsec = BUSY_STEP * 1000000 };
        int r;

        for (unsigned waited = 0;; waited += BUSY_STEP) {
                diagnostics_clear(d);
                r = bring_now(b, d);
                if (r != -EBUSY || waited >= BUSY_MAX)
                        return r;
                (void) nanosleep(&step, NULL);
        }
}

int brings_do(struct brings *l) {
        _cleanup_(json_decrefp) json_t *status = NULL;
        struct diagnostics d = {};
        struct err e = {};
        int r = client_call_json("Status", &status, &e);

        if (r < 0)
                log_error("%s", err_text(&e, r));
        for (size_t i = 0; i < l->count && r >= 0; i++) {
                r = may_bring(status, &l->list[i]) ? drop_ended(&l->list[i]) : -EPERM;
                if (r >= 0)
                        r = bring(&l->list[i], &d);
                print_diagnostics(&d);
        }
        return r;
}

/* ---- taking them back ------------------------------------------------------------------------------- */

static bool is_down(const json_t *zone, void *userdata) {
        const json_t *devices = json_object_get(zone, "devices"), *device;
        size_t i;

        json_array_foreach((json_t *) devices, i,
                           device) if (bring_has(userdata, strtoull(json_text(device, "address"), NULL, 16)) &&
                                       json_number(device, "worker_pid") > 0) return false;
        return true;
}

static void wait_down(struct bring *b, const char *name) {
        _cleanup_(json_decrefp) json_t *last = NULL;
        struct err e = {};
        int r = zone_wait(name, is_down, b, END_TIMEOUT, &last, &e);

        if (r < 0)
                log_warning("zone %s may have its devices still: %s", name, err_text(&e, r));
}

static void take_back(struct bring *b) {
        char name[NAME_SIZE] = "";
        struct diagnostics d = {};
        struct transient t;
        struct err e = {};
        int r;

        if (b->fd < 0)
                return;
        r = transient_open(RUN_TRANSIENT_DIR, RUN_ZONES_DIR, &t, &e);
        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return;
        }
        (void) transient_zone_name(&t, b->id, name);
        log_info("the devices of zone %" PRIu32 " go%s", b->id, name[0] ? ": what its guest asks of them waits" : "");
        (void) transient_end_devices(&t, b->id, TAKE_FD(b->fd), &d);
        transient_close(&t);
        print_diagnostics(&d);
        if (name[0] && client_daemon_runs())
                wait_down(b, name);
}

void brings_take_back(struct brings *l) {
        for (size_t i = 0; i < l->count; i++) {
                take_back(&l->list[i]);
                json_decref(l->list[i].zone);
        }
        l->count = 0;
}
