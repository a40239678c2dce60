/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor keys: what may stand in a zone's file and in board.conf. */
#include <stdio.h>
#include <strings.h>

#include "base/log.h"
#include "cli/keys_text.h"
#include "cli/schema_json.h"
#include "cli/verb.h"

/* Why nothing was found in @files. */
static void say_none(unsigned files, const char *word) {
        const struct section_schema *s = keys_find_section(word);
        const char *near = keys_suggest(files, word);

        if (s)
                log_error(strcasecmp(s->name, word) == 0 ? "[%s] belongs into %s; leave --board out"
                                                         : "a key of [%s], which belongs into %s; leave --board out",
                          s->name, keys_file(s));
        else if (near)
                log_error("no section or key is called \"%s\"; did you mean \"%s\"?", word, near);
        else
                log_error("no section or key is called \"%s\"; hvisor keys lists those of a zone, "
                          "hvisor keys --board those of the board",
                          word);
}

int verb_keys(const struct arguments *a) {
        const char *word = a->num_words > 0 ? a->words[0] : NULL;
        bool board = a->options[KEYS_BOARD];
        unsigned files = board ? BOARD_FILE : word ? ZONE_FILE | BOARD_FILE | SETTINGS_FILE : ZONE_FILE;

        if (a->options[KEYS_JSON] && word) {
                log_error("--json prints the schema of the whole file; leave \"%s\" out", word);
                return EXIT_FAILURE;
        }
        if (a->options[KEYS_JSON])
                return schema_write(board ? BOARD_FILE : ZONE_FILE, stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        if (keys_write_text(stdout, files, word))
                return EXIT_SUCCESS;
        say_none(files, word);
        return EXIT_FAILURE;
}
