/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/console_dir.h"
#include "base/dirs.h"
#include "cli/json.h"
#include "cli/status_text.h"
#include "cli/table.h"
#include "config/printable.h"

static enum colour state_colour(const char *state) {
        static const struct {
                const char *state;
                enum colour colour;
        } colours[] = {
                { "running", COLOUR_GOOD },  { "ready", COLOUR_GOOD },   { "starting", COLOUR_BUSY },
                { "stopping", COLOUR_BUSY }, { "waiting", COLOUR_BUSY }, { "down", COLOUR_BUSY },
                { "failed", COLOUR_BAD },    { "error", COLOUR_BAD },    { "refused", COLOUR_BAD },
                { "hung", COLOUR_BAD },      { "broken", COLOUR_BAD },   { "exited", COLOUR_DIM },
                { "foreign", COLOUR_DIM },   { "masked", COLOUR_DIM },   { "stopped", COLOUR_DIM },
                { "disabled", COLOUR_DIM },
        };

        for (size_t i = 0; i < ELEMENTSOF(colours); i++)
                if (strcmp(colours[i].state, state) == 0)
                        return colours[i].colour;
        return COLOUR_NONE;
}

/* ---- all zones -------------------------------------------------------------------------------------- */

/* "1/2" workers ready, of those that there are to be; "" for a zone without devices. */
static void devices_cell(struct table *t, const json_t *zone) {
        const json_t *devices = json_object_get(zone, "devices"), *device;
        size_t ready = 0, count = 0, i;
        bool running = strcmp(json_text(zone, "state"), "running") == 0;

        json_array_foreach((json_t *) devices, i, device) {
                ready += strcmp(json_text(device, "state"), "ready") == 0;
                count += strcmp(json_text(device, "state"), "disabled") != 0;
        }
        if (count == 0 || strcmp(json_text(zone, "state"), "foreign") == 0)
                table_cell(t, COLOUR_NONE, "%s", "");
        else
                table_cell(t, running && ready < count ? COLOUR_BAD : COLOUR_NONE, "%zu/%zu", ready, count);
}

/* What went wrong, and when it is tried again. */
static void message_cell(struct table *t, const json_t *zone) {
        const json_t *retry = json_object_get(zone, "retry_in");
        const char *message = json_text(zone, "message");

        if (json_is_integer(retry))
                table_cell(t, COLOUR_NONE, "%s%snext try in %lld s", message, message[0] ? "; " : "",
                           (long long) json_integer_value(retry));
        else
                table_cell(t, COLOUR_NONE, "%s", message);
}

static void id_cell(struct table *t, const json_t *zone) {
        const json_t *id = json_object_get(zone, "id");

        if (json_is_integer(id))
                table_cell(t, COLOUR_NONE, "%lld", (long long) json_integer_value(id));
        else
                table_cell(t, COLOUR_NONE, "%s", "");
}

static int print_zones(const json_t *zones, FILE *f, bool colour) {
        static const struct column columns[] = { { "ZONE", false },   { "ID", true },       { "STATE", false },
                                                 { "CPUS", false },   { "DEVICES", false }, { "RESTARTS", true },
                                                 { "MESSAGE", false } };
        _cleanup_(table_clear) struct table t = { .columns = columns, .num_columns = ELEMENTSOF(columns) };
        const json_t *zone;
        size_t i;

        json_array_foreach((json_t *) zones, i, zone) {
                const char *state = json_text(zone, "state");

                table_cell(&t, COLOUR_NONE, "%s", json_text(zone, "name"));
                id_cell(&t, zone);
                table_cell(&t, state_colour(state), "%s", state);
                table_cell(&t, COLOUR_NONE, "%s", json_text(zone, "cpus"));
                devices_cell(&t, zone);
                if (json_number(zone, "restarts") > 0)
                        table_cell(&t, COLOUR_BUSY, "%lld", (long long) json_number(zone, "restarts"));
                else
                        table_cell(&t, COLOUR_NONE, "%s", "");
                message_cell(&t, zone);
        }
        return table_print(&t, f, colour);
}

static void print_line(FILE *f, enum colour c, bool colour, const char *text) {
        _cleanup_free_ char *printable = utf8_printable_copy(text, strlen(text));

        fprintf(f, "%s%s%s\n", colour_begin(c, colour), printable ? printable : "", colour_end(c, colour));
}

