/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvisor virtio start: hvisor-tool's daemon for devices, as far as anybody can tell. It serves nothing itself: while
 * it runs, the devices that it was given are those of their zones.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/client.h"
#include "cli/import.h"
#include "cli/json.h"
#include "cli/old_device.h"
#include "cli/old_json.h"
#include "cli/table.h"
#include "cli/terminals.h"
#include "cli/transient.h"
#include "cli/verb.h"
#include "cli/zone_find.h"
#include "cli/zone_wait.h"
#include "config/check.h"
#include "config/parse.h"
#include "config/settings.h"

#define COMM        "hvisor-virtio" /* as hvisor-tool's: what is pkilled is this */
#define BRINGS_MAX  16
#define BUSY_STEP   50    /* ms */
#define BUSY_MAX    3000  /* ms, that one which was told to end may take */
#define END_TIMEOUT 10000 /* ms, until its devices are down */

/* The devices of one zone. */
struct bring {
        uint32_t id;
        uint64_t addresses[ZONE_DEVICES_MAX];
        size_t count;
        json_t *zone;
        int fd; /* -1: not brought yet */
};

struct virtio {
        struct bring brings[BRINGS_MAX];
        size_t count;
        struct terminals terminals;
};

static void print_diagnostics(struct diagnostics *d) {
        diagnostics_print(d, stderr, colour_wanted(stderr));
        diagnostics_clear(d);
}

/* ---- what it is given ------------------------------------------------------------------------------- */

static json_t *read_devices(const struct arguments *a, struct diagnostics *d) {
        json_t *root;

        if (a->num_words + (a->num_values > 0) != 1) {
                log_error("either a virtio file, or --device=…, is wanted");
                return NULL;
        }
        if (a->num_words == 0)
                return old_devices_parse(a->values, a->num_values, d);
        root = old_json_read(a->words[0], d);
        if (!root || import_is_devices(root))
                return root;
        (void) diagnostics_add(d, SEVERITY_ERROR, a->words[0], 0, 0, 0, NULL, 0,
                               "has no \"zones\": it is no virtio file");
        json_decref(root);
        return NULL;
}

/* Files are found later, too, and elsewhere. */
static void make_absolute(json_t *zone, const char *file) {
        json_t *devices = json_object_get(zone, "devices"), *device;
        size_t i;

        json_array_foreach(devices, i, device) {
                const char *image = json_string_value(json_object_get(device, "img"));
                _cleanup_free_ char *path = image ? import_path(file, image) : NULL;

                if (path)
                        json_object_set_new(device, "img", json_string(path));
        }
}

/* As import will take them, whatever the zone is like. What a zone's RAM is compared with comes then. */
static bool check_devices(struct bring *b, const char *file, struct terminals *t, struct diagnostics *d) {
        _cleanup_(import_clear) struct import i = { .zone = calloc(1, sizeof(*i.zone)), .d = d };
        json_t *copy = json_deep_copy(b->zone), *root = json_pack("{s:[o]}", "zones", copy);
        size_t errors = d->errors;

        if (!i.zone || !root || !(i.zone->path = strdup(file)))
                return false;
        i.zone->id = b->id;
        json_object_del(copy, "memory_region");
        if (import_devices(&i, file, root) >= 0)
                for (size_t n = 0; n < i.zone->num_devices; n++) {
                        const struct device_spec *s = &i.zone->devices[n];

                        b->addresses[b->count++] = s->address;
                        if (s->enabled)
                                (void) zone_check_device(i.zone, s, d);
                        if (s->type == DEVICE_CONSOLE)
                                terminals_add(t, b->id, s->address);
                }
        json_decref(root);
        return d->errors == errors;
}

static bool add_bring(struct virtio *v, json_t *zone, const char *file, struct diagnostics *d) {
        struct bring *b = &v->brings[v->count];
        uint64_t id;

        if (!old_json_value(json_object_get(zone, "id"), UINT32_MAX, &id) || id == 0) {
                (void) diagnostics_add(d, SEVERITY_ERROR, file, 0, 0, 0, NULL, 0,
                                       "zones[%zu].id is no number of a zone", v->count);
                return false;
        }
        if (v->count == BRINGS_MAX) {
                (void) diagnostics_add(d, SEVERITY_ERROR, file, 0, 0, 0, NULL, 0, "has more than %d zones", BRINGS_MAX);
                return false;
        }
        *b = (struct bring){ .id = (uint32_t) id, .zone = json_incref(zone), .fd = -1 };
        v->count++;
        make_absolute(zone, file);
        return check_devices(b, file, &v->terminals, d);
}

