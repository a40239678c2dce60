/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor check: everything that can be told of files without changing anything. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/check.h"
#include "cli/diagnostics_json.h"
#include "cli/schema_json.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "config/printable.h"

/* @given: how many were asked for; the board may have come besides. */
static void print_text(const struct check *c, size_t given) {
        size_t count = 0;

        for (size_t i = 0; i < given; i++)
                count += c->files.items[i].sources.count;
        fflush(stdout);
        diagnostics_print(&c->d, stderr, colour_wanted(stderr));
        printf("%zu file%s%s, %zu error%s\n", count, count == 1 ? "" : "s",
               c->files.count > given ? " and the board's" : "", c->d.errors, c->d.errors == 1 ? "" : "s");
}

static json_t *drop_ins_to_json(const struct check_file *f) {
        json_t *list = json_array();

        for (size_t i = 1; i < f->sources.count; i++) {
                const char *path = f->sources.items[i].path;
                _cleanup_free_ char *printable = utf8_printable_copy(path, strlen(path));

                json_array_append_new(list, json_string(printable ?: ""));
        }
        return list;
}

static json_t *file_to_json(const struct check_file *f) {
        json_t *settings = f->zone ? zone_spec_to_json(f->zone) : f->board ? board_spec_to_json(f->board) : NULL;
        _cleanup_free_ char *path = utf8_printable_copy(f->path, strlen(f->path));

        return json_pack("{s:s?, s:o, s:s, s:o}", "file", path, "drop_ins", drop_ins_to_json(f), "kind",
                         f->kind == ZONE_FILE    ? "zone"
                         : f->kind == BOARD_FILE ? "board"
                                                 : "reconciler",
                         "settings", settings ? settings : json_null());
}

static int print_json(const struct check *c) {
        json_t *files = json_array(), *all;
        int r;

        for (size_t i = 0; i < c->files.count; i++)
                json_array_append_new(files, file_to_json(&c->files.items[i]));
        all = json_pack("{s:o, s:o, s:i}", "files", files, "diagnostics", diagnostics_to_json(&c->d), "errors",
                        (int) c->d.errors);
        r = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;
        json_decref(all);
        if (r < 0 && !ferror(stdout))
                log_error("out of memory");
        else
                putchar('\n');
        return r;
}

int verb_check(const struct arguments *a) {
        _cleanup_(check_done) struct check c = {};
        size_t given;

        for (size_t i = 0; i < a->num_words; i++)
                check_files_read(&c.files, a->words[i], &c.d);
        if (a->num_words == 0)
                check_files_read_zones(&c.files, &zone_dirs_default, &c.d);
        given = c.files.count;
        check_all(&c, a->options[CHECK_BOARD]);
        if (!a->options[CHECK_JSON])
                print_text(&c, given);
        else if (print_json(&c) < 0)
                return EXIT_FAILURE;
        return c.d.errors > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
