/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/diagnostics_json.h"

static json_t *diagnostic_to_json(const struct diagnostic *d) {
        return json_pack("{s:s, s:s, s:i, s:i, s:i, s:s, s:s?}", "severity", severity_to_string(d->severity), "file",
                         d->file, "line", (int) d->line, "column", (int) d->column, "length", (int) d->length,
                         "message", d->message, "source", d->source);
}

json_t *diagnostics_to_json(const struct diagnostics *d) {
        json_t *j = json_array();

        for (size_t i = 0; i < d->count; i++)
                json_array_append_new(j, diagnostic_to_json(&d->items[i]));
        return j;
}
