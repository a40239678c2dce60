/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor board: what is in force of the board, where it comes from, and whether root Linux sees the same. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/log.h"
#include "cli/board_text.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "config/board_description.h"
#include "config/parse.h"
#include "hypervisor/hypervisor.h"

/* Of what could not be written main() tells. */
static int out_of_memory(void) {
        if (!ferror(stdout))
                log_error("out of memory");
        return EXIT_FAILURE;
}

/* ---- boards that are described ---------------------------------------------------------------------- */

static void say_no_boards(void) {
        const char *where[BOARD_DIRECTORIES_MAX];
        size_t n = board_directories(where);

        log_error("no board is described in %s%s%s; HVISOR_BOARDS=DIRECTORY names another place", where[0],
                  n > 1 ? " or " : "", n > 1 ? where[1] : "");
}

static int list_boards(bool json) {
        static const struct column columns[] = { { "BOARD", false }, { "DESCRIPTION", false } };
        _cleanup_(table_clear) struct table t = { .columns = columns, .num_columns = ELEMENTSOF(columns) };
        _cleanup_(board_names_clear) struct board_names boards = {};
        json_t *all;
        int r = 0;

        if (board_names_read(&boards) < 0)
                return out_of_memory();
        if (boards.count == 0)
                say_no_boards();
        all = json_array();
        for (size_t i = 0; i < boards.count; i++) {
                json_array_append_new(all, json_pack("{s:s, s:s}", "board", boards.names[i], "file", boards.paths[i]));
                table_cell(&t, COLOUR_NONE, "%s", boards.names[i]);
                table_cell(&t, COLOUR_DIM, "%s", boards.paths[i]);
        }
        if (json)
                r = json_dumpf(all, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF ? 0 : -ENOMEM;
        else if (boards.count > 0)
                r = table_print(&t, stdout, colour_wanted(stdout));
        json_decref(all);
        if (r < 0)
                return out_of_memory();
        return boards.count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- this board ------------------------------------------------------------------------------------- */

struct inspection {
        struct diagnostics d;
        char *text; /* of the board's file */
        size_t size;
        struct board_spec *board;
        struct board_view view;
        uint32_t magic;
        bool compared;
        size_t differences;
};

static void inspection_done(struct inspection *i) {
        diagnostics_clear(&i->d);
        free(i->text);
        board_spec_free(i->board);
}

static void note(struct inspection *i, const char *text) {
        (void) diagnostics_add(&i->d, SEVERITY_NOTE, "root Linux", 0, 0, 0, NULL, 0, "%s", text);
}

/* Which CPUs root Linux has only the hypervisor knows. */
static void ask_module(struct inspection *i) {
        _cleanup_(hypervisor_closep) struct hypervisor *h = NULL;
        _cleanup_(live_clear) struct live live = {};
        struct err e = {};
        int r = hypervisor_hvisor_open(&h, &e);

        if (r >= 0)
                r = hypervisor_observe(h, &live, &e);
        if (r < 0) {
                note(i, err_text(&e, r));
                return;
        }
        i->view.root.cpus = live.root.cpus;
        i->magic = live.magic;
}

/* A name where a file is wanted, or the file that each board needs. */
static void say_missing(const char *path) {
        _cleanup_(board_names_clear) struct board_names boards = {};

        if (strcmp(path, BOARD_CONF) == 0)
                log_error("%s is not there; write Board=NAME (hvisor board --list), or copy board.conf.example", path);
        else if (board_names_read(&boards) < 0)
                (void) out_of_memory();
        else if (board_names_find(&boards, path))
                log_error("%s is not there; give a file: %s", path, board_names_find(&boards, path));
        else
                log_error("%s is not there; hvisor board --list shows the boards that are described", path);
}

static bool read_board(struct inspection *i, const char *path) {
        if (access(path, F_OK) < 0 && errno == ENOENT) {
                say_missing(path);
                return false;
        }
        if (config_text_load(path, &i->d, &i->text, &i->size) >= 0)
                (void) board_spec_parse(path, i->text, i->size, &i->d, &i->board);
        return i->board;
}

static int print(struct inspection *i, bool json) {
        const struct board_report report = { i->board, &i->view, i->magic, &i->d, i->compared, i->differences };
        json_t *j;
        int r;

        if (!json) {
                r = board_write_text(&report, stdout, colour_wanted(stdout));
                fflush(stdout);
                diagnostics_print(&i->d, stderr, colour_wanted(stderr));
                if (i->compared)
                        printf("\n%zu difference%s\n", i->differences, i->differences == 1 ? "" : "s");
                else
                        puts("\nnot compared with root Linux: this machine is not under hvisor");
                return r;
        }
        j = board_to_json(&report);
        r = j && json_dumpf(j, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF ? 0 : -ENOMEM;
        json_decref(j);
        return r;
}

static int show_board(const char *path, bool json) {
        _cleanup_(inspection_done) struct inspection i = {};
        struct err e = {};
        int r;

        if (!read_board(&i, path)) {
                diagnostics_print(&i.d, stderr, colour_wanted(stderr));
                return EXIT_FAILURE;
        }
        r = board_view_read(&i.view, &e);
        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        ask_module(&i);
        i.compared = i.magic != 0 || i.view.tree.known;
        if (i.compared)
                i.differences = board_check_root(i.board, &i.view, &i.d);
        diagnostics_quote(&i.d, path, i.text, i.size);
        return print(&i, json) < 0 ? out_of_memory() : EXIT_SUCCESS;
}

int verb_board(const struct arguments *a) {
        bool json = a->options[BOARD_JSON];

        if (!a->options[BOARD_LIST])
                return show_board(a->num_words > 0 ? a->words[0] : BOARD_CONF, json);
        if (a->num_words > 0) {
                log_error("--list shows the boards that are described; leave \"%s\" out", a->words[0]);
                return EXIT_FAILURE;
        }
        return list_boards(json);
}