/* What concerns the whole: stands before the zones. */
static void print_head(const json_t *status, FILE *f, bool colour) {
        const json_t *daemon = json_object_get(status, "daemon");

        if (!json_is_true(json_object_get(daemon, "running")))
                print_line(f, COLOUR_BAD, colour,
                           "The reconciler is not running (systemctl start hvisor-reconciler): "
                           "nothing is started, stopped or repaired.");
        if (json_text(status, "message")[0])
                print_line(f, COLOUR_BAD, colour, json_text(status, "message"));
}

int status_print(const json_t *status, FILE *f, bool colour) {
        const json_t *zones = json_object_get(status, "zones");

        print_head(status, f, colour);
        if (json_array_size(zones) > 0)
                return print_zones(zones, f, colour);
        fputs("No zones. A zone is a file, " ZONES_DIR "/NAME.conf.\n", f);
        return 0;
}

/* ---- one zone --------------------------------------------------------------------------------------- */

const json_t *status_find_zone(const json_t *status, const char *name) {
        const json_t *zones = json_object_get(status, "zones"), *zone, *found = NULL;
        size_t i;

        json_array_foreach((json_t *) zones, i, zone) {
                if (strcmp(json_text(zone, "name"), name) != 0)
                        continue;
                if (!found || strcmp(json_text(found, "state"), "foreign") == 0)
                        found = zone;
        }
        return found;
}

/* "1.4M" and "0.25s", as systemctl status has them. */
static void usage_cells(struct table *t, const json_t *d) {
        if (json_is_integer(json_object_get(d, "memory")))
                table_cell(t, COLOUR_NONE, "%.1fM", (double) json_number(d, "memory") / (1 << 20));
        else
                table_cell(t, COLOUR_NONE, "%s", "");
        if (json_is_integer(json_object_get(d, "cpu_time")))
                table_cell(t, COLOUR_NONE, "%.2fs", (double) json_number(d, "cpu_time") / 1000000);
        else
                table_cell(t, COLOUR_NONE, "%s", "");
}

static int print_devices(const json_t *devices, FILE *f, bool colour) {
        static const struct column columns[] = { { "DEVICE", false },   { "TYPE", false },  { "ADDRESS", true },
                                                 { "INTERRUPT", true }, { "STATE", false }, { "WORKER", true },
                                                 { "STARTS", true },    { "KICKS", true },  { "CALLS", true },
                                                 { "MEMORY", true },    { "CPU", true },    { "MESSAGE", false } };
        _cleanup_(table_clear) struct table t = { .columns = columns, .num_columns = ELEMENTSOF(columns) };
        const json_t *d;
        size_t i;

        json_array_foreach((json_t *) devices, i, d) {
                const char *state = json_text(d, "state");

                table_cell(&t, COLOUR_NONE, "%s", json_text(d, "name"));
                table_cell(&t, COLOUR_NONE, "%s", json_text(d, "type"));
                table_cell(&t, COLOUR_NONE, "%s", json_text(d, "address"));
                table_cell(&t, COLOUR_NONE, "%lld", (long long) json_number(d, "interrupt"));
                table_cell(&t, state_colour(state), "%s", state);
                if (json_number(d, "worker_pid") > 0)
                        table_cell(&t, COLOUR_NONE, "%lld", (long long) json_number(d, "worker_pid"));
                else
                        table_cell(&t, COLOUR_NONE, "%s", "");
                table_cell(&t, COLOUR_NONE, "%lld", (long long) json_number(d, "generation"));
                table_cell(&t, COLOUR_NONE, "%lld", (long long) json_number(d, "kicks"));
                table_cell(&t, COLOUR_NONE, "%lld", (long long) json_number(d, "calls"));
                usage_cells(&t, d);
                table_cell(&t, COLOUR_NONE, "%s", json_text(d, "message"));
        }
        return table_print(&t, f, colour);
}

static void print_field(FILE *f, const char *name, const char *text) {
        _cleanup_free_ char *printable = utf8_printable_copy(text, strlen(text));

        fprintf(f, "%10s: %s\n", name, printable ? printable : "");
}

static void print_title(FILE *f, const char *name, const char *state, bool colour) {
        _cleanup_free_ char *printable = utf8_printable_copy(name, strlen(name));

        fprintf(f, "%s: ", printable ? printable : "");
        print_line(f, state_colour(state), colour, state);
}

