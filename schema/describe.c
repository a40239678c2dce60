/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * describe DOCUMENT: prints what the build makes from schema/keys.def and
 * reconciler/cli/verbs.def. It runs on the machine that builds, whichever the programs are for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/keys_text.h"
#include "cli/schema_json.h"
#include "schema/completion.h"
#include "schema/man.h"

static void write_schema(enum file_kind kind, FILE *f) {
        if (schema_write(kind, f) < 0) {
                fputs("describe: out of memory, or the disk is full\n", stderr);
                exit(EXIT_FAILURE);
        }
}

static void write_zone_schema(FILE *f) {
        write_schema(ZONE_FILE, f);
}

static void write_board_schema(FILE *f) {
        write_schema(BOARD_FILE, f);
}

/* The schemas of settings that it refers to are put into it: a program needs this one file. */
static void write_check_schema(FILE *f) {
        json_t *schema = json_load_file("schema/check.schema.json", 0, NULL);
        json_t *definitions = json_object_get(schema, "$defs");

        if (json_object_set_new(definitions, "zone", schema_to_json(ZONE_FILE)) < 0 ||
            json_object_set_new(definitions, "board", schema_to_json(BOARD_FILE)) < 0 ||
            json_dumpf(schema, f, JSON_INDENT(2)) < 0 || fputc('\n', f) == EOF) {
                fputs("describe: schema/check.schema.json: not found, or no JSON object with $defs\n", stderr);
                exit(EXIT_FAILURE);
        }
        json_decref(schema);
}

static const struct {
        const char *what;
        void (*write)(FILE *f);
} documents[] = {
        { "zone.schema.json", write_zone_schema },
        { "board.schema.json", write_board_schema },
        { "check.schema.json", write_check_schema },
        { "keys.md", keys_write_markdown },
        { "zone.5", man_write_zone },
        { "board.5", man_write_board },
        { "conf.5", man_write_settings },
        { "1", man_write_command },
        { "bash", completion_write_bash },
        { "zsh", completion_write_zsh },
};

int main(int argc, char **argv) {
        for (size_t i = 0; i < ELEMENTSOF(documents) && argc == 2; i++)
                if (strcmp(argv[1], documents[i].what) == 0) {
                        documents[i].write(stdout);
                        return fflush(stdout) != 0 || ferror(stdout);
                }
        fputs("usage: describe DOCUMENT, one of:\n", stderr);
        for (size_t i = 0; i < ELEMENTSOF(documents); i++)
                fprintf(stderr, "  %s\n", documents[i].what);
        return 1;
}
