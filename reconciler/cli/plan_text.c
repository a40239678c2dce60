/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cli/json.h"
#include "cli/status_text.h"
#include "config/printable.h"

static void print_text(FILE *f, const char *text) {
        _cleanup_free_ char *printable = utf8_printable_copy(text, strlen(text));

        fputs(printable ? printable : "", f);
}

/* "zone-start" → "start"; of workers the whole: "worker restart" */
static void print_action(FILE *f, const char *action) {
        const char *word = strncmp(action, "zone-", 5) == 0 ? action + 5 : action;

        for (; *word; word++)
                fputc(*word == '-' ? ' ' : *word, f);
}

void plan_text_print(const json_t *plan, FILE *f) {
        const json_t *actions = json_object_get(plan, "actions"), *notes = json_object_get(plan, "notes"), *item;
        size_t i;

        json_array_foreach((json_t *) actions, i, item) {
                const char *device = json_text(item, "device");

                print_action(f, json_text(item, "action"));
                fputc(' ', f);
                print_text(f, json_text(item, "zone"));
                fputs(device[0] ? "." : "", f);
                print_text(f, device);
                fputs(": ", f);
                print_text(f, json_text(item, "reason"));
                fputc('\n', f);
        }
        if (json_array_size(actions) == 0)
                fputs("Nothing to do.\n", f);
        json_array_foreach((json_t *) notes, i, item) {
                const char *zone = json_text(item, "zone");

                print_text(f, json_text(item, "note"));
                fputs(zone[0] ? " " : "", f);
                print_text(f, zone);
                fputs(": ", f);
                print_text(f, json_text(item, "text"));
                fputc('\n', f);
        }
}
