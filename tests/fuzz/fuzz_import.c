/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON files for hvisor-tool, from whoever wrote them: a zone's, and behind a form feed its virtio file, and behind
 * another one what was said with `virtio start --device`, one a line. Either an error is told, or what comes of them is
 * a zone's file that passes the parser without a word.
 */
#include <errno.h>

#include "import/import.h"
#include "import/old_device.h"
#include "config/parse.h"
#include "fuzz/zones.h"

static json_t *load(struct input text) {
        json_error_t e;

        return json_loadb((const char *) text.at, input_left(&text), JSON_REJECT_DUPLICATES, &e);
}

static void claim_printable(const struct diagnostics *d) {
        for (size_t i = 0; i < d->count; i++)
                for (const char *p = d->items[i].message; *p; p++)
                        CLAIM((unsigned char) *p >= 0x20 && *p != 0x7f);
}

/* No error, nothing to complain about, and what was meant: a path is not a path and another key. */
static void claim_zone(const struct zone_spec *meant, const char *text) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;

        CLAIM(zone_spec_parse(meant->name, "x.conf", text, strlen(text), &d, &z) == 0);
        CLAIM(d.count == 0);
        claim_equal(meant, z);
}

#define OPTIONS_MAX 8

/* As main() gets them. Return: json_decref(); NULL: it was said what is wrong. */
static json_t *parse_options(struct input text, struct diagnostics *d) {
        _cleanup_free_ char *copy = calloc(1, input_left(&text) + 1);
        const char *options[OPTIONS_MAX];
        size_t n = 0, errors = d->errors;
        char *rest = copy;
        json_t *root;

        CLAIM(copy);
        memcpy(copy, text.at, input_left(&text));
        while (n < OPTIONS_MAX && rest)
                options[n++] = strsep(&rest, "\n");
        root = old_devices_parse(options, n, d);
        CLAIM((root == NULL) == (d->errors > errors));
        return root;
}

static int import_devices_of(struct import *i, json_t *root) {
        int r;

        if (!json_is_object(root)) {
                json_decref(root);
                return 0;
        }
        r = import_devices(i, "virtio.json", root);
        CLAIM(r < 0 || json_object_size(root) == 0);
        json_decref(root);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input in = { data, data + size }, zone = input_part(&in), devices = input_part(&in);
        struct input options = input_part(&in);
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(import_clear) struct import i = { .d = &d };
        _cleanup_free_ char *text = NULL;
        json_t *root = load(zone);
        int r;

        if (!json_is_object(root) || import_is_devices(root)) {
                json_decref(root);
                return 0;
        }
        r = import_zone(&i, "zone.json", root);
        CLAIM(r < 0 || json_object_size(root) == 0); /* what is left was not looked at */
        json_decref(root);
        if (r >= 0 && input_left(&devices) > 0)
                r = import_devices_of(&i, load(devices));
        if (r >= 0 && input_left(&options) > 0) {
                json_t *given = parse_options(options, &d);

                r = given ? import_devices_of(&i, given) : -EBADMSG;
        }
        if (r >= 0)
                r = import_text(&i, &text);
        CLAIM(r == 0 || r == -EBADMSG);
        CLAIM((r < 0) == (d.errors > 0));
        CLAIM((r < 0) == !text);
        claim_printable(&d);
        if (text)
                claim_zone(i.zone, text);
        return 0;
}
