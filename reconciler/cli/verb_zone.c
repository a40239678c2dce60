/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor zone start, shutdown, list: as hvisor-tool has them, by way of the reconciler. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/dirs.h"
#include "base/log.h"
#include "cli/client.h"
#include "import/import.h"
#include "cli/json.h"
#include "import/old_json.h"
#include "cli/status_text.h"
#include "cli/table.h"
#include "cli/terminals.h"
#include "cli/transient.h"
#include "cli/verb.h"
#include "cli/zone_find.h"
#include "cli/zone_list.h"
#include "cli/zone_wait.h"
#include "hypervisor/hypervisor.h"

#define UNSEEN_MAX   20000 /* ms, until the reconciler has read a file, on a busy machine */
#define DEVICES_STEP 50    /* ms */
#define DEVICES_MAX  3000  /* ms, that a `virtio start` which was begun just before may take */

/* Of one that has no file and is not there, drop-ins may be left, which are shown. */
static bool is_left(const json_t *zone) {
        return !json_text(zone, "file")[0] && zone_has_state(zone, "stopped") &&
               !json_is_integer(json_object_get(zone, "id"));
}

static bool is_gone(const json_t *zone, void *userdata _unused_) {
        return !zone || zone_has_state(zone, "foreign") || is_left(zone);
}

static int wait_gone(const char *name) {
        _cleanup_(json_decrefp) json_t *last = NULL;
        struct err e = {};
        int r = zone_wait(name, is_gone, NULL, 0, &last, &e);

        if (r < 0)
                log_error("zone %s: %s", name, err_text(&e, r));
        return r;
}

/* ---- start ------------------------------------------------------------------------------------------ */

/* What is in /etc comes before what is in /run, be it no zone at all. */
static bool is_free(const struct zone_spec *z) {
        char path[PATH_MAX];
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s/%s.conf", ZONES_DIR, z->name);
        if (lstat(path, &st) < 0)
                return true;
        log_error("zone %s is what %s says, or it is masked there; that file has to go", z->name, path);
        return false;
}

/* In hvisor-tool's files a name is a label, ids tell zones apart: one whose name another has is told by its id. */
static void distinguish(const json_t *status, struct zone_spec *z) {
        const json_t *namesake = status_find_zone(status, z->name);
        char suffix[16], name[NAME_SIZE];

        if (!namesake || is_left(namesake) || !json_is_integer(json_object_get(namesake, "id")) ||
            json_number(namesake, "id") == z->id || zone_has_state(namesake, "foreign"))
                return;
        (void) snprintf(suffix, sizeof(suffix), "-%" PRIu32, z->id);
        (void) snprintf(name, sizeof(name), "%.*s%s", (int) (NAME_SIZE - 1 - strlen(suffix)), z->name, suffix);
        log_notice("there is a zone %s already, with id %lld: this one becomes %s", z->name,
                   (long long) json_number(namesake, "id"), name);
        memcpy(z->name, name, sizeof(z->name));
}

/* One that was started so and has ended since makes room, whatever its name came to be. */
static bool has_ended(const json_t *zone) {
        return zone_is_transient(zone) && !zone_is_up(zone);
}

/* Who stands in its way, said; true: nobody. */
static bool has_room(const json_t *status, const struct zone_spec *z) {
        const json_t *holder = zone_find_by_id(status, z->id), *namesake = status_find_zone(status, z->name);

        if (!is_free(z))
                return false;
        if (holder && zone_has_state(holder, "foreign"))
                log_error("zone %s with id %" PRIu32 " runs and was not started by the reconciler; whoever started it "
                          "has to shut it down",
                          json_text(holder, "name"), z->id);
        else if (holder && !has_ended(holder) &&
                 (strcmp(json_text(holder, "name"), z->name) != 0 || !zone_is_transient(holder)))
                log_error("id %" PRIu32 " belongs to zone %s, %s; one of them needs another, or that file has to go",
                          z->id, json_text(holder, "name"),
                          json_text(holder, "file")[0] ? json_text(holder, "file") : "whose file is gone");
        else if (namesake && namesake != holder && !is_left(namesake))
                log_error("there is a zone %s already: %s", z->name,
                          json_text(namesake, "file")[0] ? json_text(namesake, "file") : json_text(namesake, "state"));
        else if (holder && zone_is_up(holder))
                log_error("zone %s is %s already; hvisor zone shutdown -id %" PRIu32 " ends it", z->name,
                          json_text(holder, "state"), z->id);
        else
                return true;
        return false;
}

