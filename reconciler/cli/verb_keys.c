/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor keys: what may stand in a zone's file and in board.conf. */
#include <stdio.h>

#include "base/log.h"
#include "cli/keys_text.h"
#include "cli/schema_json.h"
#include "cli/verb.h"

int verb_keys(const struct arguments *a) {
        const char *word = a->num_words > 0 ? a->words[0] : NULL, *near;
        bool board = a->options[KEYS_BOARD];

        if (a->options[KEYS_JSON] && word) {
                log_error("--json prints the schema of the whole file; leave \"%s\" out", word);
                return EXIT_FAILURE;
        }
        if (a->options[KEYS_JSON])
                return schema_write(board ? BOARD_FILE : ZONE_FILE, stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        if (keys_write_text(stdout,
                            board  ? BOARD_FILE
                            : word ? ZONE_FILE | BOARD_FILE | SETTINGS_FILE
                                   : ZONE_FILE,
                            word))
                return EXIT_SUCCESS;
        near = keys_suggest(word);
        if (near)
                log_error("no section or key is called \"%s\"; did you mean \"%s\"?", word, near);
        else
                log_error("no section or key is called \"%s\"; hvisor keys lists those of a zone, "
                          "hvisor keys --board those of the board",
                          word);
        return EXIT_FAILURE;
}
