/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/overview.h"
#include "cli/json.h"
#include "cli/status_text.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "config/suggest.h"

static void say_no_zone(const json_t *status, const char *name) {
        const json_t *zones = json_object_get(status, "zones"), *zone;
        struct suggestion s = {};
        size_t i;

        json_array_foreach((json_t *) zones, i, zone) suggestion_offer(&s, name, strlen(name), json_text(zone, "name"));
        if (s.word)
                log_error("no zone \"%s\"; did you mean \"%s\"?", name, s.word);
        else
                log_error("no zone \"%s\"; hvisor status shows them all", name);
}

static int print_json(const json_t *json) {
        if (json_dumpf(json, stdout, JSON_INDENT(2)) < 0)
                return EXIT_FAILURE;
        putchar('\n');
        return EXIT_SUCCESS;
}

int verb_status(const struct arguments *a) {
        _cleanup_(json_decrefp) json_t *status = NULL;
        const json_t *zone = NULL;
        struct err e = {};
        int r = status_get(&status, &e);

        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        if (a->num_words > 0) {
                zone = status_find_zone(status, a->words[0]);
                if (!zone) {
                        say_no_zone(status, a->words[0]);
                        return EXIT_FAILURE;
                }
        }
        if (a->options[STATUS_JSON])
                return print_json(zone ? zone : status);
        r = zone ? status_print_zone(status, zone, stdout, colour_wanted(stdout))
                 : status_print(status, stdout, colour_wanted(stdout));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
