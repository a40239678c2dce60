/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/terminals.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>

#include "base/console_dir.h"
#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/transient.h"
#include "config/parse.h"

/* What was told last of a zone's console: a link to the terminal, beside the devices that wait. */
#define TOLD_FORMAT RUN_TRANSIENT_DIR "/%" PRIu32 "/%" PRIx64 ".tty"

#define STEP_MS  20
#define TOLD_MAX 2000 /* ms; they need none of them, unless somebody has stopped them */

#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_ONLYDIR)

/* Who waits for it finds it told. */
static void note(const struct terminal_watch *w) {
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), TOLD_FORMAT, w->zone, w->address);
        (void) unlink(path);
        if (w->told[0] != '\0' && symlink(w->told, path) < 0)
                log_debug("%s: %s", path, strerror(errno));
}

int terminals_open(struct terminals *t, FILE *out) {
        *t = (struct terminals){ .events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .out = out };
        return t->events < 0 ? -errno : 0;
}

void terminals_close(struct terminals *t) {
        for (size_t i = 0; i < t->count; i++)
                if (t->list[i].told[0] != '\0') {
                        t->list[i].told[0] = '\0';
                        note(&t->list[i]);
                }
        t->events = fd_close(t->events);
}

void terminals_add(struct terminals *t, uint32_t zone, uint64_t address) {
        if (t->count < TERMINALS_MAX)
                t->list[t->count++] = (struct terminal_watch){ .zone = zone, .address = address };
}

static void watch(const struct terminals *t, const char *path) {
        (void) inotify_add_watch(t->events, path, EVENTS); /* what is not there is made in the one above it */
}

/* What the console is called in its zone's file; false: there is no such zone, or none of ours. */
static bool find_console(const struct terminal_watch *w, char zone[NAME_SIZE], char device[NAME_SIZE]) {
        static const struct transient store = { RUN_TRANSIENT_DIR, RUN_ZONES_DIR, -1 };
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
        struct diagnostics d = {};
        char path[PATH_MAX];

        if (!transient_zone_name(&store, w->zone, zone))
                return false;
        (void) snprintf(path, sizeof(path), "%s/%s.conf", RUN_ZONES_DIR, zone);
        (void) zone_spec_load(path, &d, &z);
        diagnostics_clear(&d);
        for (size_t i = 0; z && i < z->num_devices; i++)
                if (z->devices[i].type == DEVICE_CONSOLE && z->devices[i].address == w->address) {
                        memcpy(device, z->devices[i].name, NAME_SIZE);
                        return true;
                }
        return false;
}

/* Each directory is watched before it is looked into. */
static void find_terminal(const struct terminals *t, const char *zone, const char *device, char *ret, size_t size) {
        char path[PATH_MAX];
        ssize_t n;

        (void) snprintf(path, sizeof(path), "%s/%s", RUN_CONSOLES_DIR, zone);
        watch(t, path);
        (void) snprintf(path, sizeof(path), "%s/%s/%s", RUN_CONSOLES_DIR, zone, device);
        watch(t, path);
        (void) snprintf(path, sizeof(path), "%s/%s/%s/" CONSOLE_TTY, RUN_CONSOLES_DIR, zone, device);
        n = readlink(path, ret, size - 1);
        ret[MAX(n, 0)] = '\0';
}

static void look_at(struct terminals *t, struct terminal_watch *w) {
        char zone[NAME_SIZE], device[NAME_SIZE], terminal[sizeof(w->told)] = "";

        if (find_console(w, zone, device))
                find_terminal(t, zone, device, terminal, sizeof(terminal));
        if (strcmp(w->told, terminal) == 0)
                return;
        log_debug("zone %" PRIu32 ": the console at 0x%" PRIx64 " has %s", w->zone, w->address,
                  terminal[0] != '\0' ? terminal : "no terminal");
        memcpy(w->told, terminal, sizeof(w->told));
        if (terminal[0] != '\0')
                fprintf(t->out, "char device redirected to %s\n", terminal);
        fflush(t->out);
        note(w);
}

void terminals_look(struct terminals *t) {
        char events[4096];

        while (read(t->events, events, sizeof(events)) > 0)
                ;
        watch(t, RUN_ZONES_DIR);
        watch(t, RUN_CONSOLES_DIR);
        for (size_t i = 0; i < t->count; i++)
                look_at(t, &t->list[i]);
}

/* ---- who waits for it ------------------------------------------------------------------------------- */

static bool links_equal(const char *a, const char *b) {
        char one[64], other[sizeof(one)];
        ssize_t n = readlink(a, one, sizeof(one));

        return n > 0 && n == readlink(b, other, sizeof(other)) && memcmp(one, other, (size_t) n) == 0;
}

static bool all_told(const struct zone_spec *z) {
        char terminal[PATH_MAX], told[PATH_MAX];

        for (size_t i = 0; i < z->num_devices; i++) {
                const struct device_spec *d = &z->devices[i];

                if (d->type != DEVICE_CONSOLE || !d->enabled)
                        continue;
                (void) snprintf(terminal, sizeof(terminal), "%s/%s/%s/" CONSOLE_TTY, RUN_CONSOLES_DIR, z->name,
                                d->name);
                (void) snprintf(told, sizeof(told), TOLD_FORMAT, z->id, d->address);
                if (!links_equal(terminal, told))
                        return false;
        }
        return true;
}

void terminals_wait_told(const char *zone) {
        static const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
        struct diagnostics d = {};
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/%s.conf", RUN_ZONES_DIR, zone);
        (void) zone_spec_load(path, &d, &z);
        diagnostics_clear(&d);
        for (unsigned waited = 0; z && waited < TOLD_MAX && !all_told(z); waited += STEP_MS)
                (void) nanosleep(&step, NULL);
}
