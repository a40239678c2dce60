/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor import: a zone of ours from the JSON files of hvisor-tool. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "import/import.h"
#include "import/old_json.h"
#include "cli/table.h"
#include "cli/verb.h"

static int read_files(struct import *i, const char *zone, const char *devices) {
        json_t *root = old_json_read(zone, i->d);
        int r;

        if (!root)
                return -EBADMSG;
        if (import_is_devices(root)) {
                (void) diagnostics_add(i->d, SEVERITY_ERROR, zone, 0, 0, 0, NULL, 0,
                                       "is a virtio file; the zone's own file comes before it");
                r = -EBADMSG;
        } else
                r = import_zone(i, zone, root);
        json_decref(root);
        if (r < 0 || !devices)
                return r;
        root = old_json_read(devices, i->d);
        if (!root)
                return -EBADMSG;
        r = import_devices(i, devices, root);
        json_decref(root);
        return r;
}

static int put_in_place(const char *directory, const char *name, const char *text) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (asprintf(&path, "%s/%s.conf", directory, name) < 0)
                return -ENOMEM;
        if (access(path, F_OK) == 0) {
                log_error("%s is there already; nothing was written", path);
                return -EEXIST;
        }
        r = file_write_atomic(path, text, strlen(text));
        if (r < 0)
                log_error("%s cannot be written: %s", path, strerror(-r));
        else
                printf("%s\n", path);
        return r;
}

int verb_import(const struct arguments *a) {
        const char *directory = a->options[IMPORT_OUTPUT];
        struct diagnostics d = {};
        _cleanup_(import_clear) struct import i = { .d = &d };
        _cleanup_free_ char *text = NULL;
        int r = read_files(&i, a->words[0], a->num_words > 1 ? a->words[1] : NULL);

        if (r >= 0)
                r = import_text(&i, &text);
        diagnostics_print(&d, stderr, colour_wanted(stderr));
        diagnostics_clear(&d);
        if (r < 0)
                log_error("nothing was written%s", r == -ENOMEM ? ": out of memory" : "");
        else if (directory)
                r = put_in_place(directory, i.zone->name, text);
        else
                fputs(text, stdout);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
