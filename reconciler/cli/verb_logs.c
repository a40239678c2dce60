/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal's part about one zone. journalctl shows it: colours on a
 * terminal, a pager, following and output formats are its affair. A line
 * belongs to the zone by its field ZONE=; what a worker writes while the daemon is
 * down has no fields, but comes from the worker's scope.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/verb.h"
#include "config/spec.h"
#include "config/suggest.h"
#include "engine/scope.h"

#define LINES_MAX     1000000
#define ARGUMENTS_MAX 128
#define UNIT_FIELD    "_SYSTEMD_UNIT="

/* journalctl's command line being put together. */
struct command {
        const char *words[ARGUMENTS_MAX + 1]; /* those from first_owned on are ours */
        size_t count, first_owned;
};

static void command_clear(struct command *c) {
        for (size_t i = c->first_owned; i < c->count; i++)
                free((char *) c->words[i]);
}

_printf_(2, 3) static bool add(struct command *c, const char *format, ...) {
        va_list ap;
        char *word;
        int r;

        va_start(ap, format);
        r = vasprintf(&word, format, ap);
        va_end(ap);
        if (r < 0 || c->count == ARGUMENTS_MAX) {
                if (r >= 0)
                        free(word);
                return false;
        }
        c->words[c->count++] = word;
        return true;
}

/* The scopes of the zone's workers that ever said something: "hvisor-ZONE-", any device, ".scope". */
static bool add_scopes(struct command *c, sd_journal *j, const char *zone, const char *device) {
        char any[256], one[256];
        const void *data;
        size_t size, prefix;

        if (scope_name(zone, device ?: "", any, sizeof(any)) < 0)
                return false;
        prefix = strlen(any) - strlen(".scope");
        if (device)
                return add(c, "+") && add(c, UNIT_FIELD "%s", any);
        if (sd_journal_query_unique(j, "_SYSTEMD_UNIT") < 0)
                return true;
        SD_JOURNAL_FOREACH_UNIQUE(j, data, size) {
                if (size < strlen(UNIT_FIELD) || size - strlen(UNIT_FIELD) >= sizeof(one))
                        continue;
                snprintf(one, sizeof(one), "%.*s", (int) (size - strlen(UNIT_FIELD)),
                         (const char *) data + strlen(UNIT_FIELD));
                if (strncmp(one, any, prefix) == 0 && (!add(c, "+") || !add(c, UNIT_FIELD "%s", one)))
                        return false;
        }
        return true;
}

/* False: the journal never heard of the zone; said so. */
static bool zone_is_known(sd_journal *j, const char *zone) {
        struct suggestion s = {};
        char near[NAME_SIZE] = "", one[NAME_SIZE];
        const void *data;
        size_t size;

        if (sd_journal_query_unique(j, "ZONE") < 0)
                return true;
        SD_JOURNAL_FOREACH_UNIQUE(j, data, size) {
                if (size < strlen("ZONE=") || size - strlen("ZONE=") >= sizeof(one))
                        continue;
                snprintf(one, sizeof(one), "%.*s", (int) (size - strlen("ZONE=")),
                         (const char *) data + strlen("ZONE="));
                if (strcmp(one, zone) == 0)
                        return true;
                s.word = NULL;
                suggestion_offer(&s, zone, strlen(zone), one);
                if (s.word && zone_name_valid(one))
                        strcpy(near, one);
        }
        if (near[0])
                log_error("the journal has nothing about a zone \"%s\"; did you mean \"%s\"?", zone, near);
        else
                log_error("the journal has nothing about a zone \"%s\"; hvisor status shows the zones", zone);
        return false;
}

static bool lines_parse(const char *text) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && n <= LINES_MAX)
                return true;
        log_error("--number=%s: 0 to %d lines", text, LINES_MAX);
        return false;
}

static void add_options(struct command *c, const struct arguments *a) {
        c->words[c->count++] = "journalctl";
        c->words[c->count++] = "--quiet";
        if (a->options[LOGS_FOLLOW])
                c->words[c->count++] = "--follow";
        if (a->options[LOGS_JSON])
                c->words[c->count++] = "--output=json";
        if (a->options[LOGS_NUMBER]) {
                c->words[c->count++] = "--lines";
                c->words[c->count++] = a->options[LOGS_NUMBER];
        }
        c->first_owned = c->count;
}

/* Anybody may write a record with a field ZONE=: only root's count. */
static bool add_matches(struct command *c, sd_journal *j, const char *zone, const char *device) {
        return add(c, "_UID=0") && add(c, "ZONE=%s", zone) && (!device || add(c, "DEVICE=%s", device)) &&
               add_scopes(c, j, zone, device);
}

int verb_logs(const struct arguments *a) {
        const char *zone = a->words[0], *device = a->num_words > 1 ? a->words[1] : NULL;
        _cleanup_(command_clear) struct command c = {};
        sd_journal *j = NULL;
        bool ready;
        int r;

        if (!zone_name_valid(zone) || (device && !zone_name_valid(device))) {
                log_error("\"%s\" is not a name", zone_name_valid(zone) ? device : zone);
                return EXIT_FAILURE;
        }
        if (a->options[LOGS_NUMBER] && !lines_parse(a->options[LOGS_NUMBER]))
                return EXIT_FAILURE;
        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0) {
                log_error("the journal: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        if (!a->options[LOGS_FOLLOW] && !zone_is_known(j, zone)) {
                sd_journal_close(j);
                return EXIT_FAILURE;
        }
        add_options(&c, a);
        ready = add_matches(&c, j, zone, device);
        sd_journal_close(j);
        if (!ready) {
                log_error("out of memory, or more than %d devices", ARGUMENTS_MAX / 2);
                return EXIT_FAILURE;
        }
        execvp(c.words[0], (char **) c.words);
        log_error("journalctl: %s", strerror(errno));
        return EXIT_FAILURE;
}
