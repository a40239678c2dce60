/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Root Linux goes down, and all zones before it: hvisor-zones.service asks for
 * it when the daemon has ended. The daemon's own engine does it, told that
 * nothing is wanted any more.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/dirs.h"
#include "base/log.h"
#include "cli/client.h"
#include "cli/json.h"
#include "cli/verb.h"
#include "engine/engine.h"
#include "engine/journal.h"

#define SECOND         UINT64_C(1000000) /* µs */
#define TIMEOUT_S      60
#define TIMEOUT_MAX_S  3600
#define PROGRESS_FIRST (2 * SECOND) /* who waits longer than this is told what for */
#define PROGRESS_NEXT  (5 * SECOND)

struct end {
        sd_event *event;
        struct hypervisor *hypervisor;
        struct launcher *launcher;
        struct engine *engine;
        unsigned timeout_s;
};

static bool is_ours(const json_t *zone) {
        return strcmp(json_text(zone, "state"), "foreign") != 0;
}

/* What is still there, one warning each. Return: how many; at least 1 where that cannot be seen. */
static size_t count_left(struct engine *engine, const char *say) {
        _cleanup_(json_decrefp) json_t *status = engine_status(engine);
        const json_t *zones = json_object_get(status, "zones"), *zone;
        size_t i, left = 0;

        if (!json_is_object(json_object_get(status, "hypervisor")))
                return 1;
        json_array_foreach((json_t *) zones, i, zone) {
                if (!is_ours(zone))
                        continue;
                left++;
                if (say)
                        log_warning("%s zone %s: %s%s%s", say, json_text(zone, "name"), json_text(zone, "state"),
                                    json_text(zone, "message")[0] ? ", " : "", json_text(zone, "message"));
        }
        return left;
}

static void on_pass(void *userdata) {
        struct end *end = userdata;

        if (!engine_busy(end->engine) && count_left(end->engine, NULL) == 0)
                sd_event_exit(end->event, EXIT_SUCCESS);
}

static int on_progress(sd_event_source *s, uint64_t when _unused_, void *userdata) {
        struct end *end = userdata;

        (void) count_left(end->engine, "waiting for");
        sd_event_source_set_time_relative(s, PROGRESS_NEXT);
        sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t when _unused_, void *userdata) {
        struct end *end = userdata;

        log_error("given up after %u s", end->timeout_s);
        (void) count_left(end->engine, "still there:");
        return sd_event_exit(sd_event_source_get_event(s), EXIT_FAILURE);
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *info, void *userdata _unused_) {
        log_error("ended by signal %d; zones that were not shut down run on", (int) info->ssi_signo);
        return sd_event_exit(sd_event_source_get_event(s), EXIT_FAILURE);
}

static void on_record(void *userdata _unused_, const struct record *r) {
        journal_record(r);
}

static int add_sources(struct end *end) {
        static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
        sigset_t set;
        int r = 0;

        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals) && r >= 0; i++)
                r = sd_event_add_signal(end->event, NULL, signals[i], on_signal, end);
        if (r >= 0)
                r = sd_event_add_time_relative(end->event, NULL, CLOCK_MONOTONIC, PROGRESS_FIRST, 0, on_progress, end);
        if (r >= 0)
                r = sd_event_add_time_relative(end->event, NULL, CLOCK_MONOTONIC, end->timeout_s * SECOND, 0,
                                               on_timeout, end);
        return r;
}

static int end_begin(struct end *end, struct err *e) {
        struct engine_config config = {
                .paths = { zone_dirs_default, BOARD_CONF, RUN_SPECS_DIR },
                .version = VERSION,
                .userdata = end,
                .record = on_record,
                .changed = on_pass,
        };
        int r = sd_event_default(&end->event);

        if (r < 0)
                return r;
        r = launcher_system_new(end->event, WORKER_BINARY, journal_record, &end->launcher, e);
        if (r < 0)
                return r;
        config.event = end->event;
        config.hypervisor = end->hypervisor;
        config.launcher = end->launcher;
        r = engine_new(&config, &end->engine);
        if (r == 0)
                r = add_sources(end);
        return r;
}

static int end_all(struct end *end, struct err *e) {
        int r = end_begin(end, e);

        if (r >= 0) {
                engine_end_all(end->engine, "all zones are to end (hvisor stop-all)");
                r = sd_event_loop(end->event);
        }
        engine_free(end->engine);
        launcher_free(end->launcher);
        sd_event_unref(end->event);
        return r;
}

static bool timeout_parse(const char *text, unsigned *ret) {
        char *rest;
        unsigned long n = strtoul(text, &rest, 10);

        if (text[0] < '0' || text[0] > '9' || *rest != '\0' || n < 1 || n > TIMEOUT_MAX_S) {
                log_error("--timeout=%s: 1 to %d seconds", text, TIMEOUT_MAX_S);
                return false;
        }
        *ret = (unsigned) n;
        return true;
}

int verb_stop_all(const struct arguments *a) {
        _cleanup_(hypervisor_closep) struct hypervisor *h = NULL;
        struct end end = { .timeout_s = TIMEOUT_S };
        struct err e = {};
        int r;

        if (a->options[STOP_ALL_TIMEOUT] && !timeout_parse(a->options[STOP_ALL_TIMEOUT], &end.timeout_s))
                return EXIT_FAILURE;
        journal_open();
        r = hypervisor_hvisor_open(&h, &e);
        if (r == -ENOENT || r == -ENXIO || r == -ENODEV)
                return EXIT_SUCCESS; /* without the module there is no zone of ours */
        end.hypervisor = h;
        if (r == 0 && client_daemon_runs())
                r = err_set(&e, -EBUSY,
                            "the reconciler runs and would start them again; end it first: "
                            "systemctl stop hvisor-reconciler");
        if (r == 0)
                r = end_all(&end, &e);
        if (r < 0)
                log_error("%s", err_text(&e, r));
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