/* `nohup hvisor virtio start … &` in the line before may not have come to it yet. */
static void wait_for_devices(const struct import *i) {
        static const struct timespec step = { .tv_nsec = DEVICES_STEP * 1000000 };
        const struct range *missing = NULL;
        struct transient t;
        struct err e = {};

        for (unsigned waited = 0; waited < DEVICES_MAX; waited += DEVICES_STEP) {
                if (transient_open(RUN_TRANSIENT_DIR, RUN_ZONES_DIR, &t, &e) < 0)
                        return; /* which will be said soon enough */
                missing = transient_lacks(&t, i->zone->id, i->windows, i->num_windows);
                transient_close(&t);
                if (!missing)
                        return;
                if (waited == DEVICES_STEP * 10)
                        log_notice("waiting for hvisor virtio start to bring the device at 0x%" PRIx64, missing->base);
                (void) nanosleep(&step, NULL);
        }
        log_warning("there is no device at 0x%" PRIx64 ", which the zone's file has as virtio: a guest that looks "
                    "there ends in error; hvisor virtio start may bring it later, the zone is restarted then",
                    missing->base);
}

static void print_diagnostics(struct diagnostics *d) {
        diagnostics_print(d, stderr, colour_wanted(stderr));
        diagnostics_clear(d);
}

static int put(const struct zone_spec *z) {
        struct diagnostics d = {};
        struct transient t;
        struct err e = {};
        int r = transient_open(RUN_TRANSIENT_DIR, RUN_ZONES_DIR, &t, &e);

        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return r;
        }
        r = transient_put_zone(&t, z, &d);
        transient_close(&t);
        print_diagnostics(&d);
        if (r < 0)
                log_error("zone %s is not started%s", z->name, r == -ENOMEM ? ": out of memory" : "");
        return r;
}

static int drop(uint32_t id) {
        struct transient t;
        struct err e = {};
        int r = transient_open(RUN_TRANSIENT_DIR, RUN_ZONES_DIR, &t, &e);

        if (r >= 0) {
                r = transient_drop_zone(&t, id);
                transient_close(&t);
        }
        if (r < 0)
                log_error("%s", err_text(&e, r));
        return r;
}

/* Who is interrupted takes back what was asked for, too; what nohup(1) has ignored stays so. */
static volatile sig_atomic_t interrupted; /* by which signal; 0: not */

static void on_interrupt(int signal) {
        interrupted = signal;
}

static void mind_interrupts(void (*handler)(int signal)) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
        struct sigaction before;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
                        (void) sigaction(signals[i], &(struct sigaction){ .sa_handler = handler }, NULL);
}

static bool is_seen(const json_t *zone, void *userdata _unused_) {
        return interrupted || json_text(zone, "file")[0];
}

/* One way or the other; or somebody shuts it down while it starts. */
static bool is_settled(const json_t *zone, void *userdata _unused_) {
        static const char *const states[] = { "running", "error", "exited", "failed", "refused", "waiting", "foreign" };

        for (size_t i = 0; zone && i < ELEMENTSOF(states); i++)
                if (zone_has_state(zone, states[i]))
                        return true;
        return interrupted || !zone || is_left(zone);
}

/* Of its file `hvisor check` has more to say than the reconciler's one line. */
static void explain(const struct zone_spec *z, const json_t *zone) {
        const char *message = json_text(zone, "message");
        char path[PATH_MAX], *words[] = { path };

        (void) snprintf(path, sizeof(path), "%s/%s.conf", RUN_ZONES_DIR, z->name);
        if (strncmp(message, path, strlen(path)) == 0 &&
            verb_check(&(struct arguments){ .words = words, .num_words = 1 }) != EXIT_SUCCESS)
                message = "see above; the file that is named there was made of yours, and has gone again";
        log_error("zone %s is not started: %s, %s", z->name, json_text(zone, "state"), message);
}

/* What did not start leaves nothing behind. */
static int judge(const struct zone_spec *z, const json_t *zone) {
        if (!zone || is_left(zone)) {
                log_error("zone %s was shut down while it was to start", z->name);
                (void) drop(z->id);
                return EXIT_FAILURE;
        }
        if (zone_has_state(zone, "running") || zone_has_state(zone, "exited")) {
                terminals_wait_told(z->name);
                printf("zone %s (id %" PRIu32 ") has started%s\n", z->name, z->id,
                       zone_has_state(zone, "exited") ? ", and its guest has powered off" : "");
                return EXIT_SUCCESS;
        }
        if (zone_has_state(zone, "error")) {
                log_error("zone %s has started, but %s; hvisor zone shutdown -id %" PRIu32 " ends it", z->name,
                          json_text(zone, "message"), z->id);
                return EXIT_FAILURE;
        }
        explain(z, zone);
        if (drop(z->id) >= 0)
                (void) wait_gone(z->name);
        return EXIT_FAILURE;
}