static bool take_devices(struct virtio *v, const struct arguments *a, struct diagnostics *d) {
        const char *file = a->num_words > 0 ? a->words[0] : OLD_DEVICE_OPTION;
        json_t *root = read_devices(a, d), *zone;
        bool good = root;
        size_t i;

        json_array_foreach(json_object_get(root, "zones"), i, zone) good &= add_bring(v, zone, file, d);
        if (good && v->count == 0) {
                (void) diagnostics_add(d, SEVERITY_ERROR, file, 0, 0, 0, NULL, 0, "has no zone with devices in it");
                good = false;
        }
        json_decref(root);
        return good;
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

/* ---- taking them back ------------------------------------------------------------------------------- */

static bool has_address(const struct bring *b, const char *text) {
        uint64_t address = strtoull(text, NULL, 16);

        for (size_t i = 0; i < b->count; i++)
                if (b->addresses[i] == address)
                        return true;
        return false;
}

static bool is_down(const json_t *zone, void *userdata) {
        const json_t *devices = json_object_get(zone, "devices"), *device;
        size_t i;

        json_array_foreach((json_t *) devices, i, device) if (has_address(userdata, json_text(device, "address")) &&
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

static void take_all_back(struct virtio *v) {
        for (size_t i = 0; i < v->count; i++) {
                take_back(&v->brings[i]);
                json_decref(v->brings[i].zone);
        }
        v->count = 0;
}

/* ---- meanwhile -------------------------------------------------------------------------------------- */

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *info, void *userdata _unused_) {
        log_debug("told to end by signal %u of process %u", info->ssi_signo, info->ssi_pid);
        return sd_event_exit(sd_event_source_get_event(s), 0);
}

static int on_terminals(sd_event_source *s _unused_, int fd _unused_, uint32_t events _unused_, void *userdata) {
        terminals_look(userdata);
        return 0;
}

/* nohup(1) has SIGHUP ignored: then it stays so. Blocked from the beginning: what was brought is taken back. */
static int block_signals(sigset_t *ret) {
        struct sigaction hangup;

        sigemptyset(ret);
        sigaddset(ret, SIGTERM);
        sigaddset(ret, SIGINT);
        if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
                sigaddset(ret, SIGHUP);
        return sigprocmask(SIG_BLOCK, ret, NULL) < 0 ? -errno : 0;
}

static int stay(struct virtio *v, const sigset_t *ends) {
        sd_event *event = NULL;
        int r = sd_event_new(&event);

        for (int n = 1; n < _NSIG && r >= 0; n++)
                if (sigismember(ends, n) == 1)
                        r = sd_event_add_signal(event, NULL, n, on_signal, NULL);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, v->terminals.events, EPOLLIN, on_terminals, &v->terminals);
        if (r >= 0) {
                terminals_look(&v->terminals);
                r = sd_event_loop(event);
        }
        sd_event_unref(event);
        return r;
}

static int run(struct virtio *v, const sigset_t *ends) {
        _cleanup_(json_decrefp) json_t *status = NULL;
        struct diagnostics d = {};
        struct err e = {};
        int r = client_call_json("Status", &status, &e);

        if (r < 0)
                log_error("%s", err_text(&e, r));
        for (size_t i = 0; i < v->count && r >= 0; i++)
                r = may_bring(status, &v->brings[i]) ? bring(&v->brings[i], &d) : -EPERM;
        print_diagnostics(&d);
        if (r >= 0)
                r = stay(v, ends);
        return r;
}

/* It stays, as the daemon does: what is set for that counts for it, too. */
static void take_log_level(void) {
        struct diagnostics ignored = {};
        struct settings s;

        if (!getenv(LOG_ENVIRONMENT) && settings_load(SETTINGS_CONF, &ignored, &s) >= 0 && s.log_level)
                log_set_level(s.log_level);
        diagnostics_clear(&ignored);
}

int verb_virtio_start(const struct arguments *a) {
        struct diagnostics d = {};
        struct virtio v = {};
        sigset_t ends;
        bool good;
        int r;

        take_log_level();
        setlinebuf(stdout); /* a nohup.out is read while this runs */
        (void) prctl(PR_SET_NAME, COMM);
        r = block_signals(&ends);
        if (r >= 0)
                r = mkdir_parents(RUN_ZONES_DIR "/");
        if (r >= 0)
                r = terminals_open(&v.terminals, stdout);
        if (r < 0) {
                log_error("%s: %s", RUN_ZONES_DIR, strerror(-r));
                return EXIT_FAILURE;
        }
        good = take_devices(&v, a, &d);
        print_diagnostics(&d);
        r = good ? run(&v, &ends) : -EINVAL;
        terminals_close(&v.terminals);
        take_all_back(&v);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