static void print_paths(const json_t *zone, const char *key, const char *name, FILE *f) {
        const json_t *paths = json_object_get(zone, key), *path;
        size_t i;

        json_array_foreach((json_t *) paths, i, path) print_field(f, name, json_string_value(path));
}

static void print_file(const json_t *zone, FILE *f) {
        const char *file = json_text(zone, "file"), *state = json_text(zone, "file_state");
        char text[PATH_MAX + 64];

        if (strcmp(json_text(zone, "state"), "foreign") == 0)
                print_field(f, "File", "none: it was started by other means and is left alone");
        else if (strcmp(state, "bad") == 0) {
                (void) snprintf(text, sizeof(text), "%s (has errors; hvisor check tells them all)", file);
                print_field(f, "File", text);
        } else if (strcmp(state, "masked") == 0) {
                (void) snprintf(text, sizeof(text), "%s (a symlink to /dev/null: there is to be no such zone)", file);
                print_field(f, "File", text);
        } else if (strcmp(state, "lost") == 0)
                print_field(f, "File", "its directory cannot be seen: the zone stays as it is");
        else if (file[0])
                print_field(f, "File", file);
        else if (strcmp(json_text(zone, "state"), "stopped") == 0)
                print_field(f, "File", "none");
        else
                print_field(f, "File", "gone: the zone is to be shut down");
        print_paths(zone, "drop_ins", "Drop-in", f);
        print_paths(zone, "hides", "Hides", f); /* files of the same name that do not count */
}

static void print_repairs(const json_t *zone, FILE *f) {
        const json_t *retry = json_object_get(zone, "retry_in");
        char text[96];

        if (json_number(zone, "restarts") > 0) {
                (void) snprintf(text, sizeof(text), "%lld", (long long) json_number(zone, "restarts"));
                print_field(f, "Restarts", text);
        }
        if (json_is_integer(retry)) {
                (void) snprintf(text, sizeof(text), "in %lld s (now: hvisor restart %s)",
                                (long long) json_integer_value(retry), json_text(zone, "name"));
                print_field(f, "Next try", text);
        }
}

static void print_ivcs(const json_t *zone, FILE *f) {
        const json_t *ivcs = json_object_get(zone, "ivcs"), *v;
        char text[160];
        size_t i;

        json_array_foreach((json_t *) ivcs, i, v) {
                (void) snprintf(text, sizeof(text), "%s: number %lld, peer %lld of %lld, interrupt %lld",
                                json_text(v, "name"), (long long) json_number(v, "id"),
                                (long long) json_number(v, "peer"), (long long) json_number(v, "max_peers"),
                                (long long) json_number(v, "interrupt"));
                print_field(f, "IVC", text);
        }
}

static void print_consoles(const json_t *zone, FILE *f) {
        const json_t *devices = json_object_get(zone, "devices"), *d;
        const char *name = json_text(zone, "name");
        char text[256];
        size_t i;

        json_array_foreach((json_t *) devices, i, d) {
                if (strcmp(json_text(d, "type"), "console") != 0 || strcmp(json_text(d, "state"), "down") == 0)
                        continue;
                (void) snprintf(text, sizeof(text), "%s/%s/%s/" CONSOLE_TTY " (hvisor console %s %s)", RUN_CONSOLES_DIR,
                                name, json_text(d, "name"), name, json_text(d, "name"));
                print_field(f, "Console", text);
        }
}

int status_print_zone(const json_t *status, const json_t *zone, FILE *f, bool colour) {
        const json_t *devices = json_object_get(zone, "devices");
        const char *state = json_text(zone, "state");
        char id[32];

        print_head(status, f, colour);
        print_title(f, json_text(zone, "name"), state, colour);
        if (json_text(zone, "message")[0])
                print_field(f, "Message", json_text(zone, "message"));
        print_repairs(zone, f);
        if (json_is_integer(json_object_get(zone, "id"))) {
                (void) snprintf(id, sizeof(id), "%lld", (long long) json_number(zone, "id"));
                print_field(f, "Id", id);
        }
        if (json_text(zone, "cpus")[0])
                print_field(f, "CPUs", json_text(zone, "cpus"));
        print_file(zone, f);
        print_consoles(zone, f);
        print_ivcs(zone, f);
        if (json_array_size(devices) == 0)
                return 0;
        fputc('\n', f);
        return print_devices(devices, f, colour);
}