static int start(const struct zone_spec *z) {
        _cleanup_(json_decrefp) json_t *seen = NULL, *zone = NULL;
        struct err e = {};
        int r;

        mind_interrupts(on_interrupt);
        r = put(z);
        if (r < 0)
                return EXIT_FAILURE;
        r = zone_wait(z->name, is_seen, NULL, UNSEEN_MAX, &seen, &e);
        if (r >= 0)
                r = zone_wait(z->name, is_settled, NULL, 0, &zone, &e);
        mind_interrupts(SIG_DFL);
        if (interrupted) {
                log_error("zone %s is not started: interrupted", z->name);
                (void) drop(z->id);
                (void) raise(interrupted);
        }
        if (r >= 0)
                return judge(z, zone);
        log_error("zone %s is not started: %s", z->name, err_text(&e, r));
        (void) drop(z->id);
        return EXIT_FAILURE;
}

static bool read_zone(struct import *i, const char *path) {
        json_t *root = old_json_read(path, i->d);
        bool good = false;

        if (root && import_is_devices(root))
                (void) diagnostics_add(i->d, SEVERITY_ERROR, path, 0, 0, 0, NULL, 0,
                                       "is a virtio file: hvisor virtio start %s", path);
        else if (root)
                good = import_zone(i, path, root) >= 0;
        json_decref(root);
        print_diagnostics(i->d);
        return good;
}

int verb_zone_start(const struct arguments *a) {
        struct diagnostics d = {};
        _cleanup_(import_clear) struct import i = { .d = &d };
        _cleanup_(json_decrefp) json_t *status = NULL;
        const json_t *before;
        struct err e = {};
        int r;

        if (!read_zone(&i, a->words[0]))
                return EXIT_FAILURE;
        i.zone->restart = RESTART_NO; /* it was started once, by hand */
        r = client_call_json("Status", &status, &e);
        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        distinguish(status, i.zone);
        if (!has_room(status, i.zone))
                return EXIT_FAILURE;
        /* one that was started so and has ended since */
        before = zone_find_by_id(status, i.zone->id);
        if (before && (drop(i.zone->id) < 0 || wait_gone(json_text(before, "name")) < 0))
                return EXIT_FAILURE;
        wait_for_devices(&i);
        return start(i.zone);
}

/* ---- shutdown --------------------------------------------------------------------------------------- */

static bool id_parse(const char *text, uint32_t *ret) {
        char *end;
        unsigned long n = strtoul(text, &end, 0);

        if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > UINT32_MAX) {
                log_error("-id %s: the id of a zone is wanted; hvisor zone list has them", text);
                return false;
        }
        *ret = (uint32_t) n;
        return true;
}

/* By whom else it has to be ended, said; true: by us. */
static bool may_end(const json_t *zone, uint32_t id) {
        const char *name = json_text(zone, "name"), *file = json_text(zone, "file");

        if (id == 0)
                log_error("zone 0 is root Linux itself");
        else if (!zone)
                log_error("there is no zone with id %" PRIu32 "; hvisor zone list has them all", id);
        else if (zone_has_state(zone, "foreign"))
                log_error("zone %s was not started by the reconciler and is left alone; whoever started it has to shut "
                          "it down",
                          name);
        else if (file[0] && !zone_is_transient(zone))
                log_error("zone %s is what %s says: it would be started again. Remove that file, or put a link to "
                          "/dev/null at " ZONES_DIR "/%s.conf, to shut it down",
                          name, file, name);
        else
                return true;
        return false;
}

/* Nobody waits for a zone that is gone. */
static void forget_devices(uint32_t id) {
        struct transient t;
        struct err e = {};

        if (transient_open(RUN_TRANSIENT_DIR, RUN_ZONES_DIR, &t, &e) < 0)
                return;
        transient_forget_devices(&t, id);
        transient_close(&t);
}

int verb_zone_shutdown(const struct arguments *a) {
        _cleanup_(json_decrefp) json_t *status = NULL;
        const json_t *zone;
        struct err e = {};
        uint32_t id;
        int r;

        if (!a->options[SHUTDOWN_ID]) {
                log_error("say which: -id N; hvisor zone list has them all");
                return EXIT_FAILURE;
        }
        if (!id_parse(a->options[SHUTDOWN_ID], &id))
                return EXIT_FAILURE;
        r = client_call_json("Status", &status, &e);
        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        zone = zone_find_by_id(status, id);
        if (!may_end(zone, id) || drop(id) < 0 || wait_gone(json_text(zone, "name")) < 0)
                return EXIT_FAILURE;
        forget_devices(id);
        printf("zone %s (id %" PRIu32 ") is shut down\n", json_text(zone, "name"), id);
        return EXIT_SUCCESS;
}
