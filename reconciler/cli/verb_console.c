/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/log.h"
#include "cli/overview.h"
#include "cli/relay.h"
#include "cli/json.h"
#include "cli/status_text.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "config/spec.h"

#define SILENCE_S     2
#define SILENCE_MAX_S 3600

/* ---- which console ---------------------------------------------------------------------------------- */

/* Why there is no console to open, as far as the status tells. */
static void explain_missing(const json_t *zone, const char *device) {
        const char *name = json_text(zone, "name"), *state = json_text(zone, "state");

        if (strcmp(state, "foreign") == 0)
                log_error("zone %s was not started by the reconciler: its console is elsewhere", name);
        else if (strcmp(state, "running") != 0)
                log_error("zone %s is not running (%s); hvisor status %s tells more", name, state, name);
        else if (device)
                log_error("zone %s has no console %s; hvisor status %s shows its devices", name, device, name);
        else
                log_error("zone %s has no [Console]", name);
}

/* The only console of the zone, or the one called "main"; NULL: said why not. */
static const char *console_choose(const json_t *zone) {
        const json_t *devices = json_object_get(zone, "devices"), *d;
        const char *zone_name = json_text(zone, "name"), *found = NULL;
        size_t count = 0, i;

        json_array_foreach((json_t *) devices, i, d) {
                if (strcmp(json_text(d, "type"), "console") != 0)
                        continue;
                if (count++ == 0 || strcmp(json_text(d, "name"), "main") == 0)
                        found = json_text(d, "name");
        }
        if (count == 0)
                explain_missing(zone, NULL);
        if (count < 2 || strcmp(found, "main") == 0)
                return found;
        log_error("zone %s has %zu consoles; say which: hvisor console %s DEVICE", zone_name, count, zone_name);
        return NULL;
}

/* Return: true, or said why not. @directory: PATH_MAX. */
static bool console_open(const json_t *zone, const char *zone_name, const char *device, char *directory,
                         struct console_client *ret) {
        struct err e = {};
        int r;

        /* Both become part of a path: nothing but names. */
        if (!zone_name_valid(zone_name) || !zone_name_valid(device)) {
                log_error("\"%s\" is not a name", zone_name_valid(zone_name) ? device : zone_name);
                return false;
        }
        (void) snprintf(directory, PATH_MAX, "%s/%s/%s", RUN_CONSOLES_DIR, zone_name, device);
        r = console_client_open(directory, ret, &e);
        if (r == -ENOENT)
                explain_missing(zone, device);
        else if (r < 0)
                log_error("%s", err_text(&e, r));
        return r >= 0;
}

/* ---- talking to it ---------------------------------------------------------------------------------- */

static bool silence_parse(const char *text, unsigned *ret_ms) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > SILENCE_MAX_S) {
                log_error("--timeout=%s: 0 to %d seconds", text, SILENCE_MAX_S);
                return false;
        }
        *ret_ms = (unsigned) n * 1000;
        return true;
}

static int console_attach(struct console_client *console, const char *zone, const char *device, bool watch,
                          unsigned silence_ms) {
        struct relay relay = { .in = STDIN_FILENO,
                               .out = STDOUT_FILENO,
                               .notes = isatty(STDIN_FILENO) ? STDERR_FILENO : -1,
                               .console = console,
                               .interactive = isatty(STDIN_FILENO),
                               .watch = watch,
                               .silence_ms = silence_ms };
        struct terminal t;
        struct err e = {};
        int r;

        r = terminal_raw(&t, STDIN_FILENO);
        if (r < 0) {
                log_error("the terminal: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        /* What was typed before it is thrown away. */
        if (relay.interactive)
                fprintf(stderr, "Connected to console %s of %s. Ctrl-] leaves it.\r\n", device, zone);
        r = relay_run(&relay, &e);
        terminal_restore(&t);
        if (r < 0)
                log_error("%s", err_text(&e, r));
        else if (r == RELAY_CLOSED)
                fprintf(stderr, "\nThe console was closed: hvisor status %s tells how the zone is.\n", zone);
        else if (r == RELAY_STALLED)
                log_error("zone %s does not read its console %s: not all of the input got there", zone, device);
        else if (r == RELAY_BUSY)
                log_error("another client writes to console %s of %s: the input did not get there", device, zone);
        else if (relay.interactive)
                fprintf(stderr, "\nLeft console %s of %s.\n", device, zone);
        return r < 0 || r == RELAY_SIGNAL || r == RELAY_STALLED || r == RELAY_BUSY ? EXIT_FAILURE : EXIT_SUCCESS;
}

int verb_console(const struct arguments *a) {
        const char *zone_name = a->words[0], *device = a->num_words > 1 ? a->words[1] : NULL;
        _cleanup_(json_decrefp) json_t *status = NULL;
        struct console_client console;
        char directory[PATH_MAX];
        unsigned silence_ms = SILENCE_S * 1000;
        const json_t *zone = NULL;
        struct err e = {};
        int r;

        if (a->options[CONSOLE_TIMEOUT] && !silence_parse(a->options[CONSOLE_TIMEOUT], &silence_ms))
                return EXIT_FAILURE;
        r = status_get(&status, &e);
        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        zone = status_find_zone(status, zone_name);
        if (!zone) {
                log_error("no zone \"%s\"; hvisor status shows them all", zone_name);
                return EXIT_FAILURE;
        }
        if (!device)
                device = console_choose(zone);
        if (!device)
                return EXIT_FAILURE;
        if (!console_open(zone, zone_name, device, directory, &console))
                return EXIT_FAILURE;
        r = console_attach(&console, zone_name, device, a->options[CONSOLE_WATCH], silence_ms);
        console_client_close(&console);
        return r;
}
